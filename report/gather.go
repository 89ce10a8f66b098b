package report

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"time"

	"github.com/etch-audit/etch"
)

// Gather reads the log once and returns the report of it. Lines that cannot be
// read are counted in it, and reading goes on behind them; any other error ends
// it. It is an error where From is not before Until.
func Gather(ctx context.Context, reader *etch.Reader, opts Options) (*Report, error) {
	if !opts.From.Before(opts.Until) {
		return nil, errors.New("report: the period ends before it begins")
	}
	status, err := reader.Status()
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	g := newGatherer(opts)
	// Control records and the past are needed too, whoever is asked for.
	for r, err := range reader.Records(ctx, etch.Query{Until: opts.Until, Control: true, Notify: opts.Notify}) {
		if damage, ok := errors.AsType[*etch.CorruptionError](err); ok {
			g.log.damaged(damage)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("report: %w", err)
		}
		g.add(&r)
	}
	return g.report(status.Origin), nil
}

// A gatherer counts.
type gatherer struct {
	opts     Options
	previous time.Time // the period before begins
	first    time.Time // the earliest time of any record
	begun    bool

	totals, before Totals
	users, agents  *counter
	tools          *counter
	risks          *counter
	outcomes       *counter
	timeline       *timeline
	denied, failed recent
	riskiest       *best
	commands       *best
	programs       *best
	oldCommands    set // of events before the period
	oldPrograms    set
	log            *logState

	seed  maphash.Seed
	text  []byte   // of a command, for its hash
	names []string // of its programs
}

func newGatherer(opts Options) *gatherer {
	if opts.Top <= 0 {
		opts.Top = 10
	}
	if opts.Zone == nil {
		opts.Zone = time.UTC
	}
	seed := maphash.MakeSeed()
	// New ones are known for sure only at the end, where times are out of
	// order: what is struck off then has others behind it.
	reserve := 4*opts.Top + 64
	return &gatherer{
		opts: opts, seed: seed, previous: previousTo(opts.From, opts.Until),
		users: newCounter(seed), agents: newCounter(seed), tools: newCounter(seed),
		risks: newCounter(seed), outcomes: newCounter(seed),
		timeline: newTimeline(opts),
		denied:   recent{most: opts.Top}, failed: recent{most: opts.Top},
		riskiest: newBest(opts.Top), commands: newBest(reserve), programs: newBest(reserve),
		log: &logState{top: opts.Top},
	}
}

// previousTo returns when the period before one begins, which is as long: it may be
// longer than any [time.Duration].
func previousTo(from, until time.Time) time.Time {
	return time.Unix(2*from.Unix()-until.Unix(), int64(2*from.Nanosecond()-until.Nanosecond())).In(from.Location())
}

// add counts a record.
func (g *gatherer) add(r *etch.Record) {
	if g.opts.Progress != nil {
		g.opts.Progress(r)
	}
	at := r.Event.Timestamp
	if !g.begun || at.Before(g.first) {
		g.first, g.begun = at, true
	}
	inPeriod := !at.Before(g.opts.From)
	switch {
	case r.IsControl():
		if inPeriod {
			g.log.add(r)
		}
	case !g.asked(&r.Event):
	case inPeriod:
		g.now(r)
	default:
		g.past(r)
	}
}

// asked reports whether the report is about the event.
func (g *gatherer) asked(ev *etch.Event) bool {
	a := ev.Actor
	if a == nil {
		return g.opts.User == "" && g.opts.Agent == ""
	}
	want := g.opts.Agent
	return (want == "" || want == a.Agent || want == a.AgentID) &&
		(g.opts.User == "" || sameUser(g.opts.User, a.Username) || sameUser(g.opts.User, a.UserID))
}

// now counts an event of the period.
func (g *gatherer) now(r *etch.Record) {
	ev := &r.Event
	f := factsOf(ev)
	g.totals.add(ev, &f)
	g.timeline.add(ev.Timestamp, &f)
	g.users.of(userOf(ev)).add(&f)
	g.agents.of(agentOf(ev)).add(&f)
	g.tools.of(toolOf(ev)).add(&f)
	g.risks.of(string(f.risk)).add(&f)
	g.outcomes.of(f.outcome).add(&f)
	switch {
	case f.denied:
		g.denied.add(r)
	case f.failed:
		g.failed.add(r)
	}
	if ev.Action == nil || ev.Action.Command == "" {
		return
	}
	key := g.key(r)
	g.commands.add(key, r, "")
	if rank := f.risk.Rank(); rank >= etch.RiskMedium.Rank() {
		g.riskiest.add(key+uint64(rank), r, "") // of each risk that it was judged by
	}
	g.names = appendPrograms(g.names[:0], ev.Action.Command)
	for _, name := range g.names {
		g.programs.add(maphash.String(g.seed, name), r, name)
	}
}

// past takes from an event before the period what tells new from old.
func (g *gatherer) past(r *etch.Record) {
	ev := &r.Event
	f := factsOf(ev)
	for _, name := range []struct {
		*counter
		text string
	}{{g.users, userOf(ev)}, {g.agents, agentOf(ev)}, {g.tools, toolOf(ev)}, {g.risks, string(f.risk)}, {g.outcomes, f.outcome}} {
		name.remember(name.text)
		if !ev.Timestamp.Before(g.previous) {
			name.of(name.text).before++
		}
	}
	if !ev.Timestamp.Before(g.previous) {
		g.before.add(ev, &f)
	}
	if ev.Action == nil || ev.Action.Command == "" || !g.oldCommands.add(g.key(r)) {
		return
	}
	g.names = appendPrograms(g.names[:0], ev.Action.Command)
	for _, name := range g.names {
		g.oldPrograms.add(maphash.String(g.seed, name))
	}
}

func toolOf(ev *etch.Event) string {
	if ev.Action == nil {
		return ""
	}
	return ev.Action.Tool
}

// key returns the hash of a command in which any white space is a blank. Of one
// that was cut it is of the whole, as far as its own hash tells.
func (g *gatherer) key(r *etch.Record) uint64 {
	g.text = g.text[:0]
	for word := range strings.FieldsSeq(r.Event.Action.Command) {
		g.text = append(append(g.text, word...), ' ')
	}
	for _, c := range r.Cuts {
		if c.Member == "action.command" {
			g.text = append(g.text, c.SHA256[:]...)
		}
	}
	return maphash.Bytes(g.seed, g.text)
}

func (t *Totals) add(ev *etch.Event, f *facts) {
	t.Events++
	t.Commands += one(ev.Action != nil && ev.Action.Command != "")
	t.Risky += one(f.risky)
	t.Violations += one(f.violation)
	t.Denied += one(f.denied)
	t.Failed += one(f.failed)
	t.Open += one(f.open)
	if ev.Security != nil {
		t.Redactions += ev.Security.Redactions
	}
}

// report makes the report of what was counted.
func (g *gatherer) report(origin string) *Report {
	r := &Report{
		Made: Time{g.opts.Made}, From: Time{g.opts.From}, Until: Time{g.opts.Until},
		Origin: origin, User: clip(g.opts.User, maxName), Agent: clip(g.opts.Agent, maxName),
		Totals: g.totals, Denied: g.denied.newestFirst(), Failed: g.failed.newestFirst(), Log: g.log.state(),
		top: g.opts.Top, zone: g.opts.Zone,
	}
	r.Zone = zoneName(g.opts.From.In(r.zone), g.opts.Until.In(r.zone))
	if g.begun {
		r.LogFrom = &Time{g.first}
	}
	r.Totals.Users, g.before.Users = g.users.count()
	r.Totals.Agents, g.before.Agents = g.agents.count()
	r.Totals.Tools, g.before.Tools = g.tools.count()
	compare := r.reachesBack()
	if compare {
		r.Before = &g.before
	}
	r.Timeline = g.timeline.bars(g.first)
	r.Users, r.Agents, r.Tools = g.users.list(r.top, compare), g.agents.list(r.top, compare), g.tools.list(r.top, compare)
	r.Risks, r.Outcomes = g.risks.list(r.top, compare), g.outcomes.list(r.top, compare)
	r.Risks.ordered([]string{"critical", "high", "medium", "low"})
	r.Outcomes.ordered([]string{"success", "error", "timeout", "rollback", "blocked", "denied", "open"})
	g.lists(r)
	return r
}

// lists adds the lists of commands.
func (g *gatherer) lists(r *Report) {
	r.Riskiest = []Command{}
	for _, f := range g.riskiest.top(r.top, nil) {
		r.Riskiest = append(r.Riskiest, f.command)
	}
	r.Commands = NewCommands{List: []Command{}, Known: !g.oldCommands.full && !g.commands.seen.full}
	if r.Commands.Known {
		r.Commands.Distinct = g.commands.fresh(&g.oldCommands)
		for _, f := range g.commands.top(r.top, &g.oldCommands) {
			r.Commands.List = append(r.Commands.List, f.command)
		}
	}
	// Programs are taken from commands: what is not known of these is not of them.
	r.Programs = NewPrograms{List: []Program{}, Known: !g.oldCommands.full && !g.oldPrograms.full && !g.programs.seen.full}
	if r.Programs.Known {
		r.Programs.Distinct = g.programs.fresh(&g.oldPrograms)
		for _, f := range g.programs.top(r.top, &g.oldPrograms) {
			r.Programs.List = append(r.Programs.List, Program{f.program, f.command})
		}
	}
}

// Recent keeps the newest events, in the order of the log.
type recent struct {
	most int
	ring []Entry
	next int
}

func (n *recent) add(r *etch.Record) {
	if len(n.ring) < n.most {
		n.ring = append(n.ring, newEntry(r))
		return
	}
	n.ring[n.next] = newEntry(r)
	n.next = (n.next + 1) % n.most
}

func (n *recent) newestFirst() []Entry {
	list := make([]Entry, 0, len(n.ring))
	for i := range n.ring {
		list = append(list, n.ring[(n.next+len(n.ring)-1-i)%len(n.ring)])
	}
	return list
}
