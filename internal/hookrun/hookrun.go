// Package hookrun runs one hook of a coding agent: from the payload on standard input
// to the answer that the agent takes for "go on", with the event on record or in the
// spool. It is what "etch hook" and the smaller program etch-hook have in common, and
// brings along no more than that program needs.
package hookrun

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"sync"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/config"
)

// A run is one start of a hook by an agent. The work is done by one
// goroutine; only when time is up another takes over, ends the process, and
// leaves the first where it is: in a system call, mostly.
type run struct {
	Command
	process  Process
	patience Patience
	began    time.Time
	known    *hook.Agent // nil: an agent that nobody knows
	payload  payload

	creating sync.Mutex // held while the log is made

	mu       sync.Mutex
	late     time.Time   // when time was up, or will be
	last     *time.Timer // ends the process, or looks again; nil until time is up
	done     bool        // nothing is given up any more
	stage    stage
	said     bool             // the answer was given
	resolved *config.Resolved // nil until it is read
	to       recorderPlace
	spool    *etch.Spool
	sessions *hook.Sessions
	turn     *hook.Turn
	events   []*etch.Event // to be recorded, as far as they are known
	denial   string        // why the call is refused; "" where it is not
	kept     bool          // the events are in the log or the spool, or there are none
	judged   bool          // the policy was asked about the call
	foreseen string        // why it refuses the call, by the little that was looked at before; "" where that is no reason
	failures []error
}

// A stage is how far the work is.
type stage int

const (
	reading   stage = iota // nothing is in the log yet
	appending              // the events may come to be in the log
	answering              // the answer is being made: nothing else begins any more
)

// A Process is what a hook knows of the process around it.
type Process struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
	Env func(name string) (string, bool)
	Now func() time.Time
	// Exit ends the process. It is called where time is up, from another goroutine
	// than Run's.
	Exit func(code int)
	// Etch returns the path of the etch that is started to reconcile a session at its
	// end, and Start starts it; where either is nil nothing is started.
	Etch  func() (string, error)
	Start func(*exec.Cmd) error
	// Patience is how long the hook takes at most; nil is as an agent bears.
	Patience *Patience
}

// Of returns the process that this program is, whose etch is found by a function.
func Of(etch func() (string, error)) Process {
	return Process{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.LookupEnv, Now: time.Now, Exit: os.Exit, Etch: etch, Start: (*exec.Cmd).Start}
}

// Run runs a hook to its answer and returns the exit code. Nothing that
// happens makes it anything but the agent's word for "go on", unless the
// configuration wants calls refused.
func Run(c Command, p Process) int {
	c.MayMiss = c.NoEnv // "etch install" names the file that would be read
	r := &run{Command: c, process: p, patience: Usual(), began: p.Now().Add(-started), known: AgentNamed(c.Agent)}
	if p.Patience != nil {
		r.patience = *p.Patience
	}
	r.payload.ended = make(chan struct{})
	r.late = r.began.Add(r.patience.Records)
	ended := make(chan int, 2)
	late := time.AfterFunc(r.patience.Records-started, func() { r.takeOver(ended) })
	defer late.Stop()
	defer r.rest()
	err := r.survive(r.work)
	if r.end() {
		return r.say(r.finish(err), func(int) {})
	}
	return <-ended
}

// takeOver takes over from whoever does the work once its time is up, and sends the exit
// code if there is one to return.
//
// The end is counted from here: on a machine so busy that this comes late, what is left to
// do is given as much time as on any other.
func (r *run) takeOver(ended chan<- int) {
	r.mu.Lock()
	r.late = r.process.Now()
	r.mu.Unlock()
	left := r.patience.Ends - r.patience.Records
	r.endIn(left, time.Now().Add(2*left), func() {
		cause := r.abandon()
		ended <- r.say(r.answer(cause), r.process.Exit)
	})
	if cause, first := r.stop(); first {
		answer := r.finish(cause)
		r.creating.Lock() // else no hook of a slow machine ever comes to the end of it
		ended <- r.say(answer, r.process.Exit)
	}
}

// glance is how long the process runs, as far as it is given the processor, before it looks
// whether it was.
const glance = 50 * time.Millisecond

// endIn gives up when the process has had so much time to run. A glance that took longer,
// because the machine is busy, or has stopped the process, counts as one glance: whoever is given
// no processor has not had that time. It gives up at the latest when the time has passed twice,
// which is before others take for settled what it has spooled: see unsureAge in drain.go.
func (r *run) endIn(left time.Duration, latest time.Time, giveUp func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done {
		return
	}
	r.last = time.AfterFunc(min(left, glance), func() {
		if left > glance && time.Now().Before(latest) {
			r.endIn(left-glance, latest, giveUp)
		} else {
			giveUp()
		}
	})
}

// rest sees to it that nothing is given up any more.
func (r *run) rest() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done = true
	if r.last != nil {
		r.last.Stop()
	}
}

// abandon says that the process ends in the middle of its work, if that can be
// said within a moment, as the disk may hang, and returns it. The events are counted as lost,
// unless they are in the log, or on their way to the spool so far that the next writer
// finds them.
func (r *run) abandon() error {
	cause := fmt.Errorf(GivenUp+" %v: it is not known whether the event is kept", r.process.Now().Sub(r.began).Round(time.Millisecond))
	r.fails(cause)
	var both sync.WaitGroup
	both.Go(r.tell)
	both.Go(func() { _ = r.lose(cause) }) // what it cannot count it has told
	done := make(chan struct{})
	go func() {
		both.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(r.patience.Locks):
	}
	return cause
}

// What a line of the log of errors begins with, behind its time, process, agent and event,
// where an event may be lost.
const (
	GivenUp = "given up after" // it is not known whether it is kept
	Lost    = "lost:"          // neither log nor spool has it
)

// lose counts the events as lost: one, where they are not known.
func (r *run) lose(cause error) error {
	r.mu.Lock()
	events, spool, kept, known := r.events, r.spool, r.kept, r.turn != nil
	r.mu.Unlock()
	switch {
	case kept || spool == nil || known && len(events) == 0:
		return nil
	case len(events) == 0:
		events = []*etch.Event{r.delivered(cause.Error())}
	}
	return spool.Lose(cause, events...)
}

// end takes the right to make the answer, and reports whether nobody had it.
func (r *run) end() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := r.stage != answering
	r.stage = answering
	return first
}

// stop is end where time is up, and returns what that means for the events.
func (r *run) stop() (cause error, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	cause = fmt.Errorf("no record within %v", r.patience.Records)
	if r.stage == appending {
		cause = fmt.Errorf("%w: %w", etch.ErrUnknown, cause)
	}
	first = r.stage != answering
	r.stage = answering
	return cause, first
}

// begin says that the events, which it returns, are about to be appended; none
// where time is up.
func (r *run) begin() []*etch.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stage == answering {
		return nil
	}
	r.stage = appending
	return r.events
}

// silent reports whether there is nothing to record, or time is up.
func (r *run) silent() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stage == answering || len(r.events) == 0
}

// fails remembers what went wrong, for the log of errors.
func (r *run) fails(err error) {
	if err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, err)
}

// survive makes an error of a panic.
func (r *run) survive(f func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
			r.fails(fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
		}
	}()
	return f()
}
