package server_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/server"
)

// A clock is one that a test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// named is a sender with a token.
func named(token string) server.Sender {
	return server.Sender{Transport: server.TransportHTTP, UID: -1, GID: -1, PID: -1, Token: token}
}

// told is an event as telemetry makes it.
func told(name string, at time.Time) *etch.Event {
	ev := tool(name)
	ev.ID, ev.Timestamp = "otlp_"+name, at
	return ev
}

// again has events recorded, and wants so many of them to be known.
func again(t *testing.T, s *server.Server, sender server.Sender, want int, events ...*etch.Event) {
	t.Helper()
	if known, err := s.RecordOnce(t.Context(), sender, events); err != nil || known != want {
		t.Errorf("%d of %d events are known, %v; want %d", known, len(events), err, want)
	}
}

// TestResent shows that what is sent again adds nothing, also where another server has
// recorded it, and that no sender keeps out what another one sends.
func TestResent(t *testing.T) {
	now := &clock{now: time.Now()}
	d := startDaemon(t, &server.Options{Now: now.read})
	a, b := told("a", now.read()), told("b", time.Time{})
	again(t, d.Server, named("x"), 0, a)
	again(t, d.Server, named("x"), 1, a, b)
	again(t, d.Server, named("x"), 2, b, a)
	again(t, d.Server, named("y"), 0, a, b)
	if got, want := fmt.Sprint(d.count(t)), "map[a:2 b:2]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	now.advance(50 * time.Minute)
	next, err := server.New(d.log, &server.Options{Now: now.read})
	if err != nil {
		t.Fatal(err)
	}
	again(t, next, named("x"), 2, a, b)
	again(t, next, named("z"), 0, a, b)
	again(t, next, named("z"), 2, a, b)
	if got, want := fmt.Sprint(d.count(t)), "map[a:3 b:3]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestResentAtOnce shows that a request that comes again while the first is still
// recorded adds nothing.
func TestResentAtOnce(t *testing.T) {
	d := startDaemon(t, nil)
	events := []*etch.Event{told("a", time.Now()), told("b", time.Now())}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := d.RecordOnce(t.Context(), named("x"), events); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got, want := fmt.Sprint(d.count(t)), "map[a:1 b:1]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestRecallEnds shows that what may have been sent before is looked for no further back
// than to a seal of before the hour that counts: it takes no longer as the log grows.
func TestRecallEnds(t *testing.T) {
	now := &clock{now: time.Now().Add(2 * time.Hour)} // the log itself has the real time
	d := startDaemon(t, &server.Options{Now: now.read})
	for i, sealed := range []bool{false, true} {
		ev := told(fmt.Sprint("a", i), now.read())
		again(t, d.Server, named("x"), 0, ev)
		if sealed {
			if _, err := d.log.Seal(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		next, err := server.New(d.log, &server.Options{Now: now.read})
		if err != nil {
			t.Fatal(err)
		}
		want := 1
		if sealed {
			want = 0
		}
		again(t, next, named("x"), want, ev)
	}
}
