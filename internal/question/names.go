package question

// Names returns the names of fields in a list with commas between them. What
// stands in the quotation marks of a key, as in label."a,b", parts nothing.
func Names(list string) []string {
	var names []string
	begin := 0
	for i := 0; i < len(list); i++ {
		switch list[i] {
		case ',':
			names = append(names, list[begin:i])
			begin = i + 1
		case '"', '\'':
			if i > begin && list[i-1] == '.' {
				i = quoted(list, i)
			}
		}
	}
	return append(names, list[begin:])
}

// quoted returns where the text ends that begins with a quotation mark: at the
// other one, or before the end where there is none. Only "…" has escapes.
func quoted(list string, at int) int {
	mark := list[at]
	for i := at + 1; i < len(list); i++ {
		switch {
		case list[i] == mark:
			return i
		case list[i] == '\\' && mark == '"':
			i++
		}
	}
	return len(list)
}
