package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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
	var events []etch.Event
	for _, ev := range eventsIn(t, path) {
		if _, ok := source.IdentityOf(ev.Labels); ok {
			events = append(events, ev)
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

// every looks again and again until something is so, and reports whether it has
// become so for as long as tests wait.
func every(t *testing.T, pause time.Duration, is func() bool) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patiently)
	defer cancel()
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		if is() {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
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
	for lines := 10_000; importKilled(t, lines) == 0; lines *= 2 {
		if lines > 300_000 {
			t.Fatal("it was never killed")
		}
	}
}

// importKilled tests it with a file of some lines, and returns how often the import was
// killed: not at all where it comes to its end before.
func importKilled(t *testing.T, lines int) (killed int) {
	t.Helper()
	dir := t.TempDir()
	path, file := filepath.Join(dir, "audit.log"), filepath.Join(dir, "zeph.jsonl")
	want := bigLog(t, file, lines)
	for range 12 {
		cmd := importCmd(path, "zeph", file)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Not before the log is made: whose making was interrupted is another test's.
		every(t, time.Millisecond, func() bool {
			_, err := os.Stat(filepath.Join(dir, "audit.import.lock"))
			return err == nil
		})
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
	return killed
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
