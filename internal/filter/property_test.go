package filter

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A model is what an expression should say of a row, told without this package.
type model func(testRow) bool

// Words that are near to each other, so that rows are met, and texts that are
// hard to write.
var (
	modelTexts = []string{
		"", "alice", "@alice", "@@alice", "bob", "Alice", "sudo rm -rf /", `"quoted"`, `back\slash`, "it's", `'"\`,
		"line\nline", "tab\t\x00\x1b", "日本語", "emoji 😀", "\xff\xfe", "half \xe2\x84", "\ufffd", "and", "NOT", "in", "a b", "a.b",
		"x/y<z>&", "\u2028", "\u212a", "ſudo", "Kelvin", "true", "12",
	}
	modelKeys     = []string{"team", "Team", "a b", "x.y", "in", `q"\`, "é", "=", "ends."}
	modelNumbers  = []int64{math.MinInt64, -1, 0, 1, 2, 1500, math.MaxInt64}
	modelPatterns = []string{
		"", "sudo", `\bsudo\b`, "(?i)SUDO", "(?i)kelvin", "^@?alice$", "^alice$", "^bob", "b$", "(sudo)", `half .`, "a|b", `[[:upper:]]`, "日.語", `\x{fffd}`, `["'\\]`, `\n`, "(?s)line.line",
		"x/y", `<z>&$`, "(a)(l)+i?ce",
	}
	modelTimes = []time.Time{
		firstTime(), time.Unix(0, 0).UTC(), testNow.UTC(), testNow.UTC().Add(time.Microsecond), testNow.UTC().Add(-time.Nanosecond), lastTime(),
	}
)

// drawLeaf draws a leaf and its model.
func drawLeaf(t *rapid.T) (Expr, model) {
	field := rapid.IntRange(0, testSchema.Len()-1).Draw(t, "field")
	l := leaf{schema: testSchema, Field: field}
	if l.def().Keyed {
		l.Key = rapid.SampledFrom(modelKeys).Draw(t, "key")
	}
	switch l.def().Kind {
	case Level:
		return drawOrdered(t, l, testRisks, func(v string) Value { return Value{Level: slices.Index(testRisks, v)} }, func(r testRow) ([]string, bool) {
			return r.texts[field], true
		}, func(a, b string) int { return slices.Index(testRisks, a) - slices.Index(testRisks, b) }, true)
	case Number:
		return drawOrdered(t, l, modelNumbers, func(v int64) Value { return Value{Number: v} }, func(r testRow) ([]int64, bool) {
			n, ok := r.numbers[field]
			return []int64{n}, ok
		}, func(a, b int64) int {
			if a < b {
				return -1
			} else if a > b {
				return 1
			}
			return 0
		}, true)
	case Time:
		return drawOrdered(t, l, modelTimes, func(v time.Time) Value { return Value{Time: v} }, func(r testRow) ([]time.Time, bool) {
			at, ok := r.times[field]
			return []time.Time{at}, ok
		}, func(a, b time.Time) int { return int(max(-1, min(1, a.Sub(b)))) }, false)
	case Flag:
		want := rapid.Bool().Draw(t, "flag")
		return testSchema.Is(field, want), func(r testRow) bool {
			got, ok := r.flags[field]
			return ok && got == want
		}
	}
	return drawText(t, l)
}

// drawOrdered draws a comparison, or an In, of values that have an order.
func drawOrdered[T any](t *rapid.T, l leaf, values []T, value func(T) Value, of func(testRow) ([]T, bool), order func(a, b T) int, in bool) (Expr, model) {
	wants := rapid.SliceOfN(rapid.SampledFrom(values), 1, 3).Draw(t, "values")
	op := rapid.SampledFrom([]Op{Eq, Lt, Le, Gt, Ge}).Draw(t, "op")
	any1 := func(holds func(got T) bool) model {
		return func(r testRow) bool {
			got, ok := of(r)
			return ok && slices.ContainsFunc(got, holds)
		}
	}
	if in && len(wants) > 1 {
		var all []Value
		for _, w := range wants {
			all = append(all, value(w))
		}
		return newIn(l, all), any1(func(got T) bool {
			return slices.ContainsFunc(wants, func(w T) bool { return order(got, w) == 0 })
		})
	}
	return newCompare(l, op, value(wants[0])), any1(func(got T) bool {
		switch o := order(got, wants[0]); op {
		case Eq:
			return o == 0
		case Lt:
			return o < 0
		case Le:
			return o <= 0
		case Gt:
			return o > 0
		default:
			return o >= 0
		}
	})
}

// drawText draws a leaf about a text.
func drawText(t *rapid.T, l leaf) (Expr, model) {
	fold := func(s string) string { return s }
	if l.Field == fieldUser {
		fold = withoutAt
	}
	texts := modelTexts
	if l.def().Values != nil {
		texts = l.def().Values
	}
	if rapid.Bool().Draw(t, "match") {
		re, err := pattern(rapid.SampledFrom(modelPatterns).Draw(t, "pattern"))
		if err != nil {
			t.Fatal(err)
		}
		return newMatch(l, re), func(r testRow) bool {
			return slices.ContainsFunc(r.at(l.Field, l.Key), func(got string) bool { return re.MatchString(got) || re.MatchString(fold(got)) })
		}
	}
	wants := rapid.SliceOfN(rapid.SampledFrom(texts), 1, rapid.SampledFrom([]int{1, 4, 16}).Draw(t, "most")).Draw(t, "texts")
	var values []Value
	for _, w := range wants {
		values = append(values, Value{Text: w})
	}
	return newIn(l, values), func(r testRow) bool {
		return slices.ContainsFunc(r.at(l.Field, l.Key), func(got string) bool {
			return slices.ContainsFunc(wants, func(w string) bool { return fold(got) == fold(w) })
		})
	}
}

// at returns the texts of a field, and of a key.
func (r testRow) at(field int, key string) []string {
	if field != fieldLabel {
		return r.texts[field]
	}
	var texts []string
	for _, text := range r.texts[field] {
		if rest, ok := strings.CutPrefix(text, key+"="); ok && !strings.Contains(key, "=") {
			texts = append(texts, rest)
		}
	}
	return texts
}

// drawTree draws an expression and its model.
func drawTree(t *rapid.T, depth int) (Expr, model) {
	kind := rapid.IntRange(0, 5).Draw(t, "kind")
	if depth == 0 || kind < 3 {
		return drawLeaf(t)
	}
	if kind == 3 {
		e, m := drawTree(t, depth-1)
		return Negate(e), func(r testRow) bool { return !m(r) }
	}
	var terms []Expr
	var models []model
	for range rapid.IntRange(1, 3).Draw(t, "terms") {
		e, m := drawTree(t, depth-1)
		terms, models = append(terms, e), append(models, m)
	}
	if kind == 4 {
		return All(terms...), func(r testRow) bool {
			return !slices.ContainsFunc(models, func(m model) bool { return !m(r) })
		}
	}
	return Any(terms...), func(r testRow) bool {
		return slices.ContainsFunc(models, func(m model) bool { return m(r) })
	}
}

// drawRow draws a record; every field may be absent.
func drawRow(t *rapid.T) testRow {
	r := testRow{texts: map[int][]string{}, numbers: map[int]int64{}, times: map[int]time.Time{}, flags: map[int]bool{}}
	has := func(field int) bool { return rapid.IntRange(0, 3).Draw(t, fmt.Sprint("has ", field)) > 0 }
	for _, field := range []int{fieldUser, fieldCommand, fieldNote} {
		if has(field) {
			r.texts[field] = rapid.SliceOfN(rapid.SampledFrom(modelTexts), 1, 2).Draw(t, "texts")
		}
	}
	if has(fieldType) {
		r.texts[fieldType] = []string{rapid.SampledFrom(append([]string{"unheard_of"}, testTypes...)).Draw(t, "type")}
	}
	if has(fieldRisk) {
		r.texts[fieldRisk] = []string{rapid.SampledFrom(testRisks).Draw(t, "risk")}
	}
	for _, key := range modelKeys {
		if key != "=" && has(fieldLabel) {
			r.texts[fieldLabel] = append(r.texts[fieldLabel], key+"="+rapid.SampledFrom(modelTexts).Draw(t, "label"))
		}
	}
	for _, field := range []int{fieldExit, fieldDuration} {
		if has(field) {
			r.numbers[field] = rapid.SampledFrom(modelNumbers).Draw(t, "number")
		}
	}
	if has(fieldTime) {
		r.times[fieldTime] = rapid.SampledFrom(modelTimes).Draw(t, "time")
	}
	for _, field := range []int{fieldViolation, fieldDenied} {
		if has(field) {
			r.flags[field] = rapid.Bool().Draw(t, "flag")
		}
	}
	return r
}

// What is printed is read as the same tree.
func TestParsePrinted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, _ := drawTree(t, 4)
		text := e.String()
		again, err := Parse(testSchema, text, testNow)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if again.String() != text || !same(again, e) {
			t.Fatalf("%s was read as %s", text, again)
		}
	})
}

// No pair of parentheses and no quotation mark can be left out of what is
// printed.
func TestPrintIsMinimal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, _ := drawTree(t, 3)
		text := e.String()
		for _, shorter := range withoutPairs(text) {
			if again, err := Parse(testSchema, shorter, testNow); err == nil && same(again, e) {
				t.Fatalf("%s could be %s", text, shorter)
			}
		}
	})
}

// withoutPairs returns the texts that an expression becomes without one pair of
// parentheses, or without the marks of one text.
func withoutPairs(text string) []string {
	var all []string
	var open []int
	for tok := lex(text, 0); tok.kind != tokenEnd; tok = lex(text, tok.end) {
		switch {
		case tok.is("("):
			open = append(open, tok.start)
		case tok.is(")"):
			from := open[len(open)-1]
			open = open[:len(open)-1]
			all = append(all, text[:from]+" "+text[from+1:tok.start]+" "+text[tok.end:])
		case tok.kind == tokenText:
			all = append(all, text[:tok.start]+tok.text+text[tok.end:])
		}
	}
	return all
}

// An expression is true of what it should be true of.
func TestMatchIsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, m := drawTree(t, 3)
		for range 8 {
			row := drawRow(t)
			if got, want := e.Match(row), m(row); got != want {
				t.Fatalf("%s: got %v, want %v of %+v", e, got, want, row)
			}
		}
	})
}

// Holds says of one value what Match says of a row that has it.
func TestHoldsIsMatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, _ := drawLeaf(t)
		l := e.(Leaf)
		field, key := l.On()
		row := testRow{texts: map[int][]string{}, flags: map[int]bool{}}
		text := ""
		switch testSchema.Field(field).Kind {
		case Text, Level:
			text = rapid.SampledFrom(slices.Concat(modelTexts, testRisks, testTypes)).Draw(t, "text")
			row.texts[field] = []string{text}
			if field == fieldLabel {
				row.texts[field] = []string{key + "=" + text}
			}
			if strings.Contains(key, "=") {
				return // the row has no such key
			}
		case Flag:
			row.flags[field] = rapid.Bool().Draw(t, "flag")
			text = fmt.Sprint(row.flags[field])
		}
		if got, want := l.Holds(text), l.Match(row); got != want {
			t.Fatalf("%s: got %v, want %v of %q", l, got, want, text)
		}
	})
}
