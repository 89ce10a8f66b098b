package redact

import "strings"

// element masks what an element holds.
func (c *scan) element(f *field, text string) int {
	inner := strings.TrimSpace(text)
	start := f.value + strings.Index(text, inner)
	v := value{start: start, end: start + len(inner), stop: f.value + len(text), quote: '"'}
	n := len(c.spans)
	end := c.mask(v, f.secretName)
	if c.runsNothing(f, text, inner) {
		for i := n; i < len(c.spans); i++ {
			c.spans[i].value = false
		}
	}
	return end
}

// runsNothing reports whether a shell would run nothing of an element, since each > of its tags is a redirection that leads
// nowhere: the last one ends the only line that there is, or the first one ends its line. Quotes and comments could make
// something else of either.
func (c *scan) runsNothing(f *field, text, inner string) bool {
	if strings.ContainsAny(inner, "\n\r\"'`\\") || strings.Contains(inner, "$(") || hasComment(inner) {
		return false
	}
	if strings.IndexByte(text, '\n') < 0 {
		return true
	}
	if strings.IndexByte(text, '\n') > strings.Index(text, inner) {
		return false
	}
	before := c.s[max(0, f.start-lookahead):f.start]
	n := strings.LastIndexByte(before, '\n')
	return (n >= 0 || len(before) < lookahead) && !strings.ContainsAny(before[n+1:], "#\"'`\\")
}

// hasComment reports whether a # could begin a comment.
func hasComment(s string) bool {
	for i := range len(s) {
		if s[i] == '#' && i > 0 && isSeparator(s[i-1]) {
			return true
		}
	}
	return false
}
