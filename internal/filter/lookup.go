package filter

import "strings"

// Lookup returns the field that a name asks for, and the key where the field is
// keyed; a keyed field is named with one, which may have the quotation marks of an
// expression. It reports whether there is such a field.
func (s *Schema) Lookup(name string) (id int, key string, ok bool) {
	if id, ok := s.names()[strings.ToLower(name)]; ok {
		return id, "", !s.Fields[id].Keyed
	}
	switch quoted, whole := quotedKey(name); {
	case quoted.kind == tokenText && quoted.end == len(name):
		name = whole
	case quoted.kind != tokenEnd:
		return 0, "", false
	}
	id, key, ok = s.keyed(name)
	return id, key, ok && key != ""
}

// quotedKey returns the key in quotation marks of the name that a text begins
// with, as label."a b", and the name without them. The token is the end where there
// is none.
func quotedKey(text string) (key token, name string) {
	at := strings.IndexAny(text, `"'`)
	if at < 1 || text[at-1] != '.' || strings.ContainsAny(text[:at], "=!<>~") {
		return token{kind: tokenEnd}, ""
	}
	key = lex(text, at)
	return key, text[:at] + key.text
}
