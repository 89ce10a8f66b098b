package etch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/etch-audit/etch/internal/socket"
	"github.com/etch-audit/etch/internal/wire"
)

// errNotTaken: of the call nothing was taken, as the daemon says, or as it was never
// sent.
var errNotTaken = errors.New("the daemon ended the connection before it took the event")

// A link is one connection to a daemon. Callers put their lines into its buffer, in
// the order of the answers that they wait for, and one of them writes for all that
// have come by then. One goroutine reads the answers; another writes for callers
// whose context may end while they would.
type link struct {
	conn     socket.Conn
	patience time.Duration
	origin   string // of the daemon's log
	maxEvent int
	in       []byte // the reader's: what was read of answers
	from     int    // the reader's: where the next answer begins in it

	mu      sync.Mutex
	out     []byte    // guarded by mu: what nobody has begun to write
	spare   []byte    // guarded by mu: the buffer that was written last
	waiting []*call   // guarded by mu: in the order of their lines
	lines   uint64    // guarded by mu: put into out so far
	put     int64     // guarded by mu: bytes put into out so far
	sent    int64     // guarded by mu: bytes of them that somebody has begun to write
	writing bool      // guarded by mu: somebody writes, and takes along what comes
	closing bool      // guarded by mu: nobody comes any more
	over    bool      // guarded by mu: nothing more is sent or answered
	since   time.Time // guarded by mu: since when the first of waiting waits for the daemon
	alarm   time.Time // guarded by mu: the read deadline; zero: none

	kick  chan struct{} // capacity 1: asks the writing goroutine to write
	gone  chan struct{} // closed with over
	tasks sync.WaitGroup
}

func newLink(conn socket.Conn, patience time.Duration) *link {
	return &link{
		conn: conn, patience: patience, in: make([]byte, 0, 4<<10),
		kick: make(chan struct{}, 1), gone: make(chan struct{}),
	}
}

// greet asks who is there.
func (l *link) greet(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		_ = l.conn.SetDeadline(time.Unix(1, 0)) // of a connection that fails anyway
	})
	defer stop()
	if _, err := l.conn.Write([]byte(wire.HelloLine + "\n")); err != nil {
		return errors.Join(err, ctx.Err())
	}
	for {
		line, ok := l.line()
		if !ok {
			if err := l.read(); err != nil {
				return fmt.Errorf("no answer: %w", errors.Join(err, ctx.Err()))
			}
			continue
		}
		var a wire.Answer
		if err := wire.Parse(line, &a); err != nil {
			return err
		}
		if a.Kind == wire.Failed {
			return &DaemonError{Code: string(a.Code), Text: a.Error, Hint: a.Hint}
		}
		if a.Kind != wire.Hello || a.MaxEvent == 0 {
			return errors.New("it does not answer as a daemon does")
		}
		l.origin, l.maxEvent, l.lines = a.Origin, int(min(a.MaxEvent, 1<<30)), 1
		if !stop() {
			return ctx.Err() // the deadline is or will be set
		}
		return nil
	}
}

// maxAnswer is the longest answer that is read. An answer has a sentence in it, and
// no part of an event that is long.
const maxAnswer = 1 << 20

// read reads what has come of answers.
func (l *link) read() error {
	l.in = l.in[:copy(l.in, l.in[l.from:])]
	l.from = 0
	if len(l.in) == cap(l.in) {
		if cap(l.in) >= maxAnswer {
			return errors.New("an answer has no end")
		}
		l.in = append(make([]byte, 0, 2*cap(l.in)), l.in...)
	}
	n, err := l.conn.Read(l.in[len(l.in):cap(l.in)])
	l.in = l.in[:len(l.in)+n]
	if n > 0 {
		return nil // an error comes again
	}
	return err
}

// line returns the first whole line that was read. It is valid until the next read.
func (l *link) line() ([]byte, bool) {
	rest := l.in[l.from:]
	end := bytes.IndexByte(rest, '\n')
	if end < 0 {
		return nil, false
	}
	l.from += end + 1
	return rest[:end], true
}

// start begins to read answers.
func (l *link) start() {
	l.tasks.Go(l.receive)
	l.tasks.Go(func() {
		for {
			select {
			case <-l.kick:
				l.write()
			case <-l.gone:
				return
			}
		}
	})
}

func (l *link) isOver() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over
}

// submit sends the lines of a call, whose done is told once they are answered or
// will not be. It returns errNotTaken where the link is over.
func (l *link) submit(ctx context.Context, w *call) error {
	l.mu.Lock()
	if l.over || l.closing {
		l.mu.Unlock()
		return errNotTaken
	}
	w.at, w.first = l.put, l.lines+1
	l.put += int64(len(w.text))
	l.lines += uint64(len(w.receipts))
	l.out = append(l.out, w.text...)
	l.waiting = append(l.waiting, w)
	if len(l.waiting) == 1 {
		l.watch()
	}
	mine := !l.writing
	l.writing = true
	l.mu.Unlock()
	switch {
	case !mine:
	case ctx.Done() == nil:
		l.write()
	default:
		l.kick <- struct{}{} // there is room: nobody else writes
	}
	return nil
}

// watch begins to measure how long the daemon takes. The alarm is mostly late by
// less than another patience, and so need not be set anew each time. l.mu is held.
func (l *link) watch() {
	l.since = time.Now()
	if l.alarm.Sub(l.since) < l.patience {
		l.alarm = l.since.Add(2 * l.patience)
		_ = l.conn.SetReadDeadline(l.alarm) // where it fails the reader fails too
	}
}

// write writes what was put into the buffer, and what comes meanwhile. The caller
// has set l.writing.
func (l *link) write() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.out) > 0 && !l.over {
		text := l.out
		l.out = l.spare[:0]
		before := l.sent
		l.sent += int64(len(text))
		l.mu.Unlock()
		n, err := l.conn.Write(text)
		l.mu.Lock()
		if l.spare = text; cap(text) > keepText {
			l.spare = nil
		}
		if err != nil && !l.over {
			l.sent = before + int64(n)
			l.end(fmt.Errorf("daemon: %w", err), false)
		}
	}
	l.writing = false
}

// receive takes the answers until the connection ends.
func (l *link) receive() {
	for {
		line, ok := l.line()
		if ok {
			if !l.take(line) {
				return
			}
			continue
		}
		if err := l.read(); err != nil && !l.excuse(err) {
			return
		}
	}
}

// excuse reports whether reading goes on after an error: the alarm rang, and nobody
// has waited for too long. Else the link is over.
func (l *link) excuse(err error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return false
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		l.end(fmt.Errorf("daemon: the connection was lost: %w", err), false)
		return false
	}
	l.alarm = time.Time{}
	if len(l.waiting) == 0 {
		return l.conn.SetReadDeadline(l.alarm) == nil
	}
	left := l.patience - time.Since(l.since)
	if left <= 0 {
		l.end(fmt.Errorf("daemon: no answer within %v", l.patience), false)
		return false
	}
	l.alarm = time.Now().Add(left)
	return l.conn.SetReadDeadline(l.alarm) == nil
}

// take gives an answer to whom it belongs, and reports whether to go on.
func (l *link) take(line []byte) bool {
	var a wire.Answer
	err := wire.Parse(line, &a)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.over:
		return false
	case err != nil:
		l.end(fmt.Errorf("daemon: %w", err), false)
		return false
	case a.Line == 0 && a.Kind == wire.Failed:
		l.end(&DaemonError{Code: string(a.Code), Text: a.Error, Hint: a.Hint}, true)
		return false
	case len(l.waiting) == 0 || a.Line != l.waiting[0].first+uint64(l.waiting[0].answered):
		l.end(fmt.Errorf("daemon: an answer to line %d, which was not asked", a.Line), false)
		return false
	}
	w := l.waiting[0]
	w.take(&a, l.origin)
	if w.answered < len(w.receipts) {
		return true
	}
	l.waiting[0] = nil
	l.waiting = l.waiting[1:]
	w.done <- struct{}{}
	if len(l.waiting) > 0 {
		l.watch()
	} else if l.closing {
		l.end(ErrClosed, false)
		return false
	}
	return true
}

// end ends the link: whoever waits is told what is known of its lines. goodbye says
// that the daemon took nothing more than it has answered. l.mu is held.
func (l *link) end(cause error, goodbye bool) {
	l.over = true
	close(l.gone)
	_ = l.conn.Close() // nothing is to be sent or read any more
	for _, w := range l.waiting {
		switch {
		case w.answered > 0:
			w.fail(cause, !goodbye)
		case goodbye, w.at+int64(w.head) > l.sent: // a line without its end is none
			w.fail(fmt.Errorf("%w: %w", errNotTaken, cause), false)
		default:
			w.fail(fmt.Errorf("%w: %w", ErrUnknown, cause), true)
		}
		w.done <- struct{}{}
	}
	l.waiting = nil
}

// close ends the link once everything is answered.
func (l *link) close() error {
	l.mu.Lock()
	l.closing = true
	if !l.over && len(l.waiting) == 0 {
		l.end(ErrClosed, false)
	}
	l.mu.Unlock()
	l.tasks.Wait()
	return nil
}
