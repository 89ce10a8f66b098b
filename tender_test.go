package etch

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
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

// TestIndexedOnce lets a command make indexes for so long that the tender of its own log
// begins to: each is made once, and on record once.
func TestIndexedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := Create(filepath.Join(t.TempDir(), "audit.log"), &Options{NoArchive: true, SealEvery: time.Hour, DrainWithin: -1})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Append(t.Context(), &Event{Type: ToolCall, Action: &Action{Command: strings.Repeat("x", 2*minIndexed)}}); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		var beside sync.Once
		made, err := l.Index(t.Context(), func(int64, int64) {
			beside.Do(func() {
				if err := l.IndexWithin(t.Context(), time.Second); err != nil {
					t.Error(err)
				}
				<-time.After(2 * tendAfter)
			})
		})
		if err != nil || made != 1 {
			t.Errorf("%d indexes made, %v, want 1", made, err)
		}
		synctest.Wait()
		onRecord := 0
		for _, err := range l.Records(t.Context(), Query{Control: true, Types: []EventType{"log_indexed"}}) {
			if err != nil {
				t.Fatal(err)
			}
			onRecord++
		}
		if onRecord != 1 {
			t.Errorf("%d indexes are on record, want 1", onRecord)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// Two that write the same file of the index at the same time, by whatever process number,
// are not in each other's way.
func TestPlaceTwice(t *testing.T) {
	r, err := OpenReader(smallLog(t))
	if err == nil {
		err = r.openIndexDir()
	}
	if err != nil {
		t.Fatal(err)
	}
	const content = "an index"
	whole := func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	}
	name := r.layout.IndexOf(1)
	if err := r.place(name, func(w io.Writer) error { return errors.Join(r.place(name, whole), whole(w)) }); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(r.layout.Path(name)); err != nil || string(got) != content {
		t.Errorf("got %q, %v", got, err)
	}
	if left, err := os.ReadDir(r.layout.Path(r.layout.Index())); err != nil || len(left) != 1 {
		t.Errorf("%d files are there, %v, want one", len(left), err)
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
