package redact

import "strings"

// schemes are the words before the credentials in an Authorization header.
var schemes = words{
	"basic", "bearer", "token", "digest", "negotiate", "ntlm", "apikey", "api-key", "key", "bot", "oauth", "hmac", "splunk",
	"ssws", "sso-key", "hawk", "geniekey", "jwt", "signature", "discogs", "vapid", "aws4-hmac-sha256", "dpop", "pveapitoken",
}

// authorization masks the credentials of an Authorization header and keeps the scheme.
func (c *scan) authorization(f *field) int {
	if f.op == opBare || f.op == opFlag && c.at(f.value) == '-' {
		return 0
	}
	v := c.headerValue(f)
	if v.start == v.end {
		return 0
	}
	text := c.s[v.start:v.end]
	n := 0
	for n < len(text) && n < 24 && dashed.in(text[n]) {
		n++
	}
	scheme := text[:n]
	if hasFold(schemes, scheme) {
		n += blankLen(text[n:])
		if n == len(scheme) {
			return 0
		}
		v.start += n
		if equalFold(scheme, "digest") {
			c.digest(v.start)
			return 0
		}
		if equalFold(scheme, "aws4-hmac-sha256") {
			c.awsSignature(v.start)
			return 0
		}
	}
	if c.at(v.start) == '"' || v.start == v.end {
		return 0
	}
	return c.mask(v, f.secretName)
}

// digest masks the response of a Digest header whose members start at i: who answers, and to what, are left.
func (c *scan) digest(i int) {
	const key, longest = "response=", 1 << 10
	near := c.s[i:min(len(c.s), i+longest)]
	near, _, _ = strings.Cut(near, "\n")
	n := strings.Index(near, key)
	if n < 0 {
		return
	}
	start := c.skipQuote(i + n + len(key))
	end := c.runTo(hex, start)
	if end > start {
		last := c.last
		c.add(start, end, ruleAuthorization)
		c.last = last
	}
}

// skipQuote returns the place behind a quote at i, which may be escaped; i where there is none.
func (c *scan) skipQuote(i int) int {
	if c.at(i) == '\\' && isQuote(c.at(i+1)) {
		i++
	}
	if isQuote(c.at(i)) {
		i++
	}
	return i
}

// blankLen returns the length of the blanks that s starts with, written out or as %20.
func blankLen(s string) int {
	n := 0
	for n < len(s) {
		switch {
		case isBlank(s[n]) || s[n] == '+':
			n++
		case strings.HasPrefix(s[n:], "%20"):
			n += 3
		case strings.HasPrefix(s[n:], `\ `):
			n += 2
		default:
			return n
		}
	}
	return n
}

// headerValue returns the bounds of a header's value. Within quotes it ends with them, else with its line's last word that
// can belong to it.
func (c *scan) headerValue(f *field) value {
	i := f.value
	q := c.at(f.start - 1)
	if q == '-' { // Proxy-Authorization is one name; --authorization is an option
		q = 0
	}
	if isQuote(q) && f.op != opMember {
		return c.cutCommand(value{start: i, end: c.quotedEnd(i, q), quote: q})
	}
	if q := c.at(i); isQuote(q) || q == '\\' && isQuote(c.at(i+1)) {
		return c.read(i)
	}
	end := c.wordEnd(i)
	if hasFold(schemes, c.s[i:end]) {
		next := c.skipBlanks(end)
		end = c.wordEnd(next)
	}
	return value{start: i, end: end, stop: end}
}

// quotedEnd returns the end of a string that is open at i: its quote, or the end of the line where that is missing.
func (c *scan) quotedEnd(i int, q byte) int {
	if end := c.closing(i, q); end >= 0 {
		if text := c.s[i:end]; q == '"' && (len(text)-len(strings.TrimRight(text, "\\")))%2 == 1 {
			end-- // the quote is escaped
		}
		return end
	}
	if n := strings.IndexByte(c.s[i:min(len(c.s), i+1<<10)], '\n'); n >= 0 {
		return i + n
	}
	return c.wordEnd(i)
}

// cutCommand ends a double-quoted value before a command substitution.
func (c *scan) cutCommand(v value) value {
	if v.quote == '"' {
		if cut := substitution(c.s[v.start:v.end]); cut >= 0 {
			v.end = v.start + cut
			// "Bearer $(command)" is a reference as a whole.
			if strings.TrimRight(c.s[v.start:v.end], " ") != c.s[v.start:v.end] {
				v.end = v.start
			}
		}
	}
	v.stop = v.end
	return v
}

// awsSignature masks the signature in the AWS credentials that start at i; key id, scope and signed headers are left to the walk.
func (c *scan) awsSignature(i int) {
	const key, longest, shortest = "Signature=", 1 << 10, 16
	near := c.s[i:min(len(c.s), i+longest)]
	n := strings.Index(near, key)
	if n < 0 || strings.IndexByte(near[:n], '\n') >= 0 {
		return
	}
	start := i + n + len(key)
	end := start
	for end < len(c.s) && hex.in(c.s[end]) {
		end++
	}
	if end-start < shortest {
		return
	}
	last := c.last
	c.add(start, end, ruleSignature)
	c.last = last
}

// cookies masks the values of the cookies in a Cookie header and keeps their names. What is no cookie ends the header, so that
// nothing else is hidden.
func (c *scan) cookies(f *field) int {
	if f.op == opBare || f.op == opEqual && !isQuote(c.at(f.value)) {
		return 0
	}
	i := f.value
	if c.at(i) == '\\' && isQuote(c.at(i+1)) {
		i++
	}
	if isQuote(c.at(i)) {
		i++
	}
	end := 0
	for {
		name := c.skipBlanks(i)
		at := name
		for at-name < maxName && (nameByte.in(c.at(at)) || c.at(at) == '%') {
			at++
		}
		if at == name || c.at(at) != '=' {
			return end
		}
		stop := c.runTo(printable, at+1)
		if n := strings.IndexAny(c.s[at+1:stop], ";,\\&|<>()"); n >= 0 {
			stop = at + 1 + n
		}
		if !hasFold(cookieAttributes, c.s[name:at]) {
			v := value{start: at + 1, end: stop, stop: stop, quote: '"'}
			end = max(end, c.mask(v, secretNames.Get()["cookie"]))
		}
		if c.at(stop) != ';' {
			return end
		}
		i = stop + 1
	}
}

// cookieAttributes are the members of a Set-Cookie header that are no cookies.
var cookieAttributes = words{"path", "domain", "expires", "max-age", "samesite", "version", "priority"}
