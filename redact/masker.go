package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Options say how a [Masker] differs from the functions of this package.
type Options struct {
	// Key, where not empty, makes equal secrets equal in masked text: a mask ends in ":" and the first 8 hexadecimal digits of
	// HMAC-SHA256(Key, secret). Whoever has the key can test a guess; nobody else learns more than that two secrets are the same.
	Key []byte
	// Rules find secrets by patterns of the caller's own, beside those of the package.
	Rules []Rule
	// Allow are patterns (RE2) of what is no secret, whatever rule finds it: the example key of a manual, a public token. A
	// pattern must match the whole of what would be masked.
	Allow []string
}

// A Rule is a pattern for secrets of the caller's own.
type Rule struct {
	Name    string // what the mask says: lower-case letters, digits and hyphens, at most 32; no name of [Rules]
	Pattern string // RE2; the secret is the first of its groups that takes part in a match, or the whole match where none does
}

// A RuleError says which of the rules or patterns of [Options] is wrong.
type RuleError struct {
	Rule    string // its name
	Allow   bool   // it is a pattern of Options.Allow, which has no name
	Pattern string
	Err     error
}

// Error names the rule and what is wrong with it.
func (e *RuleError) Error() string {
	if e.Allow {
		return fmt.Sprintf("allow pattern %q: %v", e.Pattern, e.Err)
	}
	return fmt.Sprintf("rule %q: %v", e.Rule, e.Err)
}

// Unwrap returns the cause.
func (e *RuleError) Unwrap() error { return e.Err }

// A Masker masks as [Text], [JSON], [Argv] and [Named] do, with the additions of its [Options]. A nil Masker is without
// any. It is safe for concurrent use.
type Masker struct {
	key   []byte
	own   []ownRule
	allow []*regexp.Regexp
}

// ownRule is a rule of the caller's.
type ownRule struct {
	name    string
	pattern *regexp.Regexp
}

// maxOwnRules is what a rule's number leaves room for.
const maxOwnRules = 1<<8 - int(ruleCount)

// New returns a Masker, or a *[RuleError].
func New(opts Options) (*Masker, error) {
	m := &Masker{key: slices.Clone(opts.Key)}
	if len(opts.Rules) > maxOwnRules {
		return nil, &RuleError{Rule: opts.Rules[maxOwnRules].Name, Err: fmt.Errorf("more than %d rules", maxOwnRules)}
	}
	for _, r := range opts.Rules {
		if err := m.addRule(r); err != nil {
			return nil, &RuleError{Rule: r.Name, Pattern: r.Pattern, Err: err}
		}
	}
	for _, p := range opts.Allow {
		whole, err := compileWhole(p)
		if err != nil {
			return nil, &RuleError{Allow: true, Pattern: p, Err: err}
		}
		m.allow = append(m.allow, whole)
	}
	return m, nil
}

// compileWhole compiles a pattern so that it matches whole texts. It must be one by itself: "a)|(.*" is only valid where
// something stands around it, and would match everything.
func compileWhole(p string) (*regexp.Regexp, error) {
	if _, err := regexp.Compile(p); err != nil {
		return nil, err
	}
	return regexp.Compile(`^(?:` + p + `)$`)
}

// addRule checks a rule and takes it in.
func (m *Masker) addRule(r Rule) error {
	if err := m.checkName(r.Name); err != nil {
		return err
	}
	pattern, err := regexp.Compile(r.Pattern)
	if err != nil {
		return err
	}
	if pattern.MatchString("") {
		return fmt.Errorf("the pattern %q matches the empty text", r.Pattern)
	}
	m.own = append(m.own, ownRule{r.Name, pattern})
	return nil
}

// checkName says what is wrong with the name of a rule.
func (m *Masker) checkName(name string) error {
	const longest = 32
	known := func(o ownRule) bool { return o.name == name }
	switch {
	case name == "" || len(name) > longest || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return fmt.Errorf("a name has 1 to %d lower-case letters, digits and hyphens", longest)
	case slices.Contains(ruleNames[:], name):
		return fmt.Errorf("there is a built-in rule of this name")
	case slices.ContainsFunc(m.own, known):
		return fmt.Errorf("the name is used twice")
	}
	return nil
}

// name returns what a mask says of a rule.
func (m *Masker) name(r rule) string {
	if r < ruleCount {
		return ruleNames[r]
	}
	return m.own[r-ruleCount].name
}

// allows reports whether a text that would be masked is known to be no secret.
func (m *Masker) allows(secret string) bool {
	if m == nil {
		return false
	}
	return slices.ContainsFunc(m.allow, func(p *regexp.Regexp) bool { return p.MatchString(secret) })
}

// tagLen is the length of the tag that makes equal secrets equal, in hexadecimal digits.
const tagLen = 8

// mask returns what a secret found by the rule is replaced with.
func (m *Masker) mask(r rule, secret string) string {
	if m == nil || len(m.key) == 0 {
		return MaskPrefix + m.name(r) + "]"
	}
	mac := hmac.New(sha256.New, m.key)
	mac.Write([]byte(secret)) // a hash takes everything
	return MaskPrefix + m.name(r) + ":" + fmt.Sprintf("%x", mac.Sum(nil)[:tagLen/2]) + "]"
}

// maskEnd returns the end of the mask that starts at i, or 0 where none does.
func (m *Masker) maskEnd(s string, i int) int {
	if !strings.HasPrefix(s[i:], MaskPrefix) {
		return 0
	}
	start := i + len(MaskPrefix)
	end := start
	for end < len(s) && s[end] != ']' && s[end] != ':' {
		if end-start > longestName {
			return 0
		}
		end++
	}
	if !m.Knows(s[start:end]) {
		return 0
	}
	if end+tagLen+1 < len(s) && s[end] == ':' && hex.all(s[end+1:end+1+tagLen]) {
		end += 1 + tagLen
	}
	if end < len(s) && s[end] == ']' {
		return end + 1
	}
	return 0
}

// indexUnmasked returns the place of the first b in s that is no part of a mask, or -1: the colon of a mask separates nothing.
func (m *Masker) indexUnmasked(s string, b byte) int {
	for i := 0; i < len(s); i++ {
		if s[i] == b {
			return i
		}
		if end := m.maskEnd(s, i); end > 0 {
			i = end - 1
		}
	}
	return -1
}

// Knows reports whether a mask can have that name: of a rule of the package, or of the caller's own.
func (m *Masker) Knows(name string) bool {
	if slices.Contains(ruleNames[:], name) {
		return true
	}
	return m != nil && slices.ContainsFunc(m.own, func(o ownRule) bool { return o.name == name })
}

// ownSpans adds what the rules of the caller's own find in the text. A match that has bytes of a mask takes the whole
// mask with it; one that has nothing else is none.
func (c *scan) ownSpans() {
	if c.m == nil {
		return
	}
	for i := range c.m.own {
		for _, at := range c.m.own[i].pattern.FindAllStringSubmatchIndex(c.s, -1) {
			start, end := secretOf(at)
			if start == end {
				continue
			}
			if start, end, more := c.aroundMasks(start, end); more {
				c.add(start, end, ruleCount+rule(i))
			}
		}
	}
}

// secretOf returns what of a match is the secret: its first group that holds anything, or all of it where none took part.
func secretOf(at []int) (start, end int) {
	took := false
	for i := 2; i < len(at); i += 2 {
		if at[i] < 0 {
			continue
		}
		if at[i] < at[i+1] {
			return at[i], at[i+1]
		}
		took = true
	}
	if took {
		return at[0], at[0]
	}
	return at[0], at[1]
}

// aroundMasks widens [start, end) to hold every mask that it cuts, and reports whether it holds anything else.
func (c *scan) aroundMasks(start, end int) (from, to int, more bool) {
	masked := 0
	for at := 0; at < end; {
		n := strings.Index(c.s[at:], MaskPrefix)
		if n < 0 || at+n >= end {
			break
		}
		first := at + n
		last := c.m.maskEnd(c.s, first)
		if last == 0 {
			at = first + len(MaskPrefix)
			continue
		}
		if last > start {
			start, end = min(start, first), max(end, last)
			masked += last - first
		}
		at = last
	}
	return start, end, end-start > masked
}
