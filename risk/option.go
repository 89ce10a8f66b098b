package risk

import (
	"slices"
	"strings"
)

// option is one flag of a call, with its value where it takes one.
type option struct {
	name  string // without dashes
	value word
	long  bool // given with two dashes
}

// options are the arguments of a call taken apart.
type options struct {
	flags    []option
	operands []word
}

// parse takes the arguments apart. valued lists the options that take a
// value, without dashes. "-rf" gives r, f and, for programs with
// one-dash words, rf.
func parseOptions(args []word, valued string) options {
	var o options
	names := strings.Fields(valued)
	for i := 0; i < len(args); i++ {
		a := args[i]
		next := word{}
		if i+1 < len(args) {
			next = args[i+1]
		}
		switch {
		case a.literal("--"):
			o.operands = append(o.operands, args[i+1:]...)
			return o
		case a.text == "-" || !strings.HasPrefix(a.text, "-") || a.lead != "":
			o.operands = append(o.operands, a)
		case strings.HasPrefix(a.text, "--"):
			if o.longOption(a, next, names) {
				i++
			}
		default:
			if o.cluster(a, next, names) {
				i++
			}
		}
	}
	return o
}

// part is a piece of a word, with the word's taint.
func (x word) part(text string) word {
	return word{text: text, open: x.open, glob: x.glob, flow: x.flow}
}

func (o *options) longOption(a, next word, valued []string) bool {
	name, value, attached := strings.Cut(a.text[2:], "=")
	if attached {
		o.flags = append(o.flags, option{name, a.part(value), true})
		return false
	}
	if slices.Contains(valued, name) {
		o.flags = append(o.flags, option{name, next, true})
		return true
	}
	o.flags = append(o.flags, option{name: name, long: true})
	return false
}

func (o *options) cluster(a, next word, valued []string) bool {
	body := a.text[1:]
	name, value, attached := strings.Cut(body, "=")
	if attached && len(name) > 1 {
		o.flags = append(o.flags, option{name: name, value: a.part(value)})
	}
	if len(body) > 1 {
		o.flags = append(o.flags, option{name: body})
		if slices.Contains(valued, body) {
			o.flags[len(o.flags)-1].value = next
			return true
		}
	}
	for i := range len(body) {
		if !slices.Contains(valued, body[i:i+1]) {
			o.flags = append(o.flags, option{name: body[i : i+1]})
			continue
		}
		if i+1 < len(body) {
			o.flags = append(o.flags, option{name: body[i : i+1], value: a.part(body[i+1:])})
			return false
		}
		o.flags = append(o.flags, option{name: body[i : i+1], value: next})
		return true
	}
	return false
}

// has reports whether one of the options is given; a long one may be
// abbreviated to three letters or more, as GNU programs allow.
func (o options) has(names ...string) bool {
	_, ok := o.get(names...)
	return ok
}

// get returns the last value of one of the options.
func (o options) get(names ...string) (word, bool) {
	for _, f := range slices.Backward(o.flags) {
		for _, name := range names {
			if f.name == name || f.long && len(f.name) >= 3 && strings.HasPrefix(name, f.name) {
				return f.value, true
			}
		}
	}
	return word{}, false
}

// all returns the values of every occurrence of the options.
func (o options) all(names ...string) []word {
	var out []word
	for _, f := range o.flags {
		if slices.Contains(names, f.name) {
			out = append(out, f.value)
		}
	}
	return out
}

// operand returns the text of the nth operand, "" when there is none.
func (o options) operand(n int) string {
	if n < len(o.operands) {
		return o.operands[n].text
	}
	return ""
}
