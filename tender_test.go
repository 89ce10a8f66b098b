package etch

import (
	"path/filepath"
	"testing"
	"time"
)

// TestTender lets a log look after its segments, and waits for the index.
func TestTender(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l, err := Create(path, &Options{NoIndex: true, NoArchive: true, DrainWithin: -1, Notify: func(n Notice) { t.Error(n) }})
	if err != nil {
		t.Fatal(err)
	}
	events := make([]*Event, 300)
	for i := range events {
		events[i] = fullEvent()
	}
	if _, err := l.AppendBatch(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.opt.NoIndex = false
	l.tend(time.Millisecond, time.Millisecond)
	r, err := OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	for made := false; !made; {
		select {
		case <-t.Context().Done():
			t.Fatal("there is no index")
		case <-time.After(time.Millisecond):
		}
		_, err := r.fs.Stat(r.layout.Path(r.layout.RecordOf(1)))
		made = err == nil
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	v, err := r.view(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, file, err := r.openIndex(v, v.parts[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
	if err := v.close(); err != nil {
		t.Error(err)
	}
}
