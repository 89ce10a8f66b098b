package server_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/server"
)

// patiently is how long tests wait for what must come. It is long for a machine that
// stops, and costs nothing where the thing is there.
const patiently = 2 * time.Minute

// patient are the settings of clients that wait as long.
var patient = &etch.DialOptions{DialTimeout: patiently, AnswerTimeout: patiently}

// client dials a daemon.
func (d *daemon) client(t testing.TB) *etch.Client {
	t.Helper()
	c, err := etch.Dial(t.Context(), d.socket, patient)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil && !errors.Is(err, etch.ErrClosed) {
			t.Errorf("close: %v", err)
		}
	})
	return c
}

func tool(name string) *etch.Event {
	return &etch.Event{Type: etch.ToolCall, Action: &etch.Action{Tool: name}}
}

// TestReceiptsComeBackWhole compares what the client is told with what is in the log.
func TestReceiptsComeBackWhole(t *testing.T) {
	d := startDaemon(t, nil)
	c := d.client(t)
	given := tool("given")
	given.ID = "my own \xff id"
	one, err := c.Append(t.Context(), given)
	if err != nil {
		t.Fatal(err)
	}
	rest, err := c.AppendBatch(t.Context(), []*etch.Event{tool("a"), tool("b"), tool("c")})
	if err != nil {
		t.Fatal(err)
	}
	if cp, err := d.log.Seal(t.Context()); err != nil {
		t.Fatal(err)
	} else if last, err := c.Append(t.Context(), tool("last")); err != nil {
		t.Fatal(err)
	} else if last.Checkpoint != cp {
		t.Errorf("checkpoint: got %+v, want %+v", last.Checkpoint, cp)
	}
	all := d.records(t)
	for i, r := range append([]etch.Receipt{one}, rest...) {
		rec := all[1+i]
		if r.Seq != rec.Seq || r.EventID() != rec.Event.ID || !r.Durable || r.Checkpoint.Origin != d.log.Info().Origin {
			t.Errorf("receipt %d: got %+v, id %q, want seq %d, id %q", i, r, r.EventID(), rec.Seq, rec.Event.ID)
		}
		if r.Leaf != leafOf(rec.Raw) {
			t.Errorf("receipt %d: the leaf is not that of the line", i)
		}
	}
}

// TestManyShareAClient: each of many callers gets the answer to its own event.
func TestManyShareAClient(t *testing.T) {
	d := startDaemon(t, nil)
	c := d.client(t)
	const callers, each = 32, 20
	var mu sync.Mutex
	told := map[string]string{} // tool by event id
	var wg sync.WaitGroup
	for i := range callers {
		ctx := context.Background()
		if i%2 == 0 {
			ctx = t.Context() // its events are written by another goroutine
		}
		wg.Go(func() {
			for k := range each {
				name := fmt.Sprintf("%d-%d", i, k)
				r, err := c.Append(ctx, tool(name))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				told[r.EventID()] = name
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(told) != callers*each {
		t.Errorf("got %d ids, want %d", len(told), callers*each)
	}
	for _, rec := range d.records(t)[1:] {
		if told[rec.Event.ID] != rec.Event.Action.Tool {
			t.Errorf("event %s: its caller was told of %q, want %q", rec.Event.ID, told[rec.Event.ID], rec.Event.Action.Tool)
		}
	}
}

func TestWhatADaemonDoesNotRecord(t *testing.T) {
	d := startDaemon(t, &server.Options{Limits: server.Limits{MaxEvent: 500}})
	c := d.client(t)
	if _, err := c.Append(t.Context(), &etch.Event{}); !errors.Is(err, etch.ErrNotRecorded) {
		t.Errorf("an event without a type: got %v, want ErrNotRecorded", err)
	}
	if _, err := c.Append(t.Context(), tool(strings.Repeat("x", 600))); !errors.Is(err, etch.ErrNotRecorded) {
		t.Errorf("a long event: got %v, want ErrNotRecorded", err)
	}
	if _, err := c.Append(t.Context(), tool("x")); err != nil {
		t.Errorf("after them: %v", err)
	}
	if got := len(d.records(t)); got != 2 {
		t.Errorf("got %d records, want the sender's and one", got)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Append(t.Context(), tool("x")); !errors.Is(err, etch.ErrClosed) || !errors.Is(err, etch.ErrNotRecorded) {
		t.Errorf("after Close: got %v, want ErrClosed and ErrNotRecorded", err)
	}
}

// TestADaemonThatIsRestarted: what the daemon says it did not take is sent again,
// what it may have taken is not.
func TestADaemonThatIsRestarted(t *testing.T) {
	d := startDaemon(t, nil)
	c := d.client(t)
	if _, err := c.Append(t.Context(), tool("before")); err != nil {
		t.Fatal(err)
	}
	if err := d.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Append(t.Context(), tool("nobody")); !errors.Is(err, etch.ErrNotRecorded) {
		t.Errorf("without a daemon: got %v, want ErrNotRecorded", err)
	}
	s, err := server.New(d.log, nil)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", d.socket)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.ServeSocket(context.Background(), l) }()
	if _, err := c.Append(t.Context(), tool("after")); err != nil {
		t.Errorf("after the daemon came back: %v", err)
	}
	if err := s.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestAConnectionThatIsLost: of what was sent and not answered nobody knows.
func TestAConnectionThatIsLost(t *testing.T) {
	path := filepath.Join(shortDir(t), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				close(got)
				return
			}
			in := make([]byte, 4096)
			n, _ := c.Read(in) // the hello
			got <- string(in[:n])
			_, _ = fmt.Fprintf(c, `{"line":1,"hello":1,"origin":"o","max_event":1000}`+"\n")
			n, _ = c.Read(in)
			got <- string(in[:n])
			_ = c.Close()
		}
	}()
	c, err := etch.Dial(t.Context(), path, patient)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Append(t.Context(), tool("x")); !errors.Is(err, etch.ErrUnknown) {
		t.Errorf("got %v, want ErrUnknown", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	sent := 0
	for text := range got {
		sent += strings.Count(text, `"x"`)
	}
	if sent != 1 {
		t.Errorf("the event was sent %d times, want once", sent)
	}
}

// TestADaemonThatHangs: a context and the answer timeout end the wait.
func TestADaemonThatHangs(t *testing.T) {
	path := filepath.Join(shortDir(t), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // its clients have gone
	sent := make(chan struct{}, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			in := make([]byte, 4096)
			_, _ = c.Read(in) // the hello
			_, _ = fmt.Fprintf(c, `{"line":1,"hello":1,"origin":"o","max_event":10000000}`+"\n")
			_, _ = c.Read(in) // the event, or its beginning: no more is read
			sent <- struct{}{}
		}
	}()
	c, err := etch.Dial(t.Context(), path, &etch.DialOptions{DialTimeout: patiently, AnswerTimeout: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-sent; cancel() }()
	if _, err := c.Append(ctx, tool("x")); !errors.Is(err, etch.ErrUnknown) || !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is done: got %v, want ErrUnknown", err)
	}
	hasty, err := etch.Dial(t.Context(), path, &etch.DialOptions{DialTimeout: patiently, AnswerTimeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hasty.Append(context.Background(), tool(strings.Repeat("x", 5<<20))); !errors.Is(err, etch.ErrUnknown) && !errors.Is(err, etch.ErrNotRecorded) {
		t.Errorf("no answer: got %v, want ErrUnknown or ErrNotRecorded", err)
	}
	if err := hasty.Close(); err != nil {
		t.Error(err)
	}
}

func TestDialFails(t *testing.T) {
	dir := shortDir(t)
	if _, err := etch.Dial(t.Context(), filepath.Join(dir, "none"), nil); err == nil {
		t.Error("nobody listens: got no error")
	}
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // nobody is there any more
	if _, err := etch.Dial(t.Context(), path, &etch.DialOptions{DialTimeout: 20 * time.Millisecond}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nobody answers: got %v, want that time was up", err)
	}
}
