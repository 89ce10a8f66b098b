package reconcile_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"pgregory.net/rapid"
)

// A thread is a session of Claude Code: what its file says, and when it goes on.
type thread struct {
	id    string
	now   time.Time
	lines []string
}

// A model is the sessions of a server of models that counts calls anew with each turn.
type model struct {
	*bench
	threads []*thread
	calls   map[string]int // calls that ran, by id and command
	lost    int            // of those, the ones that no hook told of
	open    int            // of those, the ones whose end no hook told of
	muddled bool           // which end is whose the hooks do not tell
	log     *etch.Log
}

// step lets a thread make one call.
func (m *model) step(t *rapid.T, s *thread) {
	id := rapid.SampledFrom([]string{"Bash_0", "Bash_1"}).Draw(t, "id")
	command := rapid.SampledFrom([]string{"ls", "pwd"}).Draw(t, "command")
	start := s.now
	end := start.Add(time.Duration(rapid.IntRange(1, 40).Draw(t, "took")) * 100 * time.Millisecond)
	s.now = end.Add(time.Duration(rapid.SampledFrom([]int{1, 30, 1000, 5 * hour}).Draw(t, "pause")) * time.Second)
	stamp := func(at time.Time) string { return at.Format("2006-01-02T15:04:05.000Z") }
	s.lines = append(
		s.lines,
		fmt.Sprintf(`{"type":"assistant","sessionId":%q,"cwd":"/p","timestamp":%q,"message":{"content":[{"type":"tool_use","id":%q,"name":"Bash","input":{"command":%q}}]}}`, s.id, stamp(start), id, command),
		fmt.Sprintf(`{"type":"user","sessionId":%q,"cwd":"/p","timestamp":%q,"message":{"content":[{"type":"tool_result","tool_use_id":%q,"content":"x"}]}}`, s.id, stamp(end), id),
	)
	m.calls[id+" "+command]++
	c := call(s.id, id, command, etch.Success)
	c.Tool, c.Cwd, c.Source, c.Start = "Bash", "/p", hook.SourceHook, start.Add(20*time.Millisecond)
	var events []*etch.Event
	switch rapid.IntRange(0, 5).Draw(t, "heard") {
	case 0:
		m.lost++
		return
	case 1:
		events = append(events, m.agent.Attempt(&c, hook.Recording{}))
		m.open++
	case 2:
		c.Start, c.Ended, m.muddled = end.Add(-10*time.Millisecond), true, true
		events = append(events, m.agent.Completion(&c, hook.Recording{}))
	default:
		events = append(events, m.agent.Attempt(&c, hook.Recording{}))
		c.Ended = true
		events = append(events, m.agent.Completion(&c, hook.Recording{}))
	}
	if _, err := m.log.AppendBatch(t.Context(), events); err != nil {
		t.Fatal(err)
	}
}

// fork makes a thread that begins with what another one has said.
func (m *model) fork(t *rapid.T) {
	of := rapid.SampledFrom(m.threads).Draw(t, "of")
	id := rapid.SampledFrom([]string{"0", "z"}).Draw(t, "order") + fmt.Sprint(len(m.threads))
	s := &thread{id: id, now: of.now.Add(time.Minute).Truncate(100 * time.Millisecond).Add(own(len(m.threads)))}
	for _, line := range of.lines {
		s.lines = append(s.lines, strings.Replace(line, fmt.Sprintf(`"sessionId":%q`, of.id), fmt.Sprintf(`"sessionId":%q`, id), 1))
	}
	m.threads = append(m.threads, s)
}

// own returns by how much the times of a thread are its own, as all that is drawn is tenths of a
// second: one call of two sessions at the very same moment is a call and its copy.
func own(thread int) time.Duration { return time.Duration(thread) * time.Millisecond }

// TestRepeatedIDs: whatever of some sessions reaches their hooks, whether they run side by side
// or are forks of each other, and however often the ids of calls repeat, once the log is
// filled it has each call that ran once, and to fill it again adds nothing.
func TestRepeatedIDs(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{bench: newBench(t, "claude-code", ""), calls: map[string]int{}}
		m.threads = []*thread{{id: "a", now: began.Add(own(0))}, {id: "b", now: began.Add(300*time.Millisecond + own(1))}}
		for range rapid.IntRange(1, 3).Draw(rt, "rounds") {
			log, err := etch.Open(m.path, nil)
			if err != nil {
				rt.Fatal(err)
			}
			m.log = log
			for range rapid.IntRange(1, 12).Draw(rt, "steps") {
				if rapid.IntRange(0, 9).Draw(rt, "fork") == 0 && len(m.threads) < 4 {
					m.fork(rt)
				}
				m.step(rt, rapid.SampledFrom(m.threads).Draw(rt, "thread"))
			}
			if err := log.Close(); err != nil {
				rt.Fatal(err)
			}
			for _, s := range m.threads {
				m.write(t, s.id, s.lines...)
			}
			m.check(t, rt)
		}
	})
}

func (m *model) check(t *testing.T, rt *rapid.T) {
	m.now = slices.MaxFunc(m.threads, func(a, b *thread) int { return a.now.Compare(b.now) }).now.Add(time.Hour)
	got := m.fill(t)
	if got.sum.Lacking() > 0 || got.sum.Twice > 0 || got.sum.OnlyLogged > 0 {
		rt.Errorf("filled, and still\n%v", got)
	}
	if !m.muddled && (got.sum.Missing != m.lost || got.sum.Open != m.open) {
		rt.Errorf("%d were missing and %d open, of %d and %d\n%v", got.sum.Missing, got.sum.Open, m.lost, m.open, got)
	}
	m.lost, m.open = 0, 0
	has := map[string]int{}
	for _, ev := range m.all(t) {
		if ev.Phase == etch.Completion {
			has[ev.CallID+" "+ev.Action.Command]++
		}
	}
	if fmt.Sprint(has) != fmt.Sprint(m.calls) {
		rt.Errorf("the log has %v, and %v ran\n%v", has, m.calls, got)
	}
	records := m.records(t)
	again := m.fill(t)
	if now := m.records(t); now != records || again.sum.Lacking() > 0 {
		rt.Errorf("a second fill recorded %d more\n%v", now-records, again)
	}
}
