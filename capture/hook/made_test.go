package hook_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/etch-audit/etch/capture/hook"
)

// A made id is one call's, whatever becomes of what is remembered of its session.
func TestMadeIDsAreUnique(t *testing.T) {
	l := newTestLog(t, agents["gemini"])
	ids := map[string]string{}
	begin := func(what string) string {
		t.Helper()
		l.now = l.now.Add(2 * time.Second)
		events := l.deliver("BeforeTool", `{"session_id":"s","tool_name":"run_shell_command","tool_input":{"command":"ls"},"n":"`+what+`"}`)
		if len(events) == 0 {
			t.Fatalf("%s: nothing is recorded", what)
		}
		id := events[0].CallID // behind it may stand the end of one that is remembered no more
		if before, ok := ids[id]; ok {
			t.Errorf("%s: id %s is that of %s", what, id, before)
		}
		ids[id] = what
		return id
	}
	begin("first")
	begin("second")
	l.deliver("SessionEnd", `{"session_id":"s","reason":"exit"}`)
	l.deliver("SessionStart", `{"session_id":"s","source":"resume"}`)
	begin("resumed")
	if err := os.RemoveAll(l.dir); err != nil {
		t.Fatal(err)
	}
	begin("forgotten")
	now := l.now
	l.dir = filepath.Join(t.TempDir(), "log.hooks")
	l.sessions = hook.NewSessions(l.dir)
	l.now = now.Add(-2 * time.Second)
	begin("forgotten") // the same payload, at the same time by the clock of another machine
	for i := range 200 {
		begin(fmt.Sprint("more than are remembered ", i))
	}
}

// What ends a call of which two alike have begun and not ended is the end of the latest: the
// agent would not have tried again before the first was over. Of those that began at once
// it is that of the eldest.
func TestEndOfTheLatest(t *testing.T) {
	for name, c := range map[string]struct {
		apart time.Duration
		want  int
	}{
		"tried again": {3 * time.Second, 1},
		"at once":     {300 * time.Millisecond, 0},
	} {
		l := newTestLog(t, agents["gemini"])
		var ids []string
		for i := range 2 {
			events := l.deliver("BeforeTool", fmt.Sprintf(`{"session_id":"s","tool_name":"run_shell_command","tool_input":{"command":"ls"},"n":%d}`, i))
			ids = append(ids, events[0].CallID)
			l.now = l.now.Add(c.apart)
		}
		end := l.deliver("AfterTool", `{"session_id":"s","tool_name":"run_shell_command","tool_input":{"command":"ls"},"tool_response":{"llmContent":"x"}}`)
		if len(end) != 1 || end[0].CallID != ids[c.want] {
			t.Errorf("%s: the end %v is not that of call %d of %v", name, end, c.want, ids)
		}
	}
}

// A word of a call's end that comes behind the guess is of the same call; behind the next
// prompt it may be another's.
func TestEndBehindTheGuess(t *testing.T) {
	for _, prompt := range []bool{false, true} {
		l := newTestLog(t, agents["gemini"])
		id := l.deliver("BeforeTool", `{"session_id":"s","tool_name":"run_shell_command","tool_input":{"command":"ls"}}`)[0].CallID
		l.now = l.now.Add(time.Second)
		if guess := l.deliver("AfterAgent", `{"session_id":"s"}`); len(guess) != 1 || guess[0].Labels["inferred"] == "" {
			t.Fatalf("no guess: %v", guess)
		}
		if prompt {
			l.deliver("BeforeAgent", `{"session_id":"s","prompt":"x"}`)
		}
		l.now = l.now.Add(time.Second)
		end := l.deliver("AfterTool", `{"session_id":"s","tool_name":"run_shell_command","tool_input":{"command":"ls"},"tool_response":{"llmContent":"x"}}`)
		if len(end) != 1 || (end[0].CallID == id) == prompt {
			t.Errorf("behind a prompt %v: the end %v, the call was %s", prompt, end, id)
		}
	}
}
