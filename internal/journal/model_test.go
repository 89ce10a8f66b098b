package journal_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/etch-audit/etch/internal/journal"
	"github.com/etch-audit/etch/internal/memfs"
)

// A model is a log under everything that may happen to it in good faith: up to
// two processes, crashes, other options at each opening. The plain slice that
// it is compared with is the history.
type model struct {
	*world
	logs [2]*journal.Journal // of the processes
}

// draw returns one of the processes, opening its log where it has none.
func (m *model) process(t *rapid.T) *journal.Journal {
	i := rapid.IntRange(0, 1).Draw(t, "process")
	if m.logs[i] == nil {
		m.opt.Signed = rapid.Bool().Draw(t, "signed")
		m.opt.SealRecords = rapid.SampledFrom([]uint32{8, 20, 100}).Draw(t, "seal records")
		m.opt.MaxSize = rapid.SampledFrom([]int64{12 << 10, 1 << 20}).Draw(t, "max size")
		m.opt.Rotate = rapid.SampledFrom([]journal.Rotation{journal.Daily, journal.Weekly, journal.BySize}).Draw(t, "rotate")
		m.opt.Interval = rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(t, "interval")
		log, err := journal.Open(m.opt)
		if err != nil {
			t.Fatalf("open: %v\n%s", err, m.dump())
		}
		m.logs[i] = log
	}
	return m.logs[i]
}

func (m *model) append(t *rapid.T) {
	m.log = m.process(t)
	if err := m.world.append(t, rapid.IntRange(100, 9000).Draw(t, "size")); err != nil {
		t.Fatalf("append: %v", err)
	}
}

func (m *model) batch(t *rapid.T) {
	m.log = m.process(t)
	if err := m.world.batch(t, rapid.SliceOfN(rapid.IntRange(100, 3000), 1, 30).Draw(t, "sizes")...); err != nil {
		t.Fatalf("batch: %v", err)
	}
}

// cancelled appends with a context that is done: nothing may happen.
func (m *model) cancelled(t *rapid.T) {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	if err := m.appendTo(t, m.process(t), ctx, 200); !errors.Is(err, journal.ErrNotRecorded) {
		t.Fatalf("append: %v, want %v", err, journal.ErrNotRecorded)
	}
}

func (m *model) seal(t *rapid.T) {
	if _, err := m.process(t).Seal(ctx); err != nil {
		t.Fatalf("seal: %v", err)
	}
}

func (m *model) rotate(t *rapid.T) {
	if _, err := m.process(t).Rotate(ctx); err != nil {
		t.Fatalf("rotate: %v", err)
	}
}

// sync makes what both processes have gathered durable.
func (m *model) sync(t *rapid.T) {
	for _, log := range m.logs {
		if log == nil {
			continue
		}
		if err := log.Sync(ctx); err != nil {
			t.Fatalf("sync: %v", err)
		}
	}
	m.hist.synced()
}

func (m *model) lose(t *rapid.T) {
	m.process(t).Lost(m.clock.now(), errors.New("disk full"))
}

func (m *model) jump(t *rapid.T) {
	hours := rapid.IntRange(-48, 200).Draw(t, "hours")
	m.clock.jump(time.Duration(hours) * time.Hour)
}

func (m *model) close(t *rapid.T) {
	i := rapid.IntRange(0, 1).Draw(t, "process")
	if m.logs[i] == nil {
		return
	}
	m.sync(t) // of the other too: its events are not told apart
	if err := m.logs[i].Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	m.logs[i] = nil
}

// crash takes the power from both processes.
func (m *model) crash(t *rapid.T) {
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "survivors"), 0))
	choice := rapid.SampledFrom([]memfs.Choice{memfs.None(), memfs.All(), memfs.Subset(rng)}).Draw(t, "choice")
	m.die(t, m.mem.Crash(choice))
}

// kill ends both processes; what they wrote is kept by the system.
func (m *model) kill(t *rapid.T) { m.die(t, m.mem.Clone()) }

func (m *model) die(t *rapid.T, mem *memfs.FS) {
	m.mem.Freeze()
	m.abandonAll()
	m.world = m.after(mem)
	m.process(t)
	m.hist.settle(m.check(t).events)
}

// abandonAll ends the goroutines of processes that have died.
func (m *model) abandonAll() {
	for i, log := range m.logs {
		if log != nil {
			_ = log.Close() // it fails, or it does not matter
		}
		m.logs[i] = nil
	}
}

func TestModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := &model{world: newWorld()}
		if err := m.create(); err != nil {
			t.Fatalf("create: %v", err)
		}
		m.logs[0] = m.world.log
		defer func() { m.mem.Freeze(); m.abandonAll() }()
		t.Repeat(map[string]func(*rapid.T){
			"append": m.append, "batch": m.batch, "cancelled": m.cancelled, "seal": m.seal, "rotate": m.rotate,
			"sync": m.sync, "lose": m.lose, "jump": m.jump, "close": m.close, "crash": m.crash, "kill": m.kill,
			"": func(t *rapid.T) { m.honest(t, m.check(t)) },
		})
		m.sync(t)
		f := m.check(t)
		m.honest(t, f)
		judge(t, m.mem.Sub(logDir), f)
	})
}

// honest wants nothing on record but what crashes may leave.
func (m *model) honest(t *rapid.T, f found) {
	if bad := slices.DeleteFunc(f.kinds(), harmless); len(bad) > 0 || f.missing > 0 || f.broken > 0 {
		t.Fatalf("log tells of %v, %d missing, %d broken epochs\n%s", bad, f.missing, f.broken, m.dump())
	}
}
