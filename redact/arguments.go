package redact

import "strings"

// bareLen returns how many letters of joined options without a value stand before the last of them in text: the k of -kuu:p.
func bareLen(bare, text string) int {
	if bare == "" || len(text) < 3 || text[1] == '-' {
		return 0
	}
	n := 0
	for n+2 < len(text) && strings.IndexByte(bare, text[1+n]) >= 0 {
		n++
	}
	return n
}

// assignedIn returns where in name=value the value begins, where the name is one of the given ones; 0 where it is none.
func assignedIn(names []string, text string) int {
	for _, name := range names {
		switch n := strings.IndexByte(text, '='); {
		case name == "=" && n > 0 && n < maxName && nameByte.all(text[:n]):
			return n + 1
		case name != "=" && strings.HasPrefix(text, name):
			return len(name)
		}
	}
	return 0
}

// argProxy masks the secret in user:secret@host:port, the argument at [start, end).
func (c *scan) argProxy(start, end int) {
	for isQuote(c.at(start)) {
		start++
	}
	text := strings.TrimRight(c.s[start:end], `"'`)
	at, colon := strings.LastIndexByte(text, '@'), c.m.indexUnmasked(text, ':')
	if at < 0 || colon < 0 || colon > at || strings.Contains(text, "://") {
		return // the rule for URLs has those
	}
	c.mask(value{start: start + colon + 1, end: start + at, stop: start + at, quote: '"'}, secretName{rule: rulePassword})
}

// opensPair reports whether the quote at i, which what follows makes look like a closing one, opens :secret.
func (c *scan) opensPair(i int) bool {
	b := c.at(i + 2)
	return isBlank(c.at(i-1)) && c.at(i+1) == ':' && b != 0 && !endsWord(b) && !isQuote(b)
}

// namesFile reports whether an argument says which file holds the secret, as the clients of clouds take it.
func namesFile(text string) bool {
	return strings.HasPrefix(text, "file://") || strings.HasPrefix(text, "fileb://")
}

// argFormat judges an argument of printf: the format, or one of those that it says the place of.
func (c *scan) argFormat(st *argState, text string, start int) {
	st.words++
	switch {
	case st.words == 1:
		st.verbs = secretVerbs(text)
	case st.verbs&1 != 0:
		c.argSecret(start, 0, st.command)
		fallthrough
	default:
		st.verbs >>= 1
	}
}

// secretVerbs returns which arguments of a format are values of secret names, as bits.
func secretVerbs(format string) uint64 {
	var out uint64
	for verb := 0; verb < 64; {
		at := strings.IndexByte(format, '%')
		if at < 0 || at == len(format)-1 {
			break
		}
		before := strings.TrimRight(format[:at], ` "'`)
		if format[at+1] == '%' {
			format = format[at+2:]
			continue
		}
		if n := len(before) - 1; n > 0 && (before[n] == '=' || before[n] == ':') {
			name := strings.TrimRight(before[:n], `"'`)
			first := len(name)
			for first > 0 && len(name)-first < maxName && nameByte.in(name[first-1]) {
				first--
			}
			if found, ok := lookup(name[first:]); ok && !found.query && !found.opaque {
				out |= 1 << verb
			}
		}
		format = format[at+1:]
		verb++
	}
	return out
}
