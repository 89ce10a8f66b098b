package config

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// WriteTOML writes every key with its value, in a form that [Load] reads back
// as the same Config. It panics where a field holds what no key can say, such
// as a rotation that is none.
func (c *Config) WriteTOML(w io.Writer) error {
	var b bytes.Buffer
	for i, table := range tables() {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "[%s]\n", table)
		for _, s := range settings {
			if s.table == table {
				fmt.Fprintf(&b, "%s = %s\n", s.name, literal(s.get(c)))
			}
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// templateHead opens the commented file.
const templateHead = `# Settings of etch, the audit trail. Every key is here with its value;
# docs/config-reference.md says more of each.
# Flags win over the environment (ETCH_ROTATE for rotate, and so on), the
# environment over this file, this file over the defaults.
`

// Template returns the commented file with every key and c's values that a
// person begins with: of Default(), it sets exactly the defaults. The two keys
// of [tools.audit] that repeat keys of [security.audit] are comments unless
// they say something, so that changing one of a pair is no contradiction; so is
// connect of [server], whose default depends on another key.
func (c *Config) Template() []byte {
	b := bytes.NewBufferString(templateHead)
	initial := Default()
	for _, table := range tables() {
		fmt.Fprintf(b, "\n[%s]%s\n", table, tableNote(table))
		for _, s := range settings {
			if s.table != table {
				continue
			}
			for line := range strings.SplitSeq(s.about, "\n") {
				fmt.Fprintf(b, "# %s\n", line)
			}
			value, spoken := s.get(c), slices.Contains([]string{toolsEnabled, toolsDestination, serverConnect}, s.key())
			if spoken && value == s.get(&initial) {
				b.WriteString("# ")
			}
			fmt.Fprintf(b, "%s = %s\n", s.name, literal(value))
		}
	}
	return b.Bytes()
}

func tableNote(table string) string {
	switch table {
	case auditTable:
		return " # the ten keys of ZeroClaw's table, then those of this program"
	case toolsTable:
		return " # Zeph's table"
	}
	return ""
}

// literal writes a value in TOML.
func literal(v any) string {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case string:
		return quote(v)
	case []string:
		quoted := make([]string, len(v))
		for i, text := range v {
			quoted[i] = quote(text)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	panic(fmt.Sprintf("config: bad type %T of a value", v))
}

// quote writes a TOML basic string, in which nothing can steer the terminal
// that it is shown on. [strconv.Quote] will not do: TOML has no \a, \v or \x.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\U%08X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
