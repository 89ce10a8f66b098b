package filter

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// A Kind says what the values of a field are, and so what can be asked of them.
type Kind uint8

// The kinds.
const (
	Text   Kind = iota // =, !=, ~, !~, in
	Level              // one of a list in rising order: =, !=, <, <=, >, >=, in
	Number             // a whole number: as Level
	Time               // a moment: as Level
	Flag               // true or false: =, !=, and the name alone
)

// A Field is something of a record that can be asked for.
type Field struct {
	Name string   // in expressions: lower-case letters, digits, "_" and "."
	Also []string // other names of the same form
	Kind Kind
	// Values are the names of a Level from the lowest to the highest. Of a Text
	// they are the only values there are, nil where it may be any.
	Values []string
	// Fold is applied to what is asked for and to what is there before they are
	// compared. It returns a part of its argument: what is found in that is found
	// in the value. Nil leaves texts as they are. A regular expression is tried on
	// the value as it is, and folded.
	Fold func(string) string
	// Keyed is a Text of which there is one under each key: label.team.
	Keyed bool
	// Plain says that every value stands in the record's line as a JSON string,
	// so that a search of the line's bytes finds it.
	Plain bool
	// Unit is what a Number counts, where it counts time: its values may be
	// written as durations, too (30s). 0 where it does not.
	Unit time.Duration
}

// A Schema is the list of fields that expressions can name. It is immutable, and safe
// for concurrent use. Where two fields have a name in common, or a name can never be
// read, it panics when it is asked for a name first: most programs that have a schema
// ask for none, so that it need not be made when they start.
type Schema struct {
	Fields []Field // by their ids; kept, and not to be changed

	once sync.Once
	ids  map[string]int // by their names, once they were asked for
}

// keywords are no names of fields, and no values without quotation marks.
var keywords = []string{"and", "or", "not", "in"}

// names returns the ids of the fields by all their names.
func (s *Schema) names() map[string]int {
	s.once.Do(func() { s.ids = s.makeNames() })
	return s.ids
}

func (s *Schema) makeNames() map[string]int {
	const namesEach = 3 // about
	names := make(map[string]int, namesEach*len(s.Fields))
	for id := range s.Fields {
		f := &s.Fields[id]
		for _, name := range append([]string{f.Name}, f.Also...) {
			if _, ok := names[name]; ok || !isName(name) {
				panic("filter: bad field name " + name)
			}
			names[name] = id
		}
		if (f.Kind == Level) != (f.Kind != Text && f.Values != nil) || f.Kind != Text && (f.Keyed || f.Fold != nil || f.Plain && f.Kind != Level) {
			panic("filter: bad kind of field " + f.Name)
		}
	}
	for name := range names {
		if id, key, ok := s.keyedIn(names, name); ok {
			panic("filter: bad field name " + name + ": it is the key " + key + " of " + s.Fields[id].Name)
		}
	}
	return names
}

func isName(name string) bool {
	return name != "" && !slices.Contains(keywords, name) && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '.'
	})
}

// Len returns the number of fields: their ids are those below it.
func (s *Schema) Len() int { return len(s.Fields) }

// Field returns the field of an id. It must not be changed.
func (s *Schema) Field(id int) *Field { return &s.Fields[id] }

// ID returns the id of the field of a name, its first or another, and reports
// whether there is one.
func (s *Schema) ID(name string) (id int, ok bool) {
	id, ok = s.names()[name]
	return id, ok
}

// keyed returns the field and the key that a name like label.team has.
func (s *Schema) keyed(name string) (id int, key string, ok bool) {
	return s.keyedIn(s.names(), name)
}

func (s *Schema) keyedIn(names map[string]int, name string) (id int, key string, ok bool) {
	for i, c := range []byte(name) {
		if c != '.' {
			continue
		}
		if id, ok := names[strings.ToLower(name[:i])]; ok && s.Fields[id].Keyed {
			return id, name[i+1:], true
		}
	}
	return 0, "", false
}
