package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/alone"
	"github.com/etch-audit/etch/internal/hookrun"
	"github.com/etch-audit/etch/internal/site"
	"github.com/rogpeppe/go-internal/testscript"
)

// programs are those that scripts can run.
var programs = map[string]func(){"etch": patientMain}

// patientMain is main, on a machine that may be busy: its hooks have the patience that
// TEST_PATIENT names.
func patientMain() {
	site.MachineSocket = "" // of the machine that runs the tests
	if patience, ok := patiences()[os.Getenv("TEST_PATIENT")]; ok {
		hookPatience = &patience
	}
	main()
}

// patiently is how long tests wait for what must come. It is long for a machine that
// stops, and costs nothing where the thing is there.
const patiently = 2 * time.Minute

// patiences are those that hooks of tests can have; the usual goes by no name.
//   - "1": whatever the hook does, it has time for it.
//   - "late": it gives up to record when all hooks do, and then has time for the spool.
//   - "silent": it gives up to wait for its payload too.
func patiences() map[string]hookrun.Patience {
	silent := hookrun.Usual()
	silent.Ends = 2 * patiently
	late := silent
	late.Payload = patiently
	all := late
	all.Records, all.Locks, all.Idles, all.Drains = patiently/2, patiently/4, patiently/2, patiently/4
	return map[string]hookrun.Patience{"1": all, "late": late, "silent": silent}
}

func TestMain(m *testing.M) {
	site.DialTimeout = patiently
	alone.Share(os.Getenv("GOMAXPROCS") != "") // tests are not alone
	testscript.Main(m, programs)
}

// unignore gives the programs that tests start the signals' own effects, also
// where whoever started the tests ignores one, as nohup does. What a process
// catches, and does not ignore, is as by default in those it starts.
func unignore() {
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGTERM} {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
}

// TestScript runs testdata/script: a file a subcommand or an idea.
func TestScript(t *testing.T) {
	unignore()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			home := filepath.Join(env.WorkDir, "home")
			env.Setenv("HOME", home)
			env.Setenv("USERPROFILE", home)
			env.Setenv("TERM", "xterm")
			// Numbers do not depend on whether a second has passed: a log is
			// sealed when it is closed, and a script that wants more says so.
			env.Setenv("ETCH_SEAL_EVERY", "1h")
			env.Setenv("ETCH_ROTATE", "size") // nor on whether it has become midnight
			env.Setenv("TEST_PATIENT", "1")
			// How the race detector behaves is said from outside: see the Makefile.
			env.Setenv("GORACE", os.Getenv("GORACE"))
			// Nothing runs on behind a script; one that wants it says so.
			env.Setenv("ETCH_HOOKS_RECONCILE", "off")
			samples, err := filepath.Abs(filepath.Join("..", "..", "capture"))
			if err != nil {
				return err
			}
			env.Setenv("SAMPLES", samples)
			// Where the program is: what is put into settings names it.
			for _, dir := range filepath.SplitList(env.Getenv("PATH")) {
				if _, err := os.Stat(filepath.Join(dir, "etch")); err == nil {
					env.Setenv("BIN", filepath.Join(dir, "etch"))
					break
				}
			}
			return os.Mkdir(home, 0o700)
		},
		Condition: condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"flipbit":   flipBit,
			"linecount": lineCount,
			"waitfor":   waitFor,
			"jsonlines": jsonLines,
			"exits":     exits,
			"biglines":  bigLines,
			"buildhook": scriptBuild,
		},
	})
}

// condition adds "root": to it no file is unreadable.
func condition(name string) (bool, error) {
	if name == "root" {
		return os.Geteuid() == 0, nil
	}
	return false, os.ErrInvalid
}

// flipBit is "flipbit FILE OFFSET": the lowest bit of that byte; an offset
// below 0 counts from the end.
func flipBit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flipbit FILE OFFSET")
	}
	path := ts.MkAbs(args[0])
	data, err := os.ReadFile(path)
	ts.Check(err)
	offset, err := strconv.Atoi(args[1])
	ts.Check(err)
	if offset < 0 {
		offset += len(data)
	}
	if offset < 0 || offset >= len(data) {
		ts.Fatalf("flipbit: %s has %d bytes", args[0], len(data))
	}
	data[offset] ^= 1
	ts.Check(os.WriteFile(path, data, 0o600))
}

// lineCount is "linecount FILE N [TEXT]": so many lines, that contain the text.
func lineCount(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 && len(args) != 3 {
		ts.Fatalf("usage: linecount FILE N [TEXT]")
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	got := 0
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		if len(args) == 2 || strings.Contains(line, args[2]) {
			got++
		}
	}
	if (got == want) == neg {
		ts.Fatalf("linecount: %s: got %d lines, want %d (neg: %v)", args[0], got, want, neg)
	}
}

// waitFor is "waitfor FILE [TEXT [N]]": until the file is there and has the text, in N
// lines. A file that a shell's redirection makes is there, empty, before the command
// has written to it: such a one is waited for with its text.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 3 {
		ts.Fatalf("usage: waitfor FILE [TEXT [N]]")
	}
	want := 0
	if len(args) == 3 {
		n, err := strconv.Atoi(args[2])
		ts.Check(err)
		want = n
	}
	ctx, cancel := context.WithTimeout(context.Background(), patiently)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		data, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && has(data, args[1:], want) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			ts.Fatalf("waitfor: %s did not come: %q, %v", strings.Join(args, " "), data, err)
		}
	}
}

// has reports whether a file has the text, if there is one, in so many whole lines.
func has(data []byte, text []string, lines int) bool {
	if len(text) == 0 {
		return true
	}
	for line := range strings.Lines(string(data)) {
		if strings.Contains(line, text[0]) && strings.HasSuffix(line, "\n") {
			lines--
		}
	}
	return lines <= 0 && strings.Contains(string(data), text[0])
}

// jsonLines is "jsonlines FILE MEMBER VALUE...": the values of a member, by the
// path of its name, in the lines that have it.
func jsonLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: jsonlines FILE MEMBER VALUE...")
	}
	var got []string
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		decoder := json.NewDecoder(strings.NewReader(line))
		decoder.UseNumber()
		var v any
		ts.Check(decoder.Decode(&v))
		if text, ok := member(v, strings.Split(args[1], ".")); ok {
			got = append(got, text)
		}
	}
	want := args[2:]
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		ts.Fatalf("jsonlines: %s: got %q, want %q", args[1], got, want)
	}
}

func member(v any, path []string) (string, bool) {
	for _, name := range path {
		object, ok := v.(map[string]any)
		if !ok {
			return "", false
		}
		if v, ok = object[name]; !ok {
			return "", false
		}
	}
	if text, ok := v.(string); ok {
		return text, true
	}
	text, err := json.Marshal(v)
	return string(text), err == nil
}

// exits is "exits CODE CMD ARG...": testscript itself only tells 0 from others.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE CMD ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%s: %v", strings.Join(args[1:], " "), err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s: got exit %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// bigLines is "biglines FILE N SIZE": N events with a message of SIZE bytes.
func bigLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: biglines FILE N SIZE")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	size, err := strconv.Atoi(args[2])
	ts.Check(err)
	var b bytes.Buffer
	for range n {
		b.WriteString(`{"event_type":"tool_call","result":{"type":"error","message":"` + strings.Repeat("x", size) + `"}}` + "\n")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b.Bytes(), 0o600))
}
