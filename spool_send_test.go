package etch

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/spool"
	"github.com/etch-audit/etch/internal/wire"
)

// Only that an event is too long is a daemon's last word on it.
func TestIsFinal(t *testing.T) {
	for _, test := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{ErrSkipped, false},
		{errors.New("broken pipe"), false},
		{fmt.Errorf("%w: event 0 %w: 5 bytes, and the daemon takes 4", ErrNotRecorded, errTooLong), true},
		{&DaemonError{Code: "invalid"}, false},
		{&DaemonError{Code: "too_large"}, true},
		{fmt.Errorf("%w: 1 of 2 events are recorded: %w", ErrUnknown, &DaemonError{Code: "too_large"}), true},
		{&DaemonError{Code: "refused"}, false},
		{&DaemonError{Code: "rate_limited"}, false},
		{&DaemonError{Code: "not_recorded"}, false},
		{&DaemonError{Code: "shutting_down"}, false},
		{&DaemonError{Code: "unknown"}, false},
		{&DaemonError{Code: "idle"}, false},
	} {
		if got := isFinal(test.err); got != test.want {
			t.Errorf("%v: got %v", test.err, got)
		}
	}
}

// A fakeDaemon speaks the socket protocol of a version that knows no more than it is told.
type fakeDaemon struct {
	path string

	mu       sync.Mutex
	knows    func(line string) bool // guarded by mu: else it is "invalid"
	recorded map[string]int         // guarded by mu: by event id
	losses   int                    // guarded by mu
	refused  int                    // guarded by mu: lines
}

func newFakeDaemon(t *testing.T) *fakeDaemon {
	t.Helper()
	dir, err := os.MkdirTemp("", "etch") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	d := &fakeDaemon{path: filepath.Join(dir, "s"), recorded: map[string]int{}}
	l, err := net.Listen("unix", d.path)
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { d.serve(c) })
		}
	})
	t.Cleanup(func() {
		if err := errors.Join(l.Close(), os.RemoveAll(dir)); err != nil {
			t.Error(err)
		}
		serving.Wait()
	})
	return d
}

func (d *fakeDaemon) serve(c net.Conn) {
	defer func() { _ = c.Close() }() // nothing is left to say
	lines := bufio.NewScanner(c)
	for n := uint64(1); lines.Scan(); n++ {
		a := d.answer(lines.Text())
		a.Line = n
		if _, err := c.Write(a.Append(nil)); err != nil {
			return
		}
	}
}

func (d *fakeDaemon) answer(line string) wire.Answer {
	d.mu.Lock()
	defer d.mu.Unlock()
	event := strings.TrimPrefix(line, wire.OnceStart)
	switch {
	case line == wire.HelloLine:
		return wire.Answer{Kind: wire.Hello, Origin: "fake", MaxEvent: 1 << 20}
	case !d.knows(line):
		d.refused++
		return wire.Answer{Kind: wire.Failed, Code: wire.Invalid, Error: `unknown member of "event"`}
	case strings.HasPrefix(line, wire.LostStart):
		d.losses++
		return wire.Answer{Kind: wire.Known}
	}
	if event != line {
		event = strings.TrimSuffix(event, wire.OnceEnd)
	}
	ev, err := ParseInput([]byte(event))
	if err != nil {
		return wire.Answer{Kind: wire.Failed, Code: wire.Invalid, Error: "the test: " + err.Error()}
	}
	if event != line && d.recorded[ev.ID] > 0 {
		return wire.Answer{Kind: wire.Known}
	}
	d.recorded[ev.ID]++
	return wire.Answer{Kind: wire.Receipt, EventID: []byte(ev.ID), Durable: true}
}

// knowing changes what the daemon knows, as if another version were started in its place.
func (d *fakeDaemon) knowing(knows func(line string) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.knows, d.refused = knows, 0
}

func (d *fakeDaemon) refusedSince() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.refused
}

// A refusedSpool is a spool for a daemon of another version, and a clock.
type refusedSpool struct {
	*Spool
	t      *testing.T
	dir    string
	now    time.Time
	client *Client
	daemon *fakeDaemon
}

func newRefusedSpool(t *testing.T) *refusedSpool {
	t.Helper()
	s := &refusedSpool{t: t, dir: t.TempDir(), now: time.Now(), daemon: newFakeDaemon(t)}
	var err error
	if s.Spool, err = OpenSpool(filepath.Join(s.dir, "own.log"), &Options{Now: func() time.Time { return s.now }}); err != nil {
		t.Fatal(err)
	}
	if s.client, err = Dial(t.Context(), s.daemon.path, &DialOptions{DialTimeout: time.Minute, AnswerTimeout: time.Minute}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.client.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// put spools one file with tools of these names at a second.
func (s *refusedSpool) put(second int, tools ...string) {
	s.t.Helper()
	var events []*Event
	for _, tool := range tools {
		at := s.now.Add(time.Duration(second) * time.Second).Truncate(time.Microsecond)
		events = append(events, &Event{ID: "evt_" + tool, Timestamp: at, Type: ToolCall, Action: &Action{Tool: tool}})
	}
	if err := s.Put(ErrNotRecorded, events...); err != nil {
		s.t.Fatal(err)
	}
}

// send sends, and wants so many events to be recorded and so many files to wait, none of
// them set aside.
func (s *refusedSpool) send(wantErr error, recorded uint64, waiting, asked int) {
	s.t.Helper()
	s.daemon.knowing(s.daemon.knows)
	done, err := s.Send(s.t.Context(), s.client)
	if !errors.Is(err, wantErr) || (err == nil) != (wantErr == nil) {
		s.t.Errorf("error %v, want %v", err, wantErr)
	}
	if done.Recorded != recorded || done.Lost != 0 || done.Left != (waiting > 0) {
		s.t.Errorf("%+v, want %d recorded and none lost", done, recorded)
	}
	info, err := ReadSpoolInfo(filepath.Join(s.dir, "own.log"))
	if err != nil || info.Files != waiting {
		s.t.Errorf("%d files wait, %v, want %d", info.Files, err, waiting)
	}
	if got := s.daemon.refusedSince(); got != asked {
		s.t.Errorf("the daemon refused %d times, want %d", got, asked)
	}
	if bad, err := filepath.Glob(filepath.Join(s.dir, "own.spool", "*.bad")); err != nil || len(bad) > 0 {
		s.t.Errorf("set aside: %q, %v", bad, err)
	}
}

// TestAnOldDaemonCostsNothing shows that what a daemon of an older version does not know
// stays in the spool, is not sent again with every hook, and is recorded by the next version.
func TestAnOldDaemonCostsNothing(t *testing.T) {
	s := newRefusedSpool(t)
	old := func(line string) bool {
		return !strings.HasPrefix(line, wire.OnceStart) && !strings.HasPrefix(line, wire.LostStart)
	}
	s.daemon.knowing(old)
	for i := range 20 {
		s.put(i, fmt.Sprint("tool", i))
	}
	s.send(ErrMismatch, 0, 20, refusedAll)
	info, err := ReadSpoolInfo(filepath.Join(s.dir, "own.log"))
	if err != nil || info.Refused != 20 || !info.RefusedAt.Equal(s.now) || !strings.Contains(info.RefusedFor, "unknown member") {
		t.Errorf("what is told of it: %+v, %v", info, err)
	}
	s.now = s.now.Add(refusedRest / 2)
	s.send(nil, 0, 20, 0)
	s.now = s.now.Add(refusedRest / 2)
	s.send(ErrMismatch, 0, 20, refusedAll)
	s.daemon.knowing(func(string) bool { return true })
	s.now = s.now.Add(refusedRest)
	s.send(nil, 20, 0, 0)
	if info, err := ReadSpoolInfo(filepath.Join(s.dir, "own.log")); err != nil || info != (SpoolInfo{}) {
		t.Errorf("afterwards: %+v, %v", info, err)
	}
	if len(s.daemon.recorded) != 20 {
		t.Errorf("%d events are recorded: %v", len(s.daemon.recorded), s.daemon.recorded)
	}
}

// TestOneKindThatAnOldDaemonDoesNotKnow shows that what it knows goes by, but for what may
// belong to what waits.
func TestOneKindThatAnOldDaemonDoesNotKnow(t *testing.T) {
	s := newRefusedSpool(t)
	s.daemon.knowing(func(line string) bool { return !strings.Contains(line, "novel") })
	s.put(0, "first")
	s.put(1, "novel")
	s.put(1, "at the same time")
	s.put(2, "later")
	s.send(ErrMismatch, 2, 2, 1)
	s.put(3, "two", "novel2")
	s.send(nil, 0, 3, 0)
	s.now = s.now.Add(refusedRest)
	s.send(ErrMismatch, 0, 3, 1)
	s.daemon.knowing(func(string) bool { return true })
	s.now = s.now.Add(refusedRest)
	s.send(nil, 4, 0, 0)
	for id, n := range s.daemon.recorded {
		if n != 1 {
			t.Errorf("%s is recorded %d times", id, n)
		}
	}
	if len(s.daemon.recorded) != 6 {
		t.Errorf("%d events are recorded: %v", len(s.daemon.recorded), s.daemon.recorded)
	}
}

// TestAnOldDaemonAndLosses shows that what is counted as lost stays counted while a daemon
// does not know what that is.
func TestAnOldDaemonAndLosses(t *testing.T) {
	s := newRefusedSpool(t)
	s.daemon.knowing(func(line string) bool { return !strings.HasPrefix(line, wire.LostStart) })
	if err := s.Spool.dir.Lose(s.key, spool.Loss{Count: 3, From: s.now, To: s.now, Cause: "a test"}, time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Send(t.Context(), s.client); !errors.Is(err, ErrMismatch) {
		t.Errorf("got %v, want ErrMismatch", err)
	}
	if info, err := ReadSpoolInfo(filepath.Join(s.dir, "own.log")); err != nil || info.Lost != 3 {
		t.Errorf("%+v, %v: want 3 lost", info, err)
	}
	s.daemon.knowing(func(string) bool { return true })
	if done, err := s.Send(t.Context(), s.client); err != nil || done.Lost != 3 || s.daemon.losses != 1 {
		t.Errorf("%+v, %v, %d on record: want 3 lost, on record once", done, err, s.daemon.losses)
	}
}
