package hook_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/internal/hookrun"
)

// agents are all there are, by the folder of what was captured of them.
var agents = byFolder(hookrun.Agents())

func byFolder(all []*hook.Agent) map[string]*hook.Agent {
	found := make(map[string]*hook.Agent)
	for _, a := range all {
		found[strings.ReplaceAll(a.Name, "-", "")] = a
	}
	return found
}

// A captured delivery is one that a real agent made.
type captured struct {
	Run   string          `json:"run"`
	Mode  string          `json:"mode"`
	Event string          `json:"event"`
	Milli int64           `json:"t_ms"`
	Stdin json.RawMessage `json:"stdin"`
}

// captures returns what was captured of an agent, in order, by its runs, and
// the runs in their order.
func captures(t testing.TB, folder string) (byRun map[string][]captured, runs []string) {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("testdata", folder, "hooks.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	byRun = make(map[string][]captured)
	lines := bufio.NewScanner(bytes.NewReader(file))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c captured
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatalf("%s: %v", folder, err)
		}
		if byRun[c.Run] == nil {
			runs = append(runs, c.Run)
		}
		byRun[c.Run] = append(byRun[c.Run], c)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return byRun, runs
}

// A log of a test is what its deliveries asked to be recorded.
type testLog struct {
	t        testing.TB
	dir      string
	sessions *hook.Sessions
	agent    *hook.Agent
	opt      hook.Recording
	env      map[string]string
	parent   int
	now      time.Time
	events   []*etch.Event
	last     *hook.Turn
}

func newTestLog(t testing.TB, agent *hook.Agent) *testLog {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "log.hooks")
	return &testLog{
		t: t, dir: dir, sessions: hook.NewSessions(dir), agent: agent,
		now: time.Date(2026, 11, 21, 18, 0, 0, 0, time.UTC),
	}
}

// deliver hands one payload over, as the hook's process does, and returns what it had recorded.
func (l *testLog) deliver(event, payload string) []*etch.Event {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute)
	defer cancel()
	turn, err := l.sessions.Begin(ctx, &hook.Delivery{
		Agent: l.agent, Event: event, Payload: []byte(payload), Parent: l.parent, Now: l.now, Recording: l.opt,
		Actor:  etch.Actor{Channel: "cli", Username: "alice", Host: "h"},
		Getenv: func(name string) (string, bool) { v, ok := l.env[name]; return v, ok },
	})
	if err != nil {
		l.t.Fatalf("%s: %v", event, err)
	}
	for _, e := range turn.Events {
		if err := e.Validate(); err != nil {
			l.t.Errorf("%s: %v in %+v", event, err, e)
		}
		if e.ID == "" || e.Timestamp.IsZero() || e.Actor.Agent == "" || e.Actor.Username != "alice" {
			l.t.Errorf("%s: event %+v, actor %+v: want an id, a time, an agent and a person", event, e, e.Actor)
		}
	}
	if err := turn.Keep(); err != nil {
		l.t.Fatalf("%s: keep: %v", event, err)
	}
	l.now = l.now.Add(10 * time.Millisecond)
	l.events = append(l.events, turn.Events...)
	l.last = turn
	return turn.Events
}
