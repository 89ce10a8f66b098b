package filter

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/etch-audit/etch/internal/instant"
)

// signs returns the operators that a field takes; "" is its name alone.
func (f *Field) signs() []string {
	switch f.Kind {
	case Text:
		return []string{"=", "!=", "~", "!~", "in", "not in"}
	case Flag:
		return []string{"", "=", "!="}
	}
	return []string{"=", "!=", "<", "<=", ">", ">=", "in", "not in"}
}

// takes is the hint that lists them.
func (f *Field) takes() string {
	if f.Kind == Flag {
		return fmt.Sprintf("write %s, not %s, or %s = false", f.Name, f.Name, f.Name)
	}
	return "it takes " + strings.Join(f.signs(), ", ")
}

// leaf returns what a leaf about the field of a name begins with.
func (s *Schema) leaf(name string) (leaf, *ValueError) {
	if id, ok := s.ID(strings.ToLower(name)); ok && !s.Fields[id].Keyed {
		return leaf{schema: s, Field: id}, nil
	} else if ok {
		return leaf{}, &ValueError{s.Fields[id].Name + " needs a key", "write " + s.Fields[id].Name + ".KEY"}
	}
	id, key, ok := s.keyed(name)
	if ok && key != "" {
		return leaf{schema: s, Field: id, Key: key}, nil
	} else if ok {
		return leaf{}, &ValueError{s.Fields[id].Name + " needs a key", "write " + s.Fields[id].Name + ".KEY"}
	}
	return leaf{}, s.unknown(name)
}

// unknown returns the error about a name that no field has.
func (s *Schema) unknown(name string) *ValueError {
	_, key, _ := strings.Cut(name, ".")
	var first, all []string
	for _, f := range s.Fields {
		first = append(first, f.Name)
		for _, other := range append([]string{f.Name}, f.Also...) {
			if f.Keyed && key != "" {
				other += "." + key
			}
			all = append(all, other)
		}
	}
	return &ValueError{fmt.Sprintf("unknown field %q", shortened(name)), suggest(name, all, known(first))}
}

// An operand is what a field is compared with. A Time may be a day: from Time to
// until. It may be one that a clock showed twice, then and at until. Otherwise the two
// are equal.
type operand struct {
	Value
	until time.Time
	twice bool
}

// operand reads a value of the field.
func (l *leaf) operand(text string, now time.Time) (o operand, err *ValueError) {
	f := l.def()
	switch f.Kind {
	case Text:
		o.Text = text
		if f.Values != nil && !slices.Contains(f.Values, text) {
			err = f.noValue(text)
		}
	case Level:
		if o.Level = slices.Index(f.Values, text); o.Level < 0 {
			err = f.noValue(text)
		}
	case Number:
		o.Number, err = f.number(text)
	case Time:
		return moment(text, now)
	case Flag:
		if o.Flag = text == "true"; !o.Flag && text != "false" {
			err = notA("true or false", text, []string{"true", "false"}, "")
		}
	}
	return o, err
}

// noValue returns the error about a text that is none of the field's values.
func (f *Field) noValue(text string) *ValueError {
	problem := fmt.Sprintf("unknown %s %q", f.Name, shortened(text))
	if name, ok := strings.CutSuffix(text, "+"); ok && f.Kind == Level && slices.Contains(f.Values, name) {
		return &ValueError{problem, fmt.Sprintf("write %s >= %s", f.Name, name)} // as --risk has it
	}
	return &ValueError{problem, suggest(text, f.Values, known(f.Values))}
}

// notA returns the error about a text that cannot be read as what it should be.
func notA(what, text string, words []string, hint string) *ValueError {
	return &ValueError{fmt.Sprintf("%q is not %s", shortened(text), what), suggest(text, words, hint)}
}

// number reads a whole number, or a duration where the field counts time.
func (f *Field) number(text string) (int64, *ValueError) {
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, strconv.ErrRange):
		return 0, &ValueError{fmt.Sprintf("%q is out of range", shortened(text)), "numbers have 64 bits"}
	case f.Unit == 0:
		return 0, notA("a whole number", text, nil, "")
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, notA("a duration", text, nil, fmt.Sprintf("write 250ms, 1.5s or 2m; a number alone counts %v", f.Unit))
	}
	if d%f.Unit != 0 {
		return 0, &ValueError{fmt.Sprintf("%q is not a multiple of %v", text, f.Unit), ""}
	}
	return int64(d / f.Unit), nil
}

// moment reads a time.
func moment(text string, now time.Time) (operand, *ValueError) {
	const most = 64 // no form has so many bytes, and the error has all of them
	if len(text) > most {
		return operand{}, notA("a time", text, nil, instant.Forms)
	}
	span, err := instant.Parse(text, now)
	if err != nil {
		return operand{}, &ValueError{err.Error(), suggest(text, []string{"now", "today", "yesterday"}, instant.Forms)}
	}
	return operand{Value: Value{Time: span.From}, until: span.Until, twice: span.Twice}, nil
}

// pattern reads a regular expression.
func pattern(text string) (*regexp.Regexp, *ValueError) {
	re, err := regexp.Compile(text)
	if err == nil {
		return re, nil
	}
	reason := err.Error()
	if wrong, ok := errors.AsType[*syntax.Error](err); ok {
		reason = fmt.Sprintf("%v: %#q", wrong.Code, shortened(wrong.Expr))
	}
	return nil, &ValueError{"bad regular expression: " + reason, ""}
}
