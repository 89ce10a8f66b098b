package redact

import "strings"

// maxAuthority bounds how far the credentials of a URL are looked for.
const maxAuthority = 512

// url masks the password in the credentials of a URL whose "://" is at [start, i), or the user where it is a token.
func (c *scan) url(start, i int) int {
	if !alnum.in(c.at(start - 1)) {
		return 0
	}
	limit := min(len(c.s), i+maxAuthority)
	at := c.userEnd(i, limit)
	if at < 0 {
		return 0
	}
	info := c.s[i:at]
	colon := c.m.indexUnmasked(info, ':')
	if colon < 0 {
		return c.urlUser(i, info)
	}
	user, password := info[:colon], info[colon+1:]
	if password == "" || password == "x-oauth-basic" {
		return c.urlUser(i, user)
	}
	first := i + len(user) + 1
	v := value{start: first, end: at, stop: at, quote: '"'}
	if cut := substitution(password); cut >= 0 {
		v.end = first + cut
		v.stop = v.end
	}
	if end, ok := c.limits[first]; ok && end < at {
		if text := c.s[first:end]; isAllDigits(text) || strings.IndexByte(text, '/') >= 0 {
			return 0 // a port or a path: the @ is not of this word
		}
	}
	return c.mask(v, secretName{rule: ruleURLPassword})
}

// urlUser masks a user that is a token: nothing else stands for a password there.
func (c *scan) urlUser(i int, user string) int {
	const shortest = 20
	if len(user) < shortest || !dashed.all(user) || !isMixed(user) {
		return 0
	}
	return c.add(i, i+len(user), ruleURLToken)
}

// userEnd returns the place of the @ that ends the credentials of the authority at i, or -1. An @ further on counts only
// where what comes before it cannot be a host and a port: passwords are often written without escapes.
func (c *scan) userEnd(i, limit int) int {
	at, colon := -1, -1
	j := i
scan:
	for ; j < limit; j++ {
		switch b := c.s[j]; {
		case b == '@':
			at = j
		case b == ':' && colon < 0:
			colon = j
		case b == '/' || b == '?' || b == '#':
			break scan
		case b == '[':
			if end := c.m.maskEnd(c.s, j); end > 0 {
				j = end - 1
			}
		case b == '$' && c.at(j+1) == '{':
			j = c.pair(j+2, '}') - 1
		case b == '$' && c.at(j+1) == '(':
			j = c.pair(j+2, ')') - 1
		case isSpace(b) || isQuote(b) || b == '`' || b == '\\' || b == '>' || b == ',' && at >= 0:
			return at
		}
	}
	if at >= 0 || colon < 0 || j >= limit || colon == i || isAllDigits(c.s[colon+1:j]) {
		return at
	}
	for ; j < limit; j++ {
		switch b := c.s[j]; {
		case b == '@':
			return j
		case isSpace(b) || isQuote(b) || b == '`' || b == '\\' || b == '<' || b == '>' || b == ':':
			return -1
		}
	}
	return -1
}
