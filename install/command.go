package install

import (
	"cmp"
	"slices"
	"strings"
)

// A command is the command line of a hook.
type command struct {
	binary string
	agent  string
	event  string
	log    string
	config string
	guard  bool
	noEnv  bool // it heeds nothing of the environment that says where or what to record
	more   bool // there are arguments that no installation writes
}

// args returns the arguments after the program.
func (c command) args() []string {
	args := []string{c.agent}
	if !isHookProgram(c.binary) {
		args = []string{"hook", c.agent}
	}
	if c.event != "" {
		args = append(args, c.event)
	}
	if c.guard {
		args = append(args, "--guard")
	}
	if c.noEnv {
		args = append(args, "--no-env")
	}
	if c.log != "" {
		args = append(args, "--log", c.log)
	}
	if c.config != "" {
		args = append(args, "--config", c.config)
	}
	return args
}

// take makes the command of an earlier installation, or none, what a hook shall
// say of where it records. Nothing of that is left to the environment: a project's
// settings may set it.
func (c *command) take(hook Hook) {
	c.noEnv = true
	c.log, c.config = cmp.Or(c.log, hook.OwnLog), cmp.Or(c.config, hook.OwnConfig)
	if hook.Log != nil {
		c.log = *hook.Log
	}
	if hook.Config != nil {
		c.config = *hook.Config
	}
}

// A shell is what takes a command line apart.
type shell int

const (
	posix shell = iota
	powershell
	cmdExe
)

// line writes the command for a shell.
func (c command) line(s shell) string {
	words := append([]string{c.binary}, c.args()...)
	for i, word := range words {
		words[i] = s.quote(word)
	}
	text := strings.Join(words, " ")
	if s == powershell && strings.HasPrefix(text, "'") {
		text = "& " + text // a quoted word alone is a string, not a command
	}
	return text
}

// quote writes a word so that the shell takes it as it is. Words that mean
// nothing special stay bare: people read them.
func (s shell) quote(word string) string {
	plain := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("_-./:+,@%=", r) || s != posix && r == '\\'
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 && !(s == cmdExe && strings.Contains(word, "%")) {
		return word
	}
	switch s {
	case powershell:
		return "'" + strings.ReplaceAll(word, "'", "''") + "'"
	case cmdExe:
		return `"` + word + `"` // no file name has a quote there
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// parse returns the command of this program that words are, and whether they
// are one for an agent of these names. Own is the file name of the running
// program, which may have been given another.
func parse(words, names []string, own string) (command, bool) {
	if len(words) > 0 && isHookProgram(words[0]) {
		words = slices.Insert(slices.Clone(words), 1, "hook") // it is nothing but that
	}
	if len(words) < 3 || words[1] != "hook" || !slices.Contains(names, words[2]) || !isBinary(words[0], own) {
		return command{}, false
	}
	c := command{binary: words[0], agent: words[2]}
	for rest := words[3:]; len(rest) > 0; rest = rest[1:] {
		switch name, value, given := strings.Cut(rest[0], "="); {
		case name == "--guard":
			c.guard = value != "false"
		case name == "--no-env":
			c.noEnv = value != "false"
		case given && name == "--log":
			c.log = value
		case given && name == "--config":
			c.config = value
		case len(rest) > 1 && name == "--log":
			c.log, rest = rest[1], rest[1:]
		case len(rest) > 1 && name == "--config":
			c.config, rest = rest[1], rest[1:]
		case c.event == "" && !strings.HasPrefix(name, "-"):
			c.event = rest[0]
		default:
			c.more = true
		}
	}
	return c, true
}

// programName is the name by which entries are known as this program's, also
// those that name an older path of it.
const programName = "etch"

// isBinary reports whether a path may be that of this program. Both separators
// count: the settings may be another system's.
func isBinary(path, own string) bool {
	name := fileName(path)
	return isHookProgram(path) || name == programName || strings.EqualFold(name, programName+".exe") || own != "" && name == own
}

// HookProgram is the name of the program that does what "etch hook" does, and nothing
// else.
const HookProgram = "etch-hook"

// isHookProgram reports whether a path may be that program's.
func isHookProgram(path string) bool {
	name := fileName(path)
	return name == HookProgram || strings.EqualFold(name, HookProgram+".exe")
}

// fileName returns what a path of any system ends with.
func fileName(path string) string { return path[strings.LastIndexAny(path, `/\`)+1:] }
