package redact

import (
	"path"
	"slices"
	"strings"

	"github.com/etch-audit/etch/internal/later"
)

// Argv masks the secrets in an argument vector and returns the masked vector and the number of masked places. Each argument is
// masked as [Text] is, but what an argument assigns to a secret name is masked whole, for no blank ends it; so is the argument
// after an option with a secret name, and what programs take in their own way (mysql -psecret, curl -u user:secret).
//
// Where nothing is to be masked Argv returns argv itself and 0, and does not allocate. argv is never changed.
func Argv(argv []string) ([]string, int) { return (*Masker)(nil).Argv(argv) }

// Argv masks as the function [Argv] does.
func (m *Masker) Argv(argv []string) ([]string, int) {
	out, total := argv, 0
	for range maxRounds {
		next, n := m.walkArgv(out)
		if n == 0 {
			break
		}
		out, total = next, total+n
	}
	return out, total
}

// walkArgv masks what one walk over the vector finds.
func (m *Masker) walkArgv(argv []string) ([]string, int) { return m.walkArgvOf("", argv) }

// walkArgvOf masks what one walk over the arguments of a program finds; "" is none, or one that they name.
func (m *Masker) walkArgvOf(program string, argv []string) ([]string, int) {
	out, total := argv, 0
	set := func(i int, s string, n int) {
		if n == 0 {
			return
		}
		if total == 0 {
			out = slices.Clone(argv)
		}
		out[i] = s
		total += n
	}
	var states argStates
	states.start(program, argv)
	var pending secretName
	var follows bool
	place := placeOf(argv)
	for i, arg := range argv {
		if i > 0 {
			place.next(argv[i-1])
		}
		if follows && !strings.HasPrefix(arg, "-") && !place.code {
			masked, n := m.maskArg(arg, value{end: len(arg), quote: '"'}, pending)
			set(i, masked, n)
			follows = false
			continue
		}
		pending, follows = flagName(arg)
		if i > 0 && argv[i-1] == "--arg" { // jq --arg token x
			pending, follows = lookup(arg)
		}
		if arg == "--password" && states.of[0].command == &commands[0] {
			follows = false // it asks
		}
		if p := commandOf(arg); p != nil && states.of[0].command != p {
			states.start(arg, argv[i+1:])
			continue
		}
		masked, n := m.argument(&states, &place, arg)
		set(i, masked, n)
	}
	return out, total
}

// maxEntries is how many entries of the table one program has at most.
const maxEntries = 4

// argStates are what is known of a command before its next argument is read, by each entry of its program.
type argStates struct {
	of [maxEntries]argState
	n  int
}

// start begins with the arguments of the program that a text names, or of none.
func (s *argStates) start(program string, argv []string) {
	*s = argStates{}
	first := commandOf(program)
	if first == nil {
		return
	}
	name := programName(program)
	for i := commandIndex.Get()[name]; i < len(commands) && s.n < maxEntries; i++ {
		if p := &commands[i]; slices.Contains(p.names, name) {
			s.of[s.n] = startArgv(p, argv)
			s.n++
		}
	}
}

// startArgv returns what an entry says of a command before its arguments are read.
func startArgv(p *command, argv []string) argState {
	seen := p.sub == ""
	for _, arg := range argv[:min(len(argv), subWithin)] {
		seen = seen || arg == p.sub
		if slices.Contains(p.without, arg) {
			return argState{command: p}
		}
	}
	return argState{command: p, subSeen: seen}
}

// subWithin is how far after a command its subcommand is looked for.
const subWithin = 16

// commandOf returns the entry of the program that arg names, or nil.
func commandOf(arg string) *command {
	if len(arg) > maxName*4 {
		return nil
	}
	if i, ok := commandIndex.Get()[programName(arg)]; ok {
		return &commands[i]
	}
	return nil
}

// programName returns what a program is called whose path is given.
func programName(arg string) string { return strings.TrimSuffix(path.Base(arg), ".exe") }

// commandIndex finds a program in the table: its first entry, of several.
var commandIndex = later.Value[map[string]int]{Make: func() map[string]int {
	out := map[string]int{}
	for i := range commands {
		for _, name := range commands[i].names {
			if _, ok := out[name]; !ok {
				out[name] = i
			}
		}
	}
	return out
}}

// argument masks one argument of a vector.
func (m *Masker) argument(states *argStates, place *argPlace, arg string) (string, int) {
	if v, name, ok := place.assignment(arg); ok {
		return m.maskArg(arg, v, name)
	}
	found, total := arg, 0
	for i := range states.n {
		if masked, n := m.commandArg(&states.of[i], arg); n > 0 && total == 0 {
			found, total = masked, n
		}
	}
	if total > 0 {
		return found, total
	}
	return m.Text(arg)
}

// commandArg masks an argument in which the command takes a secret.
func (m *Masker) commandArg(state *argState, arg string) (string, int) {
	if arg == "" {
		return arg, 0
	}
	inside := state.wantProxy // the host behind the secret stays
	wanted := state.wantSecret || state.wantPair || state.literal
	kind := *state
	c := scan{m: m, s: arg}
	c.argument(state, 0, len(arg))
	if len(c.spans) == 0 {
		return arg, 0
	}
	if inside {
		return m.replace(arg, c.settle()), 1
	}
	// An argument is one value: no blank or separator ends it.
	first := c.spans[0].start
	if !wanted && kind.positional > 0 && first > 0 {
		first = 0
	}
	return m.maskArg(arg, value{start: first, end: len(arg), quote: '"'}, secretName{rule: c.spans[0].rule})
}

// maskArg masks a value in an argument and returns the argument and the number of masked places.
func (m *Masker) maskArg(arg string, v value, name secretName) (string, int) {
	v.stop = v.end
	c := scan{m: m, s: arg}
	c.mask(v, name)
	c.ownSpans()
	if len(c.spans) == 0 {
		return arg, 0
	}
	spans := c.settle()
	return m.replace(arg, spans), len(spans)
}
