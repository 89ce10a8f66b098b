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
func (m *Masker) walkArgv(argv []string) ([]string, int) { return m.walkArgvOf(nil, argv) }

// walkArgvOf masks what one walk over the arguments of a program finds; nil is none, or one that they name.
func (m *Masker) walkArgvOf(program *command, argv []string) ([]string, int) {
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
	state := m.startArgv(program, argv)
	var pending secretName
	var follows bool
	for i, arg := range argv {
		if follows && !strings.HasPrefix(arg, "-") {
			masked, n := m.maskArg(arg, value{end: len(arg), quote: '"'}, pending)
			set(i, masked, n)
			follows = false
			continue
		}
		pending, follows = flagName(arg)
		if arg == "--password" && state.command == &commands[0] {
			follows = false // it asks
		}
		if p := commandOf(arg); p != nil && state.command != p {
			state = m.startArgv(p, argv[i+1:])
			continue
		}
		masked, n := m.argument(&state, arg)
		set(i, masked, n)
	}
	return out, total
}

// startArgv returns what is known of a command before its arguments are read.
func (m *Masker) startArgv(p *command, argv []string) argState {
	if p == nil {
		return argState{}
	}
	return argState{command: p, subSeen: p.sub == "" || slices.Contains(argv[:min(len(argv), subWithin)], p.sub)}
}

// subWithin is how far after a command its subcommand is looked for.
const subWithin = 16

// commandOf returns the entry of the program that arg names, or nil.
func commandOf(arg string) *command {
	if len(arg) > maxName*4 {
		return nil
	}
	name := strings.TrimSuffix(path.Base(arg), ".exe")
	if i, ok := commandIndex.Get()[name]; ok {
		return &commands[i]
	}
	return nil
}

// commandIndex finds a program in the table; of two entries for one program the first counts.
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
func (m *Masker) argument(state *argState, arg string) (string, int) {
	if v, name, ok := assignment(arg); ok {
		return m.maskArg(arg, v, name)
	}
	if state.command != nil {
		if masked, n := m.commandArg(state, arg); n > 0 {
			return masked, n
		}
	}
	return m.Text(arg)
}

// assignment returns the value that the whole argument assigns to a secret name, as in --token=x and NAME=x.
func assignment(arg string) (value, secretName, bool) {
	eq := strings.IndexByte(arg[:min(len(arg), maxName)], '=')
	if eq < 0 {
		return value{}, secretName{}, false
	}
	name := strings.TrimLeft(arg[:eq], "-")
	if !nameByte.all(name) || name == "" {
		return value{}, secretName{}, false
	}
	found, ok := lookup(name)
	if !ok || found.query || found.rule == ruleAuthorization || found.rule == ruleCookie {
		return value{}, secretName{}, false
	}
	return value{start: eq + 1, end: len(arg), quote: '"'}, found, true
}

// commandArg masks an argument in which the command takes a secret.
func (m *Masker) commandArg(state *argState, arg string) (string, int) {
	if arg == "" {
		return arg, 0
	}
	wanted := state.wantSecret || state.wantPair || state.literal
	kind := *state
	c := scan{m: m, s: arg}
	c.argument(state, 0, len(arg))
	if len(c.spans) == 0 {
		return arg, 0
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
