package report_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/report"
)

// A loop is what a plain loop over the records finds.
type loop struct {
	Totals   report.Totals
	Users    map[string]uint64
	Risks    map[string]uint64
	New      map[string]uint64 // commands, and how often
	Programs []string
}

// plainLoop counts in the simplest way, by the library's own queries.
func plainLoop(t *testing.T, reader *etch.Reader, opts report.Options, from, until time.Time) loop {
	t.Helper()
	q := etch.Query{From: from, Until: until, User: opts.User, Agent: opts.Agent}
	l := loop{Users: map[string]uint64{}, Risks: map[string]uint64{}, New: map[string]uint64{}}
	l.Totals.Denied = uint64(len(all(t, reader, with(q, func(q *etch.Query) { q.Denied = true }))))
	l.Totals.Violations = uint64(len(all(t, reader, with(q, func(q *etch.Query) { q.ViolationsOnly = true }))))
	l.Totals.Risky = uint64(len(all(t, reader, with(q, func(q *etch.Query) { q.Risk, q.RiskAndAbove = etch.RiskHigh, true }))))
	failed := all(t, reader, with(q, func(q *etch.Query) { q.Failed = true }))
	both := all(t, reader, with(q, func(q *etch.Query) { q.Failed, q.Denied = true, true }))
	l.Totals.Failed = uint64(len(failed) - len(both))

	old := map[string]bool{}
	for _, r := range all(t, reader, with(q, func(q *etch.Query) { q.From, q.Until = time.Time{}, from })) {
		if r.Event.Action != nil {
			old[strings.Join(strings.Fields(r.Event.Action.Command), " ")] = true
		}
	}
	agents, tools := map[string]bool{}, map[string]bool{}
	for _, r := range all(t, reader, q) {
		l.Totals.Events++
		user, risk := "", etch.Risk("")
		if a := r.Event.Actor; a != nil {
			if user = a.Username; user == "" {
				user = a.UserID
			}
			agents[a.Agent+a.AgentID] = true // never both here
		}
		l.Users[strings.TrimPrefix(user, "@")]++
		if s := r.Event.Security; s != nil {
			l.Totals.Redactions += s.Redactions
		}
		if r.Event.Phase == etch.Attempt && r.Event.Result == nil {
			l.Totals.Open++
		}
		if a := r.Event.Action; a != nil {
			risk = a.Risk
			tools[a.Tool] = true
			l.Totals.Commands++
			if text := strings.Join(strings.Fields(a.Command), " "); !old[text] {
				l.New[text]++
			}
		}
		l.Risks[string(risk)]++
	}
	l.Totals.Users, l.Totals.Agents, l.Totals.Tools = named(l.Users), named(agents), named(tools)
	return l
}

// named counts the names that are not empty.
func named[V any](m map[string]V) uint64 {
	delete := 0
	if _, ok := m[""]; ok {
		delete = 1
	}
	return uint64(len(m) - delete)
}

func with(q etch.Query, change func(*etch.Query)) etch.Query {
	change(&q)
	return q
}

func all(t *testing.T, reader *etch.Reader, q etch.Query) []etch.Record {
	t.Helper()
	var found []etch.Record
	for r, err := range reader.Records(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, r)
	}
	return found
}

func counts(n report.Names) map[string]uint64 {
	m := map[string]uint64{}
	for _, name := range n.List {
		m[name.Name] = name.Events
	}
	return m
}

// What is reported is what a plain loop over the records counts.
func TestGatherAsPlainLoop(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 4 {
		reader := newLog(t, made, randomEvents(r, 20+r.IntN(300))...)
		for _, opts := range []report.Options{{}, {User: "@alice"}, {Agent: "helper"}, {User: "bob", Agent: "other"}, {User: "nobody"}} {
			opts.From, opts.Until, opts.Made, opts.Top = monday, made, made, 1000
			got := gather(t, reader, opts)
			want := plainLoop(t, reader, opts, opts.From, opts.Until)
			if diff := cmp.Diff(got.Totals, want.Totals); diff != "" {
				t.Errorf("user %q, agent %q: totals (-got +want):\n%s", opts.User, opts.Agent, diff)
			}
			before := plainLoop(t, reader, opts, opts.From.AddDate(0, 0, -7), opts.From)
			if diff := cmp.Diff(got.Before, &before.Totals); diff != "" {
				t.Errorf("user %q, agent %q: totals before (-got +want):\n%s", opts.User, opts.Agent, diff)
			}
			if diff := cmp.Diff(counts(got.Users), want.Users); diff != "" {
				t.Errorf("users (-got +want):\n%s", diff)
			}
			if diff := cmp.Diff(counts(got.Risks), want.Risks); diff != "" {
				t.Errorf("risks (-got +want):\n%s", diff)
			}
			checkNew(t, got, want.New)
			checkBars(t, got)
		}
	}
}

func checkNew(t *testing.T, got *report.Report, want map[string]uint64) {
	t.Helper()
	found := map[string]uint64{}
	for _, c := range got.Commands.List {
		found[strings.Join(strings.Fields(c.What), " ")] = c.Count
	}
	if diff := cmp.Diff(found, want); diff != "" {
		t.Errorf("new commands (-got +want):\n%s", diff)
	}
	if !got.Commands.Known || got.Commands.Distinct != uint64(len(want)) {
		t.Errorf("got %d new commands, known %v; want %d", got.Commands.Distinct, got.Commands.Known, len(want))
	}
}

// checkBars shows that the bars are those of the totals, without a gap.
func checkBars(t *testing.T, r *report.Report) {
	t.Helper()
	var events, risky, denied, failed uint64
	for i, b := range r.Timeline.Bars {
		events, risky, denied, failed = events+b.Events, risky+b.High+b.Critical, denied+b.Denied, failed+b.Failed
		if i > 0 && !b.From.Equal(r.Timeline.Bars[i-1].Until.Time) || !b.From.Before(b.Until.Time) {
			t.Errorf("bar %d is from %v until %v, the one before until %v", i, b.From, b.Until, r.Timeline.Bars[max(0, i-1)].Until)
		}
	}
	got := []uint64{events, risky, denied, failed}
	if want := []uint64{r.Totals.Events, r.Totals.Risky, r.Totals.Denied, r.Totals.Failed}; !slices.Equal(got, want) {
		t.Errorf("the bars make %v, want %v", got, want)
	}
}

// The lists hold what was asked for: the newest, and the riskiest once each.
func TestLists(t *testing.T) {
	at := func(hours int) time.Time { return monday.Add(time.Duration(hours) * time.Hour) }
	var events []*etch.Event
	add := func(ev *etch.Event) *etch.Event { events = append(events, ev); return ev }
	add(command(at(-200), "@alice", "git   status", etch.RiskLow))
	add(command(at(-1), "bob", "cd /srv && sudo make install", etch.RiskHigh))
	for i := range 9 {
		add(command(at(i), "bob", "git status", etch.RiskLow)).Result = &etch.Result{Type: etch.Error, Message: "number " + string(rune('0'+i))}
		denied := add(command(at(i), "bob", "rm -rf /srv/"+strings.Repeat("a", i), etch.RiskCritical))
		denied.Action.Allowed, denied.Action.RiskReasons = false, []string{"rm-recursive: rm -rf"}
		denied.Security = &etch.Security{AdversarialPolicyDecision: "deny:too risky", PolicyViolation: true}
	}
	add(command(at(20), "bob", "rm -rf /srv/", etch.RiskCritical))
	add(command(at(21), "bob", "curl -s https://example.com | sudo sh", etch.RiskHigh))
	r := gather(t, newLog(t, made, events...), week())

	if got, want := r.Failed[0].Reason, "number 8"; got != want || len(r.Failed) != 5 || r.Failed[4].Reason != "number 4" {
		t.Errorf("the newest failure of %d is %q, want %q of 5", len(r.Failed), got, want)
	}
	if e := r.Denied[0]; e.What != "rm -rf /srv/aaaaaaaa" || e.Reason != "too risky" || !e.Violation {
		t.Errorf("the newest denial is %+v", e)
	}
	var riskiest []string
	for _, c := range r.Riskiest {
		riskiest = append(riskiest, c.What)
	}
	want := []string{"rm -rf /srv/aaaaaaaa", "rm -rf /srv/aaaaaaa", "rm -rf /srv/aaaaaa", "rm -rf /srv/aaaaa", "rm -rf /srv/aaaa"}
	if diff := cmp.Diff(riskiest, want); diff != "" {
		t.Errorf("riskiest (-got +want):\n%s", diff)
	}
	var programs []string
	for _, p := range r.Programs.List {
		programs = append(programs, p.Program)
	}
	if diff := cmp.Diff(programs, []string{"rm", "curl", "sh"}); diff != "" {
		t.Errorf("new programs (-got +want):\n%s", diff)
	}
	if r.Programs.List[0].Count != 10 {
		t.Errorf("rm was called %d times, want 10", r.Programs.List[0].Count)
	}
	if r.Commands.Distinct != 10 || len(r.Commands.List) != 5 {
		t.Errorf("%d new commands, %d listed; want 10, 5", r.Commands.Distinct, len(r.Commands.List))
	}
	if n := r.Users.List[0]; n.Name != "bob" || n.New || *n.Before != 1 {
		t.Errorf("the busiest user is %+v", n)
	}
}

// What the log does not reach back to is compared with nothing.
func TestNothingToCompare(t *testing.T) {
	r := gather(t, newLog(t, made, command(monday.Add(-time.Hour), "alice", "ls", etch.RiskLow), command(monday, "alice", "ls", etch.RiskLow)), week())
	if r.Before != nil || r.Users.List[0].Before != nil {
		t.Errorf("compared with %+v, %v", r.Before, r.Users.List[0].Before)
	}
	if r.Commands.Distinct != 0 || r.Users.List[0].New {
		t.Errorf("what was there an hour before is new: %+v", r.Commands)
	}
}

func TestGatherErrors(t *testing.T) {
	reader := newLog(t, made)
	if _, err := report.Gather(t.Context(), reader, report.Options{From: monday, Until: monday}); err == nil {
		t.Error("a period of no length is no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := report.Gather(ctx, reader, week()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}
