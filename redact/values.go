package redact

import (
	"slices"
	"strings"
)

// value is where a secret may stand.
type value struct {
	start, end int  // its bytes, without the quotes where the whole of it is quoted
	stop       int  // where the walk goes on
	quote      byte // the quotes' byte, or 0
}

// lookahead bounds how far a closing quote or brace within a word is looked for.
const lookahead = 256

// read returns the value that starts at i: a quoted string or a word of the shell. It ends before a command substitution,
// so that no command is hidden with it.
func (c *scan) read(i int) value {
	start := c.skipStringPrefix(i)
	open := start
	if c.at(open) == '\\' && isQuote(c.at(open+1)) {
		if v, ok := c.readEscaped(open); ok {
			return v
		}
	}
	q := c.at(open)
	if !isQuote(q) {
		end := c.wordEnd(i)
		return value{start: i, end: end, stop: end}
	}
	if c.closes(open) {
		return value{start: open, end: open, stop: open}
	}
	end := c.closing(open+1, q)
	if end < 0 {
		end = c.wordEnd(open + 1)
		return value{start: open + 1, end: end, stop: end, quote: q}
	}
	v := value{start: open + 1, end: end, stop: end + 1, quote: q}
	if q == '"' {
		if cut := substitution(c.s[v.start:v.end]); cut >= 0 {
			v.end = v.start + cut
			v.stop = v.end
			return v
		}
	}
	if !c.continues(v.stop) {
		return v
	}
	end = c.wordEnd(v.stop)
	return value{start: open, end: end, stop: end}
}

// skipStringPrefix returns where the quote is of a string written $'…' or b"…", and i for anything else.
func (c *scan) skipStringPrefix(i int) int {
	switch c.at(i) {
	case '$', '@', 'b', 'r', 'u', 'f', 'B', 'R', 'U', 'F':
		if isQuote(c.at(i + 1)) {
			return i + 1
		}
	}
	return i
}

// readEscaped reads a value between escaped quotes, as in JSON within a quoted argument. It reports whether there is one.
func (c *scan) readEscaped(i int) (value, bool) {
	quote := c.s[i : i+2]
	start := i + 2
	rest := c.s[start:min(len(c.s), start+1<<12)]
	n := strings.Index(rest, quote)
	if n < 0 || strings.Contains(rest[:n], "\n") {
		return value{}, false
	}
	return value{start: start, end: start + n, stop: start + n + 2, quote: quote[1]}, true
}

// substitution returns the place of a command substitution in a quoted string, or -1.
func substitution(s string) int {
	at := strings.Index(s, "$(")
	if tick := strings.IndexByte(s, '`'); tick >= 0 && strings.Count(s, "`") > 1 && (at < 0 || tick < at) {
		return tick
	}
	return at
}

// closing returns the place of the quote that ends a string, or -1. A backslash escapes within double quotes only.
func (c *scan) closing(i int, q byte) int {
	k := 0
	if q == '"' {
		k = 1
	}
	if c.unclosed[k] > 0 && i >= c.unclosed[k]-1 {
		return -1
	}
	for j := i; j < len(c.s); j++ {
		switch c.s[j] {
		case q:
			return j
		case '\\':
			if q == '"' {
				j++
			}
		}
	}
	c.unclosed[k] = i + 1
	return -1
}

// closes reports whether the quote at i can only be a closing one, for what follows it ends a word.
func (c *scan) closes(i int) bool {
	if i+1 >= len(c.s) {
		return true
	}
	b := c.s[i+1]
	if isQuote(b) && b != c.s[i] {
		return i+2 >= len(c.s) || endsWord(c.s[i+2])
	}
	return endsWord(b) || b == '\\'
}

// endsWord reports whether an unquoted b cannot go on a word after a quote.
func endsWord(b byte) bool {
	return isSeparator(b) || b == ',' || b == '}' || b == ']' || b == ':'
}

// continues reports whether a word goes on at i, after a closing quote.
func (c *scan) continues(i int) bool {
	b := c.at(i)
	if isQuote(b) {
		return !c.closes(i)
	}
	if b == '$' && c.at(i+1) == '(' {
		return false
	}
	return alnum.in(b) || b != 0 && strings.IndexByte("$_-.@!%+/=[#*^~?", b) >= 0
}

// wordEnd returns the end of the word of the shell that i is in.
func (c *scan) wordEnd(i int) int {
	for i < len(c.s) {
		b := c.s[i]
		if plain.in(b) {
			i++
			continue
		}
		switch {
		case isSeparator(b) || b == '`' || c.ends(i):
			return i
		case b == '{' && c.at(i+1) == '{':
			i = c.pairBraces(i + 2)
		case b == '$' && c.at(i+1) == '{' && c.at(i+2) != '{':
			i = c.pair(i+2, '}')
		case b == '\\':
			i = min(i+2, len(c.s))
		case isQuote(b):
			i = c.pair(i+1, b)
		case b == '[':
			if end := c.m.maskEnd(c.s, i); end > 0 {
				i = end
			} else {
				i = c.pair(i+1, ']')
			}
		default:
			i++
		}
	}
	return i
}

// ends reports whether the byte at i, which is no separator by itself, ends a word because of what follows it.
func (c *scan) ends(i int) bool {
	switch c.s[i] {
	case '$':
		return c.at(i+1) == '('
	case '"', '\'':
		return c.closes(i)
	case '\\':
		return isQuote(c.at(i+1)) && c.closes(i+1)
	case '}', ']':
		return i+1 >= len(c.s) || endsWord(c.s[i+1]) || isQuote(c.s[i+1])
	case ',':
		return c.listComma(i + 1)
	}
	return false
}

// listComma reports whether the comma before i separates members of a list rather than being part of a value.
func (c *scan) listComma(i int) bool {
	b := c.at(i)
	if b == 0 || isSpace(b) || isQuote(b) || b == '{' {
		return true
	}
	for j := i; j < min(len(c.s), i+32) && (isLetter(b) || b == '_'); j++ {
		if s := c.s[j]; s == '=' || s == ':' {
			return true
		}
		if !nameByte.in(c.s[j]) {
			return false
		}
	}
	return false
}

// longestHarmless is the length from which on one word in the place of a secret is masked whatever it looks like. Looking at it
// and walking on into it again and again would not be linear.
const longestHarmless = 1024

// pair returns the place after the byte that ends what began before i, or i where it is not near on the same line.
func (c *scan) pair(i int, end byte) int {
	near := c.s[i:min(len(c.s), i+lookahead)]
	n := strings.IndexByte(near, end)
	if n < 0 || strings.IndexByte(near[:n], '\n') >= 0 {
		return i
	}
	return i + n + 1
}

// pairBraces returns the place after the }} of the template that is open at i, or i where it is not near on the same line.
func (c *scan) pairBraces(i int) int {
	near := c.s[i:min(len(c.s), i+lookahead)]
	n := strings.Index(near, "}}")
	if n < 0 || strings.IndexByte(near[:n], '\n') >= 0 {
		return i
	}
	return i + n + len("}}")
}

// mask masks the value unless nothing in it is secret. It returns where the walk goes on, or 0.
func (c *scan) mask(v value, n secretName) int {
	if end, ok := c.limits[v.start]; ok && end < v.end {
		v.end = end
		v.stop = end
		if v.end == v.start {
			return 0
		}
	}
	if v.quote == 0 && strings.HasPrefix(c.s[v.start:], "-----BEGIN ") {
		return 0 // masked with its lines
	}
	text := c.s[v.start:v.end]
	if len(text) > longestHarmless && !hasSpace(text) {
		c.addValue(v, n.rule)
		return v.stop
	}
	if n.opaque && !isOpaque(text) || n.mixed && !isMixed(text) || n.path && isPath(text) {
		return 0
	}
	if c.m.maskEnd(text, 0) == len(text) && text != "" {
		return v.stop
	}
	if start, end, ok := fallback(text); ok {
		return c.mask(value{v.start + start, v.start + end, v.start + end, v.quote}, n)
	}
	if isHarmless(text, v.quote) {
		return 0
	}
	c.addValue(v, n.rule)
	return v.stop
}

// addValue notes a value, which is still to be confined.
func (c *scan) addValue(v value, r rule) {
	n := len(c.spans)
	c.add(v.start, v.end, r)
	if len(c.spans) > n {
		c.spans[n].value = true
	}
}

// fallback returns where the literal is in ${NAME:-literal}, the whole of the text.
func fallback(text string) (start, end int, ok bool) {
	if !strings.HasPrefix(text, "${") || !strings.HasSuffix(text, "}") {
		return 0, 0, false
	}
	i := 2
	for i < len(text) && word.in(text[i]) {
		i++
	}
	if i < len(text) && text[i] == ':' {
		i++
	}
	if i >= len(text)-2 || text[i] != '-' && text[i] != '=' {
		return 0, 0, false
	}
	return i + 1, len(text) - 1, true
}

// isHarmless reports whether a value holds nothing secret: it is empty, a reference, a placeholder or a constant.
func isHarmless(text string, quote byte) bool {
	if hasFold(constants, text) || strings.Trim(text, "*.?- \t\r\n") == "" {
		return true
	}
	switch text[0] {
	case '$':
		return isReference(text, quote)
	case '{', '<', '%', '!':
		tag, _, _ := strings.Cut(text[1:], " ")
		return isPlaceholder(text) || quote == 0 && (text == "{" || text[0] == '!' && hasFold(tags, tag))
	case '`':
		return true
	}
	return isVersion(text) || quote == 0 && isExpression(text)
}

// tags are those of YAML that say where a value comes from, behind their "!".
var tags = words{"vault", "secret", "env", "env_var", "ref", "sub", "getatt", "include", "reference", "unsafe", "decrypt", "encrypted", "encrypted/pkcs1-oaep"}

// isVersion reports whether text is a version that a package is wanted in: ^9.0.0, ~1.2, 4.17.21.
func isVersion(text string) bool {
	const longest = 20
	if len(text) > longest || text[0] != '^' && text[0] != '~' && strings.Count(text, ".") != 2 {
		return false
	}
	rest := strings.TrimLeft(text, "^~")
	return len(rest) > 2 && isDigit(rest[0]) && isDigit(rest[len(rest)-1]) && strings.Contains(rest, ".") && strings.Trim(rest, "0123456789.") == ""
}

// constants are values of secret names that are none: what programs write for nothing, and the names of types.
var constants = words{
	"true", "false", "null", "nil", "none", "undefined", "string", "str", "number", "boolean", "bool", "object",
	"required", "optional", "await", "new", "lambda", "function", "func", "not", "if", "stdin", "file",
}

// isReference reports whether text, which starts with $, names a value instead of being one. Single quotes keep the
// shell from reading $name, so there only the forms count that nobody has as a password.
func isReference(text string, quote byte) bool {
	if len(text) < 2 {
		return true
	}
	switch body := text[1:]; {
	case body[0] == '(':
		return true
	case strings.HasPrefix(body, "{{"):
		return strings.HasSuffix(body, "}}")
	case body[0] == '{':
		return strings.IndexByte(body, '}') == len(body)-1
	case len(body) == 1 && !isLetter(body[0]) && body[0] != '_':
		return isDigit(body[0]) || strings.IndexByte("@*#?!", body[0]) >= 0
	case hasPrefixFold(body, "env:"):
		return word.all(body[len("env:"):])
	case isDigit(body[0]) || !word.all(body):
		return false
	default:
		return quote != '\'' || hasUpper(body)
	}
}

// isPlaceholder reports whether text stands for a value that a program or a person fills in.
func isPlaceholder(text string) bool {
	last := text[len(text)-1]
	inner := strings.Trim(text, "{}<>%!")
	switch text[0] {
	case '{':
		return last == '}' && (strings.HasPrefix(text, "{{") || dotted.all(inner))
	case '<':
		return last == '>'
	case '%':
		format := strings.TrimSuffix(text, `\n`) // of printf
		return last == '%' && word.all(inner) || len(format) == 2 && isLetter(format[1])
	default:
		return last == '!' && len(text) > 2 && word.all(inner)
	}
}

// isExpression reports whether an unquoted text is code that yields a value: a member of a well-known object. Calls end at
// their parenthesis, and are seen by the reader of the name.
func isExpression(text string) bool {
	root, rest, ok := strings.Cut(text, ".")
	minified := len(root) == 1 && len(rest) >= 8 && strings.Contains(rest, ".") && !isMixed(rest) // e.target.value
	if !ok || rest == "" || !minified && !slices.Contains(codeRoots, root) {
		return false
	}
	for i := range len(rest) {
		if b := rest[i]; !word.in(b) && b != '.' && b != '[' && b != ']' && !isQuote(b) {
			return false
		}
	}
	return true
}

// codeRoots are objects whose members hold settings.
var codeRoots = words{
	"self", "this", "os", "sys", "process", "args", "opts", "options", "cfg", "config", "conf", "settings", "env", "req",
	"request", "res", "response", "resp", "ctx", "var", "local", "module", "data", "secrets", "vars", "inputs", "params", "props", "state", "event",
	"github", "steps", "viper", "flags", "app", "credentials", "session", "user", "auth", "client",
}

// isPath reports whether text is the name of a file. A key in base64 may start with a slash, too.
func isPath(text string) bool {
	for _, p := range [...]string{"~/", "./", "../", "$HOME/", "@/", "@./", "file:", "C:\\", "c:\\", "${HOME}/"} {
		if strings.HasPrefix(text, p) {
			return true
		}
	}
	for _, p := range [...]string{".pem", ".key", ".json", ".crt", ".p12", ".yaml", ".yml", ".txt"} {
		if strings.HasSuffix(text, p) {
			return true
		}
	}
	if text == "" || text[0] != '/' {
		return false
	}
	return len(text) < 20 || strings.ContainsAny(text, "._-") || !hasUpper(text) && !isMixed(text)
}
