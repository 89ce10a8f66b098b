// Package hookform knows how a hook of this program must stand in an agent's settings
// to be run as it was installed: for every event, with what the agent tells, and to its
// end. A file in which it stands otherwise looks as if the hook were there.
package hookform

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// A Verdict says what a member of a hook, or of the group that the hook stands in,
// does to it.
type Verdict int

// The verdicts, the worst last.
const (
	Fine    Verdict = iota // it says what an installation says, or nothing that matters
	Strange                // nothing is known of it
	Idle                   // the agent does not run the hook for every event, or does not wait for its end
)

// Judge judges a member by its name and its value, which is JSON. Of the command lines
// it says nothing: see [Words].
func Judge(name string, value []byte) Verdict {
	text := strings.TrimSpace(string(value))
	switch name {
	case "hooks", "command", "args", "bash", "powershell", "name", "description", "comment", "statusMessage", "show_output", "sequential":
		return Fine
	case "matcher":
		if Wide(value) {
			return Fine
		}
		return Idle
	case "type":
		return unless(text == `"command"`)
	case "timeout", "timeoutSec":
		seconds, err := strconv.ParseFloat(text, 64)
		return unless(err == nil && seconds > 0)
	case "async", "asyncRewake", "once", "disabled":
		return unless(text == "false" || text == "null")
	case "enabled":
		return unless(text == "true" || text == "null")
	case "if", "url", "prompt":
		return Idle
	case "onFailure":
		if text == `"block"` { // as the configuration may want it
			return Fine
		}
	}
	return Strange
}

// unless returns Idle unless what a member says is as installed.
func unless(installed bool) Verdict {
	if installed {
		return Fine
	}
	return Idle
}

// Wide reports whether a matcher lets every tool through: a JSON text.
func Wide(matcher []byte) bool {
	var text string
	return json.Unmarshal(matcher, &text) == nil && slices.Contains([]string{"", "*", ".*"}, text)
}

// Words takes a command line apart as a shell would, and reports whether these words
// are all that a shell makes of it: no variable, no second command, no other input or
// output. Windows says that a backslash is one. The & before a quoted word, without
// which PowerShell takes it for a text, is left out.
func Words(line string, windows bool) (words []string, plain bool) {
	s := splitter{windows: windows, plain: true}
	line = strings.TrimSpace(line)
	if rest, ok := strings.CutPrefix(line, "& "); ok {
		line = rest
	}
	for i := 0; i < len(line); i++ {
		i += s.take(line[i:])
	}
	s.end()
	return s.words, s.plain && s.quote == 0
}

// A splitter is how far a line is taken apart.
type splitter struct {
	windows bool
	plain   bool
	words   []string
	word    strings.Builder
	quote   byte // that is open; 0: none
	in      bool // a word has begun
}

// take takes the first byte of a line, and returns how many more.
func (s *splitter) take(line string) int {
	c := line[0]
	switch {
	case s.quote == 0 && (c == ' ' || c == '\t' || c == '\n'):
		s.plain = s.plain && c != '\n'
		s.end()
		return 0
	case s.quote == 0 && (c == '\'' || c == '"'):
		s.quote = c
	case c == s.quote:
		s.quote = 0
	case c == '\\' && s.quote != '\'' && !s.windows && len(line) > 1:
		s.word.WriteByte(line[1])
		s.in = true
		return 1
	default:
		s.plain = s.plain && !s.special(c)
		s.word.WriteByte(c)
	}
	s.in = true
	return 0
}

// special reports whether a shell takes a byte for more than itself where it stands.
func (s *splitter) special(c byte) bool {
	switch s.quote {
	case '\'':
		return false
	case '"':
		return c == '$' || c == '`'
	}
	return strings.IndexByte(";|&<>()$`*?[]{}^!", c) >= 0 || !s.in && (c == '#' || c == '~' && !s.windows)
}

func (s *splitter) end() {
	if s.in {
		s.words = append(s.words, s.word.String())
		s.word.Reset()
	}
	s.in = false
}
