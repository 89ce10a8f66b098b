package etch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/etch-audit/etch/internal/socket"
	"github.com/etch-audit/etch/internal/wire"
)

// Defaults of DialOptions.
const (
	DefaultDialTimeout   = 2 * time.Second
	DefaultAnswerTimeout = 30 * time.Second
)

// DialOptions are the settings of a [Client]. A nil *DialOptions, and every zero
// field, means the default.
type DialOptions struct {
	// DialTimeout bounds how long connecting takes, the daemon's greeting included;
	// default [DefaultDialTimeout].
	DialTimeout time.Duration
	// AnswerTimeout bounds how long an answer is waited for; default
	// [DefaultAnswerTimeout]. A connection without an answer for so long is given up.
	AnswerTimeout time.Duration
}

// A Client records events through a daemon, "etch serve". It is a [Recorder], and
// safe for concurrent use: callers share one connection, on which nobody waits for
// another's answer.
//
// A connection that is lost is made again by the next call. What had been sent by
// then and not answered is [ErrUnknown], and the client does not send it again: the
// daemon may have recorded it. What is known not to have been taken, because the
// daemon says so as it ends a connection, is sent once more.
type Client struct {
	path string
	opt  DialOptions

	mu     sync.Mutex
	link   *link // guarded by mu; nil: to be made
	closed bool  // guarded by mu
	calls  sync.Pool
}

var _ Recorder = (*Client)(nil)

// Dial connects to the daemon that listens on the socket at path. The error is that
// of connecting, or says that who listens there is no such daemon.
func Dial(ctx context.Context, path string, opts *DialOptions) (*Client, error) {
	c := &Client{path: path}
	if opts != nil {
		c.opt = *opts
	}
	fill(&c.opt.DialTimeout, DefaultDialTimeout)
	fill(&c.opt.AnswerTimeout, DefaultAnswerTimeout)
	c.calls.New = func() any { return &call{done: make(chan struct{}, 1)} }
	if _, err := c.connected(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// A DaemonError is a daemon's answer that it did not record an event. It is
// [ErrUnknown] where the daemon does not know, and else [ErrNotRecorded].
type DaemonError struct {
	// Code is the kind of error, one of docs/spec/socket-protocol.md.
	Code string
	Text string // a sentence for people
	Hint string // what to do about it; "" where there is nothing
}

// Error returns the daemon's words.
func (e *DaemonError) Error() string { return "daemon: " + e.Text }

// Unwrap returns ErrUnknown or ErrNotRecorded.
func (e *DaemonError) Unwrap() error {
	if wire.Code(e.Code) == wire.Unknown {
		return ErrUnknown
	}
	return ErrNotRecorded
}

// Append records an event as [Log.Append] does: it returns nil only when the daemon
// has said that the event is recorded, which is when it is durable. A context that
// is done ends the wait; whether the event is recorded is then not known.
//
// The event is neither kept nor changed. It is the daemon who masks secrets, judges
// risks and cuts what is too long: what is recorded is what its configuration says.
// One that is longer than the daemon takes is [ErrNotRecorded].
func (c *Client) Append(ctx context.Context, ev *Event) (Receipt, error) {
	var one [1]Receipt
	_, err := c.append(ctx, "", one[:], ev)
	return one[0], err
}

// AppendBatch records events in their order, with one write, as [Log.AppendBatch]
// does. Where the daemon has recorded some of them only, the error is [ErrUnknown],
// and their receipts are Durable.
func (c *Client) AppendBatch(ctx context.Context, events []*Event) ([]Receipt, error) {
	receipts := make([]Receipt, len(events))
	if len(events) == 0 {
		return receipts, nil
	}
	_, err := c.append(ctx, "", receipts, events...)
	return receipts, err
}

// appendOnce records those events that the daemon's log does not have yet, and
// returns how many were recorded and how many were there. Each has its id and its
// time.
func (c *Client) appendOnce(ctx context.Context, around string, events []*Event) (recorded, known uint64, err error) {
	if len(events) == 0 {
		return 0, 0, nil
	}
	receipts := make([]Receipt, len(events))
	n, err := c.append(ctx, around, receipts, events...)
	for i := range receipts {
		if receipts[i].Durable {
			recorded++
		}
	}
	return recorded, uint64(n), err
}

// Imported is what became of events of an import.
type Imported struct {
	Recorded uint64
	Known    uint64 // on record already
	Skipped  uint64 // left out, as the daemon's configuration says
}

// Import records those events that this client's user has not had recorded before, of
// another program's log. Each has its id and its time, by which it is known again, and
// is sent in no other way. Where the daemon takes no more for now it waits, until ctx is
// done. What fails may be recorded in part: importing again adds the rest.
func (c *Client) Import(ctx context.Context, events []*Event) (Imported, error) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	var before uint64 // recorded by tries that were not finished: known to the next
	for {
		recorded, known, err := c.appendOnce(ctx, wire.ImportStart, events)
		if errors.Is(err, ErrSkipped) {
			err = nil
		}
		done := Imported{Recorded: before + recorded, Known: known - min(before, known)}
		if err == nil {
			done.Skipped = uint64(len(events)) - recorded - known
		}
		e, ok := errors.AsType[*DaemonError](err)
		if !ok || wire.Code(e.Code) != wire.RateLimited {
			return done, err
		}
		before += recorded
		pause.Reset(importPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return done, fmt.Errorf("%w: %w", ErrUnknown, ctx.Err())
		}
	}
}

// importPause is how long an import rests that is too fast for the daemon.
const importPause = time.Second

// maxSends is how often an event is sent of which each time the daemon says that it
// did not take it.
const maxSends = 2

// append records events, and returns how many of them the daemon knew; that is none
// but where something stands around each.
func (c *Client) append(ctx context.Context, around string, receipts []Receipt, events ...*Event) (known int, err error) {
	for i, ev := range events {
		if err := ev.Validate(); err != nil {
			return 0, fmt.Errorf("event %d: %w: %w", i, ErrNotRecorded, err)
		}
	}
	for try := 1; ; try++ {
		l, err := c.connected(ctx)
		if err != nil {
			return 0, fmt.Errorf("%w: %w", ErrNotRecorded, err)
		}
		known, err := c.send(ctx, l, around, receipts, events)
		if !errors.Is(err, errNotTaken) {
			return known, err
		}
		if try == maxSends {
			return 0, fmt.Errorf("%w: %w", ErrNotRecorded, err)
		}
	}
}

// send sends events over a link and waits for the answers.
func (c *Client) send(ctx context.Context, l *link, around string, receipts []Receipt, events []*Event) (known int, err error) {
	w := c.calls.Get().(*call)
	if err := w.begin(events, around, l.maxEvent); err != nil {
		c.calls.Put(w)
		return 0, err
	}
	if kept, err := l.exchange(ctx, w); err != nil {
		if kept {
			c.calls.Put(w)
		}
		return 0, err
	}
	copy(receipts, w.receipts)
	for i, ev := range events {
		if ev.ID != "" && receipts[i] != (Receipt{}) {
			receipts[i].given = ev.ID
		}
	}
	known, err = w.known, w.outcome()
	if cap(w.text) <= keepText {
		c.calls.Put(w)
	}
	return known, err
}

// exchange sends the lines of a call and waits for their answers. Where it fails, kept
// says whether the call can be used again.
func (l *link) exchange(ctx context.Context, w *call) (kept bool, err error) {
	if err := l.submit(ctx, w); err != nil {
		return true, err
	}
	done := ctx.Done()
	if done == nil {
		<-w.done
		return true, nil
	}
	select {
	case <-w.done:
		return true, nil
	case <-done: // the answer may come still
		return false, fmt.Errorf("%w: %w", ErrUnknown, ctx.Err())
	}
}

// A DaemonStatus is what a daemon says of itself. What it does not tell is "".
type DaemonStatus struct {
	Origin  string // its log's name
	Log     string // the path of its log
	UID     string // whom it runs as
	User    string // that user's name
	Version string // of the program
	Problem string // why the next event cannot be recorded; "" where nothing is known against it
}

// Status asks the daemon how it is. One that does not know the question tells nothing
// of itself.
func (c *Client) Status(ctx context.Context) (DaemonStatus, error) {
	w, err := c.ask(ctx, wire.StatusLine+"\n")
	if e, ok := errors.AsType[*DaemonError](err); ok && wire.Code(e.Code) == wire.Invalid {
		return DaemonStatus{}, nil
	}
	if err != nil {
		return DaemonStatus{}, err
	}
	if w.about == nil {
		return DaemonStatus{}, errors.New("daemon: it answers something else than how it is")
	}
	a := w.about
	return DaemonStatus{w.origin, a.Log, a.UID, a.User, a.Version, a.Problem}, nil
}

// recordLoss has it recorded that events are lost, once for each ID of this client's
// user.
func (c *Client) recordLoss(ctx context.Context, loss Loss) error {
	text, err := json.Marshal(wire.Lost{ID: loss.ID, Count: loss.Count, From: loss.From.UTC(), To: loss.To.UTC(), Cause: loss.Cause})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotRecorded, err)
	}
	_, err = c.ask(ctx, wire.LostStart+string(text)+wire.LostEnd+"\n")
	return err
}

// ask sends a line that is no event, and returns with its answer.
func (c *Client) ask(ctx context.Context, line string) (*call, error) {
	for try := 1; ; try++ {
		l, err := c.connected(ctx)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotRecorded, err)
		}
		w := &call{done: make(chan struct{}, 1), text: []byte(line), head: len(line), receipts: make([]Receipt, 1)}
		if _, err = l.exchange(ctx, w); err == nil {
			err = w.outcome()
		}
		if !errors.Is(err, errNotTaken) || try == maxSends {
			return w, err
		}
	}
}

// keepText is the most bytes of lines that a call keeps room for: one huge event is
// no reason to keep its memory.
const keepText = 256 << 10

// connected returns the link, a new one where there is none.
func (c *Client) connected(ctx context.Context) (*link, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, ErrClosed
	}
	if c.link != nil && !c.link.isOver() {
		return c.link, nil
	}
	l, err := dialLink(ctx, c.path, &c.opt)
	if err != nil {
		return nil, err
	}
	c.link = l
	return l, nil
}

// Close ends the connection once what is under way is answered, or has waited for an
// answer for too long. Whoever calls Append later gets [ErrClosed].
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	c.closed = true
	if c.link == nil {
		return nil
	}
	return c.link.close()
}

// A call is one request of a caller, for one event or several. It is reused.
type call struct {
	done     chan struct{} // capacity 1: told once all is answered
	text     []byte        // the lines to be sent
	at       int64         // place of the text in all that the link sends
	head     int           // length of the first line
	first    uint64        // number of the first line
	receipts []Receipt
	answered int
	recorded int
	known    int
	skipped  int
	origin   string      // of an answer that says how the daemon is
	about    *wire.About // of that answer; nil: there was none
	err      error       // the first one
	unknown  bool        // of some event it is not known whether it is recorded
}

// errTooLong: the daemon takes no event that is as long, and was not sent it.
var errTooLong = errors.New("is too long")

// begin makes the lines of a call.
func (w *call) begin(events []*Event, around string, most int) error {
	*w = call{done: w.done, text: w.text[:0], receipts: w.receipts[:0]}
	for i, ev := range events {
		start := len(w.text)
		w.text = append(w.text, around...)
		w.text = appendWire(w.text, ev)
		if around != "" {
			w.text = append(w.text[:len(w.text)-1], wire.OnceEnd+"\n"...)
		}
		size := len(w.text) - start
		if size > most+1 {
			return fmt.Errorf("%w: event %d %w: %d bytes, and the daemon takes %d", ErrNotRecorded, i, errTooLong, size-1, most)
		}
		if i == 0 {
			w.head = size
		}
		w.receipts = append(w.receipts, Receipt{})
	}
	return nil
}

// outcome returns the error of the whole call.
func (w *call) outcome() error {
	switch {
	case w.err == nil && w.skipped == len(w.receipts):
		return ErrSkipped
	case w.err == nil, len(w.receipts) == 1:
		return w.err
	case w.recorded+w.known > 0:
		return fmt.Errorf("%w: %d of %d events are recorded: %w", ErrUnknown, w.recorded, len(w.receipts), w.err)
	case w.unknown:
		return fmt.Errorf("%w: %w", ErrUnknown, w.err)
	}
	return w.err
}

// take takes the answer of the next line.
func (w *call) take(a *wire.Answer, origin string) {
	r := &w.receipts[w.answered]
	w.answered++
	switch a.Kind {
	case wire.Receipt:
		w.recorded++
		r.Seq, r.Leaf, r.Durable = a.Seq, a.Leaf, a.Durable
		r.Checkpoint = Checkpoint{Origin: origin, Size: a.Size, Root: a.Root}
		if len(a.EventID) == len(r.id) {
			copy(r.id[:], a.EventID)
		} else {
			r.given = string(a.EventID)
		}
	case wire.Known:
		w.known++
	case wire.Skipped:
		w.skipped++
	case wire.Status:
		w.origin, w.about = a.Origin, a.About
	default:
		w.fail(&DaemonError{Code: string(a.Code), Text: a.Error, Hint: a.Hint}, a.Code == wire.Unknown)
	}
}

func (w *call) fail(err error, unknown bool) {
	if w.err == nil {
		w.err = err
	}
	w.unknown = w.unknown || unknown
}

// dialLink connects and asks who is there.
func dialLink(ctx context.Context, path string, opt *DialOptions) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, opt.DialTimeout)
	defer cancel()
	conn, err := socket.Dial(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("daemon: %w", err)
	}
	l := newLink(conn, opt.AnswerTimeout)
	if err := l.greet(ctx); err != nil {
		_ = conn.Close() // nothing was sent over it
		return nil, fmt.Errorf("daemon at %s: %w", path, err)
	}
	l.start()
	return l, nil
}
