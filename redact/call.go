package redact

import "strings"

// joinCall joins a name with the string behind it in a call or a pair: setenv("API_KEY", "x"), ("Authorization", "Bearer x").
// k is the place of the comma.
func (c *scan) joinCall(f *field, k int) {
	open := c.openingQuote(f.start)
	at := c.skipSpaces(k + 1)
	if open < 0 || !c.isString(at) {
		return
	}
	i := open
	for i > 0 && open-i < lookahead && isSpace(c.s[i-1]) {
		i--
	}
	end := i - 1
	if b := c.at(end); b != '(' && b != '[' && b != '{' {
		return
	}
	start := end
	for start > 0 && end-start < maxName && word.in(c.s[start-1]) {
		start--
	}
	f.op, f.value = opMember, at
	f.setter = setterOf(c.s[start:end])
	f.listed = true
}

// openingQuote returns the place of the quote that opens right before i, with what escapes it, or -1.
func (c *scan) openingQuote(i int) int {
	if !isQuote(c.at(i - 1)) {
		return -1
	}
	for i--; c.at(i-1) == '\\'; i-- {
	}
	return i
}

// skipSpaces returns the first place from i on that is no blank and no line break.
func (c *scan) skipSpaces(i int) int {
	for limit := i + lookahead; i < len(c.s) && i < limit && isSpace(c.s[i]); i++ {
	}
	return i
}

// isString reports whether a string starts at i.
func (c *scan) isString(i int) bool {
	i = c.skipStringPrefix(i)
	return c.at(i) == '`' || isQuote(c.at(c.skipEscapes(i)))
}

// setterKind is how sure it is that a call sets a name to a value.
type setterKind uint8

const (
	noSetter     setterKind = iota
	weakSetter              // append("password", "x"); what it says of the name may also be a message
	strongSetter            // setenv("PASSWORD", "x")
)

// Words that the names of calls end in which set something: setRequestHeader, os.Setenv, put_req_header.
var (
	strongSetters = words{"setenv", "putenv", "define", "header", "headers", "variable", "item", "property", "secret", "environ", "environment", "env", "envvar"}
	weakSetters   = words{"set", "add", "append", "put", "setdefault", "insert", "export", "with", "store", "setheader", "addheader"}
)

// setterOf returns what a function of that name does.
func setterOf(name string) setterKind {
	if name == "" {
		return noSetter
	}
	last := name[partStart(name, len(name)):]
	switch {
	case hasFold(strongSetters, last):
		first := name[:len(name)-len(last)]
		if first == "" || !isReader(first) {
			return strongSetter
		}
	case hasFold(weakSetters, last):
		return weakSetter
	case hasPrefixFold(name, "set") || hasPrefixFold(name, "add") || hasPrefixFold(name, "with"):
		return weakSetter
	}
	return noSetter
}

// isReader reports whether the name of a function begins as of one that gets something: getProperty("token", "none").
func isReader(name string) bool {
	for _, p := range [...]string{"get", "has", "is", "read", "find", "fetch", "lookup", "remove", "delete", "expect", "assert"} {
		if hasPrefixFold(name, p) {
			return true
		}
	}
	return false
}

// call masks the string behind a name in a call or a pair, where it is the name's value and no word about it.
func (c *scan) call(f *field) int {
	v := c.read(c.skipSpaces(f.value))
	text := c.s[v.start:v.end]
	if strings.EqualFold(text, c.s[f.start:f.end]) || v.quote == 0 {
		return 0
	}
	switch {
	case f.rule == ruleCookie && strings.IndexByte(text, '=') > 0:
		return c.cookies(f)
	case f.rule == ruleAuthorization:
		scheme, _, ok := strings.Cut(text, " ")
		if f.setter == noSetter && (!ok || !hasFold(schemes, scheme)) {
			return 0
		}
		return c.authorization(f)
	case strings.IndexByte(text, ' ') >= 0: // is too short
		return 0
	case f.setter == noSetter:
		if !isOpaque(text) || !base64Any.all(text) {
			return 0
		}
	case f.setter == weakSetter && !c.isHeader(f) && !isMixed(text) && dotted.all(text) && len(text) < 12:
		return 0
	}
	return c.mask(v, f.secretName)
}

// template masks a value between backticks, a string of JavaScript and Go. In a shell a command would stand there, and so what
// could be one stays.
func (c *scan) template(f *field) int {
	const shortest = 12
	start := f.value + 1
	near := c.s[start:min(len(c.s), start+1<<10)]
	n := strings.IndexByte(near, '`')
	if n < 0 {
		return 0
	}
	text, skip := near[:n], 0
	if scheme, rest, ok := strings.Cut(text, " "); ok && f.rule == ruleAuthorization && hasFold(schemes, scheme) {
		skip = len(text) - len(rest)
		text = rest
	}
	if len(text) < shortest || !base64Any.all(text) || strings.IndexByte(text, '/') >= 0 || !isMixed(text) {
		return 0
	}
	v := value{start: start + skip, end: start + n, stop: start + n + 1, quote: '\''}
	return c.mask(v, f.secretName)
}

// skipEscapes returns the place of the quote that the backslashes at i escape, and i where they escape none. A text in a text
// in a text has three of them.
func (c *scan) skipEscapes(i int) int {
	const deepest = 15
	j := i
	for c.at(j) == '\\' && j-i < deepest {
		j++
	}
	if isQuote(c.at(j)) {
		return j
	}
	return i
}

// deep masks a value between quotes that are escaped twice or more: ssh h "curl -d \"{\\\"password\\\":\\\"x\\\"}\"". What could begin
// a command ends it.
func (c *scan) deep(f *field) int {
	open := c.skipEscapes(f.value)
	quote := c.s[f.value : open+1]
	start := open + 1
	near := c.s[start:min(len(c.s), start+1<<10)]
	n := strings.Index(near, quote)
	if n < 0 {
		return 0
	}
	if stop := strings.IndexAny(near[:n], " \t\r\n;|&<>()`\"'"); stop >= 0 {
		n = stop
	}
	if f.rule == ruleAuthorization {
		skip := 0
		for skip < n && dashed.in(near[skip]) {
			skip++
		}
		if rest := near[skip:]; hasFold(schemes, near[:skip]) && strings.HasPrefix(rest, " ") {
			start += skip + 1
			near = c.s[start:min(len(c.s), start+1<<10)]
			if n = strings.Index(near, quote); n < 0 || !base64Any.all(near[:n]) {
				return 0
			}
		}
	}
	v := value{start: start, end: start + n, stop: start + n, quote: quote[len(quote)-1]}
	return c.mask(v, f.secretName)
}
