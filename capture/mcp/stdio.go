package mcp

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/child"
)

// Exit codes of a wrapper, as of env, nice and timeout.
const (
	ExitNotRecorded = 125               // the session was ended, as something could not be recorded
	ExitNotExecuted = child.NotExecuted // found, and cannot be executed
	ExitNotFound    = child.NotFound
	ExitSignal      = child.Signal      // plus the number of the signal that ended it
	ExitUnread      = child.Signal + 13 // as of SIGPIPE: the server has exited with 0, and its client has not read all that it said
)

// DefaultGrace is the default of Command.Grace.
const DefaultGrace = 10 * time.Second

// What else is waited for. Clients end a server by SIGTERM two seconds after
// they have closed its input, and by SIGKILL two seconds later: what they end
// must have ended, and be on record, by then.
const (
	killAfter  = 1500 * time.Millisecond // SIGTERM did not end it
	goneAfter  = 2 * time.Second         // of a server whose client is gone, or whose session was ended
	quietAfter = 500 * time.Millisecond  // of the output of a server that has ended
	stuckAfter = time.Second             // of a write
)

// A Command is a server to start and how to record what it is told and says.
type Command struct {
	Options
	Argv   []string // the program and its arguments; not empty
	Stdin  io.Reader
	Stdout io.Writer // closed when the server closes its output, where it can be
	Stderr io.Writer

	// Foreground reports whether the process group is now the foreground of its
	// terminal: SIGINT and SIGQUIT then come from its keyboard, and reach the
	// server without being passed on. Nil: it never is.
	Foreground func() bool
	// Gone reports whether the other end of Stdin is closed although there may
	// be something left to read. Nil: it is not known.
	Gone func() bool
	// Grace is how long a server may be silent, once its client has closed its
	// input, before it is ended; 0: [DefaultGrace]. It is not silent while its
	// client does not read what it says: for that there is six times as long.
	Grace time.Duration
}

// An Outcome is what became of a server.
type Outcome struct {
	// Exit is the code for the wrapper to exit with: the server's own, or one
	// of the constants.
	Exit int
	// Failure is why the server did not run; nil where it did.
	Failure error
	// Unrecorded is what could not be recorded, and why; nil where all was.
	Unrecorded error
	// Unread is true where the client was there, and has not read all that the server
	// said before the session was ended.
	Unread bool
}

// A running is one run of a server.
type running struct {
	*Command
	w   *witness
	s   *session
	cmd *exec.Cmd

	back *inserter // to the client, where it may be told something by the wrapper

	in   *os.File // the server's standard input
	out  *os.File // and output
	shut sync.Once
	left sync.Once

	waited     chan struct{} // the server has ended
	clientDone chan struct{} // the client has closed its output
	clientGone chan struct{} // and its input
	serverDone chan struct{} // the server has closed its output, all of which is passed on

	passed  atomic.Int64 // bytes to the client
	moved   atomic.Int64 // when the last of them went, in nanoseconds
	writing atomic.Int64 // since when the next are written, in nanoseconds; 0 while none are
	ending  string       // what ends the session; of the goroutine of Run
	urged   bool         // a signal wants the end; likewise
	deaf    bool         // the server reads no more; of the goroutine of toServer
}

// Run starts the server, passes on and records until the session is over, and
// returns what the wrapper shall exit with. It returns when the server has ended
// and everything is recorded; a read from Stdin that blocks is left behind.
//
// It waits for no one for ever: a server that goes on although its client has
// closed its input, or is gone, is ended by SIGTERM and then by SIGKILL, and so
// is one of a session of which something cannot be recorded. Only a client that has
// closed nothing may take as long as it likes to read what a server has said before it
// ended, until a signal comes. The process must catch or ignore SIGPIPE.
func Run(ctx context.Context, log etch.Recorder, c *Command) Outcome {
	r := &running{
		Command: c, w: newWitness(log, &c.Options),
		waited: make(chan struct{}), clientDone: make(chan struct{}), clientGone: make(chan struct{}), serverDone: make(chan struct{}),
	}
	if r.judges() {
		r.back = newInserter(c.Stdout)
		own := *c
		own.Stdout = r.back
		r.Command = &own
	}
	now := c.now()
	r.s = newSession(&c.Options, newID(), now, r.w.add)
	// Signals are held back from here on, so that none can end the wrapper
	// between the start of the server and its record.
	caught, release := child.Catch()
	defer release()
	if err := context.Cause(ctx); err != nil {
		return r.over(ExitNotRecorded, fmt.Errorf("not started: %w", err))
	}
	if err := r.start(); err != nil {
		return r.over(child.ExitOfStart(err), child.StartError(c.Argv[0], err))
	}
	go r.toServer()
	go r.toClient()
	r.watch(caught)
	unread := r.drain(caught)
	exit, _ := child.ExitOf(r.cmd.ProcessState)
	if unread && exit == 0 {
		exit = ExitUnread
	}
	out := r.over(exit, nil)
	out.Unread = unread
	return out
}

// over records the end of the session and returns the outcome.
func (r *running) over(exit int, failure error) Outcome {
	result := &etch.Result{Type: etch.Success, ExitCode: etch.Some(int64(exit))}
	reason := r.ending
	switch {
	case failure != nil:
		result.Type, result.Message, reason = etch.Error, failure.Error(), "not started"
	case exit != 0:
		_, result.Message = child.ExitOf(r.cmd.ProcessState)
		result.Type, result.Message = etch.Error, cmp.Or(result.Message, "the client has not read all that the server said")
	}
	r.w.show(0, func(at time.Time) { r.s.finish(result, reason, at) }, false)
	out := Outcome{Exit: exit, Failure: failure, Unrecorded: r.w.close()}
	if r.w.stopped() {
		out.Exit = ExitNotRecorded
	}
	return out
}

// start starts the server, with pipes of its own.
func (r *running) start() error {
	serverIn, in, err := os.Pipe()
	if err != nil {
		return err
	}
	out, serverOut, err := os.Pipe()
	if err != nil {
		return errors.Join(err, in.Close(), serverIn.Close())
	}
	r.in, r.out = in, out
	started := make(chan error)
	go r.run(serverIn, serverOut, started)
	err = <-started
	// The server has its own copies.
	if closing := errors.Join(serverIn.Close(), serverOut.Close()); err == nil && closing != nil {
		err = closing
	}
	if err != nil {
		return errors.Join(err, in.Close(), out.Close())
	}
	return nil
}

// run starts the server and waits for it. It keeps its thread, by whose end the
// system would take the wrapper for dead.
func (r *running) run(in, out *os.File, started chan<- error) {
	release := bindThread()
	defer release()
	var err error
	r.cmd, err = child.Start(r.Argv, func(argv []string) *exec.Cmd { return r.prepare(argv, in, out) })
	started <- err
	if err == nil {
		_ = r.cmd.Wait() // what it tells is in ProcessState
		close(r.waited)
	}
}

func (r *running) prepare(argv []string, in, out *os.File) *exec.Cmd {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, r.Stderr
	cmd.WaitDelay = quietAfter // of words to a Stderr that is no file
	cmd.SysProcAttr = attributes()
	return cmd
}

// pieceSize is how many bytes are read at once: a pipe of Linux has no more.
const pieceSize = 64 << 10

// toServer passes on what the client sends.
func (r *running) toServer() {
	take, end := r.unjudged()
	if r.judges() {
		g := r.gate()
		take, end = g.feed, g.end
	}
	buf := make([]byte, pieceSize)
	for {
		n, err := r.Stdin.Read(buf)
		if n > 0 && !take(buf[:n]) || err != nil {
			break
		}
	}
	end()          // some servers take a last line without its end
	r.clientLeft() // before the server can end because of it
	r.shutServer()
}

// unjudged returns what passes on what the client sends, as it comes, and its end.
func (r *running) unjudged() (take func(data []byte) bool, end func()) {
	st := newStream(true, r.s.of(client))
	take = func(data []byte) bool {
		seen := bytes.Clone(data)
		return r.passOn(data, len(seen), func(at time.Time) { st.feed(seen, at) })
	}
	return take, func() { r.w.show(0, st.end, r.Strict) }
}

// passOn passes on what the client has sent, having shown it, and reports whether
// more may follow. Weight is what it takes in memory until it was looked at.
func (r *running) passOn(data []byte, weight int, see func(at time.Time)) bool {
	if !r.w.show(weight, see, r.Strict) {
		return false
	}
	// Where the server reads no more, the client is read on: how else would its
	// end be seen.
	r.deaf = r.deaf || r.write(data) != nil
	return true
}

// gate returns what judges what the client sends, and passes on what is not refused.
func (r *running) gate() *gate {
	see := func(messages []*message) func(at time.Time) {
		return func(at time.Time) {
			for _, m := range messages {
				r.s.take(client, m, nil, at)
			}
		}
	}
	pass := func(data []byte, messages []*message) bool {
		return r.passOn(data, weightOf(data, messages), see(messages))
	}
	deny := func(data []byte, messages []*message, answer []byte) bool {
		// The client is told when it is on record.
		going := r.w.show(weightOf(data, messages), see(messages), true)
		r.back.tell(answer)
		return going
	}
	return &gate{opt: &r.Options, pass: pass, deny: deny}
}

// write writes to the server. While the server does not read, it looks whether
// the client has closed its output meanwhile.
func (r *running) write(data []byte) error {
	for {
		limited := r.Gone != nil && r.in.SetWriteDeadline(time.Now().Add(stuckAfter)) == nil
		n, err := r.in.Write(data)
		data = data[n:]
		if !limited || !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if r.Gone() {
			r.clientLeft()
		}
	}
}

// clientLeft says that nothing more comes from the client, but perhaps what is on
// its way.
func (r *running) clientLeft() { r.left.Do(func() { close(r.clientDone) }) }

// shutServer closes the server's input.
func (r *running) shutServer() {
	r.shut.Do(func() {
		_ = r.in.Close() // a pipe has nothing to lose
	})
}

// toClient passes on what the server sends.
func (r *running) toClient() {
	defer close(r.serverDone)
	st := newStream(true, r.s.of(server))
	buf := make([]byte, pieceSize)
	for last := int64(-1); ; {
		n, err := r.out.Read(buf)
		if n > 0 {
			seen := bytes.Clone(buf[:n])
			if !r.w.show(n, func(at time.Time) { st.feed(seen, at) }, false) {
				break
			}
			r.writing.Store(time.Now().UnixNano())
			if _, err := r.Stdout.Write(buf[:n]); err != nil {
				close(r.clientGone)
				break
			}
			r.passed.Add(int64(n))
			r.moved.Store(time.Now().UnixNano())
			r.writing.Store(0)
		}
		if passed := r.passed.Load(); errors.Is(err, os.ErrDeadlineExceeded) && passed != last {
			// The server has ended. Once more: the limit was for when nothing comes.
			last, err = passed, r.out.SetReadDeadline(time.Now().Add(quietAfter))
		}
		if err != nil {
			break
		}
	}
	r.w.show(0, st.end, false)
	if c, ok := r.Stdout.(io.Closer); ok {
		_ = c.Close() // all was written
	}
	_ = r.out.Close() // it was only read
}
