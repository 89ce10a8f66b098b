package etch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/errorfs"
	"github.com/etch-audit/etch/internal/journal"
	"github.com/etch-audit/etch/internal/memfs"
	"github.com/etch-audit/etch/internal/spool"
	"github.com/etch-audit/etch/internal/vfs"
)

// A spoolWorld is a disk in memory with a log and its spool.
type spoolWorld struct {
	t    *testing.T
	mem  *memfs.FS
	now  time.Time
	told []Notice
	n    int
}

const spoolWorldLog = "/log/audit.log"

func newSpoolWorld(t *testing.T) *spoolWorld {
	t.Helper()
	w := &spoolWorld{t: t, mem: memfs.New(), now: time.Date(2026, 2, 16, 12, 0, 0, 0, time.UTC)}
	if err := errors.Join(w.mem.Mkdir("/log", 0o700), w.mem.SyncDir("/")); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *spoolWorld) options() *Options {
	return &Options{
		Now:     func() time.Time { w.now = w.now.Add(time.Millisecond); return w.now },
		Notify:  func(n Notice) { w.told = append(w.told, n) },
		NoIndex: true, NoArchive: true, SealEvery: time.Hour, LockWait: 10 * time.Millisecond, DrainWithin: -1,
	}
}

// create makes the log.
func (w *spoolWorld) create() {
	w.t.Helper()
	l, err := start(w.mem, spoolWorldLog, w.options(), journal.Create)
	if err == nil {
		err = l.Close()
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *spoolWorld) open(fsys vfs.FS) (*Log, error) {
	return start(fsys, spoolWorldLog, w.options(), journal.Open)
}

// event returns an event with an id of its own.
func (w *spoolWorld) event() *Event {
	w.n++
	return &Event{
		Timestamp: w.now.Add(time.Duration(w.n) * time.Second), ID: fmt.Sprintf("evt_%03d", w.n), Type: ToolCall,
		Action: &Action{Tool: "t", Allowed: true}, Labels: map[string]string{"own": "1"},
	}
}

// spool puts events into the spool.
func (w *spoolWorld) spool(cause error, events ...*Event) {
	w.t.Helper()
	s, err := openSpool(w.mem, spoolWorldLog, w.options())
	if err == nil {
		err = s.Put(cause, events...)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// drain opens the log on a disk, drains and closes.
func (w *spoolWorld) drain(fsys vfs.FS) (Drained, error) {
	l, err := w.open(fsys)
	if err != nil {
		return Drained{}, err
	}
	d, err := l.Drain(w.t.Context())
	return d, errors.Join(err, l.Close())
}

// recorded returns the events of the log in their order, and how many are
// recorded as lost.
func (w *spoolWorld) recorded() (events []Record, lost uint64) {
	w.t.Helper()
	r, err := openReader(w.mem, spoolWorldLog)
	if err != nil {
		w.t.Fatal(err)
	}
	for rec, err := range r.Records(w.t.Context(), Query{AllPhases: true, Control: true}) {
		if err != nil {
			w.t.Fatal(err)
		}
		if !rec.IsControl() {
			events = append(events, rec)
		} else if rec.Control.Type == "log_gap" {
			lost += gapOfLine(w.t, rec.Raw)
		}
	}
	return events, lost
}

func gapOfLine(t *testing.T, line []byte) (n uint64) {
	t.Helper()
	_, rest, _ := strings.Cut(string(line), `"lost":`)
	if _, err := fmt.Sscanf(rest, "%d", &n); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return n
}

func idsOf(records []Record) []string {
	var ids []string
	for _, r := range records {
		ids = append(ids, r.Event.ID)
	}
	return ids
}

// waiting returns the names of the files in the spool that wait or are set aside.
func (w *spoolWorld) waiting() []string {
	w.t.Helper()
	entries, err := w.mem.ReadDir("/log/audit.spool")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); ext == ".spool" || ext == ".new" || ext == ".bad" {
			names = append(names, e.Name())
		}
	}
	return names
}

var errLockedOut = errors.New("locked out")

// TestDrainTwiceAddsNothing puts back the files that a drain has removed, as a
// crash before the removal was durable does.
func TestDrainTwiceAddsNothing(t *testing.T) {
	w := newSpoolWorld(t)
	w.create()
	w.spool(errLockedOut, w.event(), w.event())
	w.spool(errLockedOut, w.event())
	before := w.mem.Clone()
	if _, err := w.drain(w.mem); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"audit.log", "audit.state", "audit.keys/epoch.key"} {
		copyFile(t, w.mem, before, "/log/"+name)
	}
	w.mem = before
	d, err := w.drain(w.mem)
	if err != nil || d != (Drained{Known: 3}) {
		t.Errorf("second Drain = %+v, %v, want 3 known", d, err)
	}
	if got, _ := w.recorded(); len(got) != 3 {
		t.Errorf("%d events, want 3", len(got))
	}
}

func copyFile(t *testing.T, from, to *memfs.FS, path string) {
	t.Helper()
	b, err := fs.ReadFile(from.Sub("/"), strings.TrimPrefix(path, "/"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := to.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err == nil {
		_, err = f.WriteAt(b, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestDrainOfUnknownOutcome spools an event that is in the log all the same.
func TestDrainOfUnknownOutcome(t *testing.T) {
	w := newSpoolWorld(t)
	w.create()
	ev, other := w.event(), w.event()
	s, err := openSpool(w.mem, spoolWorldLog, w.options())
	if err != nil {
		t.Fatal(err)
	}
	l, err := w.open(w.mem)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), ev); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Put(fmt.Errorf("late: %w", ErrUnknown), ev, other), l.Close()); err != nil {
		t.Fatal(err)
	}
	if d, err := w.drain(w.mem); err != nil || d != (Drained{Left: true}) {
		t.Errorf("Drain at once = %+v, %v: whoever is unsure may be at it still", d, err)
	}
	w.now = w.now.Add(unsureAge)
	if d, err := w.drain(w.mem); err != nil || d != (Drained{Recorded: 1, Known: 1}) {
		t.Errorf("Drain = %+v, %v", d, err)
	}
	if got, _ := w.recorded(); !slices.Equal(idsOf(got), []string{ev.ID, other.ID}) {
		t.Errorf("recorded %q", idsOf(got))
	}
}

// TestDrainWithoutKey spools while the keys cannot be read.
func TestDrainWithoutKey(t *testing.T) {
	w := newSpoolWorld(t)
	w.create()
	if err := w.mem.Rename("/log/audit.keys", "/log/away"); err != nil {
		t.Fatal(err)
	}
	w.spool(errLockedOut, w.event())
	if err := w.mem.Rename("/log/away", "/log/audit.keys"); err != nil {
		t.Fatal(err)
	}
	if d, err := w.drain(w.mem); err != nil || d != (Drained{Recorded: 1}) {
		t.Fatalf("Drain = %+v, %v", d, err)
	}
	got, _ := w.recorded()
	if labels := got[0].Event.Labels; labels[LabelSpoolMAC] != "none" {
		t.Errorf("labels %v do not say that nothing proves the event", labels)
	}
}

// TestDrainClaims shows of each loss that is drained whether it is known, or on the
// word of whoever can write the spool.
func TestDrainClaims(t *testing.T) {
	w := newSpoolWorld(t)
	w.create()
	dir := spool.At(w.mem, "/log/audit.spool")
	lose := func(key *spool.Key) {
		t.Helper()
		if err := dir.Lose(key, spool.Loss{Count: 9, From: w.now, To: w.now, Cause: "full"}, time.Second); err != nil {
			t.Fatal(err)
		}
	}
	s, err := openSpool(w.mem, spoolWorldLog, w.options())
	if err != nil {
		t.Fatal(err)
	}
	s.open()
	var want []string
	step := func(claimedBy string) {
		t.Helper()
		want = append(want, claimedBy)
		if _, err := w.drain(w.mem); err != nil {
			t.Fatal(err)
		}
		if got := w.claims(); !slices.Equal(got, want) {
			t.Errorf("claimed by %q, want %q", got, want)
		}
	}
	lose(s.key)
	step("")
	lose(nil)
	step("spool")
	lose(nil)
	lose(s.key) // together with what is claimed it is one
	step("spool")
	forge(t, w.mem, `"nothing":1`)
	step("spool")
	w.spool(errLockedOut, w.event())
	spoil(t, w.mem, "/log/audit.spool/"+w.waiting()[1])
	step("") // it is plain to see
}

// claims returns by whom each loss on record is claimed.
func (w *spoolWorld) claims() []string {
	w.t.Helper()
	r, err := openReader(w.mem, spoolWorldLog)
	if err != nil {
		w.t.Fatal(err)
	}
	var by []string
	for rec, err := range r.Records(w.t.Context(), Query{Control: true, Types: []EventType{"log_gap"}}) {
		var gap control.GapLog
		if err == nil {
			err = json.Unmarshal(rec.Control.Log, &gap)
		}
		if err != nil {
			w.t.Fatal(err)
		}
		by = append(by, gap.ClaimedBy)
	}
	return by
}

// spoil cuts a file off.
func spoil(t *testing.T, mem *memfs.FS, path string) {
	t.Helper()
	f, err := mem.OpenFile(path, os.O_RDWR, 0)
	if err == nil {
		err = errors.Join(f.Truncate(100), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestDrainTampered changes each byte of a file in turn: what comes into the log
// is what was spooled, or its loss.
func TestDrainTampered(t *testing.T) {
	w := newSpoolWorld(t)
	w.create()
	ev := w.event()
	w.spool(errLockedOut, ev)
	base := w.mem
	path := "/log/audit.spool/" + w.waiting()[0]
	whole, err := fs.ReadFile(base.Sub("/"), strings.TrimPrefix(path, "/"))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(whole); i += 3 {
		w.mem = base.Clone()
		f, err := w.mem.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte{whole[i] ^ 1}, int64(i)); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := w.drain(w.mem); err != nil {
			t.Fatalf("byte %d: %v", i, err)
		}
		got, lost := w.recorded()
		if len(got) != 0 || lost != 1 {
			t.Fatalf("byte %d changed: recorded %q, %d lost: it went unreported", i, idsOf(got), lost)
		}
		if files := w.waiting(); len(files) != 1 || filepath.Ext(files[0]) != ".bad" {
			t.Fatalf("byte %d: the file is not set aside: %q", i, files)
		}
	}
}

// A withheld is a disk on which one file may not be read.
type withheld struct {
	vfs.FS
	path string
}

func (w withheld) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	if name == w.path {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return w.FS.OpenFile(name, flag, perm)
}

// TestDrainUnreadable has a file that whoever drains may not read: it is told as lost, once,
// and keeps back neither the others nor what could not even be spooled.
func TestDrainUnreadable(t *testing.T) {
	w := newSpoolWorld(t)
	w.create()
	w.spool(errLockedOut, w.event())
	path := "/log/audit.spool/" + w.waiting()[0]
	w.spool(errLockedOut, w.event())
	for range 2 {
		if _, err := w.drain(withheld{w.mem, path}); err != nil {
			t.Fatal(err)
		}
		if got, lost := w.recorded(); len(got) != 1 || lost != 1 {
			t.Fatalf("recorded %q, %d lost, want the other event and one loss", idsOf(got), lost)
		}
	}
	if files := w.waiting(); len(files) != 1 || filepath.Ext(files[0]) != ".bad" {
		t.Fatalf("the file is not set aside: %q", files)
	}
}

// TestDrainRefusesForged spools lines that nobody but the log may write, with the
// key that everybody knows and with the log's.
func TestDrainRefusesForged(t *testing.T) {
	w := newSpoolWorld(t)
	w.create()
	for _, body := range []string{
		`"timestamp":"2026-02-16T12:00:00.000000Z","event_type":"log_sealed","log":{}`,
		`"timestamp":"2026-02-16T12:00:00.000000Z","event_id":"evt_1","event_type":"tool_call","labels":{"spooled":"x"}`,
		`"timestamp":"2026-02-16T12:00:00.000000Z","event_id":"","event_type":"tool_call","labels":{"spool_mac":"none"}`,
		`"timestamp":"never","event_id":"evt_1","event_type":"tool_call","labels":{"spool_mac":"none"}`,
		`"nothing":1`, ``,
	} {
		mem := w.mem.Clone()
		forge(t, mem, body)
		old := w.mem
		w.mem = mem
		if _, err := w.drain(mem); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if got, lost := w.recorded(); len(got) != 0 || lost != 1 {
			t.Errorf("%s: recorded %d, lost %d, want it refused and told", body, len(got), lost)
		}
		w.mem = old
	}
}

// TestDrainCrash lets the process that drains die at every change of the disk,
// with what a crash may leave of it: in the end each event is there once.
func TestDrainCrash(t *testing.T) {
	w := newSpoolWorld(t)
	w.create()
	var want []string
	for range 3 {
		a, b := w.event(), w.event()
		want = append(want, a.ID, b.ID)
		w.spool(errLockedOut, a, b)
	}
	full, err := openSpool(w.mem, spoolWorldLog, w.options())
	if err != nil {
		t.Fatal(err)
	}
	full.maker.opt.SpoolMax = 1
	if err := full.Put(errLockedOut, w.event()); !errors.Is(err, ErrNotRecorded) {
		t.Fatalf("Put into a full spool = %v", err)
	}
	base := w.mem
	for k := 0; ; k++ {
		mem := base.Clone()
		var left []*memfs.FS
		faulty := errorfs.Wrap(mem, errorfs.When(
			errorfs.And(errorfs.KindMatch(errorfs.Mutating...), errorfs.OnIndex(k)),
			errorfs.Crash(func() {
				left = []*memfs.FS{mem.Clone(), mem.Crash(memfs.None()), mem.Crash(memfs.All())}
			})))
		if l, err := w.open(faulty); err == nil {
			_, _ = l.Drain(t.Context()) // it dies somewhere
			_ = l.Close()
		}
		if !faulty.Crashed() {
			if k < 20 {
				t.Fatalf("only %d changes of the disk", k)
			}
			return
		}
		for i, mem := range left {
			w.mem = mem
			if _, err := w.drain(mem); err != nil {
				t.Fatalf("crash %d.%d: %v", k, i, err)
			}
			got, lost := w.recorded()
			if ids := idsOf(got); !slices.Equal(slices.Sorted(slices.Values(ids)), want) || lost != 1 {
				t.Fatalf("crash %d.%d: recorded %q, %d lost, want %q and 1", k, i, ids, lost, want)
			}
			if files := w.waiting(); files != nil {
				t.Fatalf("crash %d.%d: still there: %q", k, i, files)
			}
		}
	}
}

// forge puts a body into the spool without the log's key.
func forge(t *testing.T, mem *memfs.FS, body string) {
	t.Helper()
	err := spool.At(mem, "/log/audit.spool").Put(nil, spool.Batch{
		First: time.Unix(1, 0), At: time.Unix(1, 0), Bodies: [][]byte{[]byte(body)},
	}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
}
