package journal_test

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/errorfs"
	"github.com/etch-audit/etch/internal/memfs"
	"github.com/etch-audit/etch/internal/vfs"
)

// A gateway is a state file as a [vfs.Gate], for processes in one.
type gateway struct {
	mu     sync.Mutex
	inside *writer
	left   chan struct{} // closed when somebody leaves
	waits  chan *writer  // receives whoever begins to wait, again and again
}

func newGateway() *gateway {
	return &gateway{left: make(chan struct{}), waits: make(chan *writer)}
}

// A gatedFS is the file system of a process whose state file is a gate.
type gatedFS struct {
	vfs.FS
	p *writer
}

func (f gatedFS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	file, err := f.FS.OpenFile(name, flag, perm)
	if err != nil || filepath.Ext(name) != ".state" {
		return file, err
	}
	return gatedFile{file, f.p}, nil
}

type gatedFile struct {
	vfs.File
	p *writer
}

func (f gatedFile) Enter() bool {
	g := f.p.at
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside == nil || g.inside.fs.Crashed() {
		g.inside = f.p
	}
	return g.inside == f.p
}

func (f gatedFile) Leave(...int64) {
	g := f.p.at
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside == f.p {
		g.inside = nil
		close(g.left)
		g.left = make(chan struct{})
	}
}

func (f gatedFile) Await(offset int64, was [4]byte, limit time.Duration) bool {
	g := f.p.at
	g.mu.Lock()
	left := g.left
	var is [4]byte
	_, err := f.ReadAt(is[:], offset)
	g.mu.Unlock()
	if err != nil || is != was {
		return true
	}
	select {
	case g.waits <- f.p:
	default: // nobody asks
	}
	select {
	case <-left:
		return true
	case <-time.After(limit):
		return false
	}
}

// TestGate lets a process sync while two others have written and wait for it. One
// of the two then syncs for both, whatever came of the first; nothing is told
// before it is on disk.
func TestGate(t *testing.T) {
	for i := range 2 * len(outcomes) {
		o, beside := outcomes[i/2], i%2 == 1
		t.Run(fmt.Sprintf("%s, beside %v", o.name, beside), func(t *testing.T) {
			t.Parallel()
			testGate(t, o, beside)
		})
	}
}

func testGate(t *testing.T, o outcome, beside bool) {
	w := newWorld()
	w.opt.Patience(1 << 20)
	if !beside {
		w.opt.Beside(8<<10, never)
	}
	must(t, w.create())
	must(t, w.append(t, 200))
	must(t, w.close())
	at := newGateway()
	var mu sync.Mutex
	synced := 0 // without the lock, by the two
	var all []*writer
	for i := range 3 {
		var p *writer
		p = w.join(func(op errorfs.Op) {
			if i > 0 && op.Kind == errorfs.Sync && !p.locked.Load() {
				mu.Lock()
				synced++
				mu.Unlock()
			}
		})
		p.at = at
		must(t, p.open())
		all = append(all, p)
	}
	if beside { // each opens the commit file, and then all can use it
		for _, p := range append(all, all...) {
			must(t, p.append(t, 100))
		}
	}
	a := all[0]
	a.launch(t, 500)
	synced = 0
	told := make(chan error)
	for _, p := range all[1:] {
		go func() { told <- p.append(t, 300) }()
		for <-at.waits != p { // until it has written, and waits
		}
	}
	before := w.hist.count(recorded)
	if err := a.land(o.fault); err != nil && o.name != "died" {
		t.Errorf("append whose sync was to be %s: %v", o.name, err)
	}
	for range all[1:] {
		if err := <-told; err != nil {
			t.Errorf("append that waited for a sync that was %s: %v", o.name, err)
		}
	}
	if got := w.hist.count(recorded) - before; got < 2 {
		t.Errorf("%d events recorded after the first had landed, want 2 at least", got)
	}
	if o.name == "synced" && synced != 1 {
		t.Errorf("two that waited synced %d times, want once", synced)
	}
	w.check(t)
	for _, p := range all {
		must(t, p.close())
	}
	w.blameless(t, w.revive(t))
}

// TestGateReach lets a process write between another one's sync and what follows
// on it: that sync says nothing of its lines. Then the power goes.
func TestGateReach(t *testing.T) {
	for _, beside := range []bool{false, true} {
		w := newWorld()
		if !beside {
			w.opt.Beside(8<<10, never)
		}
		must(t, w.create())
		must(t, w.close())
		at := newGateway()
		told := make(chan error, 1)
		var a, b *writer
		synced, armed := false, false
		a = w.join(func(op errorfs.Op) {
			if synced {
				synced, armed = false, false
				go func() { told <- b.append(t, 300) }()
				for <-at.waits != b { // until it has written, and waits
				}
			}
			synced = armed && op.Kind == errorfs.Sync && !a.locked.Load()
		})
		b = w.join(nil)
		for _, p := range []*writer{a, b, a, b} {
			p.at = at
			if p.log == nil {
				must(t, p.open())
			}
			must(t, p.append(t, 100))
		}
		armed = true
		must(t, a.append(t, 500))
		must(t, <-told)
		w.after(w.mem.Crash(memfs.None())).standsUp(t)
		must(t, a.close())
		must(t, b.close())
		w.recheck(t)
	}
}

// TestGateStopped lets a process stop while others wait for its sync: they wait
// for a while, and then go on without it.
func TestGateStopped(t *testing.T) {
	w := newWorld()
	w.opt.Patience(4)
	must(t, w.create())
	must(t, w.close())
	at := newGateway()
	a, b := w.join(nil), w.join(nil)
	for _, p := range []*writer{a, b} {
		p.at = at
		must(t, p.open())
		must(t, p.append(t, 100))
	}
	a.launch(t, 500)
	must(t, b.append(t, 300))
	if w.hist.count(recorded) < 3 {
		t.Error("the event of the process that went on is not recorded")
	}
	w.check(t)
	must(t, a.land(errorfs.Fault{}))
	must(t, a.close())
	must(t, b.close())
	w.recheck(t)
}
