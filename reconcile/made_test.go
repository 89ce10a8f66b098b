package reconcile_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"pgregory.net/rapid"
)

// A ran is a call of an agent whose hooks know no ids of calls, and what of it reached them.
type ran struct {
	command    string
	code       int // its exit code; -1: it was refused by a rule
	start, end time.Time
	stamped    bool // its id in the chat has its time
	before     bool // the hooks were told that it begins
	after      bool // and that it is over
}

// A chat is a session of Gemini CLI, and its log.
type chat struct {
	*bench
	calls    []ran
	now      time.Time
	sessions *hook.Sessions
	log      *etch.Log

	forgotten int  // calls that were under way when what is remembered was lost
	muddled   bool // what reached the hooks does not tell which end is whose
	other     int  // sessions besides
}

func (c *chat) payload(members string, at time.Time) []byte {
	return fmt.Appendf(nil, `{"session_id":"s","cwd":"/p","timestamp":%q,%s}`, at.Format("2006-01-02T15:04:05.000Z"), members)
}

// tell delivers one event.
func (c *chat) tell(t *rapid.T, event, members string, at time.Time) {
	turn, err := c.sessions.Begin(t.Context(), &hook.Delivery{
		Agent: c.agent, Event: event, Payload: c.payload(members, at), Now: at.Add(5 * time.Millisecond),
		Getenv: func(string) (string, bool) { return "", false },
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(turn.Events) > 0 {
		if _, err := c.log.AppendBatch(t.Context(), turn.Events); err != nil {
			t.Fatal(err)
		}
	}
	if err := turn.Keep(); err != nil {
		t.Fatal(err)
	}
}

func (r *ran) tool() string {
	return fmt.Sprintf(`"tool_name":"run_shell_command","tool_input":{"command":%q}`, r.command)
}

// words are what the model is told of the end.
func (r *ran) words() string {
	if r.code < 0 {
		return "Tool execution denied by policy."
	}
	return fmt.Sprintf("Output: x\nExit Code: %d", r.code)
}

// draw draws the calls of one turn: one after the other, or all at once.
func (c *chat) draw(t *rapid.T, together bool) (turn []ran) {
	for range rapid.IntRange(1, 4).Draw(t, "calls") {
		r := ran{
			command: rapid.SampledFrom([]string{"npm test", "ls"}).Draw(t, "command"), code: rapid.IntRange(-1, 1).Draw(t, "code"),
			start: c.now, end: c.now.Add(4 * time.Second), stamped: rapid.Bool().Draw(t, "stamped"),
		}
		switch rapid.IntRange(0, 5).Draw(t, "heard") {
		case 0:
		case 1:
			r.before = true
		case 2:
			r.after = r.code >= 0
		default:
			r.before, r.after = true, r.code >= 0
		}
		c.muddled = c.muddled || r.before != (r.after || r.code < 0 && r.before) || together
		if c.now = r.end.Add(time.Second); together {
			c.now = r.start.Add(100 * time.Millisecond)
		}
		turn = append(turn, r)
	}
	c.now = c.now.Add(10 * time.Second)
	return turn
}

// run lets the calls of one turn run, and what is remembered of them be lost.
func (c *chat) run(t *rapid.T) {
	together := rapid.IntRange(0, 4).Draw(t, "together") == 0
	turn := c.draw(t, together)
	type step struct {
		at   time.Time
		call int
		over bool
	}
	var steps []step
	for i := range turn {
		steps = append(steps, step{turn[i].start, i, false}, step{turn[i].end, i, true})
	}
	slices.SortStableFunc(steps, func(a, b step) int { return a.at.Compare(b.at) })
	under := map[int]bool{}
	for _, s := range steps {
		r := &turn[s.call]
		switch {
		case !s.over && r.before:
			c.tell(t, "BeforeTool", r.tool(), s.at.Add(20*time.Millisecond))
			under[s.call] = true
		case s.over && r.after:
			said, err := json.Marshal(r.words())
			if err != nil {
				t.Fatal(err)
			}
			c.tell(t, "AfterTool", r.tool()+`,"tool_response":{"llmContent":`+string(said)+`,"returnDisplay":"x"}`, s.at.Add(20*time.Millisecond))
			delete(under, s.call)
		}
		// Of several under way, an end may be taken for that of one that is not forgotten.
		if rapid.IntRange(0, 9).Draw(t, "lost") == 0 && (len(under) == 0 || !together) {
			c.forget(t)
			c.forgotten += len(under)
			clear(under)
		}
	}
	c.calls = append(c.calls, turn...)
	if rapid.IntRange(0, 3).Draw(t, "stop") > 0 {
		c.tell(t, "AfterAgent", `"prompt":"x"`, c.now)
	} else if len(under) > 0 {
		c.muddled = true // an end of the next turn may be taken for that of one of these
	}
}

// forget loses what is remembered of sessions.
func (c *chat) forget(t *rapid.T) {
	if err := os.RemoveAll(c.path + ".hooks"); err != nil {
		t.Fatal(err)
	}
}

// resume ends the session and lets it go on: at once, days later, or in another process whose
// memory is another one.
func (c *chat) resume(t *rapid.T) {
	if rapid.Bool().Draw(t, "told") {
		c.tell(t, "SessionEnd", `"reason":"exit"`, c.now)
	}
	switch rapid.IntRange(0, 2).Draw(t, "resumed") {
	case 0:
		c.now = c.now.Add(30 * time.Hour)
		c.other++
		c.tell(t, "SessionStart", fmt.Sprintf(`"session_id":"other%d","source":"startup"`, c.other), c.now)
	case 1:
		c.sessions = hook.NewSessions(c.path + ".hooks")
	}
	c.now = c.now.Add(time.Minute)
	c.tell(t, "SessionStart", `"source":"resume"`, c.now)
}

// write writes the chat of all calls so far, behind other lines.
func (c *chat) write(t rapid.TB, others ...string) {
	stamp := func(at time.Time) string { return at.Format("2006-01-02T15:04:05.000Z") }
	lines := append([]string{fmt.Sprintf(`{"sessionId":"s","projectHash":"x","startTime":%q,"kind":"main"}`, stamp(runBegan))}, others...)
	for i, r := range c.calls {
		id := fmt.Sprintf("tool_%d", i)
		if r.stamped {
			id = fmt.Sprintf("run_shell_command_%d_%d", r.start.UnixMilli(), i)
		}
		status, answer := "success", "output"
		if r.code < 0 {
			status, answer = "error", "error"
		}
		lines = append(lines, fmt.Sprintf(`{"id":"m%d","timestamp":%q,"type":"gemini","toolCalls":[{"id":%q,"name":"run_shell_command","args":{"command":%q},`+
			`"status":%q,"timestamp":%q,"result":[{"functionResponse":{"response":{%q:%q}}}]}]}`,
			i, stamp(r.start), id, r.command, status, stamp(r.end), answer, r.words()))
	}
	path := filepath.Join(c.dir, ".gemini", "tmp", "p", "chats", "session-s.jsonl")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestMadeIDs: whatever of a session reaches its hooks, whatever is lost of what they remember,
// and however often the session is resumed, once the log is filled it has each call that the
// agent wrote down once, and to fill it again adds nothing.
func TestMadeIDs(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := &chat{bench: newBench(t, "gemini", ""), now: runBegan}
		c.sessions = hook.NewSessions(c.path + ".hooks")
		for round := range rapid.IntRange(1, 3).Draw(rt, "rounds") {
			log, err := etch.Open(c.path, nil)
			if err != nil {
				rt.Fatal(err)
			}
			c.log = log
			if round > 0 {
				c.resume(rt)
			}
			for range rapid.IntRange(1, 3).Draw(rt, "turns") {
				c.run(rt)
			}
			if err := log.Close(); err != nil {
				rt.Fatal(err)
			}
			c.write(rt)
			c.check(t, rt, round)
		}
	})
}

// check fills the log twice.
func (c *chat) check(t *testing.T, rt *rapid.T, round int) {
	c.bench.now = c.now.Add(time.Hour)
	got := c.fill(t)
	if n := got.sum.Lacking(); n > 0 {
		rt.Errorf("round %d: filled, and %d are lacking:\n%v", round, n, got)
	}
	want, has, open := map[string]int{}, map[string]int{}, 0
	for _, r := range c.calls {
		want[r.about(c.muddled || c.forgotten > 0)]++
	}
	for rec, err := range c.reader(t).Records(t.Context(), etch.Query{Session: "s"}) {
		if err != nil {
			rt.Fatal(err)
		}
		switch ev := &rec.Event; {
		case ev.CallID == "":
		case ev.Result == nil:
			open++
		case c.muddled || c.forgotten > 0:
			has[ev.Action.Command]++
		default:
			has[ev.Action.Command+" "+string(outcomeOf(ev))]++
		}
	}
	if fmt.Sprint(has) != fmt.Sprint(want) {
		rt.Errorf("round %d: the log has %v, want %v\n%v", round, has, want, got)
	}
	if open > c.forgotten {
		rt.Errorf("round %d: %d attempts have no end, and %d were forgotten", round, open, c.forgotten)
	}
	records := c.records(t)
	again := c.fill(t)
	if now := c.records(t); now != records || again.sum.Lacking() > 0 {
		rt.Errorf("round %d: a second fill recorded %d more, %v", round, now-records, again)
	}
}

func (r *ran) about(muddled bool) string {
	switch {
	case muddled:
		return r.command
	case r.code < 0:
		return r.command + " " + string(etch.Blocked)
	case r.code > 0:
		return r.command + " " + string(etch.Error)
	}
	return r.command + " " + string(etch.Success)
}

// TestEqualCalls: calls of one tool and input are as many as there are, whatever ids an older
// etch gave them, and whoever ran them.
func TestEqualCalls(t *testing.T) {
	typed := `{"id":"u","timestamp":"2026-11-21T17:00:00.000Z","type":"user","content":"I ran the following shell command:\n` +
		"```sh\\nls\\n```\\n\\nThis produced the following result:\\n```\\nx\\n```" + `"}`
	for name, c := range map[string]struct {
		starts []int  // of the calls in the chat, in seconds
		logged []int  // of those on record
		over   []int  // of those of which only the end is, under another id
		others string // in the chat
		want   string
		filled int
	}{
		"an id for two":             {[]int{10, 90}, []int{10, 90}, nil, "", "", 0},
		"an id for two of three":    {[]int{10, 90, 200}, []int{10, 200}, nil, "", "missing tool_1", 1},
		"typed by a person":         {[]int{10}, []int{10}, nil, typed, "missing u", 1},
		"forgotten while it ran":    {[]int{10, 90}, []int{10}, []int{14}, "", "twice tool_0; missing tool_1; hooks-stopped", 1},
		"two halves of two":         {[]int{10, 90}, []int{10}, []int{94}, "", "open tool_0", 1},
		"of another clock":          {[]int{10, 20, 90}, []int{5010, 5090}, nil, "", "missing tool_2", 1},
		"none of one, one of other": {[]int{10, 20}, nil, nil, "", "missing tool_0; missing tool_1; hooks-silent", 2},
	} {
		t.Run(name, func(t *testing.T) {
			at := func(second int) time.Time { return runBegan.Add(time.Duration(second) * time.Second) }
			chat := &chat{bench: newBench(t, "gemini", "")}
			for _, start := range c.starts {
				chat.calls = append(chat.calls, ran{command: "ls", start: at(start), end: at(start + 4)})
			}
			if c.others != "" {
				chat.write(t, c.others)
			} else {
				chat.write(t)
			}
			call := hook.Call{
				Session: "s", ID: "call_0123456789abcdef0123456789", Tool: "run_shell_command", Input: hook.Object("command", "ls"),
				Source: hook.SourceHook, Outcome: etch.Success,
			}
			for _, start := range c.logged {
				call.Start = at(start)
				ended := call
				ended.Ended = true
				chat.append(t, chat.agent.Attempt(&call, hook.Recording{}))
				if c.over == nil {
					chat.append(t, chat.agent.Completion(&ended, hook.Recording{}))
				}
			}
			for _, end := range c.over {
				call.ID, call.Start, call.Ended = "call_another", at(end), true
				chat.append(t, chat.agent.Completion(&call, hook.Recording{}))
			}
			chat.bench.now = at(10_000)
			got := chat.fill(t)
			if rows := got.rows(); rows != c.want || got.sum.Filled != c.filled || got.sum.Lacking() != 0 {
				t.Errorf("rows %q, want %q, %d filled\n%v", rows, c.want, c.filled, got)
			}
			if again := chat.fill(t); again.sum.Filled > 0 {
				t.Errorf("a second fill: %v", again)
			}
		})
	}
}
