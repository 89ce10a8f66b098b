package filter

// A leaf is what every [Leaf] has: whose values it is about.
type leaf struct {
	Field int    // the field's id
	Key   string // "" but for a keyed field

	schema *Schema
}

// On implements [Leaf].
func (l *leaf) On() (field int, key string) { return l.Field, l.Key }

func (l *leaf) def() *Field { return &l.schema.Fields[l.Field] }

// printName prints the field's name, and the key of a keyed one.
func (l *leaf) printName(dst []byte) []byte {
	dst = append(dst, l.def().Name...)
	if !l.def().Keyed {
		return dst
	}
	dst = append(dst, '.')
	if isBare(l.Key) {
		return append(dst, l.Key...)
	}
	return printQuoted(dst, l.Key)
}

// fold applies Field.Fold, where there is one.
func (l *leaf) fold(text string) string {
	if fold := l.def().Fold; fold != nil {
		return fold(text)
	}
	return text
}
