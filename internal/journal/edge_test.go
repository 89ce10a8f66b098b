package journal_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/errorfs"
	"github.com/etch-audit/etch/internal/journal"
	"github.com/etch-audit/etch/internal/vfs"
)

// begun returns the world of a closed log of two segments and two epochs.
func begun(t *testing.T, signed bool) *world {
	t.Helper()
	w := newWorld()
	w.opt.Signed, w.opt.SealRecords = signed, 8
	must(t, w.create())
	must(t, w.append(t, 200, 300))
	_, err := w.log.Rotate(ctx)
	must(t, err)
	must(t, w.append(t, 400))
	w.clock.jump(2 * time.Hour)
	must(t, w.append(t, 200, 300))
	must(t, w.close())
	w.recheck(t)
	return w
}

// A mishap is something that happens to a log while no process has it open.
type mishap struct {
	name    string
	do      func(t *testing.T, w *world)
	found   string // what the log tells of it; "" for nothing
	missing bool   // numbers are missing for ever
	resume  bool   // only Options.Resume lets it go on
}

var mishaps = []mishap{
	{name: "state deleted", found: "state-lost", do: func(t *testing.T, w *world) {
		must(t, w.mem.Remove(logDir+"/audit.state"))
	}},
	{name: "state empty", found: "state-lost", do: func(t *testing.T, w *world) { w.put(t, "audit.state", nil) }},
	{name: "state is garbage", found: "state-lost", do: func(t *testing.T, w *world) {
		w.put(t, "audit.state", bytes.Repeat([]byte("x"), 8192))
	}},
	{name: "state forged", found: "state-lost", do: func(t *testing.T, w *world) {
		b := w.content(t, "audit.state")
		for at := 0; at < len(b); at += 4096 {
			binary.BigEndian.PutUint64(b[at+8:], 1000)
		}
		w.put(t, "audit.state", b)
	}},
	{name: "newer slot torn", do: func(t *testing.T, w *world) { w.tearNewer(t) }},
	{name: "active deleted", found: "damage", missing: true, resume: true, do: func(t *testing.T, w *world) {
		must(t, w.mem.Remove(logPath))
	}},
	{name: "active empty", found: "damage", missing: true, do: func(t *testing.T, w *world) { w.put(t, "audit.log", nil) }},
	{name: "active is garbage", found: "damage", missing: true, do: func(t *testing.T, w *world) {
		w.put(t, "audit.log", bytes.Repeat([]byte("garbage\n"), 1000))
	}},
	{name: "active cut in a line", found: "damage", missing: true, do: func(t *testing.T, w *world) {
		b := w.content(t, "audit.log")
		w.put(t, "audit.log", b[:len(b)-10])
	}},
	{name: "active cut after a line", found: "damage", missing: true, do: func(t *testing.T, w *world) {
		b := w.content(t, "audit.log")
		w.put(t, "audit.log", b[:bytes.LastIndexByte(b[:len(b)-1], '\n')+1])
	}},
	{name: "active cut in its first line", found: "damage", missing: true, do: func(t *testing.T, w *world) {
		w.put(t, "audit.log", w.content(t, "audit.log")[:100])
	}},
	{name: "active cut in place", found: "damage", missing: true, do: func(t *testing.T, w *world) {
		must(t, w.change("audit.log", func(f vfs.File) error { return f.Truncate(900) }))
	}},
	{name: "stranger appended text", found: "torn-tail", do: func(t *testing.T, w *world) { w.scribble(t, "hello\nworld") }},
	{name: "stranger appended a line", found: "torn-tail", do: func(t *testing.T, w *world) { w.scribble(t, `{"seq":3}`+"\n") }},
	{name: "stranger appended zeros", found: "torn-tail", do: func(t *testing.T, w *world) {
		w.scribble(t, string(make([]byte, 70000)))
	}},
	{name: "epoch key deleted", do: func(t *testing.T, w *world) { must(t, w.mem.Remove(keyDir+"/epoch.key")) }},
	{name: "epoch key is zeros", do: func(t *testing.T, w *world) { w.put(t, "audit.keys/epoch.key", make([]byte, 200)) }},
	{name: "stranger's numbered file", found: "foreign-file", do: func(t *testing.T, w *world) { w.put(t, "audit.000002.log", []byte("mine\n")) }},
	{name: "stranger's next segment", do: func(t *testing.T, w *world) { w.put(t, "audit.log.new", []byte("mine\n")) }},
	{name: "stranger's next epoch", do: func(t *testing.T, w *world) { w.put(t, "audit.keys/epoch.next", []byte("mine\n")) }},
	{name: "directory of torn tails is there", found: "torn-tail", do: func(t *testing.T, w *world) {
		must(t, w.mem.Mkdir(logDir+"/audit.torn", 0o700))
		w.scribble(t, "x")
	}},
}

// scribble appends bytes to the active segment.
func (w *world) scribble(t *testing.T, text string) {
	t.Helper()
	must(t, w.change("audit.log", func(f vfs.File) error {
		size, err := f.Size()
		if err != nil {
			return err
		}
		_, err = f.WriteAt([]byte(text), size)
		return err
	}))
}

// tearNewer destroys the newer slot of the state.
func (w *world) tearNewer(t *testing.T) {
	t.Helper()
	b := w.content(t, "audit.state")
	at := 0
	if binary.BigEndian.Uint64(b[4096+8:]) > binary.BigEndian.Uint64(b[8:]) {
		at = 4096
	}
	clear(b[at+100 : at+150])
	w.put(t, "audit.state", b)
}

// TestMishap shows that none of what may happen to a log's files stops it from
// going on, and that all of it is on record where records were concerned.
func TestMishap(t *testing.T) {
	for _, m := range mishaps {
		for _, signed := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, signed %v", m.name, signed), func(t *testing.T) {
				w := begun(t, signed)
				m.do(t, w)
				if m.resume {
					if err := w.open(); !errors.Is(err, journal.ErrGone) {
						t.Fatalf("open: %v, want %v", err, journal.ErrGone)
					}
					w.opt.Resume = true
				}
				if m.missing {
					w.hist.events = nil // what is gone is gone; what is told of it is the point
				}
				w.surviveMishap(t, m)
			})
		}
	}
}

// surviveMishap goes on with a log and looks at what it tells.
func (w *world) surviveMishap(t *testing.T, m mishap) {
	t.Helper()
	must(t, w.open())
	n, body := w.hist.event(200)
	_, err := w.log.Append(ctx, body)
	must(t, err)
	_, err = w.log.Rotate(ctx)
	must(t, err)
	must(t, w.close())
	f, err := checkLog(w.mem.Sub(logDir))
	if err != nil {
		t.Fatalf("%v\n%s", err, w.dump())
	}
	if len(f.events[eventID(n)]) == 0 {
		t.Errorf("the event appended after it is not in the log")
	}
	want := []string(nil)
	if m.found != "" {
		want = []string{m.found}
	}
	if got := f.kinds(); !slices.Equal(got, want) {
		t.Errorf("log tells of %v, want %v\n%s", got, want, w.dump())
	}
	if (f.missing > 0) != m.missing {
		t.Errorf("%d records are missing, want any: %v\n%s", f.missing, m.missing, w.dump())
	}
	if broken := strings.HasPrefix(m.name, "epoch key"); (f.broken > 0) != broken {
		t.Errorf("%d epochs are broken, want any: %v", f.broken, broken)
	}
	if m.found != "" && len(w.notes) == 0 {
		t.Errorf("nobody was told")
	}
	judge(t, w.mem.Sub(logDir), f)
}

// TestStateRolledBack puts an old state back, as a restored backup would: what
// the log holds beyond it is taken over, over a rotation too.
func TestStateRolledBack(t *testing.T) {
	for _, signed := range []bool{true, false} {
		w := newWorld()
		w.opt.Signed = signed
		must(t, w.create())
		must(t, w.append(t, 200))
		must(t, w.close())
		old := w.content(t, "audit.state")
		for _, segments := range []int{0, 1, 2, 3} {
			next := w.after(w.mem.Clone())
			must(t, next.open())
			for range segments {
				must(t, next.append(t, 200))
				_, err := next.log.Rotate(ctx)
				must(t, err)
			}
			must(t, next.append(t, 300))
			must(t, next.close())
			next.recheck(t)
			next.put(t, "audit.state", old)
			f := next.revive(t)
			var want []string
			switch {
			case segments > 1:
				want = []string{"state-lost"}
			case !signed:
				want = []string{"unsigned-tail"}
			}
			got := slices.DeleteFunc(f.kinds(), func(k string) bool { return k == "unsigned-tail" && segments > 1 })
			if !slices.Equal(got, want) || f.missing > 0 {
				t.Errorf("signed %v, %d segments on: log tells of %v, %d missing, want %v", signed, segments, got, f.missing, want)
			}
		}
	}
}

// TestOldKeysRestored puts an older epoch's key back: the epoch is broken for
// ever, and the log goes on.
func TestOldKeysRestored(t *testing.T) {
	w := newWorld()
	must(t, w.create())
	old := w.content(t, "audit.keys/epoch.key")
	w.clock.jump(2 * time.Hour)
	must(t, w.append(t, 200))
	must(t, w.close())
	w.put(t, "audit.keys/epoch.key", old)
	if f := w.revive(t); f.broken != 1 || f.epoch != 2 {
		t.Errorf("%d epochs are broken, the current one is %d, want 1 and 2", f.broken, f.epoch)
	}
}

// TestOlderCopy replaces the active segment by an older copy under a living
// process, and nobody has what came after it: it notices before its next record.
func TestOlderCopy(t *testing.T) {
	w := newWorld()
	must(t, w.create())
	must(t, w.append(t, 200))
	old := w.content(t, "audit.log")
	must(t, w.append(t, 300))
	w.put(t, "audit.log", old)
	must(t, w.mem.Remove(logDir+"/audit.commit"))
	w.hist.events = w.hist.events[:1]
	n, body := w.hist.event(100)
	_, err := w.log.Append(ctx, body)
	must(t, err)
	must(t, w.close())
	f, err := checkLog(w.mem.Sub(logDir))
	must(t, err)
	if len(f.events[eventID(n)]) == 0 || f.missing != 1 || !slices.Equal(f.kinds(), []string{"damage"}) {
		t.Errorf("event there: %v, %d missing, log tells of %v", f.events[eventID(n)], f.missing, f.kinds())
	}
	judge(t, w.mem.Sub(logDir), f)
}

// TestPendingEpoch kills the process when of an epoch's two lines exactly the
// first is on disk: the epoch has not begun, whatever seal follows.
func TestPendingEpoch(t *testing.T) {
	for _, signed := range []bool{true, false} {
		w := newWorld()
		w.opt.Signed = signed
		must(t, w.create())
		must(t, w.append(t, 200))
		must(t, w.close())
		fsys := w.faulty(errorfs.InjectorFunc(func(op errorfs.Op) errorfs.Fault {
			if op.Kind != errorfs.Write || !strings.HasSuffix(op.Path, "audit.log") {
				return errorfs.Fault{}
			}
			return errorfs.CrashShort(epochLine(t, w, op.N), nil)
		}))
		must(t, w.open())
		w.clock.jump(2 * time.Hour)
		if err := w.append(t, 200); err == nil || !fsys.Crashed() {
			t.Fatalf("append: %v, crashed %v", err, fsys.Crashed())
		}
		w.abandon()
		next := w.after(w.mem.Clone())
		next.clock.t = next.clock.t.Add(-2 * time.Hour).Add(time.Second) // no epoch is due
		next.opt.Epoch = 100 * time.Hour
		must(t, next.open())
		_, err := next.log.Seal(ctx)
		must(t, err)
		must(t, next.close())
		f := next.recheck(t)
		if f.epoch != 0 || !slices.Equal(f.kinds(), []string{"torn-tail"}) {
			t.Errorf("signed %v: epoch %d, log tells of %v, want epoch 0 and a torn tail", signed, f.epoch, f.kinds())
		}
	}
}

// epochLine returns how long the first of n bytes of lines is, by how long it
// was in another log.
func epochLine(t *testing.T, w *world, n int) int {
	t.Helper()
	other := newWorld()
	other.opt.Signed = w.opt.Signed
	must(t, other.create())
	must(t, other.append(t, 200))
	other.clock.jump(2 * time.Hour)
	must(t, other.append(t, 200))
	must(t, other.close())
	for line := range bytes.Lines(other.content(t, "audit.log")) {
		if bytes.Contains(line, []byte(`"event_type":"log_epoch"`)) {
			return min(len(line), n)
		}
	}
	t.Fatal("no log_epoch")
	return 0
}

func TestRefusals(t *testing.T) {
	t.Run("directory is missing", func(t *testing.T) {
		w := newWorld()
		w.opt.Path = "/nowhere/audit.log"
		for _, err := range []error{w.create(), w.open()} {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("error is %v, want %v", err, fs.ErrNotExist)
			}
		}
	})
	t.Run("directory in the way", func(t *testing.T) {
		w := newWorld()
		must(t, w.mem.Mkdir(logPath, 0o700))
		for _, err := range []error{w.create(), w.open()} {
			if err == nil || !strings.Contains(err.Error(), "is a directory") {
				t.Errorf("error is %v, want one of a directory", err)
			}
		}
	})
	t.Run("no log", func(t *testing.T) {
		if err := newWorld().open(); !errors.Is(err, journal.ErrNoLog) {
			t.Errorf("error is %v, want %v", err, journal.ErrNoLog)
		}
	})
	t.Run("log exists", func(t *testing.T) {
		w := begun(t, true)
		before := contents(w.mem)
		if err := w.create(); !errors.Is(err, journal.ErrExists) {
			t.Errorf("error is %v, want %v", err, journal.ErrExists)
		}
		if contents(w.mem) != before {
			t.Errorf("a refused creation has changed the log")
		}
	})
	t.Run("log is gone", func(t *testing.T) {
		w := begun(t, true)
		for _, name := range []string{"audit.log", "audit.000001.log", "audit.state"} {
			must(t, w.mem.Remove(logDir+"/"+name))
			for _, err := range []error{w.create(), w.open()} {
				if !errors.Is(err, journal.ErrGone) && !errors.Is(err, journal.ErrExists) {
					t.Errorf("without %s: error is %v, want %v", name, err, journal.ErrGone)
				}
			}
		}
	})
	t.Run("keys are gone", func(t *testing.T) {
		w := begun(t, true)
		for _, name := range []string{"identity.key", "mac.key", "epoch.key", "log.vkey"} {
			must(t, w.mem.Remove(keyDir+"/"+name))
		}
		must(t, w.mem.Remove(logDir+"/audit.log")) // what is left must be enough
		must(t, w.mem.Remove(logDir+"/audit.000001.log"))
		if err := w.open(); !errors.Is(err, journal.ErrKeys) {
			t.Errorf("open: %v, want %v", err, journal.ErrKeys)
		}
		if err := w.create(); !errors.Is(err, journal.ErrGone) {
			t.Errorf("create: %v, want %v: the state remembers a log", err, journal.ErrGone)
		}
	})
	t.Run("key is open to others", func(t *testing.T) {
		for _, name := range []string{"epoch.key", "identity.key", "mac.key"} {
			w := begun(t, true)
			text := w.content(t, "audit.keys/"+name)
			must(t, w.mem.Remove(keyDir+"/"+name))
			f, err := w.mem.OpenFile(keyDir+"/"+name, os.O_RDWR|os.O_CREATE, 0o644)
			must(t, err)
			_, err = f.WriteAt(text, 0)
			must(t, errors.Join(err, f.Close()))
			if err := w.open(); !errors.Is(err, journal.ErrKeys) || !strings.Contains(err.Error(), "chmod 600 "+keyDir+"/"+name) {
				t.Errorf("%s: error is %v, want %v with the chmod", name, err, journal.ErrKeys)
			}
		}
	})
	t.Run("newer version", func(t *testing.T) {
		w := begun(t, false)
		text := bytes.Replace(w.content(t, "audit.log"), []byte(`"version":0`), []byte(`"version":9`), 1)
		w.put(t, "audit.log", text)
		before := contents(w.mem)
		if err := w.open(); !errors.Is(err, journal.ErrNewer) {
			t.Errorf("error is %v, want %v", err, journal.ErrNewer)
		}
		if contents(w.mem) != before {
			t.Errorf("a refused opening has changed the log")
		}
	})
	t.Run("too large a body", func(t *testing.T) {
		w := newWorld()
		must(t, w.create())
		if err := w.append(t, 70000); !errors.Is(err, journal.ErrNotRecorded) {
			t.Errorf("error is %v, want %v", err, journal.ErrNotRecorded)
		}
		if err := w.batch(t, 100, 70000); !errors.Is(err, journal.ErrNotRecorded) {
			t.Errorf("error is %v, want %v", err, journal.ErrNotRecorded)
		}
		must(t, w.close())
		w.recheck(t)
	})
}

// TestCreateAgain interrupts the creation of a log at every operation, by an
// error, and then makes it again.
func TestCreateAgain(t *testing.T) {
	for _, kind := range faultKinds {
		for k := 0; ; k++ {
			w := newWorld()
			fsys := w.faulty(kind.at(k))
			err := w.create()
			w.healed.Store(true)
			if fsys.Faults() == 0 {
				must(t, err)
				must(t, w.close())
				break
			}
			if err != nil {
				err = w.create()
				if errors.Is(err, journal.ErrExists) { // only the answer was lost
					err = w.open()
				}
			}
			if err != nil {
				t.Fatalf("%s at operation %d: %v\n%s", kind.name, k, err, w.dump())
			}
			must(t, w.append(t, 100))
			must(t, w.close())
			w.recheck(t)
		}
	}
}

// TestDiskFull fills the disk, at every size it could have, and empties it again.
func TestDiskFull(t *testing.T) {
	for used := int64(0); used < 14000; used += 97 * int64(stride(1, 10)) {
		w := newWorld()
		w.opt.MaxSize, w.opt.SealRecords = 16<<10, 8
		must(t, w.create())
		must(t, w.append(t, 300))
		w.mem.SetCapacity(10000 + used)
		full := 0
		for range 12 {
			err := w.append(t, 1500)
			if err != nil {
				full++
				if !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("append: %v, want %v", err, syscall.ENOSPC)
				}
			}
		}
		if full == 0 {
			t.Fatalf("disk was not full")
		}
		w.check(t)
		w.mem.SetCapacity(-1)
		must(t, w.append(t, 1500))
		must(t, w.close())
		w.blameless(t, w.recheck(t))
	}
}

// TestLost puts events on record that could not be: how many and why, however
// long the cause is.
func TestLost(t *testing.T) {
	w := newWorld()
	must(t, w.create())
	for _, cause := range []string{"disk full", strings.Repeat("long ", 30000)} {
		for range 3 {
			w.log.Lost(w.clock.now(), errors.New(cause))
		}
		if err := w.append(t, 100); err != nil {
			t.Fatalf("append: %.200v", err)
		}
	}
	must(t, w.close())
	if f := w.recheck(t); f.lost != 6 {
		t.Errorf("log tells of %d lost events, want 6", f.lost)
	}
}
