//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/source"
)

// A follower is a process that follows a file.
type follower struct {
	t      *testing.T
	cmd    *exec.Cmd
	path   string // of the log
	stdout bytes.Buffer
	stderr strings.Builder

	stderrFile string // "": it is stderr
}

func follow(t *testing.T, path, program string, files ...string) *follower {
	t.Helper()
	f := &follower{t: t, cmd: importCmd(path, program, append(files, "--follow")...), path: path}
	f.cmd.Stdout, f.cmd.Stderr = &f.stdout, &f.stderr
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.cmd.Process.Kill() }) // it may have ended
	return f
}

// waitFor waits until a command is in the log.
func (f *follower) waitFor(command string) {
	f.t.Helper()
	filter, err := etch.ParseFilter(fmt.Sprintf("command = %q", command), time.Now())
	if err != nil {
		f.t.Fatal(err)
	}
	came := every(f.t, 20*time.Millisecond, func() bool {
		r, err := etch.OpenReader(f.path)
		if errors.Is(err, etch.ErrNoLog) || errors.Is(err, etch.ErrLogGone) { // not made yet
			return false
		}
		if err != nil {
			f.t.Fatal(err)
		}
		for _, err := range r.Records(f.t.Context(), etch.Query{Where: filter}) {
			if err != nil {
				f.t.Fatal(err)
			}
			return true
		}
		return false
	})
	if !came {
		_ = f.cmd.Process.Kill() // it may have ended
		_ = f.cmd.Wait()         // so that what it wrote can be read
		f.t.Fatalf("%q did not come\n%s", command, f.stderr.String())
	}
}

// end interrupts it, and returns the last report and the summary.
func (f *follower) end(want int) (*source.Report, *importSummary) {
	f.t.Helper()
	if err := f.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		f.t.Fatal(err)
	}
	_ = f.cmd.Wait() // the exit code is looked at
	if got := f.cmd.ProcessState.ExitCode(); got != want {
		text := f.stderr.String()
		if f.stderrFile != "" {
			text = f.heard()
		}
		f.t.Fatalf("exit %d, want %d\n%s", got, want, text)
	}
	return importAnswers(f.t, f.stdout.Bytes())
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// What is followed is recorded as it comes: half lines when they are whole,
// beyond a rotation by others, of which Zeph knows nothing and writes on, beyond
// a truncation, and after a restart.
func TestImportFollow(t *testing.T) {
	dir := t.TempDir()
	path, file := filepath.Join(dir, "audit.log"), filepath.Join(dir, "zeph.jsonl")
	appendTo(t, file, zephLine(0, "a"))
	f := follow(t, path, "zeph", file)
	f.waitFor("a")
	half := zephLine(1, "b")
	appendTo(t, file, half[:50])
	looks := 0
	every(t, importEvery, func() bool { looks++; return looks > 3 }) // it is looked at meanwhile
	appendTo(t, file, half[50:]+zephLine(2, "c"))
	f.waitFor("c")

	if err := os.Rename(file, file+".1"); err != nil {
		t.Fatal(err)
	}
	appendTo(t, file+".1", zephLine(3, "d"))
	appendTo(t, file, zephLine(4, "e"))
	f.waitFor("e")
	appendTo(t, file+".1", zephLine(5, "f"))
	f.waitFor("f")

	if err := os.Truncate(file, 0); err != nil {
		t.Fatal(err)
	}
	appendTo(t, file, zephLine(6, "g"))
	f.waitFor("g")
	// Truncated and longer than before by the time it is looked at.
	if err := os.WriteFile(file, []byte(zephLine(7, "h")+zephLine(8, "i")+zephLine(9, "j")), 0o600); err != nil {
		t.Fatal(err)
	}
	f.waitFor("j")
	appendTo(t, file, "broken\n"+zephLine(10, "k"))
	f.waitFor("k")
	_, sum := f.end(1)
	if sum.Added != 12 || sum.Faults != 1 || !sum.Whole {
		t.Errorf("got %+v, want 12 added and a fault", sum)
	}
	for _, want := range []string{"was rotated", "was truncated or overwritten", "unreadable, line 4"} {
		if !strings.Contains(f.stderr.String(), want) {
			t.Errorf("%q is not told: %s", want, f.stderr.String())
		}
	}

	appendTo(t, file, zephLine(11, "l"))
	again := follow(t, path, "zeph", file, file+".1")
	again.waitFor("l")
	again.end(1)
	want := strings.Fields("a b c d e f g h i j k l")
	if diff := cmp.Diff(commandsOf(importedIn(t, path)), want); diff != "" {
		t.Errorf("commands (-got +want):\n%s", diff)
	}
}

// rotateZeroClaw does what ZeroClaw does before a write.
func rotateZeroClaw(t *testing.T, file string) {
	t.Helper()
	for i := 9; i >= 1; i-- {
		err := os.Rename(fmt.Sprintf("%s.%d.log", file, i), fmt.Sprintf("%s.%d.log", file, i+1))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if err := os.Rename(file, file+".1.log"); err != nil {
		t.Fatal(err)
	}
}

// zeroclawLines returns the lines of a chain.
func zeroclawLines(t *testing.T) (lines []string) {
	t.Helper()
	for _, name := range []string{"audit.log.2.log", "audit.log.1.log", "audit.log"} {
		data, err := os.ReadFile(filepath.Join("..", "..", "capture", "zeroclaw", "testdata", "zeroclaw", "rotated", name))
		if err != nil {
			t.Fatal(err)
		}
		lines = slices.AppendSeq(lines, strings.Lines(string(data)))
	}
	if len(lines) != 9 {
		t.Fatalf("%d lines of samples, want 9", len(lines))
	}
	return lines
}

// ZeroClaw's rotation shifts the names of all files. What is followed goes on
// over several at once, as one chain.
func TestImportFollowFamily(t *testing.T) {
	lines := zeroclawLines(t)
	dir := t.TempDir()
	path, file := filepath.Join(dir, "etch.log"), filepath.Join(dir, "audit.log")
	appendTo(t, file, lines[0])
	rotateZeroClaw(t, file)
	appendTo(t, file, lines[1])
	f := follow(t, path, "zeroclaw", file)
	f.waitFor("step 1")
	appendTo(t, file, lines[2])
	rotateZeroClaw(t, file)
	appendTo(t, file, lines[3]+lines[4])
	f.waitFor("step 4")
	// Two rotations between two looks, and something before the first.
	appendTo(t, file, lines[5])
	rotateZeroClaw(t, file)
	appendTo(t, file, lines[6])
	rotateZeroClaw(t, file)
	appendTo(t, file, lines[7])
	f.waitFor("step 7")
	rotateZeroClaw(t, file)
	appendTo(t, file, lines[8])
	f.waitFor("step 8")
	report, sum := f.end(0)
	if report.Verdict != source.Intact || sum.Added != 9 {
		t.Errorf("verdict %s, %+v, want intact and 9 added", report.Verdict, sum)
	}
	_, again := imports(t, path, "zeroclaw", file)
	if again.Added != 0 || again.Present != 9 {
		t.Errorf("again: %+v, want 9 present", again)
	}
	var want []string
	for i := range 9 {
		want = append(want, fmt.Sprintf("step %d", i))
	}
	if diff := cmp.Diff(commandsOf(importedIn(t, path)), want); diff != "" {
		t.Errorf("commands (-got +want):\n%s", diff)
	}
}

// A database that is followed is read again when it was written to, from the row
// behind the last on.
func TestImportFollowDatabase(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	path, file := filepath.Join(dir, "etch.log"), filepath.Join(dir, "audit.db")
	put := func(sample string) {
		t.Helper()
		data, err := os.ReadFile(sample)
		if err == nil {
			err = os.WriteFile(file+".new", data, 0o600)
		}
		if err := errors.Join(err, os.Rename(file+".new", file)); err != nil {
			t.Fatal(err)
		}
	}
	put(filepath.Join("testdata", "daemonclaw-two.db"))
	f := follow(t, path, "daemonclaw", file)
	f.waitFor("file_write")
	put(filepath.Join("..", "..", "capture", "zeroclaw", "testdata", "daemonclaw", "audit.db"))
	f.waitFor("example boundary note")
	report, sum := f.end(0)
	if sum.Added != 4 || sum.Present != 0 || report.Files[0].Records != 4 || report.Verdict != source.Intact {
		t.Errorf("got %+v, %+v, want 4 records added, intact", sum, report.Files[0])
	}
	if left, err := filepath.Glob(filepath.Join(dir, "etch-import-*")); err != nil || len(left) > 0 {
		t.Errorf("%q is left, %v", left, err)
	}
	if events := importedIn(t, path); len(events) != 4 {
		t.Errorf("%d events in the log, want 4", len(events))
	}
}

// waitToHear waits until a process has said something on stderr, which goes to a file.
func (f *follower) waitToHear(text string) {
	f.t.Helper()
	if !every(f.t, 20*time.Millisecond, func() bool { return strings.Count(f.heard(), text) == 1 }) {
		f.t.Fatalf("%q was not said once: %s", text, f.heard())
	}
}

func (f *follower) heard() string {
	f.t.Helper()
	text, err := os.ReadFile(f.stderrFile)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(text)
}

// followAloud is follow, and what the process says can be read while it runs.
func followAloud(t *testing.T, path, program, file string) *follower {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := out.Close(); err != nil {
			t.Error(err)
		}
	})
	f := &follower{t: t, cmd: importCmd(path, program, file, "--follow"), path: path, stderrFile: out.Name()}
	f.cmd.Stdout, f.cmd.Stderr = &f.stdout, out
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.cmd.Process.Kill() }) // it may have ended
	return f
}

// What stands under the name of a file that is followed may be anything for a while: it
// is told once, waited for never, and looked at again.
func TestImportFollowHitches(t *testing.T) {
	for name, put := range map[string]func(file string) error{
		"a pipe":      func(file string) error { return syscall.Mkfifo(file, 0o600) },
		"a directory": func(file string) error { return os.Mkdir(file, 0o700) },
		"a link to pipe": func(file string) error {
			return errors.Join(syscall.Mkfifo(file+".p", 0o600), os.Symlink(file+".p", file))
		},
	} {
		for _, program := range []string{"zeph", "zeroclaw"} {
			t.Run(name+" "+program, func(t *testing.T) {
				dir := t.TempDir()
				path, file := filepath.Join(dir, "audit.log"), filepath.Join(dir, "source.jsonl")
				lines := []string{zephLine(0, "a"), zephLine(1, "b")}
				if program == "zeroclaw" {
					lines = zeroclawLines(t)[:2]
				}
				names := []string{"a", "b"}
				if program == "zeroclaw" {
					names = []string{"step 0", "step 1"}
				}
				appendTo(t, file, lines[0])
				f := followAloud(t, path, program, file)
				f.waitFor(names[0])
				rotated := file + ".1.log"
				if err := errors.Join(os.Rename(file, rotated), put(file)); err != nil {
					t.Fatal(err)
				}
				f.waitToHear("has become what cannot be read")
				if err := os.Remove(file); err != nil {
					t.Fatal(err)
				}
				appendTo(t, file, lines[1])
				f.waitFor(names[1])
				f.waitToHear("was rotated: going on")
				_, sum := f.end(0)
				if sum.Added != 2 {
					t.Errorf("%d added, want 2: %s", sum.Added, f.heard())
				}
			})
		}
	}
}

// What cannot be read until the end is said, and no success.
func TestImportFollowHitchStays(t *testing.T) {
	dir := t.TempDir()
	path, file := filepath.Join(dir, "audit.log"), filepath.Join(dir, "zeph.jsonl")
	appendTo(t, file, zephLine(0, "a"))
	f := followAloud(t, path, "zeph", file)
	f.waitFor("a")
	if err := errors.Join(os.Remove(file), syscall.Mkfifo(file, 0o600)); err != nil {
		t.Fatal(err)
	}
	f.waitToHear("has become what cannot be read")
	f.end(1)
	f.waitToHear("could not be read: open " + file)
}

// A database may be anything for a while, too.
func TestImportFollowDatabaseHitches(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	path, file := filepath.Join(dir, "etch.log"), filepath.Join(dir, "audit.db")
	data, err := os.ReadFile(filepath.Join("testdata", "daemonclaw-two.db"))
	if err := errors.Join(err, os.WriteFile(file, data, 0o600)); err != nil {
		t.Fatal(err)
	}
	f := followAloud(t, path, "daemonclaw", file)
	f.waitFor("file_write")
	if err := errors.Join(os.Remove(file), syscall.Mkfifo(file, 0o600)); err != nil {
		t.Fatal(err)
	}
	f.waitToHear("it is not a regular file")
	if err := errors.Join(os.WriteFile(file+".new", []byte("no database"), 0o600), os.Rename(file+".new", file)); err != nil {
		t.Fatal(err)
	}
	if !every(t, 20*time.Millisecond, func() bool { return strings.Count(f.heard(), "has become what cannot be read") == 2 }) {
		t.Fatalf("it does not say that it is no database: %s", f.heard())
	}
	more, err := os.ReadFile(filepath.Join("..", "..", "capture", "zeroclaw", "testdata", "daemonclaw", "audit.db"))
	if err := errors.Join(err, os.WriteFile(file+".new", more, 0o600), os.Rename(file+".new", file)); err != nil {
		t.Fatal(err)
	}
	if !every(t, 20*time.Millisecond, func() bool { return len(importedIn(t, path)) == 4 }) {
		t.Fatalf("%d events, want 4: %s", len(importedIn(t, path)), f.heard())
	}
	f.end(0)
}
