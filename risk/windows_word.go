package risk

import "strings"

// word reads one word. Backslashes are written as slashes, which paths are judged by.
func (r *windowsReader) word() word {
	out := word{}
	for start := r.i; r.i < len(r.s); {
		c := r.s[r.i]
		switch {
		case c == '"':
			r.i++
			r.quoted(&out)
		case r.dos:
			if strings.IndexByte(" \t\r\n|&>)", c) >= 0 {
				return r.done(out)
			}
			r.dosCharacter(&out)
		case c == '\'':
			r.single(&out)
		case c == ',' && r.i > start:
			out.text += ","
			r.i++
			r.blanks()
		case strings.IndexByte(" \t\r\n;|&>})", c) >= 0:
			if r.i == start {
				r.i++
			}
			return r.done(out)
		case c == '(':
			r.nested(&out, ')')
		case c == '{':
			r.nested(&out, '}')
		case c == '@' && r.i+1 < len(r.s) && strings.IndexByte("({", r.s[r.i+1]) >= 0:
			r.i++
		case c == '$':
			r.dollar(&out)
		case c == '`' && r.i+1 < len(r.s):
			out.text += string(r.s[r.i+1])
			r.i += 2
		default:
			out.text += string(c)
			r.i++
		}
	}
	return r.done(out)
}

// done returns a word that is read to its end, with what its text says of it.
func (r *windowsReader) done(x word) word {
	x.text = strings.ReplaceAll(x.text, `\`, "/")
	x.glob = strings.ContainsAny(x.text, "*?")
	lower := strings.ToLower(x.text)
	for _, method := range []string{".downloadstring", ".downloaddata", ".getstringasync", ".openread", ".downloadfile"} {
		if strings.Contains(lower, method) {
			x.open, x.flow.some, x.flow.net, x.flow.known = true, true, true, false
			r.w.report(Medium, "network", "a program talks to another machine")
		}
	}
	if strings.Contains(lower, "frombase64string") || strings.Contains(lower, "gzipstream") || strings.Contains(lower, "deflatestream") {
		x.open, x.flow.some, x.flow.decoded, x.flow.known = true, true, true, false
	}
	return x
}

// dosCharacter reads one character of a word of cmd.exe, or a variable.
func (r *windowsReader) dosCharacter(out *word) {
	c := r.s[r.i]
	r.i++
	switch {
	case c == '^' && r.i < len(r.s):
		out.text += string(r.s[r.i])
		r.i++
	case c == '%':
		name, _, ok := strings.Cut(r.s[r.i:], "%")
		if !ok || name == "" || strings.ContainsAny(name, " \t\n") {
			out.text += "%"
			return
		}
		r.i += len(name) + 1
		r.variable(out, "env:"+name)
	default:
		out.text += string(c)
	}
}

// single reads text between single quotes, of which two are one.
func (r *windowsReader) single(out *word) {
	for r.i++; r.i < len(r.s); r.i++ {
		if r.s[r.i] == '\'' {
			r.i++
			if r.i >= len(r.s) || r.s[r.i] != '\'' {
				return
			}
		}
		out.text += string(r.s[r.i])
	}
}

// quoted reads text between double quotes, the first of which is read.
func (r *windowsReader) quoted(out *word) {
	for r.i < len(r.s) {
		switch c := r.s[r.i]; {
		case c == '"':
			r.i++
			if r.i >= len(r.s) || r.s[r.i] != '"' || r.dos {
				return
			}
			out.text += `"`
			r.i++
		case c == '`' && !r.dos && r.i+1 < len(r.s):
			out.text += string(r.s[r.i+1])
			r.i += 2
		case c == '$' && !r.dos:
			r.dollar(out)
		case c == '%' && r.dos:
			r.dosCharacter(out)
		default:
			out.text += string(c)
			r.i++
		}
	}
}

// nested walks what stands in parentheses or braces, whose output is a part of the word.
func (r *windowsReader) nested(out *word, end byte) {
	r.i++
	in := flow{}
	if end == '}' {
		in = unknownFlow
		r.w.maybe++
		defer func() { r.w.maybe-- }()
	}
	writes := r.writes
	r.writes = nil
	from := r.statements(end, in)
	r.writes = writes
	if from.known && end == ')' {
		out.text += from.text
		out.flow = out.flow.merge(from)
		return
	}
	r.unknown(out, "$(…)", from)
}

// unknown adds what is known only at run time.
func (r *windowsReader) unknown(out *word, shown string, from flow) {
	if out.text == "" && !out.open {
		out.lead = shown
	}
	out.text += shown
	out.open = true
	out.flow = out.flow.merge(from)
}

// dollar reads a variable or what stands in $(…).
func (r *windowsReader) dollar(out *word) {
	rest := r.s[r.i+1:]
	switch {
	case strings.HasPrefix(rest, "("):
		r.i++
		r.nested(out, ')')
		return
	case strings.HasPrefix(rest, "{"):
		name, _, ok := strings.Cut(rest[1:], "}")
		if ok {
			r.i += len(name) + 3
			r.variable(out, name)
			return
		}
	}
	n := 0
	for n < len(rest) && (isNameByte(rest[n]) || rest[n] == ':' && n+1 < len(rest) && isNameByte(rest[n+1])) {
		n++
	}
	r.i += 1 + n
	if n == 0 {
		out.text += "$"
		return
	}
	r.variable(out, rest[:n])
}

func isNameByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// windowsPlaces are the variables whose value is known well enough.
const windowsPlaces = "home=~ env:userprofile=~ env:homepath=~ env:home=~ env:temp=/tmp env:tmp=/tmp env:systemdrive=C: env:homedrive=C: env:systemroot=C:/Windows " +
	"env:windir=C:/Windows env:programfiles=C:/Programs env:programdata=C:/ProgramData env:appdata=~/AppData/Roaming env:localappdata=~/AppData/Local pwd=. true= false= null="

// variable adds the value of a variable.
func (r *windowsReader) variable(out *word, name string) {
	lower := strings.ToLower(name)
	if v, ok := r.w.lookup("$" + lower); ok && len(v) == 1 {
		if v[0].open {
			r.unknown(out, "$"+name, v[0].flow)
			return
		}
		out.text += v[0].text
		out.flow = out.flow.merge(v[0].flow)
		return
	}
	for pair := range strings.FieldsSeq(windowsPlaces) {
		if known, value, _ := strings.Cut(pair, "="); known == lower && value != "" {
			out.text += value
			return
		}
	}
	from := flow{}
	if short := strings.TrimPrefix(lower, "env:"); secretName(short) {
		from = flow{some: true, secret: "$" + name, weak: true}
	}
	r.unknown(out, "$"+lower, from)
}
