package redact

import (
	"encoding/json"
	"slices"
	"strings"
)

// valueNames are members that hold the value of what their object, or the one around it, names.
var valueNames = words{"value", "val", "plaintext", "stringvalue", "string_value"}

// typedNames are, besides those, members that hold it where the name is a member beside them; list says that they may
// be lists of strings.
var (
	typedNames = words{"values", "default", "new_value", "newvalue", "new_val"}
	// innerNames are, besides valueNames, members of an object that a secret name has.
	innerNames = words{"new", "old", "new_value", "newvalue", "old_value", "oldvalue", "current", "plain"}
)

// placeMembers say where a text is typed in, in words or as a selector; typedMembers hold the text.
var (
	placeMembers = words{"element", "selector", "locator", "label", "placeholder"}
	typedMembers = words{"text", "value"}
)

// namingMembers are members that hold a name whose value is in another member.
var namingMembers = words{"name", "key", "header", "headername", "header_name", "variable", "field", "param", "parameter"}

// programMembers and argumentMembers hold a command in two parts.
var (
	programMembers  = words{"command", "cmd", "program", "executable", "exe", "bin", "binary", "file", "path", "tool"}
	argumentMembers = words{"args", "argv", "arguments", "params", "parameters"}
)

// cookieMembers are the members of a cookie that say nothing secret.
var cookieMembers = words{
	"name", "domain", "path", "expires", "expiry", "expirationdate", "max-age", "maxage", "httponly", "secure", "samesite", "session", "hostonly",
	"storeid", "url", "size", "priority", "partitionkey", "sourcescheme", "version", "comment", "policy", "type",
}

// pairing is what an object says in two members that belong together: a name and its value, a program and its arguments.
type pairing struct {
	name, program string // as they are written, with their escapes
	value, list   place
	typed         place // the text that is typed in somewhere
	password      bool  // where a password is
}

// place is where a value stands in the document, and where in the list of spans those within it begin.
type place struct {
	start, end int
	found      int
}

// take takes a member whose value is at [at.start, at.end); the spans from found on are in it.
func (p *pairing) take(d *document, name string, at placed, found int) {
	first := d.s[at.start]
	text := first == '"'
	switch {
	case text && hasFold(namingMembers, name):
		p.name = d.s[at.start+1 : at.end-1]
	case text && hasFold(programMembers, name):
		p.program = d.s[at.start+1 : at.end-1]
	case text && hasFold(placeMembers, name):
		p.password = p.password || containsFold(d.s[at.start:min(at.end, at.start+lookahead)], "password")
	case first == '[' && hasFold(argumentMembers, name):
		p.list = place{at.start, at.end, found}
	case first == '[' && equalFold(name, "values"):
		if n, _ := d.count(at.start + 1); n > 0 {
			p.value = place{at.start, at.end, found}
		}
	}
	if text && hasFold(typedMembers, name) {
		p.typed = place{at.start, at.end, found}
	}
	if (text || isDigit(first) || first == '-') && (hasFold(valueNames, name) || hasFold(typedNames, name)) {
		p.value = place{at.start, at.end, found}
	}
}

// paired masks what belongs together. A value is walked once more where it is a string or a number, and a list where all
// of it are strings: what nests is walked once.
func (d *document) paired(p *pairing) {
	// The later one first: places in the list of spans count those before them.
	if p.list.start > p.value.start {
		d.argumentsOf(p)
		d.valueOf(p)
		return
	}
	d.valueOf(p)
	d.argumentsOf(p)
}

// valueOf masks the value of a name that another member has.
func (d *document) valueOf(p *pairing) {
	if p.password && p.typed.end > 0 && p.name == "" {
		within, behind := d.takeBack(p.typed)
		d.value(p.typed.start, around{name: secretNames.Get()["password"], secret: true})
		d.giveBack(p.typed, within, behind)
		return
	}
	if p.value.end == 0 || p.name == "" || len(p.name) >= maxName {
		return
	}
	if found, ok := lookup(strings.TrimLeft(p.name, "-")); ok && !found.query {
		within, behind := d.takeBack(p.value)
		d.value(p.value.start, around{name: found, secret: true})
		d.giveBack(p.value, within, behind)
	}
}

// argumentsOf masks the arguments of a program that another member names.
func (d *document) argumentsOf(p *pairing) {
	if p.list.end == 0 || p.program == "" {
		return
	}
	if commandOf(p.program) != nil {
		d.arguments(p.list.start+1, p.list.found, p.program)
	}
}

// takeBack takes back the spans within a place, which is walked once more, and those behind it.
func (d *document) takeBack(at place) (within, behind []placed) {
	last := at.found
	for last < len(d.spans) && d.spans[last].start < at.end {
		last++
	}
	within, behind = slices.Clone(d.spans[at.found:last]), slices.Clone(d.spans[last:])
	d.spans = d.spans[:at.found]
	return within, behind
}

// giveBack gives back what takeBack has taken: what is within the place only where nothing was found in it since.
func (d *document) giveBack(at place, within, behind []placed) {
	if len(d.spans) == at.found {
		d.spans = append(d.spans, within...)
	}
	d.spans = append(d.spans, behind...)
}

// maxArguments bounds the lists that are read as arguments.
const maxArguments = 1 << 10

// arguments masks a list of strings, whose first element may be at i, as the arguments of a program: of the one that is
// given, or of those that it names itself. The spans from found on are those within it.
func (d *document) arguments(i, found int, program string) {
	argv, places := d.strings(i, program)
	if argv == nil {
		return
	}
	masked, n := d.m.walkArgvOf(program, argv)
	if n == 0 {
		return
	}
	ordinary := slices.Clone(d.spans[found:])
	d.spans = d.spans[:found]
	for k, arg := range masked {
		at := places[k]
		text, err := json.Marshal(arg)
		if err != nil || arg == argv[k] {
			continue // as the ordinary walk has found it
		}
		for len(ordinary) > 0 && ordinary[0].start < at.start {
			d.spans, ordinary = append(d.spans, ordinary[0]), ordinary[1:]
		}
		for len(ordinary) > 0 && ordinary[0].start < at.end {
			ordinary = ordinary[1:]
		}
		d.spans = append(d.spans, placed{at.start, at.end, string(text)})
	}
	d.spans = append(d.spans, ordinary...)
}

// strings returns the strings of a list, whose first element may be at i, and where they stand; nil where something else is in it, or
// where no program is known whose arguments they could be.
func (d *document) strings(i int, program string) (argv []string, places []place) {
	n, known := d.count(i)
	if n == 0 || n > maxArguments || program == "" && !known {
		return nil, nil
	}
	argv, places = make([]string, 0, n), make([]place, 0, n)
	for at := d.skip(i); d.s[at] != ']'; {
		if d.s[at] == ',' {
			at = d.skip(at + 1)
			continue
		}
		end := d.stringEnd(at)
		argv = append(argv, string(unescape(nil, d.s[at+1:end-1])))
		places = append(places, place{start: at, end: end})
		at = d.skip(end)
	}
	return argv, places
}

// count returns how many strings a list has, whose first element may be at i, and whether one of them is a program that is
// known; 0 where something else is in it.
func (d *document) count(i int) (n int, known bool) {
	for at := d.skip(i); d.s[at] != ']'; {
		switch d.s[at] {
		case ',':
			at = d.skip(at + 1)
			continue
		case '"':
		default:
			return 0, false
		}
		end := d.stringEnd(at)
		n++
		known = known || commandOf(d.s[at+1:end-1]) != nil
		at = d.skip(end)
	}
	return n, known
}
