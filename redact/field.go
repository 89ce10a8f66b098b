package redact

import "strings"

// operator is what joins a name with its value.
type operator uint8

const (
	opNone      operator = iota
	opEqual              // NAME=value
	opSpaced             // name = value, name := value, name => value
	opColon              // name: value
	opMember             // "name": "value"
	opFlag               // --name value
	opDefault            // ${NAME:-value}
	opElement            // <name>value</name>
	opAttribute          // "name" value="value"
	opBare               // name value
)

// field is a name in the text with its surroundings.
type field struct {
	start, end int  // of the name
	flag       bool // it is written as an option
	op         operator
	value      int // where the value starts
	quoted     bool
	listed     bool       // name and value are elements of a list: set("NAME", "value")
	setter     setterKind // of what calls with the list
	secretName
}

// name judges the name around a keyword at [at, i) and masks its value if it is a secret.
func (c *scan) name(at, i int) int {
	if i <= c.nameEnd {
		return 0
	}
	f, ok := c.field(at)
	if !ok {
		return 0
	}
	c.join(&f)
	if f.op == opNone {
		return 0
	}
	f.secretName, ok = lookup(c.s[f.start:f.end])
	if !ok || !c.fits(&f) {
		return 0
	}
	if end := c.setting(&f); end > 0 {
		return end
	}
	switch {
	case c.at(f.value) == '`' && (f.op == opMember || isBlank(c.at(f.value-1))):
		return c.template(&f)
	case f.listed:
		return c.call(&f)
	case c.at(f.value) == '\\' && c.skipEscapes(f.value) > f.value+1:
		return c.deep(&f)
	case f.rule == ruleAuthorization:
		return c.authorization(&f)
	case f.rule == ruleCookie && !f.query:
		if end := c.cookies(&f); end > 0 || f.op != opEqual || hasLower(c.s[f.start:f.end]) {
			return end
		}
		return c.assigned(&f) // COOKIE=x is a variable with a cookie's value
	case f.op == opBare:
		return c.bare(&f)
	case f.op == opElement && c.at(f.value) == '<':
		return c.cdata(&f)
	case f.op == opElement || f.op == opDefault || f.op == opAttribute:
		return c.enclosed(&f)
	}
	return c.assigned(&f)
}

// field finds the bounds of the name around the keyword at the given place.
func (c *scan) field(at int) (field, bool) {
	start, end := at, at
	for start > 0 && at-start < maxName && start != c.last && nameByte.in(c.s[start-1]) {
		start--
	}
	for end < len(c.s) && end-at < maxName && nameByte.in(c.s[end]) {
		end++
	}
	c.nameEnd = end
	if at-start >= maxName || end-at >= maxName {
		return field{}, false
	}
	if c.at(start-1) == '\\' && start < at && strings.IndexByte("ntr", c.s[start]) >= 0 {
		start++
	}
	dashes := start
	for start < at && c.s[start] == '-' {
		start++
	}
	f := field{start: start, end: end}
	if n := start - dashes; n == 1 || n == 2 {
		b := c.before(dashes)
		f.flag = b == 0 || isSeparator(b) || isQuote(b)
	}
	return f, true
}

// join finds how the name is joined with a value, and where that starts.
func (c *scan) join(f *field) {
	j, quoted := f.end, false
	if c.at(j) == '\\' {
		j = c.skipEscapes(j)
	}
	if isQuote(c.at(j)) {
		quoted = true
		f.quoted = true
		j++
		if c.at(j) == ']' {
			j++
		}
	}
	k := c.skipBlanks(j)
	switch c.at(k) {
	case '=':
		c.joinEqual(f, k, k > j, quoted)
	case ':':
		c.joinColon(f, k, quoted)
	case '+', '?':
		if c.at(k+1) == '=' {
			f.op, f.value = opSpaced, c.skipBlanks(k+2)
		}
	case '>':
		if c.at(f.start-1) == '<' || quoted && c.isNamed(f.start) {
			f.op, f.value = opElement, k+1
		}
	case ',':
		if !c.joinPair(f, j) && quoted {
			c.joinCall(f, k)
		}
	case '}':
		if hasSuffixFold(c.s[:f.start], "${env:") && k == f.end { // PowerShell
			if at := c.skipBlanks(k + 1); c.at(at) == '=' {
				c.joinEqual(f, at, true, false)
			}
		}
	case '\n', '\r', ';':
		c.joinPair(f, j)
	case 0:
	case '(':
		// PASSWORD('x') is a function of SQL; in small letters it may be one of a program, and ask.
		if c.at(k+1) == '\'' && c.s[f.start:f.end] == "PASSWORD" {
			f.op, f.value = opSpaced, k+1
		}
	case '\\':
		c.joinPair(f, j)
	default:
		switch {
		case k == j || c.joinPair(f, j):
		case quoted && hasPrefixFold(c.s[k:], "value=") && isQuote(c.at(k+len("value="))):
			f.op, f.value = opAttribute, k+len("value=")+1
		case f.flag:
			f.op, f.value = opFlag, k
		default:
			f.op, f.value = opBare, k
		}
	}
}

// joinEqual judges the = at k. NAME= followed by a blank is an empty value where the shell would read it so.
func (c *scan) joinEqual(f *field, k int, spaced, quoted bool) {
	next := c.at(k + 1)
	switch {
	case next == '=' || next == '~':
	case next == '>':
		f.op, f.value = opSpaced, c.skipBlanks(k+2)
	case isBlank(next):
		if spaced || quoted || !isUpper(c.s[f.start]) {
			f.op, f.value = opSpaced, c.skipBlanks(k+1)
		}
	case spaced:
		f.op, f.value = opSpaced, k+1
	default:
		f.op, f.value = opEqual, k+1
	}
	if quoted && f.op != opNone { // headers["Authorization"] = "x"
		f.op = opMember
	}
}

// joinColon judges the : at k. Without a blank after it, it may be part of a path, an image or a scope.
func (c *scan) joinColon(f *field, k int, quoted bool) {
	next := c.at(k + 1)
	prev := c.at(f.start - 1)
	inBraces := prev == '{' && c.at(f.start-2) == '$'
	switch {
	case inBraces && (next == '-' || next == '='):
		f.op, f.value = opDefault, k+2
	case next == '=':
		f.op, f.value = opSpaced, c.skipBlanks(k+2)
	case next == ':' || inBraces:
	case quoted:
		f.op, f.value = opMember, c.skipBlanks(k+1)
	case isBlank(next) || isQuote(next) || next == '\\' && isQuote(c.at(k+2)):
		f.op, f.value = opColon, c.skipBlanks(k+1)
	case next == '\\' && isBlank(c.at(k+2)): // curl -H Authorization:\ Bearer\ x
		f.op, f.value = opEqual, k+3
	case k > f.end || next == '/' || next == '\\' || next == 0 || isSpace(next):
	case prev == 0 || isSeparator(prev) || isQuote(prev) || prev == '{' || prev == ',' || c.isHeader(f):
		f.op, f.value = opEqual, k+1
	}
}

// isHeader reports whether a name is that of a header which is no image, no scope and no path with a version: X-Api-Key,
// also right behind an option: -HX-Api-Key, --header=X-Api-Key.
func (c *scan) isHeader(f *field) bool {
	name := c.s[f.start:f.end]
	switch c.at(f.start - 1) {
	case '-':
		return len(name) > 0 && name[0] == 'H' && hasPrefixFold(name[1:], "x-")
	case '/', ':', '@', '.':
		return false
	}
	return hasPrefixFold(name, "x-") || equalFold(name, "private-token")
}

// fits reports whether a name may stand in this place and still mean a secret.
func (c *scan) fits(f *field) bool {
	prev := c.at(f.start - 1)
	if f.query {
		return f.op == opEqual && (prev == '?' || prev == '&' || prev == ';')
	}
	if f.op == opEqual && c.s[f.value-1] == ':' && f.rule != rulePassword {
		// X-Api-Key:x is a header, image:v1 is none.
		return f.rule == ruleAuthorization || c.isHeader(f)
	}
	if f.op == opEqual && strings.HasSuffix(c.s[:f.start], "--from-file=") {
		f.path = true
	}
	if f.op != opFlag {
		return f.rule != ruleCredentials || !c.isScope(f.value)
	}
	switch name := c.s[f.start:f.end]; {
	case equalFold(name, "pass") && c.namesSource(f.value), name == "secret" && c.mounts(f.value), name == "password" && c.asks(f.start):
		return false
	}
	return c.at(f.value) != '-' && !isSeparator(c.at(f.value))
}

// isScope reports whether the value at i is a Credential of AWS, which says whose key it is and for what; the id of the
// key is known by its shape.
func (c *scan) isScope(i int) bool {
	text := c.s[i:min(len(c.s), i+lookahead)]
	isKey := (strings.HasPrefix(text, "AKIA") || strings.HasPrefix(text, "ASIA")) && alnum.all(text[:min(len(text), 20)])
	first, _, _ := strings.Cut(text, " ")
	return isKey || c.m.maskEnd(c.s, i) > 0 || strings.Contains(first, "/aws4_request")
}

// namesSource reports whether the argument at i says where a password comes from, as openssl's -pass takes it. The password
// itself, behind "pass:", is left to the command's rule.
func (c *scan) namesSource(i int) bool {
	for _, p := range [...]string{"pass:", "env:", "file:", "fd:"} {
		if strings.HasPrefix(c.s[i:], p) {
			return true
		}
	}
	return false
}

// mounts reports whether the argument at i says which secret docker is to mount, and where: id=npm,src=.npmrc.
func (c *scan) mounts(i int) bool {
	for _, p := range [...]string{"id=", "source=", "src=", "type="} {
		if strings.HasPrefix(c.s[i:], p) {
			return true
		}
	}
	return false
}

// asks reports whether --password at i is one of a client of MySQL, which asks for the password where none follows a "=".
func (c *scan) asks(i int) bool {
	start := i
	for start > 0 && i-start < lookahead && strings.IndexByte(";|&\n(`", c.s[start-1]) < 0 {
		start--
	}
	text, words := strings.TrimLeft(c.s[start:i], " \t"), 0
	for ; text != "" && words < 2; words++ { // sudo mysql
		first, rest, _ := strings.Cut(text, " ")
		if commandOf(strings.Trim(first, `"'`)) == &commands[0] {
			return true
		}
		text = strings.TrimLeft(rest, " \t")
	}
	return false
}

// isResult reports whether the number at [start, end) counts tests that pass: those that fail are counted beside it.
func isResult(s string, start, end int) bool {
	const near = 32
	return end-start <= 6 && (containsFold(s[max(0, start-near):start], "fail") || containsFold(s[end:min(len(s), end+near)], "fail"))
}

// isTest reports whether a text begins as the names of tests in Go do.
func isTest(text string) bool {
	for _, p := range [...]string{"Test", "Example", "Fuzz", "Benchmark"} {
		if strings.HasPrefix(text, p) {
			return true
		}
	}
	return false
}

// assigned masks the value of a name that is written before it.
func (c *scan) assigned(f *field) int {
	v := c.read(f.value)
	if v.quote == 0 {
		if c.isCode(f, v) {
			return 0
		}
		switch text := c.s[v.start:v.end]; {
		case f.prose && isAllDigits(text) && isResult(c.s, v.start, v.end), f.prose && f.op == opColon && isTest(text):
			return 0
		case strings.HasPrefix(text, "/") && c.at(f.start-1) == '/': // sed: /password=/p
			return 0
		}
		if b := c.at(v.end); b == '(' && isCall(c.s[v.start:v.end]) {
			return 0
		}
		if c.isIndex(c.s[v.start:v.end]) {
			return 0
		}
		if f.op == opColon {
			if (f.prose || c.isSubject(f)) && c.isProse(v) {
				return 0
			}
			if f.rule == rulePassword && c.startsLine(f.start) {
				v.end = c.phraseEnd(v.end)
				v.stop = v.end
			}
		}
	}
	return c.mask(v, f.secretName)
}

// isCode reports whether what a name is given without quotes is code: what a variable of PowerShell is given is a command,
// and "self.password = password" is another variable.
func (c *scan) isCode(f *field, v value) bool {
	text := c.s[v.start:v.end]
	if text == "" || len(text) > maxName || f.op != opSpaced && f.op != opEqual && f.op != opColon {
		return false
	}
	if f.op != opColon && c.isVariable(f.start) {
		return !isAllDigits(text) && !isOpaque(text) && c.m.maskEnd(text, 0) == 0
	}
	name := c.s[f.start:f.end]
	if at := strings.LastIndexByte(name, '.'); at > 0 {
		name = name[at+1:]
	}
	if text != name || !isLetter(text[0]) {
		return false
	}
	next := c.at(c.skipBlanks(v.end))
	return f.op == opSpaced || next == ',' || next == '}' || next == ')'
}

// isVariable reports whether the name at i is that of a variable behind a $, as in $password and $env:PASSWORD.
func (c *scan) isVariable(i int) bool {
	const longest = 16 // of a scope
	if c.at(i-1) == ':' {
		i--
		for n := 0; n < longest && isLetter(c.at(i-1)); n++ {
			i--
		}
	}
	return c.at(i-1) == '$'
}

// isSubject reports whether a name stands behind the verb that the subject of a commit begins with: "Add password: show
// its strength".
func (c *scan) isSubject(f *field) bool {
	before, _ := c.wordBefore(f.start)
	return isBlank(c.at(f.start-1)) && hasFold(subjectVerbs, strings.TrimLeft(before, `"'`))
}

var subjectVerbs = words{"add", "adds", "fix", "fixes", "update", "improve", "change", "remove", "rename", "refactor", "document", "test", "support", "feat", "docs"}

// isCall reports whether text, with a parenthesis after it, is the name of what is called.
func isCall(text string) bool {
	return text != "" && len(text) <= lookahead && !isDigit(text[0]) && dotted.all(text) && strings.IndexByte(text, '-') < 0
}

// isIndex reports whether text is a variable with an index: os.environ["X"], argv[1].
func (c *scan) isIndex(text string) bool {
	at := strings.IndexByte(text, '[')
	return at > 0 && len(text) <= lookahead && strings.HasSuffix(text, "]") && isCall(text[:at]) && c.m.maskEnd(text, at) == 0
}

// isProse reports whether the value is a small number, or an ordinary word that an ordinary word follows.
func (c *scan) isProse(v value) bool {
	if v.start == v.end {
		return false
	}
	if v.end-v.start <= 3 && isAllDigits(c.s[v.start:v.end]) { // tests pass: 12
		return true
	}
	if !c.isPlainWord(v.start, v.end) {
		return false
	}
	next := c.skipBlanks(v.end)
	return next > v.end && isLetter(c.at(next)) && c.isPlainWord(next, c.wordEnd(next))
}

// isPlainWord reports whether [start, end) is a word of lower-case letters, perhaps with a capital first.
func (c *scan) isPlainWord(start, end int) bool {
	if end-start > 16 {
		return false
	}
	for i := start; i < end; i++ {
		if b := c.s[i]; !isLetter(b) && b != '-' && b != ',' && b != '.' || i > start && isUpper(b) {
			return false
		}
	}
	return true
}

// startsLine reports whether the name at i is the first thing in its line, as a key of YAML is.
func (c *scan) startsLine(i int) bool {
	for n := range 64 {
		switch b := c.at(i - 1 - n); {
		case b == 0 || b == '\n':
			return true
		case b == '-' && isBlank(c.at(i-n)):
		case !isBlank(b):
			return false
		}
	}
	return false
}

// phraseEnd returns the end of a phrase of several words in a line. What could be a command of its own ends it.
func (c *scan) phraseEnd(i int) int {
	end := i
	for i < len(c.s) {
		b := c.s[i]
		if isBlank(b) {
			i++
			if c.at(i) == '#' {
				break
			}
			continue
		}
		if isSeparator(b) || isQuote(b) || b == '`' || b == '$' || b == '\\' || b == '}' {
			break
		}
		i++
		end = i
	}
	return end
}

// enclosed masks a value that ends at a fixed byte: the brace of ${NAME:-value}, the next tag after <name>, an attribute's quote.
func (c *scan) enclosed(f *field) int {
	end := byte('}')
	switch f.op {
	case opElement:
		end = '<'
	case opAttribute:
		end = c.at(f.value - 1)
	}
	near := c.s[f.value:min(len(c.s), f.value+1<<10)]
	n := strings.IndexByte(near, end)
	if n < 0 {
		return 0
	}
	text := near[:n]
	if f.op == opElement && c.isClosed(f, f.value+n) {
		return c.element(f, text)
	}
	if f.op == opDefault && isQuote(c.at(f.value)) {
		return c.mask(c.read(f.value), f.secretName)
	}
	v := value{start: f.value, end: f.value + len(text), stop: f.value + n, quote: '"'}
	if cut := substitution(text); cut >= 0 {
		v.end = v.start + cut
		v.stop = v.end
	}
	return c.mask(v, f.secretName)
}

// isClosed reports whether the tag at i ends the element of a name as no command of a shell could: nothing follows that the
// > would lead to.
func (c *scan) isClosed(f *field, i int) bool {
	name := c.s[f.start:f.end]
	rest := c.s[i:]
	if !strings.HasPrefix(rest, "</") || !strings.HasPrefix(rest[2:], name) || !strings.HasPrefix(rest[2+len(name):], ">") {
		return false
	}
	i = c.skipBlanks(i + len("</>") + len(name))
	b := c.at(i)
	return i >= len(c.s) || b == '\n' || b == '\r' || b == '<' && c.at(i+1) != '(' && c.at(i+1) != '<'
}

// bare masks what follows a name after a blank only: where the word before says that a value is being set, or where it
// looks generated beyond doubt.
func (c *scan) bare(f *field) int {
	if f.opaque || c.at(f.start-1) == '=' {
		return 0
	}
	before, at := c.wordBefore(c.wordStart(f.start))
	v := c.read(f.value)
	switch {
	case f.quoted && !c.startsQuoted(f.start):
		return 0
	case equalFold(c.s[v.start:v.end], "for"): // SET PASSWORD FOR u = 'x'
		return c.setFor(v.end)
	case hasFold(setters, before) && c.at(v.start) != '-', c.isConfigured(f, before) && c.at(v.start) != '-':
		return c.mask(v, f.secretName)
	case f.quoted:
		return 0
	case f.rule != rulePassword:
	case v.quote == '\'' && c.definesUser(f.start):
		return c.mask(v, f.secretName)
	case v.quote == '\'' && (equalFold(before, "with") || equalFold(before, "encrypted")):
		return c.mask(v, f.secretName)
	case c.inNetrc(f.start) && (!c.isProse(v) || hasPrefixFold(c.s[c.skipBlanks(v.end):], "machine ")):
		return c.mask(v, f.secretName)
	default:
		// machine m login u password p; CREATE USER u PASSWORD 'p'
		key, _ := c.wordBefore(at)
		if equalFold(key, "login") && !c.isProse(v) || v.quote == '\'' && (equalFold(key, "user") || equalFold(key, "role")) {
			return c.mask(v, f.secretName)
		}
	}
	if !isStrong(c.s[v.start:v.end]) || !base64Any.all(c.s[v.start:v.end]) {
		return 0
	}
	return c.mask(v, f.secretName)
}

// isConfigured reports whether a name, behind a word, is a dotted one that "git config" sets: user.password x.
func (c *scan) isConfigured(f *field, before string) bool {
	dotted := c.at(f.start-1) == '.' || strings.IndexByte(c.s[f.start:f.end], '.') > 0
	return dotted && (equalFold(before, "config") || strings.HasPrefix(before, "--"))
}

// wordStart returns where the word starts that the name at i ends: //host/:_authToken, user.password.
func (c *scan) wordStart(i int) int {
	for n := 0; i > 0 && n < maxName && !isSpace(c.s[i-1]); n++ {
		i--
	}
	return i
}

// startsQuoted reports whether the word that the name at i ends begins with a quote: "//host/:_authToken".
func (c *scan) startsQuoted(i int) bool { return isQuote(c.at(c.wordStart(i))) }

// setters are words and options that a name and its value follow.
var setters = words{"set", "setx", "setenv", "-x", "-gx", "-ux", "-xg", "-xu", "-lx", "-xl", "--export", "--arg", "--secret", "add-generic"}

// wordBefore returns the word before i in its line and where it starts.
func (c *scan) wordBefore(i int) (string, int) {
	const longest = 64
	low := max(0, i-longest)
	end := i
	for end > low && isBlank(c.s[end-1]) {
		end--
	}
	start := end
	for start > low && !isSpace(c.s[start-1]) {
		start--
	}
	return c.s[start:end], start
}
