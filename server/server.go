// Package server is the daemon: one writer of a log, whom many senders ask to
// record events.
//
// It takes events from whoever may send them, says in labels who that was as far
// as the system vouches for it, holds each sender to its limits, and answers when
// the log has the events as durably as it promises. What it cannot take yet it
// does not read; it drops nothing that it has read without saying so.
//
// The senders of a socket speak the protocol of docs/spec/socket-protocol.md or
// HTTP. The HTTP handler is another package's, which uses [Server.Admit] and
// [Server.Record] for each request.
package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/etch-audit/etch"
)

// Errors of Admit and Record, besides those of [etch.Log.Append].
var (
	// ErrRefused: the sender may not do what it asks for. It is on record.
	ErrRefused = errors.New("the sender is refused")
	// ErrRateLimited: the sender has sent more than it may; the error is a
	// [*RateError].
	ErrRateLimited = errors.New("the sender's rate limit is reached")
	// ErrTooLarge: an event is longer than Limits.MaxEvent, or the events of one
	// request are too much together.
	ErrTooLarge = errors.New("the event is too large")
	// ErrShuttingDown: the server takes nothing more.
	ErrShuttingDown = errors.New("the server is shutting down")
)

// A RateError says when a sender may go on. It is an [ErrRateLimited].
type RateError struct {
	RetryAfter time.Duration
}

// Error says how long to wait.
func (e *RateError) Error() string {
	return fmt.Sprintf("%v: try again in %v", ErrRateLimited, e.RetryAfter.Round(time.Millisecond))
}

// Is reports whether target is ErrRateLimited.
func (e *RateError) Is(target error) bool { return target == ErrRateLimited }

// Limits are what one sender, and all together, may take of the server. A zero
// field means what its comment says.
type Limits struct {
	// MaxEvent is the most bytes of one event as it is sent; default [DefaultMaxEvent].
	MaxEvent int
	// Rate is how many events a second one sender may send; 0: any number.
	Rate float64
	// Burst is how many a sender may send at once after a pause; default: Rate, and
	// at least 1.
	Burst int
	// MaxConnections is how many connections may be open; default [DefaultMaxConnections].
	MaxConnections int
	// MaxPerSender is how many of them may be one sender's; default [DefaultMaxPerSender].
	MaxPerSender int
	// Idle is how long a connection may say nothing; default [DefaultIdle].
	Idle time.Duration
	// LineWait is how long a line that has begun, and an answer that is not read,
	// are waited for; default [DefaultLineWait].
	LineWait time.Duration
}

// Defaults of Limits.
const (
	DefaultMaxEvent       = 1 << 20
	DefaultMaxConnections = 1024
	DefaultMaxPerSender   = 256
	DefaultIdle           = 5 * time.Minute
	DefaultLineWait       = 30 * time.Second
)

// Options are the settings of a [Server]. A nil *Options, and every zero field,
// means the default.
type Options struct {
	Limits Limits
	// AllowUsers and AllowGroups name, by name or number, who may send by a socket.
	// Where both are empty everybody may whom the socket's mode lets in.
	AllowUsers  []string
	AllowGroups []string
	// ReadUsers names who may ask by a socket, besides root and the server's own user.
	ReadUsers []string
	// HTTP serves what is no native protocol on a socket; nil: such connections are
	// closed. A request's context knows the sender: see [SenderFrom].
	HTTP http.Handler
	// About says to who asks by a socket how the daemon is; nil: it says nothing but its
	// log's name, which is the log's own.
	About func() etch.DaemonStatus
	// Notify, where set, is told what no sender waits for: that an event about
	// senders could not be recorded, for instance.
	Notify func(error)
	// Now is the clock; default [time.Now].
	Now func() time.Time
}

// A Server takes events for one log. It is safe for concurrent use. The log stays
// its opener's, to be closed after Drain.
type Server struct {
	log    *etch.Log
	opt    Options
	limits Limits
	rights rights
	origin string // the log's name

	mu       sync.Mutex
	senders  map[identity]*account   // guarded by mu
	refusals map[refusalKey]*refusal // guarded by mu
	conns    map[*conn]struct{}      // guarded by mu
	closers  []func()                // guarded by mu: end the accepting loops
	draining bool                    // guarded by mu

	repeats  repeats
	recalled recollection
	room     room
	stopping chan struct{} // closed when draining begins
	requests sync.WaitGroup
	serving  sync.WaitGroup
	stats    counters
}

// New returns a server for an open log. The error is that of a name in the options
// which nobody has.
func New(log *etch.Log, opts *Options) (*Server, error) {
	s := &Server{
		log:      log,
		origin:   log.Info().Origin,
		senders:  make(map[identity]*account),
		refusals: make(map[refusalKey]*refusal),
		conns:    make(map[*conn]struct{}),
		stopping: make(chan struct{}),
	}
	s.recalled.records, s.recalled.bytes = recallRecords, recallBytes
	s.recalled.wanted.Store(1)
	if opts != nil {
		s.opt = *opts
	}
	if s.opt.Now == nil {
		s.opt.Now = time.Now
	}
	s.limits = s.opt.Limits.withDefaults()
	var err error
	if s.rights, err = newRights(&s.opt); err != nil {
		return nil, err
	}
	return s, nil
}

func (l Limits) withDefaults() Limits {
	fill := func(at *int, value int) {
		if *at <= 0 {
			*at = value
		}
	}
	fill(&l.MaxEvent, DefaultMaxEvent)
	fill(&l.MaxConnections, DefaultMaxConnections)
	fill(&l.MaxPerSender, DefaultMaxPerSender)
	fill(&l.Burst, max(int(l.Rate), 1))
	if l.Idle <= 0 {
		l.Idle = DefaultIdle
	}
	if l.LineWait <= 0 {
		l.LineWait = DefaultLineWait
	}
	return l
}

// Limits returns the limits in effect, with nothing left to a default.
func (s *Server) Limits() Limits { return s.limits }

// enter counts a request as under way, unless the server is draining. The caller
// calls s.requests.Done when it has ended.
func (s *Server) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return ErrShuttingDown
	}
	s.requests.Add(1)
	return nil
}

// Drain ends the server: nothing more is taken, what was taken is answered, and
// the log is sealed. It returns early with ctx's error where that takes too long;
// connections are then cut off, and what they had under way may be recorded or not.
// Nothing can be served after it. It may be called again, to wait once more.
func (s *Server) Drain(ctx context.Context) error {
	s.beginDrain()
	ended := make(chan struct{})
	go func() {
		s.requests.Wait()
		s.serving.Wait()
		close(ended)
	}()
	var cut error
	select {
	case <-ended:
	case <-ctx.Done():
		cut = ctx.Err()
		s.cutOff()
	}
	s.tellRefusals()
	s.tellAllLost()
	if cut != nil {
		return cut
	}
	_, err := s.log.Seal(ctx)
	return err
}

func (s *Server) beginDrain() {
	s.mu.Lock()
	first := !s.draining
	s.draining = true
	closers := s.closers
	var open []*conn
	for c := range s.conns {
		open = append(open, c)
	}
	s.mu.Unlock()
	if !first {
		return
	}
	close(s.stopping)
	for _, end := range closers {
		end()
	}
	for _, c := range open {
		c.interrupt()
	}
}

// cutOff closes every connection.
func (s *Server) cutOff() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close() // its own goroutine finds out, and says what there is to say
	}
}

// tell tells what no sender waits for.
func (s *Server) tell(err error) {
	if err != nil && s.opt.Notify != nil {
		s.opt.Notify(err)
	}
}
