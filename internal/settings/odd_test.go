package settings

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// An oddity writes settings files as nobody should.
type oddity struct {
	r        *rand.Rand
	b        strings.Builder
	newline  string
	unit     string
	lines    bool
	space    bool
	comments bool
	trailing bool
}

// oddFile returns a settings file: an object, strange in every way that the
// parser takes.
func oddFile(r *rand.Rand) string {
	o := &oddity{
		r: r, newline: pick(r, "\n", "\n", "\r\n"), unit: pick(r, "  ", "\t", "    ", " ", "\t ", ""),
		lines: r.IntN(3) > 0, space: r.IntN(3) > 0, comments: r.IntN(2) == 0, trailing: r.IntN(3) == 0,
	}
	if r.IntN(12) == 0 {
		return pick(r, "", " ", "\n", "{}", "{ }", "{\n}\n", "\t{\r\n\r\n}", "\ufeff", "// x", "/* x */\n", "\ufeff{}\n")
	}
	o.b.WriteString(pick(r, "", "", "", "", "\ufeff", " ", "\n"))
	if o.comments {
		o.note(0)
	}
	o.object(0, true)
	if o.comments && r.IntN(3) == 0 {
		o.b.WriteString(pick(r, " // end", "\n/* end */", "// end\n"))
	}
	o.b.WriteString(pick(r, "", o.newline, o.newline, o.newline+o.newline, "  "))
	return o.b.String()
}

func pick(r *rand.Rand, of ...string) string { return of[r.IntN(len(of))] }

// gap is the white space between two things of a container.
func (o *oddity) gap(depth int) {
	switch {
	case o.lines && o.r.IntN(20) > 0:
		o.b.WriteString(o.newline)
		if o.r.IntN(15) == 0 {
			o.b.WriteString("  " + o.newline)
		}
		o.b.WriteString(strings.Repeat(o.unit, depth))
	case o.space:
		o.b.WriteString(strings.Repeat(" ", o.r.IntN(3)))
	}
}

// note is a comment, now and then.
func (o *oddity) note(depth int) {
	if !o.comments || o.r.IntN(4) > 0 {
		return
	}
	switch o.r.IntN(5) {
	case 0:
		o.b.WriteString("// \"hooks\": {\"X\": [}" + o.newline + strings.Repeat(o.unit, depth))
	case 1:
		o.b.WriteString(" //" + o.newline)
	case 2:
		o.b.WriteString("/**/")
	case 3:
		o.b.WriteString(" /* , ] } \" */ ")
	default:
		o.b.WriteString("/* //" + o.newline + " ä */")
	}
}

func (o *oddity) object(depth int, top bool) {
	o.b.WriteByte('{')
	names := o.names(top)
	for i, name := range names {
		if i > 0 {
			o.b.WriteByte(',')
		}
		o.note(depth)
		o.gap(depth + 1)
		o.note(depth + 1)
		o.b.WriteString(name)
		o.note(depth)
		o.b.WriteByte(':')
		if o.space {
			o.b.WriteByte(' ')
		}
		o.note(depth)
		switch {
		case top && name == `"hooks"`:
			o.object(depth+1, false)
		default:
			o.value(depth + 1)
		}
		o.note(depth)
	}
	o.closing(depth, len(names) > 0, '}')
}

func (o *oddity) closing(depth int, any bool, bracket byte) {
	if any && o.trailing && o.r.IntN(2) == 0 {
		o.b.WriteByte(',')
	}
	o.note(depth)
	o.gap(depth)
	o.b.WriteByte(bracket)
}

func (o *oddity) names(top bool) []string {
	var names []string
	for range o.r.IntN(4) {
		names = append(names, pick(o.r, `"a"`, `"X"`, `"Y"`, `"PreToolUse"`, `"\u0061"`, `"// no"`, `"{"`, `""`, `"ä 😀"`, `"$schema"`, `"a"`))
	}
	if top && o.r.IntN(2) == 0 {
		at := o.r.IntN(len(names) + 1)
		names = append(names[:at:at], append([]string{`"hooks"`}, names[at:]...)...)
	}
	return names
}

func (o *oddity) value(depth int) {
	switch o.r.IntN(7) {
	case 0, 1:
		if depth < 5 {
			o.object(depth, false)
			return
		}
	case 2, 3:
		if depth < 5 {
			o.array(depth)
			return
		}
	}
	o.b.WriteString(pick(o.r, "1", "-0.5e+10", "123456789012345678901234567890", "true", "false", "null",
		`""`, `"x"`, `"// not a comment"`, `"/*"`, `"\\\""`, `"\ud800"`, `"\u0000"`, `"}],"`, "\"\u2028\"",
		fmt.Sprintf("%q", strings.Repeat("long ", o.r.IntN(300)))))
}

func (o *oddity) array(depth int) {
	o.b.WriteByte('[')
	n := o.r.IntN(4)
	for i := range n {
		if i > 0 {
			o.b.WriteByte(',')
		}
		o.note(depth)
		o.gap(depth + 1)
		o.note(depth + 1)
		o.value(depth + 1)
		o.note(depth)
	}
	o.closing(depth, n > 0, ']')
}
