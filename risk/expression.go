package risk

import (
	"regexp"
	"sync"
)

// An expression is a regular expression that is compiled when it is first
// asked. Most commands need few of them and most processes none, and to
// compile them all takes longer than many a command that is recorded.
type expression struct {
	text     string
	once     sync.Once
	compiled *regexp.Regexp
}

// expr returns the expression of a text that a test has compiled.
func expr(text string) *expression { return &expression{text: text} }

func (e *expression) regexp() *regexp.Regexp {
	e.once.Do(func() { e.compiled = regexp.MustCompile(e.text) })
	return e.compiled
}

// matches reports whether s holds what the expression describes.
func (e *expression) matches(s string) bool { return e.regexp().MatchString(s) }

// find returns the first place of s that the expression describes, "" for none.
func (e *expression) find(s string) string { return e.regexp().FindString(s) }

// group returns what the expression's first group has in the first place of s, "" for none.
func (e *expression) group(s string) string {
	if m := e.regexp().FindStringSubmatch(s); len(m) > 1 {
		return m[1]
	}
	return ""
}

// groups returns what the expression's first group has in every place of s.
func (e *expression) groups(s string) []string {
	var out []string
	for _, m := range e.regexp().FindAllStringSubmatch(s, maxFields) {
		out = append(out, m[1])
	}
	return out
}

// replace returns s with by in every place that the expression describes.
func (e *expression) replace(s, by string) string { return e.regexp().ReplaceAllString(s, by) }
