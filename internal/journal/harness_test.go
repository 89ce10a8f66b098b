package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/errorfs"
	"github.com/etch-audit/etch/internal/journal"
	"github.com/etch-audit/etch/internal/memfs"
	"github.com/etch-audit/etch/internal/vfs"
)

// The place of every log in memory.
const (
	logDir  = "/log"
	logPath = logDir + "/audit.log"
	keyDir  = logDir + "/audit.keys"
)

// A clock is the writer's clock. Each look at it moves it on.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 2, 16, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(time.Millisecond)
	return c.t
}

func (c *clock) jump(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// A world is a disk with one log, the clock, and what callers were told.
type world struct {
	mem   *memfs.FS
	clock *clock
	hist  *history
	opt   journal.Options
	log   *journal.Journal // of the process at work; nil when closed
	notes []journal.Notice

	healed atomic.Bool // no operation fails any more
}

// newWorld returns a world with an empty directory for the log. What a keeper
// does by its timers is tested elsewhere: here they are too long to count.
func newWorld() *world {
	w := &world{mem: memfs.New(), clock: newClock(), hist: new(history)}
	if err := errors.Join(w.mem.Mkdir(logDir, 0o700), w.mem.SyncDir("/")); err != nil {
		panic("journal_test: bad file system: " + err.Error())
	}
	w.opt = journal.Options{
		FS: w.mem, Path: logPath, Keys: keyDir, Signed: true, Rotate: journal.Daily,
		MaxSize: 1 << 20, SealEvery: time.Hour, SealRecords: 100, Epoch: time.Hour,
		LockWait: 5 * time.Second, Writer: "etch/test", Now: w.clock.now,
	}
	w.opt.Beside(8<<10, 0) // a small one, so that it is full now and then
	w.opt.Notify = func(n journal.Notice) { w.notes = append(w.notes, n) }
	return w
}

// after returns the world that a crash has left: another disk, the same clock,
// and a copy of what callers were told until then.
func (w *world) after(mem *memfs.FS) *world {
	next := &world{mem: mem, clock: &clock{t: w.clock.t}, hist: w.hist.clone(), opt: w.opt}
	next.opt.FS, next.opt.Now = mem, next.clock.now
	next.opt.Notify = func(n journal.Notice) { next.notes = append(next.notes, n) }
	return next
}

// faulty lets the journal see its disk through an injector from now on, until
// the world is healed.
func (w *world) faulty(injector errorfs.Injector) *errorfs.FS {
	fsys := errorfs.Wrap(w.mem, errorfs.InjectorFunc(func(op errorfs.Op) errorfs.Fault {
		if w.healed.Load() {
			return errorfs.Fault{}
		}
		return injector.Inject(op)
	}))
	w.opt.FS = fsys
	return fsys
}

func (w *world) create() (err error) {
	w.log, err = journal.Create(w.opt)
	return err
}

func (w *world) open() (err error) {
	w.log, err = journal.Open(w.opt)
	return err
}

func (w *world) close() error {
	if w.log == nil {
		return nil
	}
	log := w.log
	w.log = nil
	return log.Close()
}

// abandon ends the goroutines of a process that has died.
func (w *world) abandon() {
	_ = w.close() // it fails: its disk is gone
}

// tb is a test or a case of rapid.
type tb interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// append adds events of about the given sizes, one after the other, and
// returns the first error after all were tried.
func (w *world) append(t tb, sizes ...int) error {
	t.Helper()
	var errs []error
	for _, size := range sizes {
		n, body := w.hist.event(size)
		r, err := w.log.Append(ctx, body)
		w.hist.told(t, n, r, err)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// batch adds events in one call.
func (w *world) batch(t tb, sizes ...int) error {
	t.Helper()
	numbers, bodies := make([]int, len(sizes)), make([][]byte, len(sizes))
	for i, size := range sizes {
		numbers[i], bodies[i] = w.hist.event(size)
	}
	receipts, err := w.log.AppendBatch(ctx, bodies)
	for i, n := range numbers {
		switch {
		case len(receipts) > i && receipts[i].Durable:
			w.hist.told(t, n, receipts[i], nil)
		default:
			w.hist.told(t, n, journal.Receipt{}, err)
		}
	}
	return err
}

// check verifies the whole log against what callers were told.
func (w *world) check(t tb) found {
	t.Helper()
	f, err := checkLog(w.mem.Sub(logDir))
	if err != nil {
		t.Fatalf("log: %v\n%s", err, w.dump())
	}
	if err := w.hist.check(f.events); err != nil {
		t.Fatalf("history: %v\n%s", err, w.dump())
	}
	return f
}

// recheck is check on a log that was opened again and closed, by the verifier
// too: what is in it stays, and what is not will not come back.
func (w *world) recheck(t tb) found {
	t.Helper()
	f := w.check(t)
	w.hist.settle(f.events)
	if f.past != 0 {
		t.Fatalf("log: %d bytes past the synced position of a closed log\n%s", f.past, w.dump())
	}
	judge(t, w.mem.Sub(logDir), f)
	return f
}

// revive opens the log as the next process does, and appends. Then the power is
// lost, with all that is not durable; and it opens, appends and closes again.
// The log is checked on the way, and what it holds at last is returned.
func (w *world) revive(t tb) found {
	t.Helper()
	w.opened(t)
	w.check(t)
	next := w.after(w.mem.Crash(memfs.None()))
	if err := w.close(); err != nil {
		t.Fatalf("close: %v\n%s", err, w.dump())
	}
	next.opened(t)
	if err := next.close(); err != nil {
		t.Fatalf("close: %v\n%s", err, next.dump())
	}
	w.mem, w.hist = next.mem, next.hist
	w.opt.FS = w.mem
	return w.recheck(t)
}

// opened opens the log and appends to it.
func (w *world) opened(t tb) {
	t.Helper()
	if err := w.open(); err != nil {
		t.Fatalf("open: %v\n%s", err, w.dump())
	}
	if err := w.append(t, 200); err != nil {
		t.Fatalf("append: %v\n%s", err, w.dump())
	}
}

// dump shows a log to people.
func (w *world) dump() string {
	var b strings.Builder
	entries, err := w.mem.ReadDir(logDir)
	if err != nil {
		return err.Error()
	}
	for _, e := range entries {
		if e.IsDir() || strings.Contains(e.Name(), ".lock") {
			continue
		}
		text, err := fs.ReadFile(w.mem.Sub(logDir), e.Name())
		fmt.Fprintf(&b, "--- %s %d bytes %v\n", e.Name(), len(text), err)
		if strings.HasSuffix(e.Name(), ".state") {
			continue
		}
		for line := range bytes.Lines(text) {
			fmt.Fprintf(&b, "%.180s\n", bytes.TrimRight(line, "\n"))
		}
	}
	return b.String()
}

// content returns a file of the log.
func (w *world) content(t tb, name string) []byte {
	t.Helper()
	b, err := fs.ReadFile(w.mem.Sub(logDir), name)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	return b
}

// put replaces a file of the log, durably, in a new file of the same name.
func (w *world) put(t tb, name string, b []byte) {
	t.Helper()
	path := logDir + "/" + name
	err := w.mem.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err == nil {
		err = w.change(name, func(f vfs.File) error { _, err := f.WriteAt(b, 0); return err })
	}
	if err != nil {
		t.Fatalf("put %s: %v", name, err)
	}
}

// change changes a file of the log in place, durably, making it if need be.
func (w *world) change(name string, f func(vfs.File) error) error {
	file, err := w.mem.OpenFile(logDir+"/"+name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f(file), file.Sync(), file.Close(), w.mem.SyncDir(logDir))
}

// must ends a test at an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
