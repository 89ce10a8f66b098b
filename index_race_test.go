package etch_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/etch-audit/etch"
)

// A race is a log that is written, rotated, indexed, archived and asked at the
// same time. Every tenth event is of the user that is asked for.
type race struct {
	t       *testing.T
	log     *etch.Log
	path    string
	begun   atomic.Int64 // of that user: batches of one whose append began
	written atomic.Int64 // and those that were acknowledged
	done    atomic.Bool
}

// TestQueriesRace asks while segments are rotated, indexed and archived. What was
// acknowledged before a query began must come, and nothing twice.
func TestQueriesRace(t *testing.T) {
	r := &race{t: t, path: filepath.Join(t.TempDir(), "audit.log")}
	l, err := etch.Create(r.path, &etch.Options{NoIndex: true, NoArchive: true, ArchiveAfter: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	r.log = l
	var writer, others sync.WaitGroup
	writer.Go(r.write)
	others.Go(r.tend)
	for _, q := range []etch.Query{{User: "asked"}, {User: "asked", Reverse: true}, {User: "asked", AllPhases: true}} {
		others.Go(func() { r.ask(q) })
	}
	others.Go(r.count)
	writer.Wait()
	r.done.Store(true)
	others.Wait()

	made, err := l.Index(t.Context(), nil)
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d indexes were left to be made", made)
	q := etch.Query{User: "asked", Notify: func(s string) { t.Error(s) }}
	if got, want := len(seqs(t, r.path, q)), int(r.written.Load()); got != want {
		t.Errorf("got %d records in the end, want %d", got, want)
	}
}

// write appends batches, and makes a segment of every second one.
func (r *race) write() {
	pad := strings.Repeat("x", 2000)
	for i := range 24 {
		var batch []*etch.Event
		for j := range 40 {
			ev := command(fmt.Sprint("echo ", i, j, pad))
			ev.Actor = &etch.Actor{Username: "other"}
			if j%10 == 0 {
				ev.Actor.Username = "asked"
			}
			batch = append(batch, ev)
		}
		r.begun.Add(4)
		if _, err := r.log.AppendBatch(r.t.Context(), batch); err != nil {
			r.t.Error(err)
		}
		r.written.Add(4)
		if i%2 == 1 {
			if _, err := r.log.Rotate(r.t.Context()); err != nil {
				r.t.Error(err)
			}
		}
	}
}

// tend indexes and archives what there is, again and again.
func (r *race) tend() {
	for !r.done.Load() {
		if _, err := r.log.Index(context.Background(), nil); err != nil {
			r.t.Error("index:", err)
			return
		}
		if _, err := r.log.Archive(context.Background(), nil); err != nil {
			r.t.Error("archive:", err)
			return
		}
	}
}

// ask asks until all is written.
func (r *race) ask(q etch.Query) {
	for !r.done.Load() {
		least := r.written.Load()
		reader, err := etch.OpenReader(r.path)
		if err != nil {
			r.t.Error(err)
			return
		}
		got, before := int64(0), uint64(0)
		for rec, err := range reader.Records(context.Background(), q) {
			if err != nil {
				r.t.Error("records:", err)
				return
			}
			if got > 0 && (rec.Seq <= before) != q.Reverse || got > 0 && rec.Seq == before {
				r.t.Errorf("seq %d comes behind %d", rec.Seq, before)
			}
			got, before = got+1, rec.Seq
		}
		if most := r.begun.Load(); got < least || got > most {
			r.t.Errorf("got %d records, want from %d to %d", got, least, most)
			return
		}
	}
}

// count counts until all is written.
func (r *race) count() {
	for !r.done.Load() {
		least := r.written.Load()
		reader, err := etch.OpenReader(r.path)
		if err != nil {
			r.t.Error(err)
			return
		}
		groups, err := reader.CountBy(context.Background(), etch.Query{}, "user")
		if err != nil {
			r.t.Error("count:", err)
			return
		}
		got := int64(0)
		for _, g := range groups {
			if g.Values[0] == "asked" {
				got = int64(g.Count)
			}
		}
		if most := r.begun.Load(); got < least || got > most {
			r.t.Errorf("counted %d records, want from %d to %d", got, least, most)
			return
		}
	}
}
