package config

import "fmt"

// An Error says what is wrong with a setting and where it was made. Its text
// is one line: the place, then Msg; Hint is for a line of its own.
type Error struct {
	Path   string // the file, where the setting or the fault is in one
	Line   int    // from 1; 0 where no line is to blame
	Column int    // in characters, from 1
	Origin string // where the setting was made when not in a file: "environment ETCH_ROTATE"
	Key    string // the key's full name, for instance "security.audit.rotate"
	Msg    string
	Hint   string // what to do, or what is allowed; may be empty

	cause error
}

// Error returns the place and the message, without the hint.
func (e *Error) Error() string {
	switch {
	case e.Line > 0:
		return fmt.Sprintf("%s:%d:%d: %s", e.Path, e.Line, e.Column, e.Msg)
	case e.Path != "":
		return e.Path + ": " + e.Msg
	case e.Origin != "":
		return e.Origin + ": " + e.Msg
	default:
		return e.Msg
	}
}

// Unwrap returns the error of the system that was the cause, if one was.
func (e *Error) Unwrap() error { return e.cause }
