package question

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/etch-audit/etch/bench/table"
)

// tiny is a run of some seconds.
func tiny(t *testing.T) Options {
	t.Helper()
	return Options{Dir: t.TempDir(), Etch: fakeEtch(t), Rounds: 1, Events: 8_000}
}

// TestRun runs the whole table with a program that gives the right answers. A row
// may miss only for want of a peer; what the ratios come to is no test's business.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: a race run need not run other programs")
	}
	opt := tiny(t)
	outcomes, notes, err := Run(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if len(outcomes) != len(rows) {
		t.Fatalf("%d outcomes, want %d", len(outcomes), len(rows))
	}
	for _, o := range outcomes {
		skipped := strings.Contains(o.Missing, "skipped: there is no ") || runtime.GOOS != "linux" && strings.HasPrefix(o.Row, "memory")
		switch {
		case o.Missing != "" && skipped:
			t.Logf("row %s: %s", o.Row, o.Missing)
		case o.Missing != "":
			t.Errorf("row %s: %s", o.Row, o.Missing)
		case o.Value <= 0 || o.Min > o.Value || o.Max < o.Value:
			t.Errorf("row %s came to %g in %g..%g", o.Row, o.Value, o.Min, o.Max)
		}
	}
	t.Log(strings.Join(notes, "\n"))

	// A second run finds what the first one made.
	corpus := filepath.Join(opt.Dir, "8000", dataDir, corpusName)
	before := statOf(t, corpus)
	opt.Rows = []string{"newest"}
	if _, _, err := Run(t.Context(), opt); err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, statOf(t, corpus)) {
		t.Error("the data were made twice")
	}
}

func statOf(t *testing.T, path string) fs.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// program returns the path of a program of the system.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip(err)
	}
	return path
}

// TestProgramFails shows that a log without an index and an archive that does
// not come to be are said, and are no figures.
func TestProgramFails(t *testing.T) {
	opt := tiny(t)
	opt.Etch = program(t, "false")
	opt.Rows = []string{"q1", "archived", "archive-size", "index-build", "index-size", "memory-index", "memory-all"}
	outcomes, notes, err := Run(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range outcomes {
		if o.Missing == "" || o.Holds() {
			t.Errorf("row %s of a program that always fails came to %g", o.Row, o.Value)
		}
	}
	if !strings.Contains(strings.Join(notes, "\n"), "etch index: exit status 1: data/log/audit.log is scanned") {
		t.Errorf("nothing says that there is no index: %q", notes)
	}
}

// TestNothingMade shows that a program that does nothing, and says so to nobody,
// has built no index and no archive.
func TestNothingMade(t *testing.T) {
	opt := tiny(t)
	opt.Etch = program(t, "true")
	opt.Rows = []string{"index-build", "index-size", "archive-size"}
	outcomes, _, err := Run(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"etch index made none", "etch index made none", "segments plain"} {
		if o := outcomes[i]; !strings.Contains(o.Missing, want) {
			t.Errorf("row %s of a program that does nothing came to %g, missing %q, want %q", o.Row, o.Value, o.Missing, want)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	for _, change := range []func(*Options){
		func(o *Options) { o.Rows = []string{"q4"} },
		func(o *Options) { o.Rounds = 0 },
		func(o *Options) { o.Events = 10 },
	} {
		opt := tiny(t)
		change(&opt)
		if outcomes, _, err := Run(t.Context(), opt); err == nil {
			t.Errorf("%+v came to %+v", opt, outcomes)
		}
	}
}

func TestSidesAreThere(t *testing.T) {
	for _, name := range table.Sides(rows) {
		if _, ok := sides[name]; !ok {
			t.Errorf("the table names %q, which nobody can measure", name)
		}
	}
}

// lab returns what sides of a test are measured in: two rows are the right
// answer to q1.
func lab(t *testing.T, all map[string]side) *env {
	t.Helper()
	e := &env{Options: Options{Rounds: 4, Progress: t.Logf}, sides: all, root: t.TempDir(), tried: map[string]error{}}
	if err := os.Mkdir(e.path("home"), 0o700); err != nil {
		t.Fatal(err)
	}
	e.corpus = &corpus{Answers: map[string]answer{oneUser: answerOf([]string{"evt_1", "evt_2"})}}
	return e
}

// shell returns a side that runs a script.
func shell(script string) side {
	return side{unit: "ms", asks: oneUser, read: ids, command: func(*env) command { return pipe(nil, script) }}
}

const (
	rightRows = `printf '{"event_id":"evt_1"}\n{"event_id":"evt_2"}\n'`
	wrongRows = `printf '{"event_id":"evt_1"}\n{"event_id":"evt_3"}\n'`
	otherWay  = `printf '{"event_id":"evt_2"}\n{"event_id":"evt_1"}\n'`
)

// TestWrongAnswers shows that a wrong answer, even one in a later round, is no
// figure and makes the run fail, while the other sides go on.
func TestWrongAnswers(t *testing.T) {
	later := fmt.Sprintf("if mkdir seen 2>/dev/null; then %s; else %s; fi", rightRows, wrongRows)
	all := map[string]side{
		"right": shell(rightRows), "unordered": shell(otherWay).anyOrder(),
		"wrong": shell(wrongRows), "order": shell(otherWay), "later": shell(later), "nothing": shell("true"), "garbage": shell("echo error"),
	}
	e := lab(t, all)
	figures, err := e.rounds(t.Context(), []string{"right", "unordered", "wrong", "order", "later", "nothing", "garbage"})
	if !errors.Is(err, errWrong) {
		t.Errorf("wrong answers came to %v", err)
	}
	for name := range all {
		f := figures[name]
		isRight := name == "right" || name == "unordered"
		if isRight && (f.Missing != "" || len(f.Values) != e.Rounds) {
			t.Errorf("%s: %d figures, missing %q; want %d", name, len(f.Values), f.Missing, e.Rounds)
		}
		if !isRight && (f.Missing == "" || len(f.Values) > 0 || !strings.Contains(err.Error(), name+": wrong answer")) {
			t.Errorf("%s: %d figures, missing %q, and the error is %v", name, len(f.Values), f.Missing, err)
		}
	}
}

// TestFailures shows that a program that fails, or is not there, is missing with
// what it said, and no error of the run.
func TestFailures(t *testing.T) {
	e := lab(t, map[string]side{
		"fails":   shell(rightRows + `; echo 'etch: error: unknown flag "--grep"' >&2; exit 2`),
		"missing": {unit: "ms", command: func(*env) command { return command{Args: []string{"no-such-program"}} }},
		"in-pipe": {unit: "ms", command: func(*env) command { return pipe([]string{"no-such-filter"}, "true | no-such-filter") }},
		"data":    {unit: "ms", prepare: func(context.Context, *env) error { return errors.New("no room") }},
	})
	figures, err := e.rounds(t.Context(), []string{"fails", "missing", "in-pipe", "data"})
	if err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{
		"fails":   `etch: error: unknown flag "--grep" (exit status 2)`,
		"missing": "skipped: there is no no-such-program (make peers)",
		"in-pipe": "skipped: there is no no-such-filter (make peers)",
		"data":    "no room",
	} {
		if got := figures[name]; got.Missing != want || len(got.Values) > 0 {
			t.Errorf("%s: %d figures, missing %q, want %q", name, len(got.Values), got.Missing, want)
		}
	}
}

// TestRounds shows who is measured when: everybody once to warm up, in an order
// that changes; the slow ones in fewer rounds, and what has one round in none before.
func TestRounds(t *testing.T) {
	var order []string
	seen := func(name string, rounds int) side {
		return side{unit: "ms", rounds: rounds, measure: func(context.Context, *env) (float64, error) {
			order = append(order, name)
			return float64(len(order)), nil
		}}
	}
	e := lab(t, map[string]side{"a": seen("a", 0), "b": seen("b", 0), "slow": seen("slow", 2), "one": seen("one", 1)})
	figures, err := e.rounds(t.Context(), []string{"a", "b", "slow", "one"})
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(order, " ")
	if want := "a b slow one slow b a a b slow b a a b"; got != want {
		t.Errorf("measured were %s, want %s", got, want)
	}
	for name, want := range map[string]int{"a": 4, "b": 4, "slow": 2, "one": 1} {
		if n := len(figures[name].Values); n != want {
			t.Errorf("%s has %d figures, want %d", name, n, want)
		}
	}
}

// TestTimes shows that a side that is asked about a part counts for the whole.
func TestTimes(t *testing.T) {
	s := shell("sleep 0.05; " + rightRows)
	s.times = 10
	e := lab(t, map[string]side{"tenth": s})
	figure, err := s.once(t.Context(), e)
	if err != nil || figure < 500 || figure > 60_000 {
		t.Errorf("a tenth of 50 ms came to %g ms, %v; want 500 or more", figure, err)
	}
}

// TestNobodysSettings shows that commands see neither the settings nor the
// variables of whoever runs the comparison.
func TestNobodysSettings(t *testing.T) {
	t.Setenv("ETCH_AUDIT_LOG", "elsewhere")
	t.Setenv("RIPGREP_CONFIG_PATH", "elsewhere")
	e := lab(t, nil)
	c := pipe(nil, "env")
	c.Dir, c.Env = e.path("home"), oneCore
	printed, _, err := c.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"HOME=" + e.path("home"), "LC_ALL=C", "GOMAXPROCS=1"} {
		if !strings.Contains(string(printed), want+"\n") {
			t.Errorf("the environment lacks %s:\n%s", want, printed)
		}
	}
	if strings.Contains(string(printed), "elsewhere") {
		t.Errorf("somebody's settings get through:\n%s", printed)
	}
}

// TestPeak shows that memory is that of the command, not of the harness.
func TestPeak(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux says what memory a process took")
	}
	ballast := make([]byte, 128<<20)
	for i := range ballast {
		ballast[i] = 1
	}
	c := command{Args: []string{"sh", "-c", "true"}, Dir: t.TempDir()}
	little, err := c.peak(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if little > 64 {
		t.Errorf("a shell that does nothing takes %g MiB", little)
	}
	runtime.KeepAlive(ballast)
	c.Args = []string{"sh", "-c", "x=$(head -c 60000000 /dev/zero | tr '\\0' x); true"}
	much, err := c.peak(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if much < little+32 {
		t.Errorf("a shell with 57 MiB of text takes %g MiB, one without %g", much, little)
	}
	c.Args = []string{"sh", "-c", "echo what happened >&2; exit 3"}
	if mib, err := c.peak(t.Context()); err == nil || !strings.Contains(err.Error(), "what happened") {
		t.Errorf("a failing command takes %g MiB, %v", mib, err)
	}
}
