package install

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/etch-audit/etch/internal/settings"
)

// Codex runs a hook of the user's or a project's settings only where the user's
// config.toml has a hash of it, which /hooks puts there: [hooks.state."KEY"] with
// trusted_hash, and enabled where it was switched off. The key is the path of
// the file, the event, and the places of the group and of the hook in their
// lists; the hash is of what the hook says. Both as Codex 0.169 has them.

// trustKey returns the key of a hook.
func trustKey(path string, e entry) string {
	group, event := e.group, e.group.Parent()
	i := slices.Index(event.Children(), group)
	j := max(0, slices.Index(e.node.Parent().Children(), e.node))
	return fmt.Sprintf("%s:%s:%d:%d", path, snake(e.event), i, j)
}

// snake writes PreToolUse as pre_tool_use.
func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// trustHash returns the hash of a hook: SHA-256 of its canonical JSON, with
// members sorted.
func trustHash(doc *settings.Document, e entry) string {
	object, ok := doc.Value(e.node).(map[string]any)
	if !ok {
		return ""
	}
	one := map[string]any{"type": "command", "command": object["command"], "timeout": json.Number("600"), "async": object["async"] == true}
	if t, ok := object["timeout"].(json.Number); ok {
		one["timeout"] = t
	}
	if s, ok := object["statusMessage"].(string); ok {
		one["statusMessage"] = s
	}
	identity := map[string]any{"event_name": snake(e.event), "hooks": []any{one}}
	for _, n := range e.group.Children() {
		if n.Name() == "matcher" && n.Kind() == settings.String {
			identity["matcher"] = doc.Str(n)
		}
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text) // sorts members
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(identity); err != nil {
		return ""
	}
	// Go escapes what JavaScript takes for line ends, and Codex does not.
	plain := strings.NewReplacer(`\u2028`, "\u2028", `\u2029`, "\u2029").Replace(strings.TrimSuffix(text.String(), "\n"))
	sum := sha256.Sum256([]byte(plain))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// trust remembers what the user's config.toml says of hooks.
func (c *checking) trust(s source, doc *settings.TOML) {
	states, _ := doc.Value("hooks", "state").(map[string]any)
	c.trusted = map[string]trustState{}
	c.trustFile = s.path
	for key, v := range states {
		state, _ := v.(map[string]any)
		hash, _ := state["trusted_hash"].(string)
		enabled, given := state["enabled"].(bool)
		c.trusted[key] = trustState{hash, given && !enabled}
	}
}

// stateOf returns what Codex was told about a hook. It knows the file by the path
// that it came by, or by the one without symbolic links.
func (c *checking) stateOf(f found) trustState {
	if state, ok := c.trusted[f.key]; ok {
		return state
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(f.path))
	if err != nil {
		return trustState{}
	}
	return c.trusted[filepath.Join(dir, filepath.Base(f.path))+strings.TrimPrefix(f.key, f.path)]
}

// A trustState is what Codex was told about a hook.
type trustState struct {
	hash     string
	disabled bool
}

// concludeTrust says which hooks Codex skips.
func (c *checking) concludeTrust() {
	var untrusted, changed, disabled []string
	for _, f := range c.seen {
		state := c.stateOf(f)
		switch {
		case f.scope == Managed:
		case state.disabled:
			disabled = append(disabled, f.event)
		case state.hash == "":
			untrusted = append(untrusted, f.event)
		case state.hash != f.hash:
			changed = append(changed, f.event)
		}
	}
	if c.trustFile == "" {
		c.trustFile = filepath.Join(c.a.folder(c.m), "config.toml") // which says nothing, as it is not there
	}
	mend := "start codex, type /hooks, and trust those of etch; or: sudo etch install codex --managed"
	for _, t := range []struct {
		events []string
		text   string
	}{
		{untrusted, "Codex was not told to trust the hooks at %s: it skips them without a word"},
		{changed, "Codex was told to trust other hooks than those that now stand at %s: it skips them without a word"},
		{disabled, "Codex was told to leave out the hooks at %s"},
	} {
		if len(t.events) > 0 {
			c.add("trust", Problem, c.trustFile, mend, t.text, strings.Join(t.events, ", "))
		}
	}
}
