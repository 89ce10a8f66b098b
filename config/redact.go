package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/etch-audit/etch/redact"
)

// options returns what the table adds to the rules of package redact. Load has
// checked its texts; of a Config made by hand, opening the log does.
func (r *Redact) options() redact.Options {
	opts := redact.Options{Allow: r.Allow}
	for _, text := range r.Rules {
		opts.Rules = append(opts.Rules, ruleOf(text))
	}
	return opts
}

// ruleOf splits "name: pattern".
func ruleOf(text string) redact.Rule {
	name, pattern, _ := strings.Cut(text, ":")
	return redact.Rule{Name: strings.TrimSpace(name), Pattern: strings.TrimLeft(pattern, " ")}
}

// checkRule says what is wrong with one text of rules.
func checkRule(text string) error {
	if !strings.Contains(text, ":") {
		return fmt.Errorf("%q has no colon", text)
	}
	_, err := redact.New(redact.Options{Rules: []redact.Rule{ruleOf(text)}})
	return cause(err)
}

// checkAllow says what is wrong with one text of allow.
func checkAllow(text string) error {
	if text == "" {
		return errors.New("an empty pattern allows nothing")
	}
	_, err := redact.New(redact.Options{Allow: []string{text}})
	return cause(err)
}

// cause returns the error without newlines, which a pattern may bring along.
func cause(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(printable(err.Error()))
}
