package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/etch-audit/etch/internal/nearest"
)

// A kind is the TOML type that a key takes.
type kind int

const (
	boolKind kind = iota
	integerKind
	stringKind
	listKind
)

func (k kind) String() string {
	return [...]string{"a boolean", "an integer", "a string", "an array of strings"}[k]
}

// errRange says that a value is not among the allowed ones, which is all there
// is to say: the hint names those.
var errRange = errors.New("not allowed")

// A codec moves one value between its TOML form (bool, int64, string or []string,
// by its kind) and its field.
type codec interface {
	kind() kind
	// set puts v into its field, or changes nothing and returns errRange or
	// the reason. Paths are resolved at p.
	set(c *Config, v any, p place) error
	get(c *Config) any
	// allowed says what the key takes, what is nearest to bad first.
	allowed(bad string) string
}

// parse turns the text of a variable or a flag into a value of the kind.
func (s *setting) parse(text string) (any, error) {
	switch s.kind() {
	case boolKind:
		i := slices.Index([]string{"false", "true", "0", "1"}, text)
		if i < 0 {
			return nil, errRange
		}
		return i%2 == 1, nil
	case integerKind:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, errRange
		}
		return n, nil
	case listKind:
		return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), nil
	default:
		return text, nil
	}
}

type boolean struct{ field func(*Config) *bool }

func (k boolean) kind() kind { return boolKind }

func (k boolean) set(c *Config, v any, _ place) error {
	*k.field(c) = v.(bool)
	return nil
}

func (k boolean) get(c *Config) any     { return *k.field(c) }
func (k boolean) allowed(string) string { return "true or false" }

type integer struct {
	field           func(*Config) *int64
	lowest, highest int64
}

func (k integer) kind() kind { return integerKind }

func (k integer) set(c *Config, v any, _ place) error {
	n := v.(int64)
	if n < k.lowest || n > k.highest {
		return errRange
	}
	*k.field(c) = n
	return nil
}

func (k integer) get(c *Config) any { return *k.field(c) }

func (k integer) allowed(string) string {
	return fmt.Sprintf("a whole number from %d to %d", k.lowest, k.highest)
}

// A word is one of the values of a choice. Of several words with one value the
// first is written.
type word[T comparable] struct {
	text  string
	value T
}

type choice[T comparable] struct {
	field func(*Config) *T
	words []word[T]
}

func (k choice[T]) kind() kind { return stringKind }

func (k choice[T]) set(c *Config, v any, _ place) error {
	i := slices.IndexFunc(k.words, func(w word[T]) bool { return w.text == v })
	if i < 0 {
		return errRange
	}
	*k.field(c) = k.words[i].value
	return nil
}

func (k choice[T]) get(c *Config) any {
	i := slices.IndexFunc(k.words, func(w word[T]) bool { return w.value == *k.field(c) })
	if i < 0 {
		panic(fmt.Sprintf("config: bad value %v of a choice", *k.field(c)))
	}
	return k.words[i].text
}

func (k choice[T]) allowed(bad string) string {
	texts := make([]string, len(k.words))
	for i, w := range k.words {
		texts[i] = w.text
	}
	return alternatives(nearest.Sorted(bad, texts))
}

// alternatives joins words as a sentence does: "a", "b" or "c".
func alternatives(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = strconv.Quote(w)
	}
	last := len(quoted) - 1
	if last < 1 {
		return strings.Join(quoted, "")
	}
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}

type span struct {
	field             func(*Config) *time.Duration
	shortest, longest time.Duration
}

func (k span) kind() kind { return stringKind }

func (k span) set(c *Config, v any, _ place) error {
	d, err := parseSpan(v.(string))
	if err != nil {
		return err
	}
	if d < k.shortest || d > k.longest {
		return errRange
	}
	*k.field(c) = d
	return nil
}

func (k span) get(c *Config) any { return formatSpan(*k.field(c)) }

func (k span) allowed(string) string {
	return fmt.Sprintf("a duration from %q to %q, such as \"90s\" or \"1h30m\"", formatSpan(k.shortest), formatSpan(k.longest))
}

// A spanOr is a span that takes one word besides, which stands for zero.
type spanOr struct {
	zero string
	span
}

func (k spanOr) set(c *Config, v any, p place) error {
	if v != k.zero {
		return k.span.set(c, v, p)
	}
	*k.field(c) = 0
	return nil
}

func (k spanOr) get(c *Config) any {
	if *k.field(c) == 0 {
		return k.zero
	}
	return k.span.get(c)
}

func (k spanOr) allowed(bad string) string {
	return strconv.Quote(k.zero) + ", or " + k.span.allowed(bad)
}

// A list is a list of texts, of which check says whether one will do. Texts of a
// variable are separated by line feeds.
type list struct {
	field func(*Config) *[]string
	check func(text string) error
	takes string
}

func (k list) kind() kind { return listKind }

func (k list) set(c *Config, v any, _ place) error {
	texts := v.([]string)
	for _, text := range texts {
		if err := k.check(text); err != nil {
			return err
		}
	}
	*k.field(c) = append([]string(nil), texts...) // nil where there is none, as in Default
	return nil
}

func (k list) get(c *Config) any     { return *k.field(c) }
func (k list) allowed(string) string { return k.takes }
