package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/etch-audit/etch/internal/errorfs"
	"github.com/etch-audit/etch/internal/journal"
)

// TestRotationFailsAgain lets each try to begin the next segment fail: the
// active one gets one final seal, and not one more a try.
func TestRotationFailsAgain(t *testing.T) {
	for _, reopened := range []bool{false, true} {
		w := newWorld()
		w.opt.MaxSize = 16 << 10
		full := new(errorfs.Toggle)
		w.faulty(errorfs.When(errorfs.And(full.Match, errorfs.PathMatch("audit.log.new")), errorfs.Fail(syscall.EACCES)))
		must(t, w.create())
		must(t, w.append(t, 3000))
		full.Set(true)
		for range 10 {
			if err := w.append(t, 7000); !errors.Is(err, journal.ErrNotRecorded) || !errors.Is(err, syscall.EACCES) {
				t.Fatalf("append: %v, want %v", err, syscall.EACCES)
			}
			if reopened {
				must(t, w.close())
				must(t, w.open())
			}
		}
		if n := bytes.Count(w.content(t, "audit.log"), []byte(`"reason":"rotated"`)); n != 1 {
			t.Errorf("reopened %v: %d final seals after ten tries, want 1", reopened, n)
		}
		w.check(t)
		must(t, w.append(t, 100)) // there is room for it: the seal is not the last line any more
		if err := w.append(t, 7000); err == nil {
			t.Fatal("append: no error")
		}
		if n := bytes.Count(w.content(t, "audit.log"), []byte(`"reason":"rotated"`)); n != 2 {
			t.Errorf("reopened %v: %d final seals, want 2: the first ends nothing", reopened, n)
		}
		full.Set(false)
		must(t, w.append(t, 7000))
		must(t, w.close())
		if f := w.recheck(t); f.segment != 2 || f.told != nil {
			t.Errorf("reopened %v: %d segments, log tells of %v, want 2 and nothing", reopened, f.segment, f.told)
		}
	}
}

// TestRecoveryFailsAgain lets each recovery of a torn tail fail after, or while,
// the bytes are set aside: no try adds a copy of what is there.
func TestRecoveryFailsAgain(t *testing.T) {
	for _, kind := range []errorfs.OpKind{errorfs.Write, errorfs.Sync} {
		for _, path := range []string{"audit.log", "audit.torn"} {
			w := begun(t, true)
			w.scribble(t, strings.Repeat("torn", 1000))
			bad := new(errorfs.Toggle)
			w.faulty(errorfs.When(errorfs.And(bad.Match, errorfs.KindMatch(kind), func(op errorfs.Op) bool {
				return strings.Contains(op.Path, path)
			}), errorfs.Short(100, syscall.EIO)))
			bad.Set(true)
			for range 10 {
				if err := w.open(); !errors.Is(err, syscall.EIO) {
					t.Fatalf("%v of %s: open: %v, want %v", kind, path, err, syscall.EIO)
				}
			}
			bad.Set(false)
			must(t, w.open())
			must(t, w.close())
			if f := w.recheck(t); len(f.told) != 1 || f.told[0].Found != "torn-tail" {
				t.Errorf("%v of %s: log tells of %+v, want one torn tail", kind, path, f.told)
			}
			if names := w.aside(t); len(names) > 2 { // the second where the tail was half zeros by then
				t.Errorf("%v of %s: set aside are %v, want not one file a try", kind, path, names)
			}
		}
	}
}

// aside returns the names in the directory of torn tails.
func (w *world) aside(t *testing.T) []string {
	t.Helper()
	entries, err := fs.ReadDir(w.mem.Sub(logDir), "audit.torn")
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestAsideIsTaken puts another file where torn bytes are to be set aside: it
// stays as it is.
func TestAsideIsTaken(t *testing.T) {
	w := begun(t, true)
	w.scribble(t, "torn")
	next := w.after(w.mem.Clone())
	must(t, next.open())
	must(t, next.close())
	name := next.aside(t)[0]
	must(t, w.mem.Mkdir(logDir+"/audit.torn", 0o700))
	w.put(t, "audit.torn/"+name, []byte("mine"))
	w.put(t, "audit.torn/"+name+".1", []byte("mine, too"))
	must(t, w.open())
	must(t, w.close())
	w.recheck(t)
	for name, want := range map[string]string{name: "mine", name + ".1": "mine, too", name + ".2": "torn"} {
		if got := string(w.content(t, "audit.torn/"+name)); got != want {
			t.Errorf("%s holds %q, want %q", name, got, want)
		}
	}
}

// TestForeignFiles puts a stranger's file under the name of each segment to
// come: all are kept and on record, and the log goes on.
func TestForeignFiles(t *testing.T) {
	for _, signed := range []bool{true, false} {
		w := begun(t, signed)
		for n := 2; n < 6; n++ {
			w.put(t, fmt.Sprintf("audit.%06d.log", n), fmt.Appendf(nil, "mine %d\n", n/4))
		}
		must(t, w.open())
		for range 5 {
			must(t, w.append(t, 100))
			_, err := w.log.Rotate(ctx)
			must(t, err)
		}
		must(t, w.close())
		f := w.recheck(t)
		if len(f.told) != 4 || len(w.aside(t)) != 4 {
			t.Errorf("signed %v: log tells of %+v, set aside are %v, want four each", signed, f.told, w.aside(t))
		}
		for i, r := range f.told {
			if r.Found != "foreign-file" || r.Segment != uint32(i+2) || string(w.content(t, r.Saved)) != fmt.Sprintf("mine %d\n", (i+2)/4) {
				t.Errorf("signed %v: log tells of %+v, want the file in the place of segment %d", signed, r, i+2)
			}
		}
	}
}

// TestSignersMeet lets a writer with MACs and one without take turns on one
// log: MACs win at once, and no segment ends but for that or because one was due.
func TestSignersMeet(t *testing.T) {
	w := newWorld()
	must(t, w.create())
	unsigned := w.opt
	unsigned.Signed = false
	other, err := journal.Open(unsigned)
	must(t, err)
	logs := []*journal.Journal{w.log, other}
	turns := func() {
		t.Helper()
		for range 5 {
			for _, log := range logs {
				must(t, w.appendTo(t, log, ctx, 100))
			}
		}
	}
	turns()
	if f := w.check(t); f.segment != 1 {
		t.Errorf("%d segments, want 1: nobody had reason to begin another", f.segment)
	}
	if _, err := other.Rotate(ctx); err != nil {
		t.Fatal(err)
	}
	must(t, w.appendTo(t, other, ctx, 100)) // without MAC, as is its right now
	turns()
	if f := w.check(t); f.segment != 3 {
		t.Errorf("%d segments, want 3: one without MACs, and one more", f.segment)
	}
	if !bytes.Contains(firstLine(w.content(t, "audit.000002.log")), []byte(`"sign_events":false`)) ||
		!bytes.Contains(firstLine(w.content(t, "audit.log")), []byte(`"sign_events":true`)) {
		t.Errorf("segment 2 is to be without MACs, segment 3 with\n%s", w.dump())
	}
	must(t, other.Close())
	must(t, w.close())
	w.recheck(t)
}

// TestStatFails lets the look for a segment fail while a rotation is to be
// finished: that says nothing of whether the segment is there.
func TestStatFails(t *testing.T) {
	w := begun(t, true)
	must(t, w.mem.Rename(logPath, logDir+"/audit.000002.log"))
	before := contents(w.mem)
	w.faulty(errorfs.When(errorfs.And(errorfs.KindMatch(errorfs.Stat), errorfs.PathMatch("audit.000002.log")), errorfs.Fail(syscall.EACCES)))
	w.opt.Resume = true
	if err := w.open(); !errors.Is(err, syscall.EACCES) || errors.Is(err, journal.ErrGone) {
		t.Errorf("open: %v, want %v", err, syscall.EACCES)
	}
	if contents(w.mem) != before {
		t.Errorf("a refused opening has changed the log")
	}
}
