package journal_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/errorfs"
	"github.com/etch-audit/etch/internal/journal"
	"github.com/etch-audit/etch/internal/memfs"
	"github.com/etch-audit/etch/internal/vfs"
)

// A writer is one of several processes on the log of a world. Each of its
// batches that can be is synced without the lock, and can be held there.
type writer struct {
	w   *world
	fs  *errorfs.FS
	log *journal.Journal

	fault  func(errorfs.Op) errorfs.Fault // of operations that are not held; nil for none
	locked atomic.Bool
	holds  atomic.Bool         // the next sync without the lock waits for its outcome
	aloft  chan struct{}       // capacity 1: it waits
	fate   chan errorfs.Fault  // what comes of it
	told   chan error          // what came of the append
	before func(op errorfs.Op) // looks at every operation
}

// join makes a process with a view of the disk of its own. It opens no log yet.
func (w *world) join(before func(errorfs.Op)) *writer {
	p := &writer{w: w, aloft: make(chan struct{}, 1), fate: make(chan errorfs.Fault), told: make(chan error, 1), before: before}
	p.fs = errorfs.Wrap(w.mem, errorfs.InjectorFunc(p.inject))
	return p
}

func (p *writer) inject(op errorfs.Op) errorfs.Fault {
	switch op.Kind {
	case errorfs.Lock:
		p.locked.Store(true)
	case errorfs.Unlock:
		p.locked.Store(false)
	}
	if p.before != nil {
		p.before(op)
	}
	if op.Kind == errorfs.Sync && !p.locked.Load() && p.holds.CompareAndSwap(true, false) {
		p.aloft <- struct{}{}
		return <-p.fate
	}
	if p.fault != nil {
		return p.fault(op)
	}
	return errorfs.Fault{}
}

// open opens the log, where the process has not kept it open.
func (p *writer) open() (err error) {
	if p.log != nil {
		return nil
	}
	opt := p.w.opt
	opt.FS, opt.Notify = p.fs, nil
	opt.Share(true)
	p.log, err = journal.Open(opt)
	return err
}

// launch begins to append an event, and returns once it is in flight, or done.
func (p *writer) launch(t tb, size int) {
	n, body := p.w.hist.event(size)
	p.holds.Store(true)
	go func() {
		r, err := p.log.Append(ctx, body)
		if !p.fs.Crashed() { // else nobody is there to be told
			p.w.hist.told(t, n, r, err)
		}
		p.told <- err
	}()
	select {
	case <-p.aloft:
	case err := <-p.told:
		p.holds.Store(false)
		p.told <- err
	}
}

// land gives the event's sync its outcome and returns that of the append.
func (p *writer) land(f errorfs.Fault) error {
	select {
	case p.fate <- f:
		return <-p.told
	case err := <-p.told: // it was never in flight
		return err
	}
}

// close closes the log of a process that is alive, or ends what is left of one.
func (p *writer) close() error {
	log := p.log
	if p.log = nil; log == nil {
		return nil
	}
	err := log.Close()
	if p.fs.Crashed() {
		return nil
	}
	return err
}

// A deed is what a third process does while two have lines in flight.
type deed struct {
	name string
	do   func(w *world, c *writer, t tb) error
}

var deeds = []deed{
	{"nothing", func(*world, *writer, tb) error { return nil }},
	{"open", func(_ *world, c *writer, _ tb) error { return c.open() }},
	{"append", func(_ *world, c *writer, t tb) error { return errors.Join(c.open(), c.append(t, 300)) }},
	{"seal", func(_ *world, c *writer, _ tb) error {
		err := c.open()
		if err == nil {
			_, err = c.log.Seal(ctx)
		}
		return err
	}},
	{"settle", func(_ *world, c *writer, _ tb) error {
		err := c.open()
		if err == nil {
			err = c.log.Settle(ctx)
		}
		return err
	}},
	{"rotate", func(_ *world, c *writer, _ tb) error {
		err := c.open()
		if err == nil {
			_, err = c.log.Rotate(ctx)
		}
		return err
	}},
	{"epoch", func(w *world, c *writer, t tb) error {
		w.clock.jump(2 * w.opt.Epoch)
		return errors.Join(c.open(), c.append(t, 300))
	}},
	{"close", func(_ *world, c *writer, _ tb) error { return errors.Join(c.open(), c.close()) }},
}

// append adds an event as a batch of its own.
func (p *writer) append(t tb, size int) error {
	if p.log == nil {
		return errors.New("no log is open")
	}
	n, body := p.w.hist.event(size)
	r, err := p.log.Append(ctx, body)
	if !p.fs.Crashed() {
		p.w.hist.told(t, n, r, err)
	}
	return err
}

// An outcome is what comes of a sync of lines in flight.
type outcome struct {
	name  string
	fault errorfs.Fault
}

var outcomes = []outcome{
	{"synced", errorfs.Fault{}},
	{"lost", errorfs.Fail(syscall.EIO)},
	{"failed", errorfs.FailAfter(syscall.EIO)},
	{"died", errorfs.Crash(nil)},
}

// never is after how many commits the commit file is used in tests of what is
// done without it.
const never = 1 << 30

// A meeting is two processes with lines in flight, and a third.
type meeting struct {
	a, b    outcome
	deed    deed
	between bool // the deed is done after the first has landed
	bFirst  bool // the second lands first
	late    bool // the third has opened the log before, and kept it
	fault   func(errorfs.Op) errorfs.Fault
	victim  int // the process that fault is for: 0 to 2
	signed  bool
	beside  bool // the lines go into the commit file too, and that is synced
}

func (m *meeting) String() string {
	return fmt.Sprintf("a %s, b %s, c does %s, between %v, b first %v, late %v, signed %v, beside %v",
		m.a.name, m.b.name, m.deed.name, m.between, m.bFirst, m.late, m.signed, m.beside)
}

// There are too many meetings, of too many operations, for all to be tried even
// with time: then one in so many is.
const (
	many       = 13
	operations = 160 // that a process does in a meeting, at most
)

// eachMeeting calls f with every meeting there can be.
func eachMeeting(f func(m *meeting)) {
	for i := range len(outcomes) * len(outcomes) * len(deeds) * 16 {
		pick := func(n int) int { defer func() { i /= n }(); return i % n }
		f(&meeting{
			a: outcomes[pick(len(outcomes))], b: outcomes[pick(len(outcomes))], deed: deeds[pick(len(deeds))],
			between: pick(2) == 1, bFirst: pick(2) == 1, late: pick(2) == 1, signed: pick(2) == 1,
			beside: pick(2) == 1,
		})
	}
}

// someMeetings calls f with as many of them as a run has time for.
func someMeetings(rng *rand.Rand, f func(m *meeting)) {
	step := stride(13, 61)
	next := rng.IntN(step)
	eachMeeting(func(m *meeting) {
		if next--; next < 0 {
			next = step - 1
			f(m)
		}
	})
}

// quiet reports whether nothing went wrong.
func (m *meeting) quiet() bool {
	return m.a.name == "synced" && m.b.name == "synced" && m.fault == nil
}

// hold lets a meeting happen in a world of its own, whose disk before sees
// before each operation.
func (m *meeting) hold(t tb, before func(w *world, op errorfs.Op)) *world {
	w := newWorld()
	w.opt.Signed, w.opt.LockWait = m.signed, 100*time.Millisecond
	if !m.beside {
		w.opt.Beside(8<<10, never)
	}
	if err := errors.Join(w.create(), w.append(t, 200), w.close()); err != nil {
		t.Fatalf("create: %v", err)
	}
	var all [3]*writer
	for i := range all {
		all[i] = w.join(func(op errorfs.Op) { before(w, op) })
		if i < 2 || m.late {
			if err := all[i].open(); err != nil {
				t.Fatalf("open: %v", err)
			}
		}
	}
	a, b, c := all[0], all[1], all[2]
	if m.beside { // each opens the commit file, and then both can use it
		for _, p := range []*writer{a, b, a} {
			if err := p.append(t, 100); err != nil {
				t.Fatalf("append: %v", err)
			}
		}
	}
	if m.fault != nil {
		all[m.victim].fault = m.fault
	}
	a.launch(t, 500)
	b.launch(t, 700)
	third := func() {
		if err := m.deed.do(w, c, t); err != nil && m.quiet() {
			t.Fatalf("%s: %v\n%s", m.deed.name, err, w.dump())
		}
	}
	if !m.between {
		third()
	}
	first, second := a, b
	firstFate, secondFate := m.a, m.b
	if m.bFirst {
		first, second, firstFate, secondFate = b, a, m.b, m.a
	}
	m.landed(t, w, firstFate, first.land(firstFate.fault))
	if m.between {
		third()
	}
	m.landed(t, w, secondFate, second.land(secondFate.fault))
	for i, p := range all { // who lives goes on
		p.fault = nil
		if p.log != nil && !p.fs.Crashed() {
			err := p.append(t, 150)
			if err != nil && m.fault != nil {
				// Two files may have an error to tell that was another's: of
				// the segment, and of the state when the next begins.
				err = p.append(t, 150)
			}
			if err != nil {
				t.Fatalf("process %d: append: %v\n%s", i, err, w.dump())
			}
			w.check(t)
		}
	}
	for i, p := range all {
		if err := p.close(); err != nil {
			t.Fatalf("process %d: close: %v\n%s", i, err, w.dump())
		}
	}
	return w
}

// landed looks at what an append was told whose sync had an outcome.
func (m *meeting) landed(t tb, w *world, o outcome, err error) {
	if m.fault != nil || o.name == "died" {
		return
	}
	if err != nil {
		t.Fatalf("append, %s: %v\n%s", o.name, err, w.dump())
	}
	w.check(t)
}

// held holds a meeting and then the log to everything.
func (m *meeting) held(t tb, before func(w *world, op errorfs.Op)) {
	w := m.hold(t, before)
	if m.quiet() {
		if f := w.check(t); len(f.told) > 0 {
			t.Fatalf("nothing went wrong, but the log tells of %+v\n%s", f.told, w.dump())
		}
	}
	w.blameless(t, w.revive(t))
	if n := w.hist.count(doubtful); n > 0 && m.fault == nil {
		t.Fatalf("%d appends were told of doubt\n%s", n, w.dump())
	}
}

// TestFlight lets two processes have lines in flight, whose syncs succeed, fail
// or never end, and a third do everything that could be in their way.
func TestFlight(t *testing.T) {
	t.Parallel()
	someMeetings(logSeed(t), func(m *meeting) {
		m.held(named{t, m.String()}, func(*world, errorfs.Op) {})
	})
}

// TestFlightCrash takes the power, or kills all processes, at every operation of
// such meetings.
func TestFlightCrash(t *testing.T) {
	t.Parallel()
	rng := logSeed(t)
	step := many * stride(43, 43)
	next := rng.IntN(step)
	someMeetings(rng, func(m *meeting) {
		var images []func()
		name := m.String()
		op := 0
		m.hold(named{t, name}, func(w *world, o errorfs.Op) {
			op++
			if next--; next >= 0 || (o.Kind == errorfs.Read || o.Kind == errorfs.Stat || o.Kind == errorfs.Linked) {
				return
			}
			next = step - 1
			at := fmt.Sprintf("%s; crash at operation %d, %s of %s", name, op, o.Kind, o.Path)
			for _, d := range disks(w.mem, rng) {
				after := w.after(d.mem)
				images = append(images, func() { after.standsUp(named{t, at + ", " + d.name}) })
			}
		})
		for _, look := range images {
			look()
		}
	})
}

// standsUp holds a log after a crash to everything. Void lines may be on record:
// syncs may have failed before.
func (w *world) standsUp(t tb) {
	t.Helper()
	if err := errors.Join(w.open(), w.close()); err != nil {
		t.Fatalf("open: %v\n%s", err, w.dump())
	}
	w.blameless(t, w.revive(t))
}

// TestFlightFault lets each operation of each of the processes fail, in every
// way, or kill it.
func TestFlightFault(t *testing.T) {
	kinds := append([]faultKind{
		{"death", nil, func(errorfs.Op) errorfs.Fault { return errorfs.Crash(nil) }},
		{"death halfway", []errorfs.OpKind{errorfs.Write}, func(op errorfs.Op) errorfs.Fault { return errorfs.CrashShort(op.N/2, nil) }},
	}, faultKinds...)
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			step := many * stride(600, 6000)
			next := logSeed(t).IntN(step)
			eachMeeting(func(m *meeting) {
				for m.victim = range 3 {
					for ; next < operations; next += step {
						m.fault = kind.at(next).Inject
						m.held(named{t, fmt.Sprintf("%v; operation %d of process %d", m, next, m.victim)}, func(*world, errorfs.Op) {})
					}
					next -= operations
				}
			})
		})
	}
}

// TestFlightPower shows that what is acknowledged is on disk: the power goes
// right after each landing.
func TestFlightPower(t *testing.T) {
	for i := range 4 {
		m := &meeting{a: outcomes[0], b: outcomes[0], deed: deeds[0], bFirst: i&1 != 0, signed: true, beside: i&2 != 0}
		var crashed []*world
		landed := 0
		m.hold(t, func(w *world, op errorfs.Op) {
			if n := w.hist.count(recorded); n > landed {
				landed = n
				crashed = append(crashed, w.after(w.mem.Crash(memfs.None())))
			}
		})
		if len(crashed) < 4 {
			t.Fatalf("looked %d times after something was recorded, want 4 at least", len(crashed))
		}
		for _, w := range crashed {
			w.standsUp(t)
		}
	}
}

// TestFlightLockedOut keeps the lock from a process whose lines are in flight:
// they are on disk or not, and it cannot tell its caller. The log goes on.
func TestFlightLockedOut(t *testing.T) {
	for _, o := range outcomes[:3] {
		for _, signed := range []bool{true, false} {
			w := newWorld()
			w.opt.Signed, w.opt.LockWait = signed, 10*time.Millisecond
			w.opt.Beside(8<<10, never)
			must(t, w.create())
			must(t, w.close())
			p := w.join(nil)
			must(t, p.open())
			p.launch(t, 300)
			lock, err := w.mem.OpenLock(logDir + "/audit.lock")
			must(t, err)
			must(t, lock.Acquire(0))
			if err := p.land(o.fault); !errors.Is(err, journal.ErrUnknown) {
				t.Errorf("%s: append: %v, want %v", o.name, err, journal.ErrUnknown)
			}
			must(t, lock.Close())
			must(t, p.append(t, 200))
			w.check(t)
			must(t, p.close())
			f := w.recheck(t)
			if len(f.told) > 0 || w.hist.count(recorded) != 2 {
				t.Errorf("%s: %d events are recorded, want both; log tells of %+v", o.name, w.hist.count(recorded), f.told)
			}
		}
	}
}

// TestSharing counts syncs without the lock: a process that is alone makes none,
// two that take turns make them wherever the system allows it, and one that is
// alone again stops.
func TestSharing(t *testing.T) {
	w := newWorld()
	must(t, w.create())
	must(t, w.close())
	var locked bool
	shared := 0
	count := func(op errorfs.Op) {
		switch {
		case op.Kind == errorfs.Lock:
			locked = true
		case op.Kind == errorfs.Unlock:
			locked = false
		case op.Kind == errorfs.Sync && !locked:
			shared++
		}
	}
	open := func() *journal.Journal {
		opt := w.opt
		opt.FS = w.join(count).fs
		log, err := journal.Open(opt)
		must(t, err)
		return log
	}
	a, b := open(), open()
	turns := func(logs ...*journal.Journal) int {
		t.Helper()
		before := shared
		for range 40 {
			for _, log := range logs {
				must(t, w.appendTo(t, log, ctx, 200))
			}
		}
		return shared - before
	}
	turns(a)
	if n := turns(a); n != 0 {
		t.Errorf("alone: %d syncs without the lock", n)
	}
	n := turns(a, b)
	if vfs.SyncTellsAll && n < 60 || !vfs.SyncTellsAll && n != 0 {
		t.Errorf("two: %d syncs without the lock; the system allows it: %v", n, vfs.SyncTellsAll)
	}
	turns(b)
	if n := turns(b); n != 0 {
		t.Errorf("alone again: %d syncs without the lock", n)
	}
	must(t, a.Close())
	must(t, b.Close())
	w.recheck(t)
}
