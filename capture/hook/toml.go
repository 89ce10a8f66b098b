package hook

import (
	"slices"
	"strconv"
	"strings"
)

// featureOff returns the key by which a file of Codex's switches hooks off: "" where
// none does. Of a file that is no TOML, which Codex does not read, it goes by what stands
// before the place where it stops being that.
func featureOff(text string) string {
	r := tomlReader{rest: strings.TrimPrefix(text, "\ufeff")}
	for r.next() {
		continue
	}
	return r.off
}

// A tomlReader goes through a file of TOML, as far as it must to tell keys from what looks
// like some: strings of four kinds, comments, arrays, tables in braces. What is read
// here, in every hook, is not to bring along a whole parser.
type tomlReader struct {
	rest  string
	table []string // of the last header
	off   string   // the switch that was found
}

// deepestTOML bounds how deep arrays and tables in braces nest.
const deepestTOML = 256

// next reads a header or a key with its value, and reports whether there was one.
func (r *tomlReader) next() bool {
	r.space(true)
	switch {
	case r.rest == "":
		return false
	case r.rest[0] == '[':
		return r.header()
	}
	return r.keyValue(r.table, 0)
}

// space skips blanks and comments, and the ends of lines where lines says so.
func (r *tomlReader) space(lines bool) {
	for r.rest != "" {
		switch b := r.rest[0]; {
		case b == ' ' || b == '\t' || lines && (b == '\n' || b == '\r'):
			r.rest = r.rest[1:]
		case b == '#' && lines:
			_, r.rest, _ = strings.Cut(r.rest, "\n")
		default:
			return
		}
	}
}

// take takes a text that stands next, and reports whether it does.
func (r *tomlReader) take(text string) (ok bool) {
	r.rest, ok = strings.CutPrefix(r.rest, text)
	return ok
}

func (r *tomlReader) header() bool {
	closing := "]"
	if r.take("[[") {
		closing = "]]"
	} else {
		r.take("[")
	}
	path, ok := r.path(nil)
	if closing == "]]" {
		path = append([]string{""}, path...) // one of a list is no table of switches
	}
	r.table = path
	return ok && r.take(closing)
}

// path reads a dotted key, and returns it behind the path of its table.
func (r *tomlReader) path(table []string) ([]string, bool) {
	path := slices.Clone(table)
	for {
		r.space(false)
		part, ok := r.key()
		if !ok {
			return nil, false
		}
		path = append(path, part)
		r.space(false)
		if !r.take(".") {
			return path, true
		}
	}
}

// key reads one part of a key.
func (r *tomlReader) key() (string, bool) {
	if r.rest != "" && (r.rest[0] == '"' || r.rest[0] == '\'') {
		text, ok := r.text()
		if !ok || text == "" || text[0] == '\'' {
			return strings.Trim(text, "'"), ok
		}
		return unquoteTOML(text[1 : len(text)-1]), true
	}
	n := strings.IndexFunc(r.rest, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-')
	})
	if n < 0 {
		n = len(r.rest)
	}
	part := r.rest[:n]
	r.rest = r.rest[n:]
	return part, part != ""
}

// keyValue reads a key of a table with its value.
func (r *tomlReader) keyValue(table []string, depth int) bool {
	path, ok := r.path(table)
	if !ok || !r.take("=") {
		return false
	}
	return r.value(path, depth)
}

// value reads a value, which is of the key with that path; nil is one in an array.
func (r *tomlReader) value(path []string, depth int) bool {
	r.space(false)
	switch {
	case r.rest == "" || depth > deepestTOML:
		return false
	case r.rest[0] == '"' || r.rest[0] == '\'':
		_, ok := r.text()
		return ok
	case r.take("["):
		return r.elements("]", func() bool { return r.value(nil, depth+1) })
	case r.take("{"):
		inside := path
		if path == nil {
			inside = []string{""} // in an array: no table of switches
		}
		return r.elements("}", func() bool { return r.keyValue(inside, depth+1) })
	}
	n := strings.IndexAny(r.rest, " \t\r\n,]}#")
	if n < 0 {
		n = len(r.rest)
	}
	if r.rest[:n] == "false" && len(path) == 2 && path[0] == "features" && (path[1] == "hooks" || path[1] == "codex_hooks") {
		r.off = "features." + path[1]
	}
	r.rest = r.rest[n:]
	return n > 0
}

// elements reads what stands in brackets or braces, with commas between.
func (r *tomlReader) elements(closing string, element func() bool) bool {
	for {
		r.space(true)
		if r.take(closing) {
			return true
		}
		if !element() {
			return false
		}
		r.space(true)
		if !r.take(",") && !strings.HasPrefix(r.rest, closing) {
			return false
		}
	}
}

// text reads a string, and returns it as it is written.
func (r *tomlReader) text() (string, bool) {
	quote := r.rest[:1]
	closing := quote
	if strings.HasPrefix(r.rest, quote+quote+quote) {
		closing = quote + quote + quote
	}
	for i := len(closing); i < len(r.rest); i++ {
		switch {
		case r.rest[i] == '\\' && quote == `"`:
			i++
		case r.rest[i] == '\n' && len(closing) == 1:
			return "", false
		case strings.HasPrefix(r.rest[i:], closing):
			end := i + len(closing)
			for n := 0; n < 2 && len(closing) > 1 && strings.HasPrefix(r.rest[end:], quote); n++ {
				end++ // up to two more are the string's own
			}
			text := r.rest[:end]
			r.rest = r.rest[end:]
			return text, true
		}
	}
	return "", false
}

// unquoteTOML returns what stands between the quotes of a key. An escape that is none stands
// for itself.
func unquoteTOML(inner string) string {
	var b strings.Builder
	for inner != "" {
		size := 0
		if len(inner) > 1 && inner[0] == '\\' {
			size = map[byte]int{'u': 4, 'U': 8, 'x': 2}[inner[1]]
		}
		if size > 0 && len(inner) >= 2+size {
			if n, err := strconv.ParseUint(inner[2:2+size], 16, 32); err == nil {
				b.WriteRune(rune(n))
				inner = inner[2+size:]
				continue
			}
		}
		b.WriteByte(inner[0])
		inner = inner[1:]
	}
	return b.String()
}
