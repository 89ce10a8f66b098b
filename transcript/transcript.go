// Package transcript reads what coding agents write about their own sessions.
//
// A transcript is a second opinion, not an authority: the agent, and every
// command that it runs, can write the file. What is read here is therefore
// never believed over the log. It serves to notice what the log lacks.
//
// Reading is tolerant. The formats are nobody's promise, so a line that is no
// JSON and a type that is not known are counted and skipped, a live session's
// torn last line is no fault, and no content of a file can make reading fail
// or take more memory than the limits of this package say.
//
// What is special of an agent stands in its [Format], made by a package of its
// own below this one.
package transcript

import (
	"time"

	"github.com/etch-audit/etch/capture/hook"
)

// A Format is how one agent writes its transcripts and where. It is not
// changed after it was made, and safe for concurrent use.
type Format struct {
	Agent string // the agent's name, as in actor.agent

	// Roots returns the directories below which the agent keeps transcripts,
	// going by its own environment variables and the home directory.
	Roots func(Environment) []string

	// Name says of a file below a root, by its path relative to that root with
	// slashes, whether it is a transcript, and of which session, as far as its
	// name tells.
	Name func(rel string) (Name, bool)

	// Cwd returns the directory that a transcript's session worked in, where
	// files beside it tell; nil where none do.
	Cwd func(path string) string

	// New returns a parser of one file, which hands what it finds to emit.
	New func(f *File, emit func(Item)) Parser

	// Unseen says why no hook of the agent tells of such a call; "" where hooks
	// do.
	Unseen func(*Call) string

	// CallIDs reports whether the agent's hooks name calls by the ids that
	// stand in the transcript.
	CallIDs bool

	// Tools maps other names of a tool, which some of the agent's hooks use, to
	// the one in the transcript.
	Tools map[string]string
}

// A Name is what the name of a transcript's file tells.
type Name struct {
	Session string // the session it belongs to; "" where only its content tells
	Agent   string // the sub-agent it is of; "" for the main thread
}

// A Parser takes the lines of one file.
type Parser interface {
	// Line takes the next line, a whole JSON value, and reports whether its type
	// is known. The line is valid during the call only.
	Line(*Line) bool
	// End takes the end of the file: what was begun and has not ended is handed
	// over as it stands.
	End()
}

// An Item is one thing that a transcript tells: exactly one member is set.
type Item struct {
	Call   *Call
	Prompt *Prompt
	Meta   *Meta
}

// A Call is a call of a tool, or a command that a person typed. One that has
// not ended when the file does is no fault: the session may go on.
type Call struct {
	hook.Call

	Typed   bool      // a person typed it ("!command"): the model knows nothing of it
	Copied  bool      // copied from another session when this one was forked from it
	Of      string    // that session, where the copy tells
	Older   bool      // its time is before that of the file: it was copied, or a clock was set back
	Mark    string    // the agent's own mark of the line that it begins at, which a copy keeps; "" where there is none
	Over    time.Time // when its result was written; zero where none was
	File    string    // where it stands
	Line    int       // the number of the line that it begins at, from 1
	Clipped bool      // parts of it were too long to be kept: see [MaxString]
}

// A Prompt is what a person, or a program in a person's place, asked for.
type Prompt struct {
	Session string
	Turn    string
	Agent   string // the sub-agent asked; "" for the main thread
	Time    time.Time
	Mark    string // the agent's own mark of the line, which a copy keeps; "" where there is none
	Text    string // what was said
	Cwd     string // where the session was, as far as it is known
	Copied  bool   // copied from another session when this one was forked from it
	Older   bool   // its time is before that of the file: it was copied, or a clock was set back
	Clipped bool   // it was too long to be kept: see [MaxString]
	File    string // where it stands
	Line    int    // from 1
}

// A Meta tells of the session itself. A file may hold several; what one leaves
// empty it does not say.
type Meta struct {
	Session string
	Parent  string // the session that it was forked from
	Agent   string // the sub-agent that the file is of
	Cwd     string
	Project string // SHA-256 of the project's directory, in hexadecimal digits
	Version string // of the agent's program
	Start   time.Time
	Ended   bool // the agent says that the session is over
}
