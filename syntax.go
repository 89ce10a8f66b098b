package etch

import (
	"fmt"
	"strings"
)

// A SyntaxError says why a line is not a record, or an input not an event.
type SyntaxError struct {
	Offset  int    // where, in bytes from the beginning of the line
	Member  string // the member's path, "action.risk_level"; "" for the line itself
	Reason  string
	Nearest string // the known name that was probably meant; "" for none
}

// Error returns the reason and the place in one line.
func (e *SyntaxError) Error() string {
	var s strings.Builder
	if e.Member != "" {
		s.WriteString(e.Member)
		s.WriteString(": ")
	}
	s.WriteString(e.Reason)
	if e.Nearest != "" {
		fmt.Fprintf(&s, "; did you mean %q?", e.Nearest)
	}
	fmt.Fprintf(&s, " (at byte %d)", e.Offset)
	return s.String()
}
