package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/wire"
)

// A native is one connection that speaks the protocol of
// docs/spec/socket-protocol.md: lines in, an answer for each out, in their order.
//
// One goroutine does it all: it reads what has come, has all the events in it
// recorded as one batch, answers, and reads on. Who sends faster than the log takes
// is not read meanwhile, and its own socket holds it up.
type native struct {
	*conn
	known    map[string]string // the sender's labels
	admitted bool

	in      []byte    // what was read and is not done with
	taken   int       // the bytes of it that Server.room knows of
	scanned int       // the first bytes of in hold no line feed
	line    uint64    // number of the last line
	skip    bool      // within a line that is too long
	begun   time.Time // when the line at hand began; zero: there is none, or it has just begun

	events  []*etch.Event // of this batch
	answers []wire.Answer // of this batch; those of events are filled in once they are recorded
	asked   []int         // of each event: its answer
	how     []sending     // of each event
	losses  []claimedLoss // of this batch
	ids     []byte        // of the events, one behind the other
	writeBy time.Time     // the write deadline
	one     [1]etch.Receipt
	out     []byte
}

// Sizes of what a connection holds. A buffer grows to the longest line that is
// allowed, and is given back after it.
const (
	readSize   = 8 << 10
	keepBuffer = 64 << 10
	maxBatch   = 1024 // lines that are recorded together
)

func newNative(c *conn, first byte) *native {
	n := &native{conn: c, known: c.sender.labels()}
	n.in = append(make([]byte, 0, readSize), first)
	return n
}

// run serves the connection to its end.
func (n *native) run() {
	defer n.giveRoom()
	for {
		whole := n.lines()
		if len(n.answers) > 0 {
			if !n.answer() {
				return
			}
		}
		if whole {
			continue // more of what was read
		}
		if err := n.read(); err != nil {
			n.goodbye(err)
			return
		}
	}
}

// lines takes the lines that were read, as many as make a batch, and reports
// whether there may be more.
func (n *native) lines() (more bool) {
	n.events, n.answers, n.asked, n.how, n.ids = n.events[:0], n.answers[:0], n.asked[:0], n.how[:0], n.ids[:0]
	n.losses = n.losses[:0]
	rest := n.in
	for len(n.answers) < maxBatch {
		end := bytes.IndexByte(rest[n.scanned:], '\n')
		if end < 0 {
			n.scanned = len(rest)
			break
		}
		end += n.scanned
		n.scanned, n.begun = 0, time.Time{}
		n.take(rest[:end])
		rest = rest[end+1:]
	}
	more = len(n.answers) == maxBatch
	n.in = n.in[:copy(n.in, rest)]
	if len(n.in) > n.server.limits.MaxEvent {
		n.skip, n.in, n.scanned = true, n.in[:0], 0
	}
	if !more {
		n.shrink()
	}
	return more
}

// take takes one line.
func (n *native) take(line []byte) {
	n.line++
	if n.skip || len(line) > n.server.limits.MaxEvent {
		n.skip = false
		n.server.stats.tooLarge.Add(1)
		n.fails(wire.TooLarge, fmt.Errorf("%w: at most %d bytes", ErrTooLarge, n.server.limits.MaxEvent), "")
		return
	}
	if len(bytes.TrimSpace(line)) == 0 {
		return // as etch log does: it is no request
	}
	if bytes.Equal(line, hello) {
		n.answers = append(n.answers, wire.Answer{
			Kind: wire.Hello, Line: n.line, Origin: n.server.origin, MaxEvent: uint64(n.server.limits.MaxEvent),
		})
		return
	}
	if bytes.Equal(line, howAreYou) {
		n.answers = append(n.answers, n.server.about(n.line))
		return
	}
	if loss, is, err := parseLoss(line); is {
		n.claim(loss, err)
		return
	}
	ev, how, err := parse(line)
	if err != nil {
		n.server.stats.invalid.Add(1)
		n.fails(wire.Invalid, err, "")
		return
	}
	ev.Labels = signed(ev.Labels, n.known)
	n.asked = append(n.asked, len(n.answers))
	n.events = append(n.events, ev)
	n.how = append(n.how, how)
	n.answers = append(n.answers, wire.Answer{Line: n.line})
}

// parse reads the event of a line, and how it is sent.
func parse(line []byte) (ev *etch.Event, how sending, err error) {
	inner, how := line, plainly
	if rest, whole := bytes.CutSuffix(line, []byte(wire.OnceEnd)); whole { // else the error says what is wrong with the line
		if text, is := bytes.CutPrefix(rest, []byte(wire.OnceStart)); is {
			inner, how = text, again
		} else if text, is := bytes.CutPrefix(rest, []byte(wire.ImportStart)); is {
			inner, how = text, imported
		}
	}
	if ev, err = etch.ParseInput(inner); err != nil {
		return nil, how, err
	}
	if how != plainly && (ev.ID == "" || ev.Timestamp.IsZero()) {
		return nil, how, errors.New("an event that is to be recorded once needs its event_id and its timestamp")
	}
	return ev, how, nil
}

// hello is the line by which a client asks whom it speaks to.
var hello = []byte(wire.HelloLine)

// howAreYou is the line by which a client asks how the daemon is.
var howAreYou = []byte(wire.StatusLine)

// about answers that. It asks for no right to send, as a hello does.
func (s *Server) about(line uint64) wire.Answer {
	a := new(wire.About)
	if s.opt.About != nil {
		st := s.opt.About()
		*a = wire.About{Log: st.Log, UID: st.UID, User: st.User, Version: st.Version, Problem: st.Problem}
	}
	return wire.Answer{Kind: wire.Status, Line: line, Origin: s.origin, About: a}
}

// fails makes the answer of a line that is not to be recorded.
func (n *native) fails(code wire.Code, err error, hint string) {
	n.answers = append(n.answers, wire.Answer{Kind: wire.Failed, Line: n.line, Code: code, Error: err.Error(), Hint: hint})
}

// answer has the batch recorded and writes the answers. It reports whether the
// connection goes on.
func (n *native) answer() bool {
	goOn := n.record()
	n.out = n.out[:0]
	for i := range n.answers {
		n.out = n.answers[i].Append(n.out)
	}
	clear(n.events)
	clear(n.answers)
	if err := n.write(n.out); err != nil {
		return false
	}
	if cap(n.out) > maxBatch*keepAnswer {
		n.out = nil
	}
	return goOn
}

// keepAnswer is the length of a usual answer, and some more.
const keepAnswer = 512

// write writes answers. Who does not read them for too long is cut off: the deadline
// is between one and two LineWait away, so that it need not be set each time.
func (n *native) write(b []byte) error {
	wait := n.server.limits.LineWait
	if now := time.Now(); n.writeBy.Sub(now) < wait || n.isStopped() { // which has made it another
		n.writeBy = now.Add(2 * wait)
		if err := n.SetWriteDeadline(n.writeBy); err != nil {
			return err
		}
	}
	_, err := n.Write(b)
	return err
}

// record records the events of the batch and fills in their answers.
func (n *native) record() (goOn bool) {
	if len(n.events)+len(n.losses) == 0 {
		return true
	}
	ctx := context.Background() // who asked may have gone: it is recorded all the same
	if !n.admitted {
		if err := n.server.admit(ctx, n.sender); err != nil {
			n.failAll(err)
			return !errors.Is(err, ErrRefused)
		}
	}
	wait, err := n.server.spend(n.account, len(n.events)+len(n.losses), ratePatience)
	if err == nil && wait > 0 && !n.server.rest(wait) {
		err = ErrShuttingDown
	}
	if err != nil {
		n.failAll(err)
		return true
	}
	n.recordLosses(ctx)
	if len(n.events) == 0 {
		return true
	}
	receipts, known, err := n.server.append(ctx, n.events, n.how, n.one[:0])
	for i, at := range n.asked {
		a := &n.answers[at]
		if known != nil && known[i] {
			a.Kind = wire.Known
			continue
		}
		if err := fate(receipts, i, err); err != nil {
			n.fail(a, err)
			continue
		}
		r := &receipts[i]
		a.Kind, a.Seq, a.Leaf, a.Durable = wire.Receipt, r.Seq, r.Leaf, r.Durable
		a.Size, a.Root = r.Checkpoint.Size, r.Checkpoint.Root
		start := len(n.ids)
		n.ids = r.AppendEventID(n.ids)
		a.EventID = n.ids[start:]
	}
	return true
}

// ratePatience is how long a sender that is too fast is held up before its events
// are refused.
const ratePatience = time.Second

func (n *native) failAll(err error) {
	for _, at := range n.asked {
		n.fail(&n.answers[at], err)
	}
	for i := range n.losses {
		n.fail(&n.answers[n.losses[i].answer], err)
	}
}

func (n *native) fail(a *wire.Answer, err error) {
	a.Kind, a.Error = wire.Failed, err.Error()
	switch {
	case errors.Is(err, etch.ErrSkipped):
		a.Kind, a.Error = wire.Skipped, ""
	case errors.Is(err, ErrRefused):
		a.Code = wire.Refused
	case errors.Is(err, ErrRateLimited):
		a.Code = wire.RateLimited
	case errors.Is(err, ErrShuttingDown):
		a.Code = wire.ShuttingDown
	case errors.Is(err, etch.ErrUnknown):
		a.Code = wire.Unknown
	default:
		a.Code = wire.NotRecorded
	}
}

// read reads what has come. It waits for long between two lines, and not so long
// for all of one: that bytes of it come now and then is no reason to keep what there is.
func (n *native) read() error {
	if len(n.in) == cap(n.in) {
		if err := n.grow(); err != nil {
			return err
		}
	}
	wait := n.server.limits.Idle
	if len(n.in) > 0 || n.skip {
		if n.begun.IsZero() {
			n.begun = time.Now()
		}
		if wait = n.server.limits.LineWait - time.Since(n.begun); wait <= 0 {
			return os.ErrDeadlineExceeded
		}
	}
	if err := n.patient(wait); err != nil {
		return err
	}
	room := n.in[len(n.in):min(cap(n.in), len(n.in)+keepBuffer)] // what comes behind a long line shall have room elsewhere
	got, err := n.Read(room)
	n.in = n.in[:len(n.in)+got]
	if got == len(room) && cap(n.in) < keepBuffer {
		n.in = append(make([]byte, 0, 2*cap(n.in)), n.in...) // a crowd of lines: they are to be one batch
	}
	if got > 0 {
		return nil // an error comes again
	}
	return err
}

// goodbye tells a client why nothing more is read, so that it knows of what it has
// sent since that it was not taken.
func (n *native) goodbye(err error) {
	a := wire.Answer{Kind: wire.Failed}
	switch {
	case n.isStopped():
		a.Code, a.Error = wire.ShuttingDown, ErrShuttingDown.Error()
	case errors.Is(err, os.ErrDeadlineExceeded):
		a.Code, a.Error = wire.Idle, "nothing came for too long"
	case errors.Is(err, errNoRoom):
		a.Code, a.Error = wire.Idle, err.Error()
	case errors.Is(err, io.EOF) && (n.skip || len(bytes.TrimSpace(n.in)) > 0):
		a.Code, a.Error, a.Line = wire.Invalid, "the last line has no end: it is not recorded", n.line+1
	default:
		return
	}
	_ = n.write(a.Append(nil)) // nobody may be there to read it
}
