package hookrun

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/danger"
	"github.com/etch-audit/etch/internal/site"
	"github.com/etch-audit/etch/internal/terminal"
	"github.com/etch-audit/etch/redact"
)

// eventName returns the name of the event, as far as it is known.
func (r *run) eventName() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.turn != nil && r.turn.Event != "" {
		return r.turn.Event
	}
	return r.Event
}

// goOn returns what the agent takes for "go on": of one that nobody knows,
// nothing at all.
func (r *run) goOn() (answer hook.Answer) {
	if r.known == nil {
		return hook.Answer{}
	}
	r.fails(r.survive(func() error {
		answer = r.known.GoOn(r.eventName())
		return nil
	}))
	return answer
}

// answer returns the answer, with cause as why nothing is in the log.
func (r *run) answer(cause error) hook.Answer {
	r.mu.Lock()
	denial, asked, resolved, known := r.denial, r.asked(), r.resolved, r.turn != nil
	unjudged, foreseen := !r.judged, r.foreseen
	r.mu.Unlock()
	if r.Guard && cause != nil && !known && r.known != nil && r.known.Changes(r.Event) {
		// Nobody has looked at it. To refuse it keeps the settings as they are, and nobody waiting.
		denial = "etch had no time to look at these settings: change them again"
	}
	if denial == "" && cause != nil && asked && resolved != nil && !resolved.Options().Disabled {
		switch {
		case unjudged && resolved.Policy.DenyRisk != "":
			denial = cmp.Or(foreseen, hook.Unjudged(cause))
		case resolved.Hooks.Block:
			denial = hook.Unrecorded(cause)
		}
	}
	if denial == "" || r.known == nil {
		return r.goOn()
	}
	answer, refuses := r.deny(r.eventName(), denial)
	if !refuses {
		return r.goOn()
	}
	return answer
}

// asked reports whether the agent asks for leave of a call: where time was up before
// the payload was understood, by what the settings say of the event. r.mu is held.
func (r *run) asked() bool {
	if r.turn != nil {
		return r.turn.Request != nil
	}
	return r.known != nil && r.known.Asks(r.Event)
}

// deny returns what refuses an event, and whether anything does. Where the
// settings started the hook of a turn's end nothing does, whatever event its
// payload names: the agent would go on for ever.
func (r *run) deny(event, reason string) (hook.Answer, bool) {
	if r.Event != "" && r.known.Stops(r.Event) {
		return hook.Answer{}, false
	}
	return r.known.Deny(event, reason)
}

// say says it to the agent, once, ends with the answer's exit code and returns it.
func (r *run) say(answer hook.Answer, exit func(code int)) int {
	r.mu.Lock()
	said := r.said
	r.said = true
	r.mu.Unlock()
	if said {
		return 0 // the process is ending already
	}
	// An agent that does not read its hooks' words needs none.
	_, _ = r.process.Out.Write(answer.Stdout)
	_, _ = r.process.Err.Write(answer.Stderr)
	exit(answer.Exit)
	return answer.Exit
}

// judge refuses the call that a delivery asks about where the policy says so and the
// agent honours that at this event: it returns the events with the refusal, and the
// reason.
func (r *run) judge(turn *hook.Turn, event string) ([]*etch.Event, string) {
	if _, refuses := r.deny(event, ""); !refuses {
		return turn.Events, ""
	}
	return r.policy().Judge(r.known, turn)
}

// refuseUnread refuses the call that a payload may be about which is too long to be
// looked at, where the policy refuses any and the agent honours that. It returns the
// reason.
func (r *run) refuseUnread(ev *etch.Event) string {
	if r.known == nil || !r.known.Asks(r.Event) {
		return ""
	}
	if _, refuses := r.deny(r.Event, ""); !refuses {
		return ""
	}
	return r.policy().RefuseUnread(ev, r.resolved.Hooks.Block)
}

// foresee looks, before all else is done with a payload, whether the policy refuses the
// call that it asks about by its command alone: the rest takes long where it is long, and
// time may be up before it is judged.
func (r *run) foresee(d *hook.Delivery) {
	if r.resolved.Policy.DenyRisk == "" || !r.known.Asks(r.Event) {
		return
	}
	reason := r.policy().Foresee(d)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.foreseen = reason
}

func (r *run) policy() *hook.Policy {
	return &hook.Policy{
		DenyRisk: r.resolved.Policy.DenyRisk, Classify: danger.Of, Recording: RecordingOf(&r.resolved.Hooks),
	}
}

// maxErrorLog is the size at which the log of errors begins anew.
const maxErrorLog = 1 << 20

// tell appends what went wrong to the log of errors: agents show people nothing
// of what a hook says, or too much.
func (r *run) tell() {
	r.mu.Lock()
	failures, resolved, to := r.failures, r.resolved, r.to
	r.mu.Unlock()
	switch {
	case len(failures) == 0:
		return
	case resolved == nil:
		r.lament(failures)
		return
	}
	f, err := openErrors(ErrorsFile(to.path))
	if err != nil {
		r.lament(failures)
		return
	}
	// On a full disk there is nobody else to tell: what is lost is counted.
	_, _ = f.WriteString(r.lines(failures))
	_ = f.Close()
}

// lament tells the agent what went wrong where nobody else can be told.
func (r *run) lament(failures []error) {
	// Who does not read its hooks' words cannot be helped.
	_, _ = fmt.Fprint(r.process.Err, r.lines(failures))
}

// lines writes the failures, each line with time, process, agent and event.
func (r *run) lines(failures []error) string {
	var b strings.Builder
	for line := range strings.SplitSeq(errors.Join(failures...).Error(), "\n") {
		line = fmt.Sprintf("%s %d %s %s: %s", r.process.Now().UTC().Format(control.TimeFormat), os.Getpid(), r.Agent, r.eventName(), line)
		line, _ = redact.Text(line)
		b.WriteString(terminal.Text(line) + "\n")
	}
	return b.String()
}

// ErrorsFile returns the path of the log of errors of hooks whose place is that of
// a log. Each line of it has the time first.
func ErrorsFile(log string) string {
	return filepath.Join(site.Hooks(log), "errors.log")
}

// openErrors opens the log of errors to append to it.
func openErrors(path string) (*os.File, error) {
	flags := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path) // a pipe would be waited for
	} else if err == nil && info.Size() > maxErrorLog {
		flags |= os.O_TRUNC
	}
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	return os.OpenFile(path, flags, 0o600)
}
