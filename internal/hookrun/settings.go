package hookrun

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/execwrap"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/internal/danger"
	"github.com/etch-audit/etch/internal/site"
)

// work records what the payload says. The error says why that is not in the log.
func (r *run) work() error {
	if err := r.settings(); err != nil {
		return err
	}
	r.fails(r.payload.read(r.process.In))
	if r.resolved.Options().Disabled {
		return nil
	}
	ctx, cancel := context.WithDeadline(context.Background(), r.began.Add(r.patience.Records/2))
	defer cancel()
	r.decode(ctx, false)
	if r.silent() {
		return nil
	}
	return r.record()
}

// settings reads the configuration and opens the spool. A configuration that
// cannot be read is no reason to lose anything: the defaults take its place.
func (r *run) settings() error {
	if len(r.strange) > 0 {
		r.fails(fmt.Errorf("arguments that are not known: %q", r.strange))
	}
	resolved, err := r.Load(r.environment)
	if err == nil && resolved.Stream() != "" {
		err = fmt.Errorf("the destination is %s, which is the agent's", resolved.Stream())
	}
	if err != nil {
		r.fails(fmt.Errorf("the defaults are used: %w", err))
		if resolved, err = r.LoadWithout(r.environment); err != nil {
			return err
		}
	}
	r.missed(resolved)
	r.fails(site.Make(resolved))
	to := recorderPlace{path: resolved.LogPath(), spool: resolved.LogPath()}
	to.socket, err = site.FindDaemon(resolved)
	r.fails(err)
	if resolved.Server.Connect == config.ConnectAlways {
		to.refused = err
	}
	if to.socket != "" || to.refused != nil {
		if to.path, to.spool, err = site.MakeBeside(resolved, r.environment); err != nil {
			return err
		}
	}
	return r.use(resolved, to)
}

// missed tells of a configuration that the command line names and that is gone: what it
// asked for does not hold any more, and nobody else would say so. Where one is looked for
// anyway, there need not be any: "etch install" names the file that would be read.
func (r *run) missed(resolved *config.Resolved) {
	if !r.MayMiss || r.Config == "" || resolved.Found {
		return
	}
	path := filepath.Clean(r.Config)
	if slices.Contains(config.Places(r.environment), path) || slices.Contains(config.Places(r.process.Env), path) {
		return
	}
	r.fails(fmt.Errorf("the defaults are used: the configuration %s is gone, and with it any log_path, deny_risk and on_error that it had", r.Config))
}

// A recorderPlace says who records a hook's events, and where what is to wait is.
type recorderPlace struct {
	socket  string // of the daemon that records; "" where this process does
	refused error  // why the daemon that must record is not to be used
	path    string // beside which hooks keep what they remember
	spool   string // beside which the spool is
}

// use says who records.
func (r *run) use(resolved *config.Resolved, to recorderPlace) error {
	spool, err := etch.OpenSpool(to.spool, r.options(resolved))
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stage == answering && r.resolved != nil {
		return nil // whoever makes the answer goes by what is there
	}
	r.resolved, r.spool, r.to = resolved, spool, to
	return err
}

// options returns those by which hooks write: everything is on disk before the
// agent goes on, and nothing is done that can wait.
func (r *run) options(resolved *config.Resolved) *etch.Options {
	opts := resolved.Options()
	opts.Classify, opts.Now = danger.Of, r.process.Now
	opts.Brief, opts.DrainWithin, opts.LockWait = true, -1, r.patience.Locks
	opts.OnError, opts.Durability = etch.Block, 0
	return opts
}

// decode finds out what is to be recorded. A delivery that nothing can be made of
// is an event of its own. Other deliveries of the same session are waited for
// until ctx is done.
func (r *run) decode(ctx context.Context, last bool) {
	set := r.setInTime
	if last {
		set = r.setLate
	}
	if r.known == nil || r.payload.over() {
		ev := r.delivered("")
		set(nil, []*etch.Event{ev}, r.refuseUnread(ev))
		return
	}
	d := &hook.Delivery{
		Agent: r.known, Event: r.Event, Payload: r.payload.bytes(), Getenv: r.process.Env, Parent: os.Getppid(),
		Now: r.began, Last: last, Actor: r.actor(), Recording: RecordingOf(&r.resolved.Hooks),
		Classify: danger.Of, Masker: r.spool.Masker,
	}
	r.foresee(d)
	turn, err := r.memory().Begin(ctx, d)
	r.fails(err)
	events, denial := turn.Events, ""
	if turn.Request != nil {
		events, denial = r.judge(turn, cmp.Or(turn.Event, r.Event))
	}
	if r.Guard && turn.HooksOff {
		denial = "etch keeps these settings: the change would switch off, or change, hooks that record this session"
	}
	set(turn, events, denial)
}

// memory returns what is remembered between deliveries: one for the process, so
// that a delivery decoded again for want of time is not taken for a second one.
func (r *run) memory() *hook.Sessions {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sessions == nil {
		r.sessions = hook.NewSessions(site.Hooks(r.to.path))
	}
	return r.sessions
}

// setInTime says what is to be recorded, unless time is up: who took over then
// has found that out for itself, and the session forgets this turn.
func (r *run) setInTime(turn *hook.Turn, events []*etch.Event, denial string) {
	r.identify(events)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stage != answering {
		r.turn, r.events, r.denial, r.judged = turn, events, denial, true
	}
}

// setLate says what is to be recorded once time is up, if nothing else is.
func (r *run) setLate(turn *hook.Turn, events []*etch.Event, denial string) {
	r.identify(events)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn, r.events, r.denial, r.judged = turn, events, denial, true
}

// identify gives events what Append would: they may have to be spooled.
func (r *run) identify(events []*etch.Event) {
	for _, ev := range events {
		if ev.ID == "" {
			ev.ID = etch.NewEventID(r.process.Now())
		}
		if ev.Timestamp.IsZero() {
			ev.Timestamp = r.began
		}
	}
}

// getenv returns a variable of the environment, "" where it is not set, or not heeded.
func (r *run) getenv(name string) string {
	value, _ := r.environment(name)
	return value
}

// actor returns who runs the agent.
func (r *run) actor() etch.Actor {
	actor := execwrap.ActorOf(r.getenv)
	return etch.Actor{
		Channel: r.getenv("ETCH_CHANNEL"), UserID: actor.UserID, Username: actor.Username, Host: actor.Host,
	}
}

// RecordingOf returns what of an agent's words a configuration wants recorded.
func RecordingOf(h *config.Hooks) hook.Recording {
	return hook.Recording{Output: h.RecordOutput, Prompts: h.RecordPrompts, Content: h.RecordContent}
}
