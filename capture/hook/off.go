package hook

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/hookenv"
)

// maxSettings is the size of the largest settings file that is looked into.
const maxSettings = 1 << 20

// watch looks, at a session's start, at the files that may switch hooks off:
// those that do so now are a finding, for hooks that do not run have nobody
// else to say it; those that have this program's hooks are remembered.
func (t *Turn) watch() {
	t.state.Guards = nil
	if t.agent().Settings == nil || t.m.Delivery.Getenv == nil || t.m.Delivery.Remote {
		return
	}
	for _, name := range t.agent().Settings(t.m.Call.Cwd, t.m.Delivery.Getenv) {
		content, err := readFile(name, maxSettings)
		if err != nil {
			continue // most of them are not there
		}
		if SwitchesOff(content) {
			t.finding(name, "settings of this session switch hooks off")
		}
		if variable := t.bends(name, content); variable != "" {
			t.finding(name, "settings of this session set "+variable+" for its hooks")
		}
		if t.agent().Hooked(content) && len(t.state.Guards) < maxGuards {
			t.state.Guards = append(t.state.Guards, name)
		}
	}
}

// config records that settings changed, and whether that switches hooks off.
func (t *Turn) config() {
	m := t.m
	name := m.Body.Text("file_path", "path")
	e := t.base(etch.ConfigurationChange)
	e.Action = did("settings", name, m.Call.Cwd)
	setLabel(e, "source", m.Body.Text("source"))
	t.add(e)
	if name == "" || m.Delivery.Remote {
		return
	}
	content, err := readFile(filepath.Clean(name), maxSettings)
	guarded := slices.Contains(t.state.Guards, name)
	switch {
	case err != nil && guarded:
		t.finding(name, "the file with this program's hooks is gone or cannot be read")
	case err != nil:
	case SwitchesOff(content):
		t.finding(name, "disableAllHooks is set")
	case t.bends(name, content) != "":
		t.finding(name, t.bends(name, content)+" is set for hooks")
	case guarded && !t.agent().Hooked(content):
		t.finding(name, "this program's hooks were taken out")
	}
}

// finding records that hooks were switched off.
func (t *Turn) finding(name, why string) {
	t.HooksOff = true
	e := t.base(etch.SecurityEvent)
	e.Action = did("settings", name, t.m.Call.Cwd)
	e.Action.Risk, e.Action.RiskReasons = etch.RiskHigh, []string{"hooks-off: hooks switched off: " + why}
	setLabel(e, "finding", "hooks switched off")
	t.add(e)
}

// SwitchesOff reports whether settings of the form of Claude Code's switch all hooks off.
func SwitchesOff(content []byte) bool {
	p, _ := ParsePayload(content)
	return p.True("disableAllHooks")
}

// bends returns a variable of the environment by which settings of the project
// would have hooks record elsewhere, or run something else; "" where they set
// none. What a person sets for all projects is that person's business.
func (t *Turn) bends(name string, content []byte) string {
	project := t.m.Call.Cwd
	if t.m.Delivery.Getenv != nil {
		if dir, ok := t.m.Delivery.Getenv("CLAUDE_PROJECT_DIR"); ok && dir != "" {
			project = dir
		}
	}
	rest, err := filepath.Rel(filepath.Join(project, ".claude"), name)
	if project == "" || err != nil || !filepath.IsLocal(rest) {
		return ""
	}
	p, _ := ParsePayload(content)
	set, _ := p.Object("env")
	for _, m := range set.members {
		if hookenv.Bends(m.name) {
			return m.name
		}
	}
	return ""
}

// Hooked reports whether settings start this program as a hook of the agent.
func (a *Agent) Hooked(content []byte) bool {
	p, _ := ParsePayload(content)
	return a.hookedIn(p.Get("hooks"), 0)
}

// hookedIn looks for a command, or a list of arguments, with "hook NAME" in it.
func (a *Agent) hookedIn(raw []byte, depth int) bool {
	if len(raw) == 0 || depth > 16 {
		return false
	}
	switch raw[0] {
	case '"':
		text, _ := Text(raw)
		return a.isHookCommand(text)
	case '[':
		elements := Elements(raw)
		for i, e := range elements {
			if word, _ := Text(e); word == "hook" && i+1 < len(elements) {
				if name, _ := Text(elements[i+1]); a.named(name) {
					return true
				}
			}
			if a.hookedIn(e, depth+1) {
				return true
			}
		}
	case '{':
		p, _ := ParsePayload(raw)
		for _, m := range p.members {
			if a.hookedIn(m.value, depth+1) {
				return true
			}
		}
	}
	return false
}

func (a *Agent) named(name string) bool { return name == a.Name || slices.Contains(a.Aliases, name) }

// isHookCommand reports whether a command line starts this program as a hook of the agent.
func (a *Agent) isHookCommand(line string) bool {
	words := strings.Fields(line)
	for i, word := range words {
		if word == "hook" && i > 0 && i+1 < len(words) && a.named(strings.Trim(words[i+1], `"'`)) {
			return true
		}
	}
	return false
}
