package hook_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/capture/hook/claudecode"
	"github.com/etch-audit/etch/internal/vfs"
)

// childDir tells a copy of this test binary to be the hook's process of one
// call: it delivers the attempt and the end of call number childCall.
const (
	childDir  = "ETCH_TEST_HOOK_DIR"
	childCall = "ETCH_TEST_HOOK_CALL"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := beChild(dir, os.Getenv(childCall)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func beChild(dir, call string) error {
	for _, event := range []string{"PreToolUse", "PreToolUse", "PostToolUse", "PostToolUse"} {
		turn, err := deliverTo(dir, event, toolPayload(event, "s", "c"+call, "echo "+call), time.Minute)
		if err != nil {
			return err
		}
		for _, e := range turn.Events {
			fmt.Println(e.Phase, e.CallID)
		}
		if err := turn.Keep(); err != nil {
			return err
		}
	}
	return nil
}

func deliverTo(dir, event, payload string, wait time.Duration) (*hook.Turn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	return hook.NewSessions(dir).Begin(ctx, &hook.Delivery{
		Agent: claudecode.Agent(), Event: event, Payload: []byte(payload), Now: time.Date(2026, 11, 21, 18, 0, 0, 0, time.UTC), Parent: os.Getppid(),
	})
}

func toolPayload(event, session, id, command string) string {
	response := ""
	if event != "PreToolUse" {
		response = `,"tool_response":{"stdout":"x","stderr":""}`
	}
	return fmt.Sprintf(`{"session_id":%q,"hook_event_name":%q,"tool_name":"Bash","tool_input":{"command":%q},"tool_use_id":%q%s}`,
		session, event, command, id, response)
}

// Many processes deliver to one session at once, each event twice: nothing is
// lost, and nothing is recorded twice.
func TestManyProcesses(t *testing.T) {
	const processes = 64
	dir := filepath.Join(t.TempDir(), "log.hooks")
	var wg sync.WaitGroup
	got := make([]string, processes)
	for i := range processes {
		wg.Go(func() {
			cmd := exec.Command(os.Args[0], "-test.run=^$")
			cmd.Env = append(os.Environ(), childDir+"="+dir, childCall+"="+strconv.Itoa(i))
			out, err := cmd.Output()
			if err != nil {
				t.Errorf("process %d: %v", i, err)
			}
			got[i] = string(out)
		})
	}
	wg.Wait()
	for i, out := range got {
		if want := fmt.Sprintf("attempt c%d\ncompletion c%d\n", i, i); out != want {
			t.Errorf("process %d recorded %q, want %q", i, out, want)
		}
	}
	turn, err := deliverTo(dir, "SessionEnd", `{"session_id":"s","hook_event_name":"SessionEnd"}`, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if len(turn.Events) != 1 {
		t.Errorf("the session's end recorded %d events, want 1: no call was open", len(turn.Events))
	}
	if err := turn.Keep(); err != nil {
		t.Fatal(err)
	}
}

// One delivery to many goroutines at once is recorded by one.
func TestOneDeliveryAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log.hooks")
	var mu sync.Mutex
	var wg sync.WaitGroup
	events := 0
	for range 16 {
		wg.Go(func() {
			turn, err := deliverTo(dir, "PreToolUse", toolPayload("PreToolUse", "s", "c", "x"), time.Minute)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			events += len(turn.Events)
			mu.Unlock()
			if turn.Request == nil || turn.Request.ID != "c" {
				t.Errorf("got request %+v, want that of call c: every process must know what it is asked", turn.Request)
			}
			if err := turn.Keep(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if events != 1 {
		t.Errorf("recorded %d events, want 1", events)
	}
}

func TestDropForgets(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log.hooks")
	for i, keep := range []bool{false, true, true} {
		turn, err := deliverTo(dir, "PreToolUse", toolPayload("PreToolUse", "s", "c", "x"), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int{true: 1, false: 0}[i < 2]; len(turn.Events) != want {
			t.Errorf("delivery %d: got %d events, want %d", i, len(turn.Events), want)
		}
		end := turn.Drop
		if keep {
			end = turn.Keep
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
}

// A turn that is dropped takes back what it put in, and nothing else, also where
// others came in between.
func TestDropAmongOthers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log.hooks")
	begin := func(event, id string) *hook.Turn {
		t.Helper()
		turn, err := deliverTo(dir, event, toolPayload(event, "s", id, "x"), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return turn
	}
	kept := begin("PreToolUse", "c0")
	first, second, end := begin("PreToolUse", "c1"), begin("PreToolUse", "c2"), begin("PostToolUse", "c0")
	if err := errors.Join(kept.Keep(), first.Drop(), second.Keep(), end.Drop()); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		event, id string
		want      int
	}{
		{"PreToolUse", "c0", 0},
		{"PreToolUse", "c1", 1},
		{"PreToolUse", "c2", 0},
		{"PostToolUse", "c2", 1},
		{"PostToolUse", "c0", 1},
		{"PostToolUse", "c1", 1},
	} {
		turn := begin(test.event, test.id)
		if len(turn.Events) != test.want {
			t.Errorf("%s of %s: got %d events, want %d", test.event, test.id, len(turn.Events), test.want)
		}
		if err := turn.Keep(); err != nil {
			t.Error(err)
		}
	}
	last, err := deliverTo(dir, "SessionEnd", `{"session_id":"s"}`, time.Minute)
	if err != nil || len(last.Events) != 1 {
		t.Errorf("the session's end: got %d events, %v, want 1: no call was open", len(last.Events), err)
	}
}

// A delivery need not wait until another of its session is on record.
func TestTurnHoldsNoLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log.hooks")
	first, err := deliverTo(dir, "PreToolUse", toolPayload("PreToolUse", "s", "c1", "x"), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	second, err := deliverTo(dir, "PostToolUse", toolPayload("PostToolUse", "s", "c1", "x"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(second.Keep(), first.Keep()); err != nil {
		t.Error(err)
	}
}

// Who gave up waiting for a turn may begin a second with the same delivery, and
// record either; what is kept stays known.
func TestBeginAgain(t *testing.T) {
	l := newTestLog(t, claudecode.Agent())
	payload := toolPayload("PreToolUse", "s", "c", "x")
	begin := func() *hook.Turn {
		t.Helper()
		turn, err := l.sessions.Begin(t.Context(), &hook.Delivery{Agent: l.agent, Event: "PreToolUse", Payload: []byte(payload), Now: l.now})
		if err != nil {
			t.Fatal(err)
		}
		return turn
	}
	first, second := begin(), begin()
	if len(first.Events) != 1 || len(second.Events) != 1 {
		t.Fatalf("got %d and %d events, want 1 and 1", len(first.Events), len(second.Events))
	}
	if err := second.Keep(); err != nil {
		t.Fatal(err)
	}
	l.sessions = hook.NewSessions(l.dir) // another process
	if third := begin(); len(third.Events) != 0 {
		t.Errorf("got %d events once it is kept, want none", len(third.Events))
	}
}

// Where the lock cannot be had in time, what is delivered is recorded all the same.
func TestLockHeld(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log.hooks")
	first, err := deliverTo(dir, "PreToolUse", toolPayload("PreToolUse", "s", "c1", "x"), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.lock"))
	if err != nil || len(names) != 1 {
		t.Fatalf("got locks %q, %v, want one", names, err)
	}
	lock, err := vfs.OS().OpenLock(names[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Acquire(time.Minute); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		id   string
		want int
	}{{"c2", 1}, {"c1", 0}} {
		turn, err := deliverTo(dir, "PreToolUse", toolPayload("PreToolUse", "s", test.id, "x"), 20*time.Millisecond)
		if !errors.Is(err, vfs.ErrLocked) {
			t.Errorf("%s: got error %v, want one that says that the session is locked", test.id, err)
		}
		if len(turn.Events) != test.want || turn.Request == nil {
			t.Errorf("%s: got %d events, request %v, want %d and one", test.id, len(turn.Events), turn.Request, test.want)
		}
		if err := turn.Keep(); err != nil {
			t.Error(err)
		}
	}
	if err := errors.Join(first.Keep(), lock.Close()); err != nil {
		t.Error(err)
	}
}

// A directory that cannot be made loses nothing but memory.
func TestNoDirectory(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	turn, err := deliverTo(filepath.Join(name, "log.hooks"), "PreToolUse", toolPayload("PreToolUse", "s", "c", "x"), time.Second)
	if err == nil {
		t.Error("got no error, want one that says that there is no directory")
	}
	if len(turn.Events) != 1 {
		t.Errorf("got %d events, want 1", len(turn.Events))
	}
	if err := turn.Keep(); err != nil {
		t.Error(err)
	}
}

// A session's file that is broken, empty or of another version is begun anew.
func TestBrokenFile(t *testing.T) {
	for _, content := range []string{"", "{", "null", `[1]`, `{"v":99,"open":[{"id":"c"}]}`, strings.Repeat("x", 4096), `{"v":1,"keys":"AAA","notes":"AAAA"}`} {
		dir := filepath.Join(t.TempDir(), "log.hooks")
		for i, event := range []string{"PreToolUse", "PostToolUse"} {
			turn, err := deliverTo(dir, event, toolPayload(event, "s", "c"+strconv.Itoa(i), "x"), time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			if len(turn.Events) != 1 {
				t.Errorf("%q: got %d events, want 1", content, len(turn.Events))
			}
			if err := turn.Keep(); err != nil {
				t.Error(err)
			}
			files, err := filepath.Glob(filepath.Join(dir, "*.json"))
			if err != nil || len(files) != 1 {
				t.Fatalf("got files %q, %v, want one", files, err)
			}
			if err := os.WriteFile(files[0], []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// What is remembered of a session stays small, however long it is.
func TestSessionStaysSmall(t *testing.T) {
	l := newTestLog(t, claudecode.Agent())
	dir := filepath.Join(t.TempDir(), "log.hooks")
	l.sessions = hook.NewSessions(dir)
	for i := range 280 {
		id := "c" + strconv.Itoa(i)
		l.deliver("PreToolUse", toolPayload("PreToolUse", "s", id, strings.Repeat("long ", 1000)))
		if i%2 == 0 {
			l.deliver("PostToolUse", toolPayload("PostToolUse", "s", id, "x"))
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("got files %q, %v, want one", files, err)
	}
	info, err := os.Stat(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 1<<20 {
		t.Errorf("the session's file has %d bytes", info.Size())
	}
	ended := 0
	for _, e := range l.events {
		if e.Phase == etch.Completion && e.Labels["end"] == hook.EndUnknown {
			ended++
		}
	}
	if want := 140 - 128; ended != want {
		t.Errorf("%d calls were ended to make room, want %d", ended, want)
	}
}

// A session whose agent is gone is ended by the next that begins.
func TestKilledAgentIsEnded(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("needs /proc: elsewhere the process table is read in other ways")
	}
	gone := exec.Command("cat") // which is there until its input ends
	input, err := gone.StdinPipe()
	if err == nil {
		err = gone.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	l := newTestLog(t, claudecode.Agent())
	l.parent = gone.Process.Pid
	l.deliver("PreToolUse", toolPayload("PreToolUse", "dead", "c1", "sleep 100"))
	if err := errors.Join(input.Close(), gone.Wait()); err != nil {
		t.Fatal(err)
	}
	l.parent = os.Getppid()
	events := l.deliver("SessionStart", `{"session_id":"new","hook_event_name":"SessionStart","source":"startup"}`)
	if len(events) != 2 {
		t.Fatalf("got %d events, want the end of the call and the session's start", len(events))
	}
	e := events[0]
	if e.CallID != "c1" || e.SessionID != "dead" || e.Labels["end"] != hook.EndKilled || e.Result.Type != etch.Error || e.Action.Command != "sleep 100" {
		t.Errorf("got %+v, %+v, %+v, want call c1 of session dead killed", e, e.Action, e.Result)
	}
	again := l.deliver("SessionStart", `{"session_id":"newer","hook_event_name":"SessionStart","source":"startup"}`)
	if len(again) != 1 {
		t.Errorf("the next session's start recorded %d events, want 1", len(again))
	}
}

// A session of which nothing was heard for a day is ended by the next that
// begins; one of another machine's or a living agent's is not.
func TestSilentSessionIsEnded(t *testing.T) {
	l := newTestLog(t, claudecode.Agent())
	l.parent = os.Getpid()
	l.deliver("PreToolUse", toolPayload("PreToolUse", "silent", "c1", "x"))
	l.now = l.now.Add(23 * time.Hour)
	if events := l.deliver("SessionStart", `{"session_id":"a","hook_event_name":"SessionStart"}`); len(events) != 1 {
		t.Errorf("before a day is over: got %d events, want 1", len(events))
	}
	l.now = l.now.Add(2 * time.Hour)
	if events := l.deliver("SessionStart", `{"session_id":"b","hook_event_name":"SessionStart"}`); len(events) != 2 || events[0].CallID != "c1" {
		t.Errorf("after a day: got %d events, want the end of call c1 as well", len(events))
	}
}

// TestSenders shows that deliveries of several senders are none of each other's,
// though they name the same session and the same call, and that no sender ends the
// calls of another's session.
func TestSenders(t *testing.T) {
	l := newTestLog(t, claudecode.Agent())
	begin := func(sender, event, session string) []*etch.Event {
		t.Helper()
		turn, err := l.sessions.Begin(t.Context(), &hook.Delivery{
			Agent: l.agent, Event: event, Payload: []byte(toolPayload(event, session, "c", "x")), Now: l.now, Remote: true, Sender: sender,
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := turn.Keep(); err != nil {
			t.Fatal(err)
		}
		return turn.Events
	}
	senders := []string{"uid 1000", "uid 1001", "token a", ""}
	for _, event := range []string{"PreToolUse", "PostToolUse"} {
		for _, sender := range senders {
			if n := len(begin(sender, event, "s")); n != 1 {
				t.Errorf("%s of %q gave %d events, want 1", event, sender, n)
			}
			if n := len(begin(sender, event, "s")); n != 0 {
				t.Errorf("a second %s of %q gave %d events", event, sender, n)
			}
		}
	}
	begin(senders[0], "PreToolUse", "left open")
	l.now = l.now.Add(48 * time.Hour)
	if n := len(begin(senders[1], "PreToolUse", "another")); n != 1 {
		t.Errorf("another sender, after two days: got %d events, want its attempt alone", n)
	}
	if n := len(begin(senders[0], "PreToolUse", "another")); n != 2 {
		t.Errorf("the same sender, after two days: got %d events, want its attempt and the end of what it left open", n)
	}
}
