package etch

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestLinesOnlyReuse holds the lines that share memory to those that do not, over
// more of them than fit the memory that is used again, some of them longer than
// all of it.
func TestLinesOnlyReuse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	log, err := Create(path, &Options{NoIndex: true}) // nobody but the test makes any
	if err != nil {
		t.Fatal(err)
	}
	for part := range 5 { // the last is the active segment
		events := make([]*Event, 1000)
		for i := range events {
			size := 1 + (part*1000+i)%900
			if i%500 == 7 {
				size = 20 << 10
			}
			events[i] = &Event{
				Type: CommandExecution, Actor: &Actor{Username: fmt.Sprintf("@user%d", i%5)},
				Action: &Action{Command: strings.Repeat(string(rune('a'+i%26)), size)},
			}
		}
		if _, err := log.AppendBatch(t.Context(), events); err != nil {
			t.Fatal(err)
		}
		if part == 4 {
			break
		}
		if _, err := log.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if made, err := log.Index(t.Context(), nil); err != nil || made < 4 {
		t.Fatalf("%d indexes made, %v", made, err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []Query{{User: "user1"}, {User: "user1", Reverse: true}, {User: "user1", NoIndex: true}, {Limit: 1000}} {
		var want [][]byte
		for rec, err := range r.Records(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, rec.Raw)
		}
		q.LinesOnly = true
		n := 0
		for rec, err := range r.Records(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			if n >= len(want) || !bytes.Equal(rec.Raw, want[n]) {
				t.Fatalf("%+v: line %d is %.100q, not the one that is stored", q, n, rec.Raw)
			}
			n++
		}
		if n != len(want) || n != 1000 {
			t.Errorf("%+v: %d lines, want %d of 1000", q, n, len(want))
		}
	}
}
