package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/config"
)

func TestReport(t *testing.T) {
	interrupted, cancel := context.WithCancelCause(t.Context())
	cancel(interruption{syscall.SIGINT})
	for _, test := range []struct {
		name  string
		ctx   context.Context
		err   error
		exit  int
		words string
	}{
		{"an error", t.Context(), errors.New("no"), 1, "etch: error: no\n"},
		{"several", t.Context(), errors.Join(errors.New("a"), errors.New("b")), 1, "etch: error: a\netch: error: b\n"},
		{"hints", t.Context(), fail(125, "do\nor do not", errors.New("no")), 125, "etch: error: no\netch: hint: do\netch: hint: or do not\n"},
		{"told already", t.Context(), exitWith(7), 7, ""},
		{"success of another program", t.Context(), exitWith(0), 0, ""},
		{"wrong use", t.Context(), usagef("", "no %d", 1), 2, "etch: error: no 1\n"},
		{"a wrapped failure", t.Context(), fmt.Errorf("x: %w", fail(3, "", errors.New("no"))), 3, "etch: error: x: no\n"},
		{"configuration", t.Context(), &config.Error{Path: "f", Line: 1, Column: 2, Msg: "no", Hint: "yes"}, 2, "etch: error: f:1:2: no\netch: hint: yes\n"},
		{
			"an older daemon", t.Context(), fmt.Errorf("x: %w", &etch.DaemonError{Code: "invalid", Text: "import: unknown member"}), 1,
			"etch: error: x: daemon: import: unknown member\netch: hint: the daemon is probably an older etch than this one: \"etch status\" says its version; restart it with this one\n",
		},
		{"a daemon's own hint", t.Context(), &etch.DaemonError{Code: "invalid", Text: "no", Hint: "yes"}, 1, "etch: error: daemon: no\netch: hint: yes\n"},
		{"a daemon's refusal", t.Context(), &etch.DaemonError{Code: "refused", Text: "no"}, 1, "etch: error: daemon: no\n"},
		{"closed pipe", t.Context(), fmt.Errorf("x: %w", closedPipe()), exitBrokenPipe, ""},
		{"closed pipe, twice", t.Context(), errors.Join(closedPipe(), fmt.Errorf("x: %w", closedPipe())), exitBrokenPipe, ""},
		{
			"a lost event, and a closed pipe", t.Context(), fail(1, "", errors.Join(etch.ErrNotRecorded, closedPipe())), 1,
			"etch: error: event is not recorded\netch: error: " + closedPipe().Error() + "\n",
		},
		{"a log that is a closed pipe", t.Context(), fmt.Errorf("%w: %w", etch.ErrNotRecorded, closedPipe()), 1, "etch: error: event is not recorded: " + closedPipe().Error() + "\n"},
		{"a seal that failed, and a closed pipe", t.Context(), errors.Join(closedPipe(), errors.New("no")), 1, "etch: error: " + closedPipe().Error() + "\netch: error: no\n"},
		{"interrupted", interrupted, context.Canceled, 130, ""},
		{"interrupted, and a closed pipe", interrupted, errors.Join(context.Canceled, closedPipe()), 130, ""},
		{
			"interrupted, a lost event, and a closed pipe", interrupted, errors.Join(fmt.Errorf("%w: %w", etch.ErrNotRecorded, context.Canceled), closedPipe()), 130,
			"etch: error: event is not recorded: context canceled\netch: error: " + closedPipe().Error() + "\n",
		},
		{
			"interrupted while recording", interrupted, fmt.Errorf("%w: %w", etch.ErrUnknown, context.Canceled), 130,
			"etch: error: it is not known whether the event is recorded: context canceled\n",
		},
		{"failed, and interrupted too", interrupted, errors.New("no"), 1, "etch: error: no\n"},
		{"control bytes", t.Context(), errors.New("a\x1b[2Jb"), 1, "etch: error: a\\x1b[2Jb\n"},
	} {
		var stderr bytes.Buffer
		exit := report(test.ctx, test.err, stdio{err: &stderr})
		if exit != test.exit || stderr.String() != test.words {
			t.Errorf("%s: got exit %d, %q, want %d, %q", test.name, exit, stderr.String(), test.exit, test.words)
		}
	}
}

// closedPipe returns the error of writing to a pipe that nobody reads.
func closedPipe() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = w.Close() }() // its reader is gone: nothing is lost
	if err := r.Close(); err != nil {
		return err
	}
	_, err = w.Write([]byte("x"))
	return err
}

// Each error of the library that people can do something about says what.
func TestHintOf(t *testing.T) {
	for _, err := range []error{etch.ErrNoLog, etch.ErrLogGone, etch.ErrNewer} {
		if hintOf(fmt.Errorf("open: %w", err)) == "" {
			t.Errorf("got no hint for %v", err)
		}
	}
}

// The help of each command opens with an example that the command understands.
func TestHelpOpensWithExample(t *testing.T) {
	for _, cmd := range newRoot(commands, processStdio()).Commands() {
		if cmd.Name() == "completion" {
			continue // its examples are lines of other shells
		}
		if want := "  etch " + cmd.Name(); cmd.Example[:min(len(want), len(cmd.Example))] != want {
			t.Errorf("%s: got example %q, want one that begins with %q", cmd.Name(), cmd.Example, want)
		}
		if cmd.Short == "" || cmd.Args == nil {
			t.Errorf("%s: got no short help, or no check of arguments", cmd.Name())
		}
	}
}
