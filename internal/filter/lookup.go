package filter

// Lookup returns the field that a name asks for, and the key where the field is
// keyed; a keyed field is named with one. It reports whether there is such a
// field.
func (s *Schema) Lookup(name string) (id int, key string, ok bool) {
	if id, ok := s.names()[name]; ok {
		return id, "", !s.Fields[id].Keyed
	}
	return s.keyed(name)
}
