package server

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/vfs"
)

// TestLose shows that what senders lose is on record, of each with its number, at no
// rate that they choose, and when the server ends.
func TestLose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "audit.log")
		log, err := etch.Create(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(log, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string][]uint64{}
		check := func(when string) {
			t.Helper()
			synctest.Wait()
			if got := lostOf(t, log); !maps.EqualFunc(got, want, slices.Equal) {
				t.Errorf("%s: got %v, want %v", when, got, want)
			}
		}
		a, b, cause := Sender{UID: 7, PID: 1, User: "ann"}, Sender{UID: -1, Token: "x"}, errors.New("too fast")
		const ofA, ofB = "user ann", `token "x"`
		for range 10 {
			s.Lose(a, 2, cause)
			s.Lose(b, 1, cause)
		}
		want[ofA], want[ofB] = []uint64{2}, []uint64{1}
		check("at once")
		time.Sleep(lossEvery + time.Millisecond)
		want[ofA], want[ofB] = []uint64{2, 18}, []uint64{1, 9}
		check("after a while")
		time.Sleep(2 * lossEvery)
		s.Lose(a, 5, cause)
		want[ofA] = append(want[ofA], 5)
		check("after a pause")
		s.Lose(a, 6, cause)
		s.Lose(b, 3, cause)
		s.Lose(b, 4, cause)
		if err := s.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		s.Lose(a, 1, cause)
		want[ofA], want[ofB] = append(want[ofA], 6, 1), append(want[ofB], 3, 4)
		check("at the end")
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestManyLosses shows that a sender can tell of a few losses at once and of no more, by
// any number of connections, and that who is held up for that holds up no end.
func TestManyLosses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, err := etch.Create(filepath.Join(t.TempDir(), "audit.log"), nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(log, nil)
		if err != nil {
			t.Fatal(err)
		}
		const burst, more = 64, 50 // these are read at once
		first := tells(t, s, burst)
		for range burst {
			if got := first.answer(); !strings.Contains(got, `"known":true`) {
				t.Fatalf("got %s", got)
			}
		}
		began := time.Now()
		first.tell(more) // they are known, and that has to be found out
		if err := first.SetReadDeadline(began.Add(100 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := first.in.Peek(1); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("it is not held up: %v", err)
		}
		if err := first.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		other := tells(t, s, 2)
		for range 2 {
			if got := other.answer(); !strings.Contains(got, `"code":"rate_limited"`) {
				t.Errorf("by another connection as many are taken again: %s", got)
			}
		}
		drained := make(chan error, 1)
		go func() { drained <- s.Drain(t.Context()) }()
		known, late := 0, 0
		for range more {
			switch got := first.answer(); {
			case strings.Contains(got, `"known":true`):
				known++
			case strings.Contains(got, `"code":"shutting_down"`):
				late++
			}
		}
		if took := time.Since(began); took > time.Second || known > 1 || late == 0 {
			t.Errorf("%d of %d more are taken within %v, and %d too late", known, more, took, late)
		}
		for _, c := range []*teller{first, other} {
			_, _ = io.Copy(io.Discard, c.in) // why nothing more is read, and the end
		}
		if err := errors.Join(<-drained, log.Close()); err != nil {
			t.Error(err)
		}
	})
}

// A teller is a connection, without a socket, of somebody who tells of losses.
type teller struct {
	net.Conn
	t  *testing.T
	in *bufio.Reader
}

// tells connects one, which tells of as many.
func tells(t *testing.T, s *Server, losses int) *teller {
	t.Helper()
	ours, theirs := net.Pipe()
	c := &conn{Conn: theirs, server: s, sender: Sender{Transport: TransportUnix, UID: os.Getuid(), GID: os.Getgid(), PID: os.Getpid()}}
	if objection := s.register(c); objection != "" {
		t.Fatal(objection)
	}
	go c.serve(nil)
	told := &teller{ours, t, bufio.NewReader(ours)}
	told.tell(losses)
	return told
}

// tell tells of some losses, behind the test's back: they are read when the server gets to it.
func (c *teller) tell(losses int) {
	var text strings.Builder
	for i := range losses {
		fmt.Fprintf(&text, `{"lost":{"id":"gap_%d","count":1,"from":"2026-02-16T12:34:56Z","to":"2026-02-16T12:34:57Z","cause":"full"}}`+"\n", i)
	}
	go func() { _, _ = c.Write([]byte(text.String())) }() // answers tell
}

func (c *teller) answer() string {
	c.t.Helper()
	text, err := c.in.ReadString('\n')
	if err != nil {
		c.t.Fatalf("answer: %v, got %q", err, text)
	}
	return text
}

// TestLoseLater shows that what cannot be recorded is told, and recorded when it can.
func TestLoseLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	log, err := etch.Create(path, &etch.Options{LockWait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan error, 100)
	s, err := New(log, &Options{Notify: func(err error) { told <- err }})
	if err != nil {
		t.Fatal(err)
	}
	lock, err := vfs.OS().OpenLock(strings.TrimSuffix(path, ".log") + ".lock")
	if err == nil {
		err = lock.Acquire(time.Minute)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Lose(Sender{UID: 7}, 5, errors.New("too fast"))
	if len(told) == 0 || len(lostOf(t, log)) > 0 {
		t.Errorf("nobody was told, or %v is on record", lostOf(t, log))
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for len(lostOf(t, log)) == 0 {
		<-tick.C
	}
	if got := lostOf(t, log)["uid 7"]; !slices.Equal(got, []uint64{5}) {
		t.Errorf("on record: %v", got)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

// lostOf returns the losses of each sender that are on record.
func lostOf(t *testing.T, log *etch.Log) map[string][]uint64 {
	t.Helper()
	of := map[string][]uint64{}
	for r, err := range log.Records(t.Context(), etch.Query{AllPhases: true, Control: true, Types: []etch.EventType{"log_gap"}}) {
		var gap control.GapLog
		if err == nil {
			err = json.Unmarshal(r.Control.Log, &gap)
		}
		if err != nil {
			t.Fatal(err)
		}
		who, why, _ := strings.Cut(gap.Cause, " has ")
		of[who] = append(of[who], gap.Lost)
		if !strings.Contains(why, "too fast") || gap.ClaimedBy != "" || gap.ID != "" {
			t.Errorf("on record: %+v", gap)
		}
	}
	return of
}
