package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/journal"
	"github.com/etch-audit/etch/internal/memfs"
	"github.com/etch-audit/etch/verify"
)

// TestNewerForm gives the active segment's first line, or that of the next one,
// members that only a later version can read: nothing is written, whatever
// became of the state.
func TestNewerForm(t *testing.T) {
	for _, stateless := range []bool{false, true} {
		for _, name := range []string{"audit.log", "audit.log.new"} {
			w := begun(t, false)
			text := bytes.Replace(w.content(t, "audit.log"), []byte(`"version":0,"origin":"`), []byte(`"version":1,"frontier":{},"size":"5","origin":["`), 1)
			text = bytes.Replace(text, []byte(`","segment"`), []byte(`"],"segment"`), 1)
			w.put(t, name, text)
			if name != "audit.log" { // a rotation was cut short
				must(t, w.mem.Rename(logPath, logDir+"/audit.000002.log"))
			}
			if stateless {
				must(t, w.mem.Remove(logDir+"/audit.state"))
			}
			before := contents(w.mem)
			if err := w.open(); !errors.Is(err, journal.ErrNewer) {
				t.Errorf("%s, no state: %v: error is %v, want %v", name, stateless, err, journal.ErrNewer)
			}
			if contents(w.mem) != before {
				t.Errorf("%s, no state: %v: a refused opening has changed the log", name, stateless)
			}
		}
	}
}

// TestStateAndActiveGone takes away the state and the active segment: that there
// was one is known by the number of the segment before, so nobody goes on
// unasked. Who was asked says that numbers are used twice.
func TestStateAndActiveGone(t *testing.T) {
	for _, signed := range []bool{true, false} {
		w := begun(t, signed)
		must(t, w.mem.Remove(logPath))
		must(t, w.mem.Remove(logDir+"/audit.state"))
		before := contents(w.mem)
		if err := w.open(); !errors.Is(err, journal.ErrGone) {
			t.Fatalf("open: %v, want %v", err, journal.ErrGone)
		}
		if contents(w.mem) != before {
			t.Errorf("a refused opening has changed the log")
		}
		w.opt.Resume = true
		w.hist.events = nil
		w.opened(t)
		must(t, w.close())
		f, err := checkLog(w.mem.Sub(logDir))
		if err != nil {
			t.Fatalf("%v\n%s", err, w.dump())
		}
		judge(t, w.mem.Sub(logDir), f)
		if len(f.told) != 1 || f.told[0].Found != "state-lost" || f.told[0].Segment != 1 ||
			!strings.Contains(f.told[0].Detail, "sequence numbers from 5 on may be used twice; the segment after the last that is here is gone") {
			t.Errorf("log tells of %+v", f.told)
		}
	}
}

// TestStateGoneAndBeginningDamaged takes away the state and the beginnings of
// the newest segments: the log goes on from the newest that has one, and what
// has none keeps its bytes and is reported for ever.
func TestStateGoneAndBeginningDamaged(t *testing.T) {
	for _, signed := range []bool{true, false} {
		for damaged := range 4 {
			t.Run(fmt.Sprintf("signed %v, %d damaged", signed, damaged), func(t *testing.T) {
				w := begun(t, signed)
				must(t, w.open())
				must(t, w.append(t, 200))
				_, err := w.log.Rotate(ctx)
				must(t, err)
				must(t, w.append(t, 300))
				must(t, w.close())
				names := []string{"audit.log", "audit.000002.log", "audit.000001.log"}[:damaged]
				kept := map[string]string{}
				for i, name := range names {
					b := w.content(t, name)
					copy(b, "damaged")
					w.put(t, name, b)
					kept[fmt.Sprintf("audit.%06d.log", 3-i)] = string(b)
				}
				must(t, w.mem.Remove(logDir+"/audit.state"))
				if damaged == 3 {
					before := contents(w.mem)
					if err := w.open(); err == nil || !strings.Contains(err.Error(), "no segment to make it again from") {
						t.Errorf("open: %v, want that no segment reads", err)
					}
					if contents(w.mem) != before {
						t.Errorf("a refused opening has changed the log")
					}
					return
				}
				w.goOnBeyond(t, kept)
			})
		}
	}
}

// goOnBeyond goes on with a log in whose newest segments nothing can be read,
// dying at each change of the disk on the way, and holds it to that.
func (w *world) goOnBeyond(t *testing.T, kept map[string]string) {
	t.Helper()
	for k := 0; ; k++ {
		next := w.after(w.mem.Clone())
		fsys := next.faulty(crashAt(k, k%2 == 0, nil))
		if err := next.open(); err == nil {
			next.abandon()
		}
		next = w.after(next.mem.Crash(memfs.All()))
		must(t, next.open())
		n, body := next.hist.event(200)
		_, err := next.log.Append(ctx, body)
		must(t, err)
		must(t, next.close())
		must(t, next.open()) // it opens as any log
		must(t, next.close())
		for name, text := range kept {
			if got := string(next.content(t, name)); got != text {
				t.Fatalf("change %d: %s is not what it was\n%s", k, name, next.dump())
			}
		}
		active := next.content(t, "audit.log")
		if !bytes.Contains(active, []byte(eventID(n))) || !bytes.Contains(active, []byte(`"segment":4,`)) {
			t.Fatalf("change %d: the active segment is not the fourth, with the event\n%s", k, next.dump())
		}
		if len(kept) > 0 || k == 0 {
			next.accused(t, len(kept))
		}
		if !fsys.Crashed() {
			if len(kept) > 0 && !bytes.Contains(active, []byte("may be used twice; audit.log: segment has no beginning")) {
				t.Errorf("the record does not tell of it\n%s", next.dump())
			}
			return
		}
	}
}

// accused wants the verifier to find a log damaged, and where segments have no
// beginning to name them.
func (w *world) accused(t *testing.T, unread int) {
	t.Helper()
	fsys := w.mem.Sub(logDir)
	vkey, err := fs.ReadFile(fsys, "audit.keys/log.vkey")
	must(t, err)
	report, err := verify.Log(ctx, fsys, verify.Options{PublicKey: strings.TrimSpace(string(vkey)), Workers: 1})
	must(t, err)
	if report.Verdict != verify.Damaged {
		t.Errorf("verify: %v, want damaged\n%s", report.Verdict, w.dump())
	}
	if text := fmt.Sprintf("%+v", report.Faults); unread > 0 && !strings.Contains(text, "audit.000003.log") && !strings.Contains(text, "segment before this one was damaged") {
		t.Errorf("verify: %s\ndoes not name the segment without a beginning", text)
	}
}
