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
type codec struct {
	kind kind
	// set puts v into its field, or changes nothing and returns errRange or
	// the reason. Paths are resolved at p.
	set func(c *Config, v any, p place) error
	get func(c *Config) any
	// allowed says what the key takes, what is nearest to bad first.
	allowed func(bad string) string
}

// parse turns the text of a variable or a flag into a value of the kind.
func (k codec) parse(text string) (any, error) {
	switch k.kind {
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

func phrase(text string) func(string) string {
	return func(string) string { return text }
}

func boolean(field func(*Config) *bool) codec {
	return codec{
		kind: boolKind,
		set: func(c *Config, v any, _ place) error {
			*field(c) = v.(bool)
			return nil
		},
		get:     func(c *Config) any { return *field(c) },
		allowed: phrase("true or false"),
	}
}

func integer(field func(*Config) *int64, lowest, highest int64) codec {
	return codec{
		kind: integerKind,
		set: func(c *Config, v any, _ place) error {
			n := v.(int64)
			if n < lowest || n > highest {
				return errRange
			}
			*field(c) = n
			return nil
		},
		get:     func(c *Config) any { return *field(c) },
		allowed: phrase(fmt.Sprintf("a whole number from %d to %d", lowest, highest)),
	}
}

// A word is one of the values of a choice. Of several words with one value the
// first is written.
type word[T comparable] struct {
	text  string
	value T
}

func choice[T comparable](field func(*Config) *T, words []word[T]) codec {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = w.text
	}
	return codec{
		kind: stringKind,
		set: func(c *Config, v any, _ place) error {
			i := slices.Index(texts, v.(string))
			if i < 0 {
				return errRange
			}
			*field(c) = words[i].value
			return nil
		},
		get: func(c *Config) any {
			i := slices.IndexFunc(words, func(w word[T]) bool { return w.value == *field(c) })
			if i < 0 {
				panic(fmt.Sprintf("config: bad value %v of a choice", *field(c)))
			}
			return words[i].text
		},
		allowed: func(bad string) string { return alternatives(nearest.Sorted(bad, texts)) },
	}
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

func span(field func(*Config) *time.Duration, shortest, longest time.Duration) codec {
	return codec{
		kind: stringKind,
		set: func(c *Config, v any, _ place) error {
			d, err := parseSpan(v.(string))
			if err != nil {
				return err
			}
			if d < shortest || d > longest {
				return errRange
			}
			*field(c) = d
			return nil
		},
		get: func(c *Config) any { return formatSpan(*field(c)) },
		allowed: phrase(fmt.Sprintf("a duration from %q to %q, such as \"90s\" or \"1h30m\"",
			formatSpan(shortest), formatSpan(longest))),
	}
}

// spanOr is a span that takes one word besides, which stands for zero.
func spanOr(zero string, field func(*Config) *time.Duration, shortest, longest time.Duration) codec {
	k := span(field, shortest, longest)
	set, get, allowed := k.set, k.get, k.allowed("")
	k.set = func(c *Config, v any, p place) error {
		if v != zero {
			return set(c, v, p)
		}
		*field(c) = 0
		return nil
	}
	k.get = func(c *Config) any {
		if *field(c) == 0 {
			return zero
		}
		return get(c)
	}
	k.allowed = phrase(strconv.Quote(zero) + ", or " + allowed)
	return k
}

// list is a list of texts, of which check says whether one will do. Texts of a
// variable are separated by line feeds.
func list(field func(*Config) *[]string, check func(text string) error, allowed string) codec {
	return codec{
		kind: listKind,
		set: func(c *Config, v any, _ place) error {
			texts := v.([]string)
			for _, text := range texts {
				if err := check(text); err != nil {
					return err
				}
			}
			*field(c) = append([]string(nil), texts...) // nil where there is none, as in Default
			return nil
		},
		get:     func(c *Config) any { return *field(c) },
		allowed: phrase(allowed),
	}
}
