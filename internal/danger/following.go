package danger

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/etch-audit/etch/internal/shellword"
)

// mostWithin is how many commands are looked for within what follows a command.
const mostWithin = 16

// A following is what follows a command among a tool's arguments. Where that is a
// text it is for the server to know what words it is: it can give it to a shell
// behind the command, pass it on as one word, or cut it at its white space. A list
// has its words.
type following struct {
	shell, word, cut strings.Builder // in each of these ways
	listed           strings.Builder // as lists that stand in texts
	within           []string        // commands that begin in it: what is behind the command may be another one
	text             bool            // any of it is a text
	unread           bool            // any of it cannot be read as words, or has too many commands in it
}

// add adds a member's value.
func (f *following) add(value json.RawMessage) {
	words, ok := wordsIn(value)
	switch {
	case words == "":
		f.unread = f.unread || !ok
		return
	case value[0] == '[':
		f.shell.WriteString(" " + words)
		f.word.WriteString(" " + words)
		f.cut.WriteString(" " + words)
	default:
		f.text = true
		f.shell.WriteString(" " + words)
		f.word.WriteString(" " + shellword.Quote([]string{words}))
		f.cut.WriteString(" " + shellword.Quote(strings.Fields(words)))
	}
	f.look(words)
}

// addListed adds a member's value where it is a text that is a list in JSON.
func (f *following) addListed(value json.RawMessage) {
	if words := wordsInText(value); words != "" {
		f.listed.WriteString(" " + words)
	}
}

// look looks for shells in a text, which are given a command.
func (f *following) look(text string) {
	for rest := text; rest != ""; {
		rest = strings.TrimLeft(rest, " \t\r\n\v\f")
		end := strings.IndexAny(rest, " \t\r\n\v\f")
		if end < 0 {
			return
		}
		if isShell(rest[:end]) {
			if len(f.within) == mostWithin {
				f.unread = true
				return
			}
			f.within = append(f.within, rest)
		}
		rest = rest[end:]
	}
}

// isShell reports whether a word starts a shell, as it may be quoted.
func isShell(word string) bool {
	name := path.Base(strings.Trim(strings.ReplaceAll(word, `\`, "/"), `'"`))
	name = strings.TrimSuffix(strings.ToLower(name), ".exe")
	return slices.Contains([]string{"sh", "bash", "dash", "zsh", "ksh", "ash", "fish", "busybox", "cmd", "powershell", "pwsh"}, name)
}

// behind returns the commands that one may be with what follows it.
func (f *following) behind(command string) []string {
	all := append([]string{command + f.shell.String()}, f.within...)
	if f.text {
		all = append(all, command+f.word.String(), command+f.cut.String())
	}
	return all
}
