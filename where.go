package etch

import (
	"slices"
	"time"

	"github.com/etch-audit/etch/internal/filter"
)

// A Filter is a condition on records, written as an expression:
//
//	user = alice and risk >= high
//	command ~ '\bsudo\b' and not denied and time >= yesterday
//
// docs/queries.md has the grammar and the fields. A Filter is immutable and safe
// for concurrent use; nil asks for nothing.
type Filter struct{ expr filter.Expr }

// ParseFilter reads an expression. Times in it are seen from now, and in its
// zone. The error says in which column it is wrong, what was expected and what
// is nearest.
func ParseFilter(text string, now time.Time) (*Filter, error) {
	e, err := filter.Parse(&schema, text, now)
	if err != nil {
		return nil, err
	}
	return &Filter{e}, nil
}

// ParseFilterWord reads FIELD=VALUE, or another operator between the two, as one
// word of a command line has it: the value is taken as it stands. The error is
// as that of [ParseFilter].
func ParseFilterWord(word string, now time.Time) (*Filter, error) {
	e, err := filter.Word(&schema, word, now)
	if err != nil {
		return nil, err
	}
	return &Filter{e}, nil
}

// MatchText returns the condition that a text of an event matches a regular
// expression (RE2): its tool, command, resource or directory, a text in its
// arguments, the reasons of its risk, what its result says, or a URL.
func MatchText(pattern string) (*Filter, error) {
	e, err := schema.Matches(fieldText, pattern)
	if err != nil {
		return nil, err
	}
	return &Filter{e}, nil
}

// And returns the condition that all of the filters are true.
func (f *Filter) And(others ...*Filter) *Filter {
	exprs := []filter.Expr{f.tree()}
	for _, o := range others {
		exprs = append(exprs, o.tree())
	}
	return &Filter{filter.All(exprs...)}
}

// String returns the expression, which [ParseFilter] reads to the same Filter.
func (f *Filter) String() string {
	if f.tree() == nil {
		return ""
	}
	return f.expr.String()
}

// Match reports whether the condition is true of a record.
func (f *Filter) Match(r *Record) bool {
	return f.tree() == nil || f.expr.Match(row{eventValues{r}})
}

func (f *Filter) tree() filter.Expr {
	if f == nil {
		return nil
	}
	return f.expr
}

// ofControl reports whether the condition names what only the log's records
// about itself have: those are then asked for.
func ofControl(e filter.Expr) bool {
	return anyLeaf(e, func(l filter.Leaf) bool {
		field, _ := l.On()
		return field == fieldControl || field == fieldType && slices.ContainsFunc(controlTypes, l.Holds)
	})
}

// anyLeaf reports whether holds is true of any leaf of an expression.
func anyLeaf(e filter.Expr, holds func(filter.Leaf) bool) bool {
	within := func(e filter.Expr) bool { return anyLeaf(e, holds) }
	switch e := e.(type) {
	case *filter.And:
		return slices.ContainsFunc(e.Terms, within)
	case *filter.Or:
		return slices.ContainsFunc(e.Terms, within)
	case *filter.Not:
		return within(e.Term)
	case filter.Leaf:
		return holds(e)
	}
	return false
}

// FieldNames returns the names of the fields that a [Filter] can ask for and
// [Record.Field] gives.
func FieldNames() []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names
}

// kindNames are the names of the kinds of fields.
var kindNames = [...]string{
	filter.Text: "text", filter.Level: "level", filter.Number: "number", filter.Time: "time", filter.Flag: "flag",
}

// FieldKind returns what the values of a field are: "text", "level", "number",
// "time" or "flag"; "" where a [Filter] may not name it.
func FieldKind(name string) string {
	id, _, ok := schema.Lookup(name)
	if !ok {
		return ""
	}
	return kindNames[fields[id].Kind]
}

// Field returns the value of a field of the record, the first where there are
// several: a string, an int64, a bool or a time.Time; nil where it is absent.
// One under a key is named with it: label.team. The name must be one that a
// filter may name: ok says whether it is.
func (r *Record) Field(name string) (value any, ok bool) {
	id, key, ok := schema.Lookup(name)
	if !ok {
		return nil, false
	}
	v := row{eventValues{r}}
	switch fields[id].Kind {
	case filter.Number:
		if n, there := v.Number(id); there {
			value = n
		}
	case filter.Time:
		value, _ = v.Time(id)
	case filter.Flag:
		if set, there := v.Flag(id); there {
			value = set
		}
	default:
		v.Texts(id, key, func(s string) bool {
			value = s
			return true
		})
	}
	return value, true
}
