package reconcile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/google/go-cmp/cmp"
)

// What is filled has the person whom the session's hooks told, and an end that of its
// attempt, whoever fills; where hooks told of nobody Prepare says who it is.
func TestWhoActed(t *testing.T) {
	b := newBench(t, "claude-code", "")
	attempt := func(id, user string, second int) {
		c := at(second, call("A", id, "ls", ""))
		c.Tool, c.Cwd, c.Source = "Bash", "/p", hook.SourceHook
		ev := b.agent.Attempt(&c, hook.Recording{})
		ev.Actor.Username, ev.Actor.UserID, ev.Actor.Channel, ev.Actor.Host = user, "65534", "terminal", "laptop"
		b.append(t, ev)
	}
	attempt("c1", "alice", 0)
	attempt("c4", "bob", 60)
	prompt := `{"type":"user","sessionId":"A","cwd":"/p","timestamp":"2026-11-21T10:00:10Z","message":{"content":"hi"}}`
	b.write(t, "A", said("A", "c1", 0, "ls", ""), prompt, said("A", "c2", 20, "pwd", ""), said("A", "c4", 60, "ls", ""), said("A", "c5", 120, "pwd", ""))
	b.write(t, "B", said("B", "c3", 0, "pwd", ""))
	opt := b.options(t)
	log := b.open(t)
	opt.Fill = log
	opt.Prepare = func(ev *etch.Event, file string) {
		ev.Actor.Username, ev.Actor.UserID, ev.Actor.Channel = "owner of "+filepath.Base(file), "1", ""
	}
	run(t.Context(), t, opt)
	got := map[string]string{}
	for _, ev := range b.all(t) {
		who := fmt.Sprintf("%s %s %s %s", ev.Actor.Username, ev.Actor.UserID, ev.Actor.Channel, ev.Actor.Host)
		what := ev.SessionID + " " + string(ev.Type)
		if ev.CallID != "" {
			what = ev.SessionID + " " + ev.CallID
		}
		if before := got[what]; before != "" && before != who {
			t.Errorf("%s is of %q and of %q", what, before, who)
		}
		got[what] = who
	}
	alice, bob, owner := "alice 65534 terminal laptop", "bob 65534 terminal laptop", "owner of B.jsonl 1  "
	want := map[string]string{
		"A c1": alice, "A user_prompt": alice, "A c2": alice, "A c4": bob, "A c5": bob, "A security_event": bob, "B c3": owner, "B security_event": owner,
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got (-) and want (+):\n%s", diff)
	}
}

// Where the log cannot be read whole nobody can tell whether a call is missing: nothing is
// filled, nor found. Once it is whole again nothing is on record twice.
func TestUnreadableLog(t *testing.T) {
	b := newBench(t, "claude-code", "")
	b.record(t, at(0, ls("A")), both...)
	prompt := `{"type":"user","sessionId":"A","cwd":"/p","timestamp":"2026-11-21T10:00:10Z","message":{"content":"hi"}}`
	b.write(t, "A", said("A", "Bash_0", 0, "ls", ""), prompt, said("A", "c2", 20, "pwd", ""))
	log, err := etch.Open(b.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	start := &etch.Event{Timestamp: began.Add(time.Hour), Type: etch.SessionStart, SessionID: "B", Actor: &etch.Actor{Agent: "claude-code"}, Labels: map[string]string{"capture": hook.SourceHook}}
	if _, err := log.Append(t.Context(), start); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	segments, err := filepath.Glob(strings.TrimSuffix(b.path, ".log") + ".0*.log*")
	if err != nil || len(segments) != 1 {
		t.Fatal(segments, err)
	}
	aside := segments[0] + ".aside"
	if err := os.Rename(segments[0], aside); err != nil {
		t.Fatal(err)
	}
	records := func() (n int) {
		for _, err := range b.reader(t).Records(t.Context(), etch.Query{AllPhases: true}) {
			if err == nil {
				n++
			}
		}
		return n
	}
	before := records()
	for range 2 { // of what is older than the first session behind it
		got := b.fill(t)
		if got.rows() != "unclear Bash_0; unclear c2" || got.sum.Lacking() != 0 || got.sum.Unclear != 3 || !got.sum.Uncertain() || got.sum.Damaged != 1 {
			t.Errorf("got %s\n%v", got.rows(), got)
		}
		if len(got.prompts) != 1 || !got.prompts[0].Unclear {
			t.Errorf("the prompt: %+v", got.prompts)
		}
	}
	if n := records(); n != before {
		t.Errorf("%d records were made", n-before)
	}
	b.write(t, "B", said("B", "early", 5, "pwd", ""), said("B", "c9", 2*hour, "pwd", ""))
	got := run(t.Context(), t, b.options(t))
	if got.rows() != "unclear Bash_0; unclear c2; unclear early; missing c9" {
		t.Errorf("of a session that began behind the gap: %s\n%v", got.rows(), got)
	}
	if err := os.Remove(filepath.Join(b.dir, "projects", "-p", "B.jsonl")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(aside, segments[0]); err != nil {
		t.Fatal(err)
	}
	got = run(t.Context(), t, b.options(t))
	if got.rows() != "missing c2; hooks-stopped" || got.sum.Recorded != 1 || got.sum.Unclear != 0 {
		t.Errorf("whole again: %s\n%v", got.rows(), got)
	}
	b.checkFill(t, got)
}

// Sessions that were begun at once with one prompt have one each; a fork has its parent's.
func TestPromptOfMany(t *testing.T) {
	say := func(session, mark string, after time.Duration) string {
		stamp := began.Add(after).Format("2006-01-02T15:04:05.000Z")
		return fmt.Sprintf(`{"type":"user","uuid":%q,"sessionId":%q,"cwd":"/p","timestamp":%q,"message":{"content":"fix the lint errors"}}`, mark, session, stamp)
	}
	recorded := func(t *testing.T, b *bench, session string) {
		b.append(t, &etch.Event{
			Timestamp: began, Type: etch.UserPrompt, SessionID: session, Actor: &etch.Actor{Agent: "claude-code"},
			Action: &etch.Action{Arguments: hook.Recording{}.Prompt("fix the lint errors")}, Labels: map[string]string{"capture": hook.SourceHook},
		})
	}
	older := `{"type":"queue-operation","timestamp":"2026-11-21T11:00:00Z","sessionId":"C"}` + "\n"
	for name, c := range map[string]struct {
		a, b, c string
		want    string
	}{
		"in a moment":            {say("A", "", 0), say("B", "", 3*time.Millisecond), say("C", "", 5*time.Millisecond), "B C"},
		"in one moment":          {say("A", "a", 0), say("B", "b", 0), say("C", "c", 0), "B C"},
		"copied":                 {say("A", "a", 0), say("B", "a", 0), say("C", "a", 0), ""},
		"copied from one gone":   {"", say("B", "a", 0), older + say("C", "a", 0), "B"},
		"of a clock set back":    {say("A", "a", 0), say("B", "a", 0), older + say("C", "c", 0), "C"},
		"begun with the session": {say("A", "a", 0), "", strings.Replace(older, "11:00:00", "10:00:00", 1) + say("C", "c", 0), "C"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "claude-code", "")
			recorded(t, b, "A")
			for session, line := range map[string]string{"A": c.a, "B": c.b, "C": c.c} {
				if line != "" {
					b.write(t, session, line)
				}
			}
			got := run(t.Context(), t, b.options(t))
			var missing []string
			for _, p := range got.prompts {
				missing = append(missing, p.Session)
			}
			if strings.Join(missing, " ") != c.want {
				t.Errorf("missing of %v, want %s", missing, c.want)
			}
			b.checkFill(t, got)
		})
	}
}

// Two calls of one message that have one id are two events.
func TestOneIDInOneMessage(t *testing.T) {
	b := newBench(t, "claude-code", "")
	b.write(t, "S", `{"type":"assistant","sessionId":"S","cwd":"/p","timestamp":"2026-11-21T10:00:00Z","message":{"content":[`+
		`{"type":"tool_use","id":"c0","name":"Bash","input":{"command":"ls"}},{"type":"tool_use","id":"c0","name":"Bash","input":{"command":"pwd"}}]}}`)
	opt := b.options(t)
	b.checkFill(t, run(t.Context(), t, opt))
	ids := map[string]string{}
	for _, ev := range b.all(t) {
		if before := ids[ev.ID]; before != "" {
			t.Errorf("%s is the id of %s and of %s", ev.ID, before, ev.Action.Command)
		}
		ids[ev.ID] = ev.Action.Command
	}
	if len(ids) != 4 { // of each the attempt and an end
		t.Errorf("%d events", len(ids))
	}
}
