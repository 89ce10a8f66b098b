package mcp

import (
	"bytes"
	"encoding/json"
)

// Reasons for which what has the structure of messages cannot be judged.
const (
	notJSON = "it cannot be judged: it is not JSON"
	loneCR  = "it cannot be judged: a CR stands in it, where some readers end a line"
	notUTF8 = "it cannot be judged: it is not UTF-8, and readers differ in what stands there"
)

// unfit returns why whole messages cannot be judged for how they are written, ""
// where they can: an outline takes what some reader may act on, and readers
// differ in what they see in it.
func unfit(data []byte, lines bool) string {
	if lines && hasLoneCR(data) {
		return loneCR
	}
	if !isJSON(data) {
		return notJSON
	}
	return ""
}

// hasLoneCR reports whether there is a CR that no LF follows. Readers with
// universal newlines, as those of Python, end a line there.
func hasLoneCR(data []byte) bool {
	for {
		i := bytes.IndexByte(data, '\r')
		if i < 0 {
			return false
		}
		if data = data[i+1:]; len(data) == 0 || data[0] != '\n' {
			return true
		}
	}
}

// isJSON reports whether bytes are objects and arrays of JSON, one behind the
// other, and nothing else. It copies nothing.
func isJSON(data []byte) bool {
	for {
		if data = bytes.TrimLeft(data, " \t\r\n"); len(data) == 0 {
			return true
		}
		n := valueEnd(data)
		if n == 0 || data[0] != '{' && data[0] != '[' || !json.Valid(data[:n]) {
			return false
		}
		data = data[n:]
	}
}

// valueEnd returns where the object or array ends that bytes begin with, if it is
// one of JSON; 0 where it has no end.
func valueEnd(data []byte) int {
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			for i++; i < len(data) && data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		}
		if depth <= 0 {
			return min(i+1, len(data))
		}
	}
	return 0
}
