package main

import "testing"

// A command is known by the name that the list gives it: the tree of a command
// line that begins with it holds that command alone.
func TestNeeded(t *testing.T) {
	for _, want := range commands {
		list := needed([]string{want.name, "--help"})
		if len(list) != 1 || list[0].name != want.name {
			t.Errorf("got %d commands for %q, want it alone", len(list), want.name)
			continue
		}
		found, _, err := newRoot(list, processStdio()).Find([]string{want.name})
		if err != nil || found.Name() != want.name {
			t.Errorf("etch %s: found %q, %v", want.name, found.Name(), err)
		}
	}
}

// What begins with no command's name may be about any: help, completion, flags
// before the command, a slip.
func TestNeededOthers(t *testing.T) {
	for _, args := range [][]string{nil, {"help", "audit"}, {"__complete", "audit", ""}, {"--log", "x", "audit"}, {"audti"}, {""}} {
		if got := len(needed(args)); got != len(commands) {
			t.Errorf("got %d commands for %q, want all %d", got, args, len(commands))
		}
	}
}

// Each process makes its part of the tree before it does anything else.
func BenchmarkRoot(b *testing.B) {
	for _, args := range [][]string{{"version"}, {"audit"}, {"help"}} {
		b.Run(args[0], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				newRoot(needed(args), processStdio())
			}
		})
	}
}
