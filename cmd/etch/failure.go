package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/internal/nearest"
	"github.com/etch-audit/etch/internal/vfs"
	"github.com/etch-audit/etch/internal/wire"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The exit codes of every command.
const (
	exitFailed = 1
	exitUsage  = 2 // wrong use: nothing was touched
)

// A failure is an error with the exit code and the hint that go with it. One
// without an err has been told already: only its exit code counts.
type failure struct {
	exit  int
	hint  string
	err   error
	shown []string // lines below the error: harmless, and of equal columns
}

func (f *failure) Error() string {
	if f.err == nil {
		return "exit " + strconv.Itoa(f.exit)
	}
	return f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

// fail returns err with an exit code and a hint, which may be empty.
func fail(exit int, hint string, err error) error {
	return &failure{exit: exit, hint: hint, err: err}
}

// exitWith returns an error that ends the program with a code and no message.
func exitWith(code int) error { return &failure{exit: code} }

// usagef returns an error about wrong use: exit 2.
func usagef(hint, format string, args ...any) error {
	return fail(exitUsage, hint, fmt.Errorf(format, args...))
}

// unknown returns the error about a word that is none of those known: it names
// the nearest one, or says hint where none is near.
func unknown(what, word string, known []string, hint string) error {
	if near, ok := nearest.Word(word, known); ok {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return usagef(hint, "unknown %s %q", what, word)
}

// report tells an error on stderr and returns the exit code.
func report(ctx context.Context, err error, std stdio) int {
	if onlyBrokenPipe(err) {
		return exitBrokenPipe
	}
	if cause, ok := errors.AsType[interruption](context.Cause(ctx)); ok && errors.Is(err, context.Canceled) {
		if errors.Is(err, etch.ErrNotRecorded) || errors.Is(err, etch.ErrUnknown) {
			noteLines(std, err) // who interrupts still wants to know this
		}
		return 128 + int(cause.signal)
	}
	exit, hint := exitFailed, hintOf(err)
	var shown []string
	if f, ok := errors.AsType[*failure](err); ok {
		exit = f.exit
		if f.err == nil {
			return exit
		}
		if f.hint != "" {
			hint = f.hint
		}
		shown = f.shown
	} else if _, ok := errors.AsType[*config.Error](err); ok {
		exit = exitUsage
	}
	noteLines(std, err)
	for _, line := range shown {
		std.note("  %s", line)
	}
	for line := range strings.SplitSeq(hint, "\n") {
		if line != "" {
			std.hint("%s", line)
		}
	}
	return exit
}

// noteLines tells an error, each one of several on its own line: a full disk
// fails the seal as it failed the event, which is said once.
func noteLines(std stdio, err error) {
	before := ""
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if line != before {
			std.note("error: %s", line)
		}
		before = line
	}
}

// onlyBrokenPipe reports whether err says that the reader of a pipe is gone, and
// nothing else: what else went wrong, a lost event above all, is never quiet.
func onlyBrokenPipe(err error) bool {
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		return !slices.ContainsFunc(e.Unwrap(), func(err error) bool { return !onlyBrokenPipe(err) })
	case interface{ Unwrap() error }:
		return onlyBrokenPipe(e.Unwrap())
	}
	return brokenPipe(err)
}

// hintOf returns what can be done about an error of the library.
func hintOf(err error) string {
	if e, ok := errors.AsType[*config.Error](err); ok {
		return e.Hint
	}
	if e, ok := errors.AsType[*etch.DaemonError](err); ok {
		if e.Hint == "" && wire.Code(e.Code) == wire.Invalid {
			// The client has looked at what it sends.
			return "the daemon is probably an older etch than this one: \"etch status\" says its version; restart it with this one"
		}
		return e.Hint
	}
	for _, known := range []struct {
		is   error
		hint string
	}{
		{etch.ErrNoLog, "\"etch init\" makes one; --log, ETCH_LOG_PATH or log_path in the configuration names another place"},
		{etch.ErrLogGone, "restore the missing files; or let it go on in a new segment, with the loss on record for ever: \"etch init --resume\""},
		{errUnreached, "\"etch serve\" starts it; connect = \"never\" in [server], or ETCH_CONNECT=never, writes the log without it"},
		{vfs.ErrLink, "the log makes this file for itself: look where the link leads, and who may write the log's directory; then remove the link"},
		{etch.ErrNewer, "a newer etch wrote this log: update etch; nothing was written"},
	} {
		if errors.Is(err, known.is) {
			return known.hint
		}
	}
	return ""
}

// flagError names the flag that is wrong, and the nearest right one.
func flagError(cmd *cobra.Command, err error) error {
	hint := fmt.Sprintf("see %q", cmd.CommandPath()+" --help")
	if bad, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return badValue(bad, hint)
	}
	missing, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return fail(exitUsage, hint, err)
	}
	name := missing.GetSpecifiedName()
	if missing.GetSpecifiedShortnames() != "" {
		return usagef(hint, "unknown flag -%s", name)
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, "--"+f.Name)
		}
	})
	return unknown("flag", "--"+name, names, hint)
}

// badValue names the flag, the value and the nearest right one.
func badValue(bad *pflag.InvalidValueError, hint string) error {
	flag := "--" + bad.GetFlag().Name
	if short := bad.GetFlag().Shorthand; short != "" { // either may have been typed
		flag = "-" + short + " (" + flag + ")"
	}
	if errors.Is(bad, errTwice) {
		return usagef(hint, "--%s is given twice, and takes one value", bad.GetFlag().Name)
	}
	name, ok := errors.AsType[*etch.NameError](bad)
	if !ok {
		return usagef(hint, "bad value %q of %s, which takes %s", bad.GetValue(), flag, kindOfValue(bad.GetFlag().Value.Type()))
	}
	hint = "known are " + strings.Join(name.Known, ", ")
	if name.Nearest != "" {
		hint = fmt.Sprintf("did you mean %q? %s", name.Nearest, hint)
	}
	return usagef(hint, "%s: %q is not %s", flag, name.Name, name.What)
}

// kindOfValue says what a flag of a type takes.
func kindOfValue(name string) string {
	switch name {
	case "bool":
		return "true or false"
	case "int":
		return "a whole number"
	}
	return "a " + name
}

// noArgs refuses arguments.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usagef(fmt.Sprintf("see %q", cmd.CommandPath()+" --help"), "%s takes no argument, got %q", cmd.CommandPath(), args[0])
}

// exactArgs wants as many arguments as names are given, for instance
// exactArgs("SEQ|EVENT_ID").
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		hint := fmt.Sprintf("see %q", cmd.CommandPath()+" --help")
		switch {
		case len(args) < len(names):
			return usagef(hint, "%s wants %s", cmd.CommandPath(), names[len(args)])
		case len(args) > len(names):
			return usagef(hint, "%s does not know what to do with %q", cmd.CommandPath(), args[len(names)])
		}
		return nil
	}
}

// oneOf returns a check that an argument or a value of a flag is among some
// words; what names it in the error.
func oneOf(what, word string, words []string) error {
	if slices.Contains(words, word) {
		return nil
	}
	return unknown(what, word, words, "known are "+strings.Join(words, ", "))
}
