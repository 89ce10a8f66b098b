package etch

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Where the active segment is older than the state, or says so, all that is there is
// in the answer, and what lies behind is told.
func TestOlderActive(t *testing.T) {
	segment := func(n int) string { return fmt.Sprintf("audit.%06d.log", n) }
	numbered := func(to int) func([]byte) []byte { // by its first line
		return func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"segment":4`), fmt.Appendf(nil, `"segment":%d`, to), 1)
		}
	}
	lines := func(n int) func([]byte) []byte {
		return func(b []byte) []byte { return bytes.Join(bytes.SplitAfterN(b, []byte("\n"), n+1)[:n], nil) }
	}
	same := func(b []byte) []byte { return b }
	for name, c := range map[string]struct {
		from    string // what becomes the active segment
		change  func([]byte) []byte
		without []string
		told    []string
		records int
	}{
		"the one before, moved":        {segment(3), same, []string{segment(3)}, []string{segment(4)}, 15},
		"the one before, copied":       {segment(3), same, nil, []string{segment(4)}, 15},
		"the one before, copied early": {segment(3), lines(3), nil, []string{segment(4)}, 15},
		"an early one, moved":          {segment(2), same, []string{segment(2)}, []string{segment(4)}, 15},
		"an early one, cut":            {segment(2), lines(3), []string{segment(2)}, []string{segment(4), "audit.log"}, 12},
		"the first, moved":             {segment(1), same, []string{segment(1)}, []string{segment(4)}, 15},
		"the first, alone":             {segment(1), same, []string{segment(1), segment(2), segment(3)}, []string{segment(2)}, 5},
		"no state, one moved":          {segment(2), same, []string{segment(2), "audit.state"}, nil, 15},
		"no state, one copied":         {segment(2), same, []string{"audit.state"}, nil, 15},
		"no state, its number edited":  {"audit.log", numbered(3), []string{"audit.state"}, nil, 20},
		"its number edited":            {"audit.log", numbered(3), nil, nil, 20},
		"its number edited, early":     {"audit.log", numbered(1), nil, nil, 20},
		"edited, the last is gone":     {"audit.log", numbered(3), []string{segment(3)}, []string{segment(4), segment(2)}, 15},
	} {
		t.Run(name, func(t *testing.T) {
			path := missingLog(t)
			dir := filepath.Dir(path)
			b, err := os.ReadFile(filepath.Join(dir, c.from))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, c.change(bytes.Clone(b)), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, name := range c.without {
				if err := os.Remove(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			for _, q := range []Query{{}, {NoIndex: true}, {User: "alice"}, {AllPhases: true}} {
				told, records := toldOf(t, path, q)
				if diff := cmp.Diff(told, c.told); diff != "" || records != c.records {
					t.Errorf("%+v: %d records, want %d; told (-got +want):\n%s", q, records, c.records, diff)
				}
			}
			r, err := OpenReader(path)
			if err != nil {
				t.Fatal(err)
			}
			if st, err := r.Status(); err != nil || len(st.Segments) == 0 {
				t.Errorf("status: %+v, %v", st, err)
			}
		})
	}
}

// A query that says where the log ends is answered to there, past what the state
// remembers, and is told of segments before that which are gone.
func TestEndPastTheState(t *testing.T) {
	path := missingLog(t)
	dir := filepath.Dir(path)
	early, err := os.ReadFile(filepath.Join(dir, "audit.state"))
	if err != nil {
		t.Fatal(err)
	}
	goOn(t, path)
	info, err := os.Stat(path)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "audit.state"), early, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	end := Some(Place{Segment: 4, Offset: info.Size()})
	if told, records := toldOf(t, path, Query{}); told != nil || records != 20 {
		t.Errorf("by the state: %d records, told %v; want 20", records, told)
	}
	if told, records := toldOf(t, path, Query{End: end}); told != nil || records != 21 {
		t.Errorf("past the state: %d records, told %v; want 21", records, told)
	}
	r, err := OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	lines, closer, err := r.OpenSegment(4)
	if err != nil || lines.Size() != info.Size() {
		t.Fatalf("the segment has %d bytes, %v; want %d", lines.Size(), err, info.Size())
	}
	if err := closer.Close(); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"audit.000002.log", "audit.log"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		want := []string{"audit.000002.log", "audit.000004.log"}[:i+1]
		if told, _ := toldOf(t, path, Query{End: end}); !cmp.Equal(told, want) {
			t.Errorf("without %s: told %v, want %v", name, told, want)
		}
		if told, records := toldOf(t, path, Query{End: Some(Place{Segment: 2})}); told != nil || records != 5 {
			t.Errorf("to the second, without %s: %d records, told %v; want 5 and nothing", name, records, told)
		}
	}
}
