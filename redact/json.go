package redact

import (
	"encoding/json"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// JSON masks the secrets in a JSON document, such as the arguments of a tool, and returns the masked document and the number of
// masked places. It masks inside of string values and of long names of members, and replaces the whole value of a member with a secret name, be it a string
// or a number, also where the member holds a list of them, or an object that has it as its "value". So it does where a name and
// its value are two members, or two elements of a list in a list. A list of strings is masked as [Argv] does where it, or a member beside it, names a
// program that is known, and in any list the string after an option such as "--password". A string that is a document is masked as one.
// Every other byte stays as it is, and the result is valid where raw is. What is no valid JSON is masked as [Text] does.
//
// Where nothing is to be masked JSON returns raw itself and 0, and does not allocate.
func JSON(raw []byte) ([]byte, int) { return (*Masker)(nil).JSON(raw) }

// JSON masks as the function [JSON] does.
func (m *Masker) JSON(raw []byte) ([]byte, int) {
	if len(raw) == 0 {
		return raw, 0
	}
	// raw is not changed while the string is in use, and no part of it is kept.
	s := unsafe.String(&raw[0], len(raw))
	total, valid := 0, json.Valid(raw)
	for rounds := 0; !valid && rounds < maxRounds; rounds++ {
		masked, n := m.Text(s)
		if n == 0 {
			break
		}
		s, total = masked, total+n
		valid = json.Valid([]byte(s)) // a mask may have taken away what was wrong with the document
	}
	for rounds := 0; valid && rounds < maxRounds; rounds++ {
		d := document{m: m, s: s}
		d.value(0, around{})
		if len(d.spans) == 0 {
			break
		}
		total += len(d.spans)
		s = d.replace()
	}
	if total == 0 {
		return raw, 0
	}
	return []byte(s), total
}

// document is one walk over a valid JSON document.
type document struct {
	m     *Masker // nil is one without options
	s     string
	depth int // how many strings it is in
	spans []placed
}

// placed is a place to mask, and what takes its place.
type placed struct {
	start, end int
	mask       string
}

// around is what the surroundings of a value say about it.
type around struct {
	name   secretName
	secret bool // the value is one
	listed bool // it is an element of a list
}

// value walks the value at i and returns its end. Nesting is bounded by what json.Valid accepts.
func (d *document) value(i int, in around) int {
	i = d.skip(i)
	switch d.s[i] {
	case '{':
		return d.object(i+1, in)
	case '[':
		return d.array(i+1, in)
	case '"':
		end := d.stringEnd(i)
		d.text(i+1, end-1, in)
		return end
	}
	end := i
	for end < len(d.s) && !isSpace(d.s[end]) && d.s[end] != ',' && d.s[end] != ']' && d.s[end] != '}' {
		end++
	}
	if in.secret && !in.name.opaque && (isDigit(d.s[i]) || d.s[i] == '-') && !(in.name.prose && isResult(d.s, i, end)) {
		d.number(i, end, in.name.rule)
	}
	return end
}

// shortestName is how long the name of a member must be, with its quotes, to hold a secret that is known by its shape.
const shortestName = 14

// object walks the members of an object from i on.
func (d *document) object(i int, in around) int {
	var pair pairing
	for {
		i = d.skip(i)
		switch d.s[i] {
		case '}':
			d.paired(&pair)
			return i + 1
		case ',':
			i++
			continue
		}
		start, end := i, d.stringEnd(i)
		name := d.s[start+1 : end-1]
		member := d.member(name, in)
		if end-start > shortestName {
			d.text(start+1, end-1, around{})
		}
		i = d.skip(d.skip(end) + 1)
		found := len(d.spans)
		from := i
		i = d.value(i, member)
		pair.take(d, name, placed{start: from, end: i}, found)
	}
}

// member returns what a member's name, and what the object is the value of, say about its value.
func (d *document) member(name string, in around) around {
	var out around
	// A name with escapes is looked up as it is written; see the known gaps.
	if len(name) < maxName {
		out.name, out.secret = lookup(strings.TrimLeft(name, "-"))
		out.secret = out.secret && !out.name.query
	}
	switch isCookie := in.name.rule == ruleCookie; {
	case out.secret || !in.secret:
	case hasFold(valueNames, name), hasFold(innerNames, name), isCookie && !hasFold(cookieMembers, name):
		out = in // {"password":{"value":"x"}}, {"cookies":{"session":"x"}}
		if isCookie {
			out.name.opaque, out.name.mixed = false, true
		}
	}
	out.listed = false
	return out
}

// array walks the elements of an array from i on. A list may be an argument vector, or a pair of a name and its value.
func (d *document) array(i int, in around) int {
	first, found, texts, key := i, len(d.spans), 0, false
	next := in
	next.listed = true
	for {
		i = d.skip(i)
		switch d.s[i] {
		case ']':
			if texts > 1 && !in.secret {
				d.arguments(first, found, "")
			}
			return i + 1
		case ',':
			i++
			continue
		}
		start := i
		i = d.value(i, next)
		next = in
		next.listed = true
		if d.s[start] != '"' {
			texts = -maxArguments
			continue
		}
		texts++
		key = d.isKeyLine(d.s[start+1:i-1], i, key)
		switch text := d.s[start+1 : i-1]; {
		case key && !in.secret:
			next.name, next.secret = secretName{rule: rulePrivateKey}, true
		case !in.secret:
			next.name, next.secret = d.follows(text, i)
			if !next.secret && texts == 1 && in.listed {
				next.name, next.secret = d.pairOf(text, i)
			}
		case texts == 1 && in.name.rule == ruleCredentials && d.isLast(i):
			// "auth": ["user", "password"]
			next.name = secretName{rule: rulePassword}
		}
	}
}

// isKeyLine reports whether the string after one, which ends at i, is a line of a private key whose lines are a list;
// within says that this one is.
func (d *document) isKeyLine(line string, i int, within bool) bool {
	begins := strings.HasPrefix(line, "-----BEGIN ") && strings.HasSuffix(strings.TrimSuffix(line, `\n`), "PRIVATE KEY-----")
	at := d.skip(i)
	if !within && !begins || d.s[at] != ',' {
		return false
	}
	return !strings.HasPrefix(d.s[d.skip(at+1):], `"-----END `)
}

// follows returns what an option's next argument is, and whether that is a secret; i is behind the option.
func (d *document) follows(option string, i int) (secretName, bool) {
	name, secret := flagName(option)
	if secret && d.s[d.skip(i)] == ',' {
		after := d.skip(d.skip(i) + 1)
		secret = !strings.HasPrefix(d.s[after:], `"-`)
	}
	return name, secret
}

// pairOf returns what the second of two strings in a list of lists is, where the first, which ends at i, is its name:
// [["Authorization","x"]].
func (d *document) pairOf(name string, i int) (secretName, bool) {
	if len(name) >= maxName || !nameByte.all(name) || !d.isLast(i) {
		return secretName{}, false
	}
	found, ok := lookup(name)
	if found.rule != ruleAuthorization {
		found.mixed = true // ["password","username"] are two names
	}
	return found, ok && !found.query
}

// isLast reports whether one string, and nothing else, follows the element that ends at i in its list.
func (d *document) isLast(i int) bool {
	at := d.skip(i)
	if d.s[at] != ',' {
		return false
	}
	at = d.skip(at + 1)
	return d.s[at] == '"' && d.s[d.skip(d.stringEnd(at))] == ']'
}

// flagName returns what the option's next argument is, and whether that is a secret.
func flagName(option string) (secretName, bool) {
	name := strings.TrimLeft(option, "-")
	if n := len(option) - len(name); n < 1 || n > 2 || len(name) < 4 || len(name) > maxName || !nameByte.all(name) {
		return secretName{}, false
	}
	found, ok := lookup(name)
	return found, ok && !found.query && !found.opaque
}

// text masks within the string value [start, end), or all of it.
func (d *document) text(start, end int, in around) {
	if start == end {
		return
	}
	raw := d.s[start:end]
	if in.secret && in.name.rule != ruleAuthorization {
		c := scan{m: d.m, s: raw}
		c.mask(value{start: 0, end: len(raw), stop: len(raw), quote: '"'}, in.name)
		if len(c.spans) > 0 {
			d.append(raw, c.spans, start)
			return
		}
		if d.m.maskEnd(raw, 0) == len(raw) {
			return
		}
	}
	if in.secret && in.name.rule == ruleAuthorization {
		if d.authorization(start, end, in) {
			return
		}
	}
	if strings.IndexByte(raw, '\\') < 0 {
		c := scan{m: d.m, s: raw}
		c.run()
		if len(c.spans) > 0 {
			d.append(raw, c.settle(), start)
		}
		return
	}
	d.escaped(start, raw)
}

// authorization masks the value of an authorization member behind its scheme, and reports whether it did or it was masked.
func (d *document) authorization(start, end int, in around) bool {
	raw := d.s[start:end]
	n := 0
	for n < len(raw) && dashed.in(raw[n]) {
		n++
	}
	if !hasFold(schemes, raw[:n]) || n == len(raw) {
		n = 0
	} else {
		n += blankLen(raw[n:])
	}
	c := scan{m: d.m, s: raw}
	stop := c.mask(value{start: n, end: len(raw), stop: len(raw), quote: '"'}, in.name)
	if len(c.spans) > 0 {
		d.append(raw, c.spans, start)
	}
	return stop > 0
}

// scratch holds the bytes of strings with escapes while they are searched.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// escaped masks within a string that has escapes: it is searched as what it means, and masked where that is written.
func (d *document) escaped(start int, raw string) {
	buf := scratch.Get().(*[]byte)
	defer scratch.Put(buf)
	*buf = unescape((*buf)[:0], raw)
	if len(*buf) == 0 {
		return
	}
	// The buffer is not changed while the string is in use.
	meant := unsafe.String(&(*buf)[0], len(*buf))
	if d.nested(start, raw, meant) {
		return
	}
	c := scan{m: d.m, s: meant}
	c.run()
	if len(c.spans) == 0 {
		return
	}
	at := escapes{raw: raw}
	for _, p := range c.settle() {
		first := at.seek(p.start)
		d.spans = append(d.spans, placed{start + first, start + at.seek(p.end), d.m.mask(p.rule, c.s[p.start:p.end])})
	}
}

// deepest bounds how many documents are taken for such that are strings in each other. Each of them is gone through as
// often as it is deep.
const deepest = 6

// nested masks within a string that is a document, and reports whether it is.
func (d *document) nested(start int, raw, meant string) bool {
	text := strings.TrimLeft(meant, " \t\r\n")
	if d.depth == deepest || text == "" || text[0] != '{' && text[0] != '[' || !json.Valid(unsafe.Slice(unsafe.StringData(meant), len(meant))) {
		return false
	}
	inner := document{m: d.m, s: meant, depth: d.depth + 1}
	inner.value(0, around{})
	at := escapes{raw: raw}
	for _, p := range inner.spans {
		mask, err := json.Marshal(p.mask)
		if err != nil {
			continue // a string always has a text
		}
		first := at.seek(p.start)
		d.spans = append(d.spans, placed{start + first, start + at.seek(p.end), string(mask[1 : len(mask)-1])})
	}
	return true
}

// escapes goes through the inside of a string as it is written, by what it means.
type escapes struct {
	raw       string
	at, meant int
}

// seek returns where what is meant at a place is written. Places come in order.
func (e *escapes) seek(to int) int {
	for e.meant < to {
		n, size := escapeLen(e.raw[e.at:])
		e.at += n
		e.meant += size
	}
	return e.at
}

// unescape appends what the inside of a JSON string means to dst.
func unescape(dst []byte, s string) []byte {
	for len(s) > 0 {
		if s[0] != '\\' {
			n := strings.IndexByte(s, '\\')
			if n < 0 {
				n = len(s)
			}
			dst = append(dst, s[:n]...)
			s = s[n:]
			continue
		}
		n, _ := escapeLen(s)
		if n == 2 {
			dst = append(dst, unescapeByte(s[1]))
		} else {
			dst = utf8.AppendRune(dst, escapedRune(s[:n]))
		}
		s = s[n:]
	}
	return dst
}

// unescapeByte returns what a backslash and b mean.
func unescapeByte(b byte) byte {
	switch b {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'r':
		return '\r'
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	}
	return b
}

// escapeLen returns the length of the byte or escape that s starts with, and that of what it means.
func escapeLen(s string) (length, meant int) {
	switch {
	case s[0] != '\\':
		return 1, 1
	case s[1] != 'u':
		return 2, 1
	}
	n := 6
	if first := hexRune(s[2:6]); utf16.IsSurrogate(first) && len(s) >= 12 && s[6] == '\\' && s[7] == 'u' {
		if utf16.DecodeRune(first, hexRune(s[8:12])) != utf8.RuneError {
			n = 12
		}
	}
	return n, utf8.RuneLen(escapedRune(s[:n]))
}

// escapedRune returns the character of one \u escape, or of two that make a pair.
func escapedRune(s string) rune {
	r := hexRune(s[2:6])
	if len(s) == 12 {
		return utf16.DecodeRune(r, hexRune(s[8:12]))
	}
	if utf16.IsSurrogate(r) {
		return utf8.RuneError
	}
	return r
}

// hexRune returns the value of hexadecimal digits.
func hexRune(s string) rune {
	var r rune
	for i := range len(s) {
		b := lowerByte(s[i])
		if isDigit(b) {
			r = r<<4 | rune(b-'0')
		} else {
			r = r<<4 | rune(b-'a'+10)
		}
	}
	return r
}

// stringEnd returns the place after the string that starts at i.
func (d *document) stringEnd(i int) int {
	for i++; d.s[i] != '"'; i++ {
		if d.s[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// skip returns the first place from i on that is no white space.
func (d *document) skip(i int) int {
	for i < len(d.s) && isSpace(d.s[i]) {
		i++
	}
	return i
}

// append adds spans of the string at the given place.
func (d *document) append(raw string, spans []span, at int) {
	for _, p := range spans {
		d.spans = append(d.spans, placed{at + p.start, at + p.end, d.m.mask(p.rule, meaning(raw[p.start:p.end]))})
	}
}

// meaning returns what a part of a JSON string means, so that a secret has one tag however it is escaped. A part may cut
// an escape in two; then it is taken as it stands.
func meaning(s string) string {
	if strings.IndexByte(s, '\\') < 0 || !json.Valid([]byte(`"`+s+`"`)) {
		return s
	}
	return string(unescape(nil, s))
}

// number masks a number; its mask is a string.
func (d *document) number(start, end int, r rule) {
	if text := d.s[start:end]; !d.m.allows(text) {
		d.spans = append(d.spans, placed{start, end, `"` + d.m.mask(r, text) + `"`})
	}
}

// replace returns the document with the spans masked.
func (d *document) replace() string {
	var b strings.Builder
	b.Grow(len(d.s) + len(d.spans)*longestMask)
	from := 0
	for _, p := range d.spans {
		b.WriteString(d.s[from:p.start])
		b.WriteString(p.mask)
		from = p.end
	}
	b.WriteString(d.s[from:])
	return b.String()
}
