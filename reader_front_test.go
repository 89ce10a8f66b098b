package etch

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// keep leaves of a file's lines those from first on up to end; negative ones count
// from its end, and 0 as the end is that.
func keep(t *testing.T, path string, first, end int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := slices.Collect(bytes.Lines(b))
	if first < 0 {
		first += len(lines)
	}
	if end <= 0 {
		end += len(lines)
	}
	if err := os.WriteFile(path, bytes.Join(lines[first:end], nil), 0o600); err != nil {
		t.Fatal(err)
	}
}

func empty(t *testing.T, path string) {
	t.Helper()
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
}

// rename gives a file another name.
func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// everyWay is questions that go through a log in different ways.
var everyWay = []Query{{}, {Reverse: true}, {NoIndex: true}, {User: "alice"}, {AllPhases: true}, {AllPhases: true, Control: true}, {LinesOnly: true}}

// What was emptied, or cut from its front, is told like what was cut from its end.
func TestMissingFrontIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *testing.T, segment func(string) string)
		told   string
		events int
	}{
		"the active, emptied":       {func(t *testing.T, f func(string) string) { empty(t, f("")) }, "audit.log", 15},
		"the active, its end left":  {func(t *testing.T, f func(string) string) { keep(t, f(""), -2, 0) }, "audit.log", 16},
		"the active, its beginning": {func(t *testing.T, f func(string) string) { keep(t, f(""), 1, 0) }, "audit.log", 20},
		"the active, both ends":     {func(t *testing.T, f func(string) string) { keep(t, f(""), 1, -3) }, "audit.log", 18},
		"the first, emptied":        {func(t *testing.T, f func(string) string) { empty(t, f(".000001")) }, "audit.000001.log", 15},
		"one, emptied":              {func(t *testing.T, f func(string) string) { empty(t, f(".000002")) }, "audit.000002.log", 15},
		"one, its end left":         {func(t *testing.T, f func(string) string) { keep(t, f(".000002"), -1, 0) }, "audit.000002.log", 15},
		"one, its beginning":        {func(t *testing.T, f func(string) string) { keep(t, f(".000003"), 1, 0) }, "audit.000003.log", 20},
		"two, emptied": {func(t *testing.T, f func(string) string) {
			empty(t, f(".000002"))
			empty(t, f(".000003"))
		}, "audit.000002.log audit.000003.log", 10},
		"one is another": {func(t *testing.T, f func(string) string) {
			rename(t, f(".000002"), f(".000003"))
		}, "audit.000002.log audit.000003.log", 15},
		"one gone, and the active emptied": {func(t *testing.T, f func(string) string) {
			empty(t, f(""))
			if err := os.Remove(f(".000003")); err != nil {
				t.Fatal(err)
			}
		}, "audit.000003.log audit.log", 10},
		"the active emptied, and no state": {func(t *testing.T, f func(string) string) {
			empty(t, f(""))
			rename(t, strings.TrimSuffix(f(""), ".log")+".state", f(".kept"))
		}, "audit.log", 15},
		"no active, and the last cut": {func(t *testing.T, f func(string) string) {
			rename(t, f(""), f(".000004"))
			keep(t, f(".000004"), 0, -3)
		}, "audit.000004.log", 18},
	} {
		t.Run(name, func(t *testing.T) {
			path := missingLog(t)
			c.change(t, func(number string) string { return strings.TrimSuffix(path, ".log") + number + ".log" })
			for _, q := range everyWay {
				told, records := toldOf(t, path, q)
				slices.Sort(told)
				if got := strings.Join(told, " "); got != c.told || !q.Control && records != c.events {
					t.Errorf("%+v: %d records, want %d; told of %q, want %q", q, records, c.events, got, c.told)
				}
			}
		})
	}
}

// goOn has a log record one more event.
func goOn(t *testing.T, path string) {
	t.Helper()
	log, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Append(t.Context(), &Event{Type: CommandExecution, Actor: &Actor{Username: "alice"}}); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

// What a recovery has put on record is no news; what was cut since is.
func TestMissingFrontRecovered(t *testing.T) {
	for name, c := range map[string]struct {
		before, after func(t *testing.T, path string)
		told          []string
		events        int
	}{
		"emptied": {before: func(t *testing.T, path string) { empty(t, path) }, events: 16},
		"its front gone, and the state": {before: func(t *testing.T, path string) {
			keep(t, path, 1, 0)
			rename(t, strings.TrimSuffix(path, ".log")+".state", path+".kept")
		}, events: 21},
		"its end gone": {before: func(t *testing.T, path string) { keep(t, path, 0, -3) }, events: 19},
		"its end gone, and more since": {
			before: func(t *testing.T, path string) { keep(t, path, 0, -3) },
			after:  func(t *testing.T, path string) { keep(t, strings.TrimSuffix(path, ".log")+".000004.log", 0, -1) },
			told:   []string{"audit.000004.log"}, events: 18,
		},
		"its end gone, and its front since": {
			before: func(t *testing.T, path string) { keep(t, path, 0, -3) },
			after:  func(t *testing.T, path string) { keep(t, strings.TrimSuffix(path, ".log")+".000004.log", 1, 0) },
			told:   []string{"audit.000004.log"}, events: 19,
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := missingLog(t)
			c.before(t, path)
			goOn(t, path)
			if c.after != nil {
				c.after(t, path)
			}
			for _, q := range everyWay {
				told, records := toldOf(t, path, q)
				if diff := cmp.Diff(told, c.told); diff != "" || !q.Control && records != c.events {
					t.Errorf("%+v: %d records, want %d; told (-got +want):\n%s", q, records, c.events, diff)
				}
			}
		})
	}
}

// Another program's file lacks nothing: it is none of the log's.
func TestForeignFileLacksNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	for _, content := range []string{"", "{\"timestamp\":\"2026-02-16T12:00:00Z\",\"event_type\":\"x\"}\n", "no line feed"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := OpenReader(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range everyWay {
			for _, err := range r.Records(t.Context(), q) {
				if err != nil && strings.Contains(err.Error(), ErrMissing.Error()) {
					t.Errorf("%q, %+v: got %v", content, q, err)
				}
			}
		}
	}
}

// Without a state a cut end cannot be told, which is said; a log that is being made has
// none yet.
func TestNoStateIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *testing.T, path, state string)
		said   string
	}{
		"a state":  {func(*testing.T, string, string) {}, ""},
		"none":     {func(t *testing.T, _, state string) { rename(t, state, state+".kept") }, "audit.state is not there: whether the log's end is missing cannot be told"},
		"an empty": {func(t *testing.T, _, state string) { empty(t, state) }, "audit.state is damaged: whether the log's end is missing cannot be told"},
		"no state of a log": {func(t *testing.T, _, state string) {
			if err := os.WriteFile(state, bytes.Repeat([]byte("x"), 10_000), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "audit.state is damaged: whether the log's end is missing cannot be told"},
		"being made": {func(t *testing.T, path, state string) {
			keep(t, path, 0, 1)
			empty(t, state)
		}, ""},
	} {
		path := filepath.Join(t.TempDir(), "audit.log")
		log, err := Create(path, nil)
		if err == nil {
			err = log.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		c.change(t, path, strings.TrimSuffix(path, ".log")+".state")
		var said []string
		if told, _ := toldOf(t, path, Query{Notify: func(text string) { said = append(said, text) }}); told != nil {
			t.Errorf("%s: told of %v", name, told)
		}
		if got := strings.Join(slices.Compact(said), "; "); got != c.said { // toldOf asks twice
			t.Errorf("%s: said %q, want %q", name, got, c.said)
		}
	}
}
