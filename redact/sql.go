package redact

import "strings"

// identified masks the password in the SQL clauses IDENTIFIED BY 'x' and IDENTIFIED WITH plugin BY 'x'; i is behind the keyword.
func (c *scan) identified(start, i int) int {
	if !c.starts(start) {
		return 0
	}
	i = c.skipBlanks(i)
	if lowerByte(c.s[start+len("identified ")]) == 'w' {
		i = c.plugin(i)
	}
	if !isQuote(c.at(c.skipEscapes(i))) {
		return 0
	}
	return c.mask(c.read(i), secretNames.Get()["password"])
}

// plugin returns the place of the password behind the name of a plugin at i, and the end of the text where none follows.
func (c *scan) plugin(i int) int {
	open := c.skipQuote(i)
	end := c.skipQuote(c.runTo(word, open))
	at := c.skipBlanks(end)
	if at == end || !hasPrefixFold(c.s[at:], "by ") && !hasPrefixFold(c.s[at:], "as ") {
		return len(c.s)
	}
	return c.skipBlanks(at + len("by "))
}

// definesUser reports whether a word at i belongs to a statement of SQL that makes or changes a user or a role.
func (c *scan) definesUser(i int) bool {
	text := c.s[max(0, i-lookahead):i]
	text = text[strings.LastIndexByte(text, ';')+1:]
	for _, verb := range [...]string{"create ", "alter "} {
		if containsFold(text, verb+"user ") || containsFold(text, verb+"role ") {
			return true
		}
	}
	return false
}

// setFor masks the password of SET PASSWORD FOR 'u'@'h' = 'x', where "for" is at i.
func (c *scan) setFor(i int) int {
	near := c.s[i:min(len(c.s), i+lookahead)]
	n := strings.IndexAny(near, "=;\n")
	if n < 0 || near[n] != '=' {
		return 0
	}
	at := c.skipBlanks(i + n + 1)
	if hasPrefixFold(c.s[at:], "password(") {
		at += len("password(")
	}
	if !isQuote(c.at(c.skipEscapes(at))) {
		return 0
	}
	return c.mask(c.read(at), secretNames.Get()["password"])
}
