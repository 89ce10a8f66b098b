package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
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

// importCmd returns a process that imports into the log at path.
func importCmd(path, program string, args ...string) *exec.Cmd {
	cmd := exec.Command("etch", append([]string{"import", "--log", path, "--format", "json", program}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+filepath.Dir(path), "XDG_CONFIG_HOME="+filepath.Dir(path))
	return cmd
}

// importAnswers returns what an import printed: the last report and the summary.
func importAnswers(t *testing.T, out []byte) (*source.Report, *importSummary) {
	t.Helper()
	var report *source.Report
	var summary *importSummary
	for line := range bytes.Lines(out) {
		var answer importAnswer
		if err := json.Unmarshal(line, &answer); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if answer.Report != nil {
			report = answer.Report
		}
		if answer.Summary != nil {
			summary = answer.Summary
		}
	}
	if report == nil || summary == nil {
		t.Fatalf("no report or no summary: %q", out)
	}
	return report, summary
}

// imports runs an import to its end, which is not wrong use.
func imports(t *testing.T, path, program string, args ...string) (*source.Report, *importSummary) {
	t.Helper()
	cmd := importCmd(path, program, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	report, summary := importAnswers(t, out)
	want := 0
	if summary.Faults > 0 {
		want = 1
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		t.Fatalf("import %s %q: %v, want exit %d\n%s", program, args, err, want, stderr.String())
	}
	return report, summary
}

// importedIn returns the imported events of a log, in its order, and fails where
// the log is not intact.
func importedIn(t *testing.T, path string) []etch.Event {
	t.Helper()
	if out, err := exec.Command("etch", "verify", "--log", path).CombinedOutput(); err != nil {
		t.Fatalf("verify: %v\n%s", err, out)
	}
	r, err := etch.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	var events []etch.Event
	for rec, err := range r.Records(t.Context(), etch.Query{AllPhases: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := source.IdentityOf(rec.Event.Labels); ok {
			events = append(events, rec.Event)
		}
	}
	return events
}

// samplesOf returns the sample logs of a program.
func samplesOf(t *testing.T, dir string) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(filepath.Join("..", "..", "capture", dir), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && (strings.HasSuffix(path, ".jsonl") || strings.HasSuffix(path, ".log")) {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil || len(paths) == 0 {
		t.Fatalf("samples of %s: %v, %v", dir, paths, err)
	}
	return paths
}

// Every sample log comes in whole, and a second time adds nothing.
func TestImportSamples(t *testing.T) {
	for program, dir := range map[string]string{"zeph": "zeph/testdata", "zeroclaw": "zeroclaw/testdata/zeroclaw"} {
		for _, sample := range samplesOf(t, dir) {
			path := filepath.Join(t.TempDir(), "audit.log")
			report, first := imports(t, path, program, sample)
			want := 0
			for _, f := range report.Files {
				want += f.Records + f.Fragments
			}
			if first.Added != want || first.Present != 0 {
				t.Errorf("%s: got %+v, want %d added", sample, first, want)
			}
			_, second := imports(t, path, program, sample)
			if second.Added != 0 || second.Present != want {
				t.Errorf("%s again: got %+v, want %d present", sample, second, want)
			}
			if events := importedIn(t, path); len(events) != want {
				t.Errorf("%s: %d events in the log, want %d", sample, len(events), want)
			}
		}
	}
}

// bigLog writes a log of Zeph's, in which lines come more than once, and returns
// its commands.
func bigLog(t *testing.T, path string, lines int) []string {
	t.Helper()
	var text strings.Builder
	var commands []string
	for i := range lines {
		command := fmt.Sprintf("echo %d", rand.IntN(30))
		commands = append(commands, command)
		text.WriteString(zephLine(i/100, command))
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return commands
}

func zephLine(second int, command string) string {
	return fmt.Sprintf(`{"timestamp":"%d","tool":"shell","command":%q,"result":{"type":"success"},"duration_ms":5,"exit_code":0}`+"\n", 1784800000+second, command)
}

func commandsOf(events []etch.Event) []string {
	var commands []string
	for _, e := range events {
		if e.Action != nil {
			commands = append(commands, e.Action.Command)
		}
	}
	return commands
}

// An import that is killed, at whatever moment, is made whole by the next: each
// line once, in the order of the file.
func TestImportKilled(t *testing.T) {
	dir := t.TempDir()
	path, file := filepath.Join(dir, "audit.log"), filepath.Join(dir, "zeph.jsonl")
	want := bigLog(t, file, 10_000)
	killed := 0
	for range 12 {
		cmd := importCmd(path, "zeph", file)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Not before the log is made: whose making was interrupted is another test's.
		for range 1000 {
			if _, err := os.Stat(filepath.Join(dir, "audit.import.lock")); err == nil {
				break
			}
			time.Sleep(time.Millisecond)
		}
		timer := time.AfterFunc(time.Duration(rand.IntN(400))*time.Millisecond, func() { _ = cmd.Process.Kill() }) // it may have ended
		err := cmd.Wait()
		timer.Stop()
		if err == nil {
			break
		}
		killed++
	}
	t.Logf("killed %d times", killed)
	_, last := imports(t, path, "zeph", file)
	if last.Added+last.Present != len(want) {
		t.Errorf("got %+v, want %d in all", last, len(want))
	}
	if diff := cmp.Diff(commandsOf(importedIn(t, path)), want); diff != "" {
		t.Errorf("commands (-got +want):\n%s", diff)
	}
	if killed == 0 {
		t.Error("it was never killed")
	}
}

// Imports of the same file at the same time record each line once.
func TestImportTogether(t *testing.T) {
	dir := t.TempDir()
	path, file := filepath.Join(dir, "audit.log"), filepath.Join(dir, "zeph.jsonl")
	want := bigLog(t, file, 20_000)
	imports(t, path, "zeph", "testdata/../../../capture/zeph/testdata/egress.jsonl") // makes the log
	var cmds []*exec.Cmd
	var outs []*bytes.Buffer
	for range 3 {
		cmd, out := importCmd(path, "zeph", file), new(bytes.Buffer)
		cmd.Stdout = out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cmds, outs = append(cmds, cmd), append(outs, out)
	}
	added := 0
	for i, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		_, summary := importAnswers(t, outs[i].Bytes())
		added += summary.Added
	}
	got := commandsOf(importedIn(t, path))
	slices.Sort(got)
	got = slices.DeleteFunc(got, func(c string) bool { return c == "" })
	slices.Sort(want)
	if added != len(want) || !slices.Equal(got, want) {
		t.Errorf("%d added, %d in the log, want %d", added, len(got), len(want))
	}
}

// A follower is a process that follows a file.
type follower struct {
	t      *testing.T
	cmd    *exec.Cmd
	path   string // of the log
	stdout bytes.Buffer
	stderr strings.Builder
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
	ctx, cancel := context.WithTimeout(f.t.Context(), 30*time.Second)
	defer cancel()
	filter, err := etch.ParseFilter(fmt.Sprintf("command = %q", command), time.Now())
	if err != nil {
		f.t.Fatal(err)
	}
	for ctx.Err() == nil {
		r, err := etch.OpenReader(f.path)
		if errors.Is(err, etch.ErrNoLog) || errors.Is(err, etch.ErrLogGone) { // not made yet
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if err != nil {
			f.t.Fatal(err)
		}
		for _, err := range r.Records(ctx, etch.Query{Where: filter}) {
			if err != nil {
				f.t.Fatal(err)
			}
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	_ = f.cmd.Process.Kill() // it may have ended
	_ = f.cmd.Wait()         // so that what it wrote can be read
	f.t.Fatalf("%q did not come\n%s", command, f.stderr.String())
}

// end interrupts it, and returns the last report and the summary.
func (f *follower) end(want int) (*source.Report, *importSummary) {
	f.t.Helper()
	if err := f.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		f.t.Fatal(err)
	}
	_ = f.cmd.Wait() // the exit code is looked at
	if got := f.cmd.ProcessState.ExitCode(); got != want {
		f.t.Fatalf("exit %d, want %d\n%s", got, want, f.stderr.String())
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
	time.Sleep(2 * importEvery)
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

// ZeroClaw's rotation shifts the names of all files. What is followed goes on
// over several at once, as one chain.
func TestImportFollowFamily(t *testing.T) {
	var lines []string
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
