package redact

import "strings"

// pairNames are words for a name, pairValues for its value, where each stands in a member of its own: name: DB_PASSWORD,
// value: x, in Kubernetes for one.
var (
	pairNames  = words{"name", "key", "parameterkey", "variable", "header", "headername", "var", "field", "param", "property", "envname", "variablename"}
	pairValues = words{"value", "val", "parametervalue", "stringvalue", "plaintext", "defaultvalue", "secretvalue", "secretstring"}
)

// isNamed reports whether the word at i is the value of a member that holds names.
func (c *scan) isNamed(i int) bool {
	i = c.backEscapes(i)
	for n := 0; isBlank(c.at(i-1)) && n < 16; n++ {
		i--
	}
	joined := c.at(i - 1)
	if joined == ':' || joined == '=' {
		i = c.backEscapes(i - 1)
		for isBlank(c.at(i-1)) && joined == '=' {
			i--
			joined = ' '
		}
	}
	end := i
	for i > 0 && end-i < 24 && (alnum.in(c.s[i-1]) || c.s[i-1] == '_' || c.s[i-1] == '-') {
		i--
	}
	name := c.s[i:end]
	option := strings.HasPrefix(name, "-")
	return (option || joined == ':' || joined == '=' || joined == ' ' && end < len(c.s) && c.s[end] != ' ') && hasFold(pairNames, strings.TrimLeft(name, "-"))
}

// backEscapes returns the place of what opens a string right before i, and i where nothing does.
func (c *scan) backEscapes(i int) int {
	if isQuote(c.at(i - 1)) {
		for i--; c.at(i-1) == '\\'; i-- {
		}
	}
	return i
}

// joinPair joins a name that is the value of a member with the value that the next member has: name: DB_PASSWORD, value: x. It
// reports whether there is one; k is behind the name and its quote.
func (c *scan) joinPair(f *field, k int) bool {
	i, separated := c.skipMembers(k)
	option := c.at(i) == '-' && isBlank(c.at(i-1))
	if !separated && !option {
		return false
	}
	if option {
		i++
	} else if j := c.skipEscapes(i); isQuote(c.at(j)) {
		i = j + 1
	}
	end := i
	for end < len(c.s) && end-i < 24 && (alnum.in(c.s[end]) || c.s[end] == '_') {
		end++
	}
	if !hasFold(pairValues, c.s[i:end]) || !c.isNamed(f.start) {
		return false
	}
	if j := c.skipEscapes(end); isQuote(c.at(j)) {
		end = j + 1
	}
	at := c.skipBlanks(end)
	switch b := c.at(at); {
	case b == ':' || b == '=':
		at = c.skipBlanks(at + 1)
	case !option || at == end:
		return false
	}
	if b := c.at(at); b == 0 || isSpace(b) {
		return false
	}
	f.op, f.value = opMember, at
	return true
}

// skipMembers returns where the member behind the one that ends at i starts, and whether anything parts the two but blanks.
func (c *scan) skipMembers(i int) (int, bool) {
	separated := false
	for limit := i + lookahead; i < limit; i++ {
		switch b := c.at(i); {
		case b == '\n':
			separated = true
		case isSpace(b):
		case (b == ',' || b == ';') && !separated:
			separated = true
		case b == '\\' && c.at(i+1) == 'n':
			separated = true
			i++
		default:
			return i, separated
		}
	}
	return i, separated
}

// cdata masks an element's value in <![CDATA[…]]>. What could begin a command ends it.
func (c *scan) cdata(f *field) int {
	const opens, closes = "<![CDATA[", "]]>"
	if !strings.HasPrefix(c.s[f.value:], opens) {
		return 0
	}
	start := f.value + len(opens)
	near := c.s[start:min(len(c.s), start+1<<10)]
	n := strings.Index(near, closes)
	if n < 0 {
		return 0
	}
	if stop := strings.IndexAny(near[:n], ";|&\n`"); stop >= 0 {
		n = stop
	}
	if cut := substitution(near[:n]); cut >= 0 {
		n = cut
	}
	return c.mask(value{start: start, end: start + n, stop: start + n, quote: '"'}, f.secretName)
}
