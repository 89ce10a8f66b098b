package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/execwrap"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/config"
)

// hookStarted is about how long a process runs before its main function.
const hookStarted = 5 * time.Millisecond

// A patience is how long a hook takes at most: an agent waits for it. Moments are
// counted from the start of the process.
type patience struct {
	// records is when it gives up to record. What is left of 200 ms is for the
	// spool.
	records time.Duration
	// locks bounds each wait for who writes the log, so that it is mostly known at
	// records that nothing was written.
	locks time.Duration
	// payload is until when it waits for the rest of a payload that comes slowly.
	payload time.Duration
	// ends is when it ends even if the spool hangs: before agents give up on a
	// hook, and only where the disk does not answer or the machine is choked. It is
	// what the spool counts on, too: see unsureAge in drain.go.
	ends time.Duration
	// idles is how early it must be done to look after the spool too, which then
	// takes no longer than drains.
	idles, drains time.Duration
}

// hookPatience is that of every hook. Only tests for which a loaded machine is
// too slow have more.
var hookPatience = patience{
	records: 150 * time.Millisecond, locks: 60 * time.Millisecond, payload: 1600 * time.Millisecond,
	ends: 2 * time.Second, idles: 30 * time.Millisecond, drains: 50 * time.Millisecond,
}

// A hookRun is one start of a hook by an agent. The work is done by one
// goroutine; only when time is up another takes over, ends the process, and
// leaves the first where it is: in a system call, mostly.
type hookRun struct {
	hookCommand
	std     stdio
	exit    func(code int)
	began   time.Time
	known   *hook.Agent // nil: an agent that nobody knows
	payload payload

	creating sync.Mutex // held while the log is made

	mu       sync.Mutex
	stage    hookStage
	said     bool             // the answer was given
	resolved *config.Resolved // nil until it is read
	to       recorderPlace
	spool    *etch.Spool
	sessions *hook.Sessions
	turn     *hook.Turn
	events   []*etch.Event // to be recorded, as far as they are known
	denial   string        // why the call is refused; "" where it is not
	failures []error
}

// A hookStage is how far the work is.
type hookStage int

const (
	hookReads   hookStage = iota // nothing is in the log yet
	hookAppends                  // the events may come to be in the log
	hookEnded                    // the answer is being made: nothing else begins any more
)

// runHook runs a hook to its answer and returns the exit code. Nothing that
// happens makes it anything but the agent's word for "go on", unless the
// configuration wants calls refused.
func runHook(c hookCommand, std stdio, exit func(code int)) int {
	r := &hookRun{hookCommand: c, std: std, exit: exit, began: std.now().Add(-hookStarted), known: agentNamed(c.agent)}
	r.payload.ended = make(chan struct{})
	ended := make(chan int, 1)
	late := time.AfterFunc(hookPatience.records-hookStarted, func() {
		if cause, first := r.stop(); first {
			answer := r.finish(cause)
			r.creating.Lock() // else no hook of a slow machine ever comes to the end of it
			ended <- r.say(answer, exit)
		}
	})
	defer late.Stop()
	last := time.AfterFunc(hookPatience.ends-hookStarted, func() {
		r.abandon()
		ended <- r.say(r.goOn(), exit)
	})
	defer last.Stop()
	err := r.survive(r.work)
	if r.end() {
		return r.say(r.finish(err), func(int) {})
	}
	return <-ended
}

// abandon says that the process ends in the middle of its work, if that can be
// said within a moment: the disk may hang.
func (r *hookRun) abandon() {
	told := make(chan struct{})
	go func() {
		defer close(told)
		r.fails(fmt.Errorf("given up after %v: it is not known whether the event is kept", hookPatience.ends))
		r.tell()
	}()
	select {
	case <-told:
	case <-time.After(hookPatience.locks):
	}
}

// end takes the right to make the answer, and reports whether nobody had it.
func (r *hookRun) end() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := r.stage != hookEnded
	r.stage = hookEnded
	return first
}

// stop is end where time is up, and returns what that means for the events.
func (r *hookRun) stop() (cause error, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	cause = fmt.Errorf("no record within %v", hookPatience.records)
	if r.stage == hookAppends {
		cause = fmt.Errorf("%w: %w", etch.ErrUnknown, cause)
	}
	first = r.stage != hookEnded
	r.stage = hookEnded
	return cause, first
}

// begin says that the events, which it returns, are about to be appended; none
// where time is up.
func (r *hookRun) begin() []*etch.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stage == hookEnded {
		return nil
	}
	r.stage = hookAppends
	return r.events
}

// silent reports whether there is nothing to record, or time is up.
func (r *hookRun) silent() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stage == hookEnded || len(r.events) == 0
}

// fails remembers what went wrong, for the log of errors.
func (r *hookRun) fails(err error) {
	if err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, err)
}

// survive makes an error of a panic.
func (r *hookRun) survive(f func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
			r.fails(fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
		}
	}()
	return f()
}

// work records what the payload says. The error says why that is not in the log.
func (r *hookRun) work() error {
	if err := r.settings(); err != nil {
		return err
	}
	r.fails(r.payload.read(r.std.in))
	if r.resolved.Options().Disabled {
		return nil
	}
	ctx, cancel := context.WithDeadline(context.Background(), r.began.Add(hookPatience.records/2))
	defer cancel()
	r.decode(ctx, r.setInTime)
	if r.silent() {
		return nil
	}
	return r.record()
}

// settings reads the configuration and opens the spool. A configuration that
// cannot be read is no reason to lose anything: the defaults take its place.
func (r *hookRun) settings() error {
	quiet := r.std
	quiet.err, quiet.env = nowhere{}, r.environment
	r.place.mayMiss = r.noEnv // "etch install" names the file that would be read
	if len(r.strange) > 0 {
		r.fails(fmt.Errorf("arguments that are not known: %q", r.strange))
	}
	resolved, err := r.place.load(quiet)
	if err == nil && resolved.Stream() != "" {
		err = fmt.Errorf("the destination is %s, which is the agent's", resolved.Stream())
	}
	if err != nil {
		r.fails(fmt.Errorf("the defaults are used: %w", err))
		if resolved, err = r.place.loadWithout(quiet); err != nil {
			return err
		}
	}
	r.fails(makePlace(resolved))
	to := recorderPlace{path: resolved.LogPath(), spool: resolved.LogPath()}
	to.socket, err = findDaemon(resolved)
	r.fails(err)
	if resolved.Server.Connect == config.ConnectAlways {
		to.refused = err
	}
	if to.socket != "" || to.refused != nil {
		if to.path, to.spool, err = makeBeside(resolved, quiet); err != nil {
			return err
		}
	}
	return r.use(resolved, to)
}

// A recorderPlace says who records a hook's events, and where what is to wait is.
type recorderPlace struct {
	socket  string // of the daemon that records; "" where this process does
	refused error  // why the daemon that must record is not to be used
	path    string // beside which hooks keep what they remember
	spool   string // beside which the spool is
}

// use says who records.
func (r *hookRun) use(resolved *config.Resolved, to recorderPlace) error {
	spool, err := etch.OpenSpool(to.spool, r.options(resolved))
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stage == hookEnded && r.resolved != nil {
		return nil // whoever makes the answer goes by what is there
	}
	r.resolved, r.spool, r.to = resolved, spool, to
	return err
}

// options returns those by which hooks write: everything is on disk before the
// agent goes on, and nothing is done that can wait.
func (r *hookRun) options(resolved *config.Resolved) *etch.Options {
	opts := resolved.Options()
	opts.Classify, opts.Now = classify, r.std.now
	opts.Brief, opts.DrainWithin, opts.LockWait = true, -1, hookPatience.locks
	opts.OnError, opts.Durability = etch.Block, 0
	return opts
}

// decode finds out what is to be recorded. A delivery that nothing can be made of
// is an event of its own. Other deliveries of the same session are waited for
// until ctx is done.
func (r *hookRun) decode(ctx context.Context, set func(*hook.Turn, []*etch.Event, string)) {
	if r.known == nil || r.payload.over() {
		set(nil, []*etch.Event{r.delivered("")}, "")
		return
	}
	turn, err := r.memory().Begin(ctx, &hook.Delivery{
		Agent: r.known, Event: r.event, Payload: r.payload.bytes(), Getenv: r.std.env, Parent: os.Getppid(),
		Now: r.began, Actor: r.actor(), Recording: recordingOf(&r.resolved.Hooks),
		Classify: classify, Masker: r.spool.Masker,
	})
	r.fails(err)
	events, denial := turn.Events, ""
	if turn.Request != nil {
		events, denial = r.judge(events, turn.Request, cmp.Or(turn.Event, r.event))
	}
	if r.guard && turn.HooksOff {
		denial = "etch keeps these settings: the change would switch off hooks that record this session"
	}
	set(turn, events, denial)
}

// memory returns what is remembered between deliveries: one for the process, so
// that a delivery decoded again for want of time is not taken for a second one.
func (r *hookRun) memory() *hook.Sessions {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sessions == nil {
		r.sessions = hook.NewSessions(hooksDirectory(r.to.path))
	}
	return r.sessions
}

// setInTime says what is to be recorded, unless time is up: who took over then
// has found that out for itself, and the session forgets this turn.
func (r *hookRun) setInTime(turn *hook.Turn, events []*etch.Event, denial string) {
	r.identify(events)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stage != hookEnded {
		r.turn, r.events, r.denial = turn, events, denial
	}
}

// setLate says what is to be recorded once time is up, if nothing else is.
func (r *hookRun) setLate(turn *hook.Turn, events []*etch.Event, denial string) {
	r.identify(events)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn, r.events, r.denial = turn, events, denial
}

// identify gives events what Append would: they may have to be spooled.
func (r *hookRun) identify(events []*etch.Event) {
	for _, ev := range events {
		if ev.ID == "" {
			ev.ID = etch.NewEventID(r.std.now())
		}
		if ev.Timestamp.IsZero() {
			ev.Timestamp = r.began
		}
	}
}

// actor returns who runs the agent.
func (r *hookRun) actor() etch.Actor {
	actor := execwrap.ActorOf(r.variable)
	return etch.Actor{
		Channel: r.variable("ETCH_CHANNEL"), UserID: actor.UserID, Username: actor.Username, Host: actor.Host,
	}
}

func recordingOf(h *config.Hooks) hook.Recording {
	return hook.Recording{Output: h.RecordOutput, Prompts: h.RecordPrompts, Content: h.RecordContent}
}

// record appends the events in one write, and looks after the spool where there
// is time. What was acknowledged stays acknowledged whatever comes after it.
func (r *hookRun) record() error {
	if r.to.refused != nil {
		return r.to.refused
	}
	if r.to.socket != "" {
		err := r.recordByDaemon()
		if !errors.Is(err, errNoDaemon) {
			return err
		}
		own := r.resolved.LogPath()
		if err := r.use(r.resolved, recorderPlace{path: own, spool: own}); err != nil {
			return err
		}
	}
	log, err := r.open()
	if err != nil {
		return err
	}
	events := r.begin()
	if events == nil {
		return log.Close() // what it returns is not waited for
	}
	_, err = log.AppendBatch(context.Background(), events)
	if err != nil && !errors.Is(err, etch.ErrSkipped) {
		r.fails(log.Close())
		return err
	}
	r.fails(r.spool.Reserve())
	if r.std.now().Sub(r.began) < hookPatience.idles {
		ctx, cancel := context.WithTimeout(context.Background(), hookPatience.drains)
		defer cancel()
		_, err := log.Drain(ctx)
		r.fails(err)
	}
	r.fails(closeBehind(log, events))
	return nil
}

// recordByDaemon has the events recorded, and looks after the spool where there is
// time. It returns errNoDaemon where nobody listens and this process is to record.
func (r *hookRun) recordByDaemon() error {
	ctx, cancel := context.WithDeadline(context.Background(), r.began.Add(hookDaemonTime()))
	defer cancel()
	c, err := dialDaemon(ctx, r.to.socket, r.resolved)
	if err != nil {
		return err
	}
	events := r.begin()
	if events == nil {
		return c.Close() // what it returns is not waited for
	}
	_, err = c.AppendBatch(ctx, events)
	if err != nil && !errors.Is(err, etch.ErrSkipped) {
		return err // the process ends, and the connection with it
	}
	r.fails(r.spool.Reserve())
	if r.std.now().Sub(r.began) < hookPatience.idles {
		ctx, cancel := context.WithTimeout(ctx, hookPatience.drains)
		defer cancel()
		_, err := r.spool.Send(ctx, c)
		r.fails(err)
	}
	return nil
}

// open opens the log, or makes it where there is none and never was one.
func (r *hookRun) open() (*etch.Log, error) {
	path, opts := r.resolved.LogPath(), r.options(r.resolved)
	log, err := etch.Open(path, opts)
	if !errors.Is(err, etch.ErrNoLog) && !errors.Is(err, os.ErrNotExist) {
		return log, err
	}
	r.creating.Lock()
	defer r.creating.Unlock()
	log, err = etch.Create(path, opts)
	if errors.Is(err, etch.ErrExists) {
		return etch.Open(path, opts) // another process was faster
	}
	return log, err
}

// closeBehind closes the log behind events. The end of a session seals what it
// has left: nobody may come after it for long.
func closeBehind(log *etch.Log, events []*etch.Event) error {
	var err error
	for _, ev := range events {
		if ev.Type == etch.SessionEnd {
			_, err = log.Seal(context.Background())
		}
	}
	return errors.Join(err, log.Close())
}

// finish sees to it that what is not in the log is in the spool, and returns the
// answer.
func (r *hookRun) finish(cause error) hook.Answer {
	answer := r.goOn()
	r.fails(r.survive(func() error {
		err := cause
		if cause != nil {
			r.fails(fmt.Errorf("not recorded at once: %w", cause))
			err = r.keep(cause)
		}
		answer = r.answer(cause)
		return errors.Join(err, r.remember(err == nil), r.reconcileLater())
	}))
	r.tell()
	return answer
}

// late returns the events where time was up before they were known: those of the
// payload, if all of it comes, without what the session knows. There are none
// where it says nothing that is recorded.
func (r *hookRun) late(cause error) []*etch.Event {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if r.payload.whole() || r.payload.wait(hookPatience.payload-r.std.now().Sub(r.began)) {
		r.fails(r.survive(func() error { r.decode(ctx, r.setLate); return nil }))
	}
	r.mu.Lock()
	events, turn := r.events, r.turn
	r.mu.Unlock()
	if len(events) == 0 && turn == nil {
		ev := r.delivered(cause.Error())
		ev.ID = etch.NewEventID(r.std.now())
		events = []*etch.Event{ev}
	}
	return events
}

// remember ends the turn: the session remembers what is on record or spooled, and
// of a call that was refused here that nothing more is to be recorded.
func (r *hookRun) remember(kept bool) error {
	r.mu.Lock()
	turn, events := r.turn, r.events
	r.mu.Unlock()
	switch {
	case turn == nil:
		return nil
	case !kept:
		return turn.Drop()
	}
	err := turn.Keep()
	for _, ev := range events {
		if ev.Security != nil && ev.Security.PolicyViolation && ev.Phase == etch.Completion {
			ctx, cancel := context.WithTimeout(context.Background(), hookPatience.drains)
			sessions := hook.NewSessions(hooksDirectory(r.to.path))
			err = errors.Join(err, sessions.Settled(ctx, ev.SessionID, hook.SettledCall{ID: ev.CallID, Input: ev.Labels["input_sha256"]}))
			cancel()
		}
	}
	return err
}

// keep spools the events, or what is known of them.
func (r *hookRun) keep(cause error) error {
	r.mu.Lock()
	events, spool := r.events, r.spool
	r.mu.Unlock()
	if spool == nil { // not even the settings were read by then
		if err := r.settings(); err != nil {
			return fmt.Errorf("lost: %w: %w", cause, err)
		}
		r.mu.Lock()
		spool = r.spool
		r.mu.Unlock()
	}
	if spool == nil {
		return fmt.Errorf("lost: %w: there is no spool", cause)
	}
	if len(events) == 0 {
		events = r.late(cause)
	}
	return spool.Put(cause, events...)
}
