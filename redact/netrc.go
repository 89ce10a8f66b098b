package redact

// inNetrc reports whether the word at i belongs to a machine in a .netrc file, of which a login is told before it, in lines or in
// one. Line breaks may be escapes.
func (c *scan) inNetrc(i int) bool {
	const pairs = 4
	login := false
	for range pairs {
		value, start := c.tokenBefore(i)
		if value == "default" {
			return login
		}
		var key string
		key, i = c.tokenBefore(start)
		switch key {
		case "login", "account":
			login = true
		case "machine":
			return login && value != ""
		default:
			return false
		}
	}
	return false
}

// tokenBefore returns the word before i, in its line or an earlier one, and where it starts.
func (c *scan) tokenBefore(i int) (string, int) {
	low := max(0, i-lookahead)
	end := i
	for end > low {
		n := c.spaceBefore(end)
		if n == 0 {
			break
		}
		end = max(low, end-n)
	}
	start := end
	for start > low && c.spaceBefore(start) == 0 && !isQuote(c.s[start-1]) {
		start--
	}
	return c.s[start:end], start
}

// spaceBefore returns the length of the blank or line break right before i, which may be an escape; 0 where there is none.
func (c *scan) spaceBefore(i int) int {
	switch b := c.at(i - 1); {
	case b != 0 && isSpace(b):
		return 1
	case (b == 'n' || b == 't') && c.at(i-2) == '\\':
		return 2
	}
	return 0
}
