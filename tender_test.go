package etch

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
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

// TestIndexUnreadable has a segment that cannot be read: the others get their indexes.
func TestIndexUnreadable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l, err := Create(path, &Options{NoIndex: true, NoArchive: true, DrainWithin: -1})
	if err != nil {
		t.Fatal(err)
	}
	events := make([]*Event, 300)
	for i := range events {
		events[i] = fullEvent()
	}
	for range 3 {
		if _, err := l.AppendBatch(t.Context(), events); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r, err := OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	bad := r.layout.Path(r.layout.Numbered(2))
	if err := errors.Join(os.Remove(bad), os.Mkdir(bad, 0o700)); err != nil {
		t.Fatal(err)
	}
	l.opt.NoIndex = false
	look := &tender{log: l}
	for name, index := range map[string]func() error{
		"Index":       func() error { _, err := l.Index(t.Context(), nil); return err },
		"IndexWithin": func() error { return l.IndexWithin(t.Context(), time.Hour) },
		"a tender":    func() error { return look.index(t.Context()) },
	} {
		if err := os.RemoveAll(r.layout.Path(r.layout.Index())); err != nil {
			t.Fatal(err)
		}
		if err := index(); err == nil || !strings.Contains(err.Error(), "index segment 2: ") {
			t.Errorf("%s: got %v, want an error of segment 2", name, err)
		}
		for _, n := range []uint32{1, 3} {
			if _, err := os.Stat(r.layout.Path(r.layout.RecordOf(n))); err != nil {
				t.Errorf("%s: segment %d has no index: %v", name, n, err)
			}
		}
	}
	if err := look.index(t.Context()); err == nil {
		t.Error("a tender that finds nothing to do says that all is well")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
