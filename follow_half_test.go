package etch

import (
	"os"
	"path/filepath"
	"testing"
)

// A line that is being written when a log without a state is looked at comes once
// it is whole, and is no damage before.
func TestFollowHalfALine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	log, err := Create(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(filepath.Dir(path), "audit.state")); err != nil {
		t.Fatal(err)
	}
	r, err := OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}()
	write := func(text string) {
		if _, err := file.WriteString(text); err != nil {
			t.Error(err)
		}
	}
	var got []Record
	f := follower{r: r, ctx: t.Context(), yield: func(rec Record, err error) bool {
		if err != nil {
			t.Errorf("got %v, want records", err)
		}
		got = append(got, rec)
		return true
	}}
	f.q.AllPhases = true
	if !f.history() {
		t.Fatal("it ends at once")
	}
	line := `{"seq":2,"timestamp":"2026-02-16T12:34:56.123456Z","event_id":"evt_a","event_type":"tool_call","action":{"tool":"shell","command":"ls"}}` + "\n"
	write(line[:60])
	f.more()
	f.more()
	write(line[60:])
	f.more()
	f.more()
	if len(got) != 1 || got[0].Seq != 2 {
		t.Errorf("got %d records, want the one with seq 2", len(got))
	}
}
