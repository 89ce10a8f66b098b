package hook_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/capture/hook/claudecode"
	"github.com/etch-audit/etch/internal/vfs"
)

// begins delivers, and returns what is to be recorded. That others have the lock is no error.
func begins(t *testing.T, dir, event, payload string, wait time.Duration) *hook.Turn {
	t.Helper()
	turn, err := deliverTo(dir, event, payload, wait)
	if err != nil && !errors.Is(err, vfs.ErrLocked) {
		t.Errorf("%s: %v", event, err)
	}
	return turn
}

func keeps(t *testing.T, turn *hook.Turn) []string {
	t.Helper()
	if err := turn.Keep(); err != nil {
		t.Error(err)
	}
	return words(turn)
}

func words(turn *hook.Turn) (list []string) {
	for _, e := range turn.Events {
		list = append(list, summary(e))
	}
	return list
}

// holdSessions takes the locks of all sessions, and returns what gives them back.
func holdSessions(t *testing.T, dir string) (release func()) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.lock"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no locks in %s: %v", dir, err)
	}
	var locks []vfs.Lock
	for _, path := range paths {
		lock, err := vfs.OS().OpenLock(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := lock.Acquire(time.Minute); err != nil {
			t.Fatal(err)
		}
		locks = append(locks, lock)
	}
	return func() {
		for _, lock := range locks {
			if err := lock.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// What is delivered while others have the session's lock is remembered all the same: of
// two deliveries of the same one is recorded, and no call is ended that has ended.
func TestWithoutTheLock(t *testing.T) {
	pre, post := toolPayload("PreToolUse", "s", "c", "x"), toolPayload("PostToolUse", "s", "c", "x")
	batch := `{"session_id":"s","tool_calls":[{"tool_name":"Bash","tool_input":{"command":"x"},"tool_use_id":"c","tool_response":"x"}]}`
	stop, end := `{"session_id":"s"}`, `{"session_id":"s","reason":"other"}`
	steps := []struct {
		event, payload string
		want           []string
	}{
		{"SessionStart", `{"session_id":"s","source":"startup"}`, []string{"session_start"}},
		{"PreToolUse", pre, []string{"attempt Bash x"}},
		{"PreToolUse", pre, nil},
		{"PostToolUse", post, []string{"completion Bash x -> success"}},
		{"PostToolUse", post, nil},
		{"PostToolBatch", batch, nil},
		{"Stop", stop, nil},
		{"SessionEnd", end, []string{"session_end"}},
		{"SessionEnd", end, nil},
	}
	// Each of the deliveries has the lock or has not.
	for mask := range 1 << len(steps) {
		if mask&1 == 1 {
			continue // who is the first has it
		}
		dir := filepath.Join(t.TempDir(), "log.hooks")
		for i, s := range steps {
			wait, release := time.Minute, func() {}
			if mask>>i&1 == 1 {
				wait, release = 0, holdSessions(t, dir)
			}
			got := keeps(t, begins(t, dir, s.event, s.payload, wait))
			if release(); fmt.Sprint(got) != fmt.Sprint(s.want) {
				t.Errorf("without the lock at %b: step %d, %s: recorded %q, want %q", mask, i, s.event, got, s.want)
			}
		}
	}
}

// What cannot be known without the lock is not ended: who has it later ends it.
func TestNoGuessWithoutTheLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log.hooks")
	keeps(t, begins(t, dir, "PreToolUse", toolPayload("PreToolUse", "s", "c", "x"), time.Minute))
	for _, s := range []struct{ event, payload string }{
		{"PostToolBatch", `{"session_id":"s","tool_calls":[{"tool_name":"Bash","tool_input":{"command":"x"},"tool_use_id":"c","tool_response":"x"}]}`},
		{"Stop", `{"session_id":"s"}`},
	} {
		release := holdSessions(t, dir)
		if got := keeps(t, begins(t, dir, s.event, s.payload, 0)); len(got) > 0 {
			t.Errorf("%s without the lock recorded %q", s.event, got)
		}
		release()
	}
	if got := keeps(t, begins(t, dir, "SessionEnd", `{"session_id":"s"}`, time.Minute)); fmt.Sprint(got) != "[completion Bash x -> error end=session-ended session_end]" {
		t.Errorf("the session's end recorded %q", got)
	}
}

// What was kept aside and is not on record is forgotten, whether others have taken it in or not.
func TestDropWithoutTheLock(t *testing.T) {
	for _, taken := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "log.hooks")
		keeps(t, begins(t, dir, "SessionStart", `{"session_id":"s","source":"startup"}`, time.Minute))
		release := holdSessions(t, dir)
		turn := begins(t, dir, "PreToolUse", toolPayload("PreToolUse", "s", "c", "x"), 0)
		release()
		if taken {
			keeps(t, begins(t, dir, "PreToolUse", toolPayload("PreToolUse", "s", "d", "y"), time.Minute))
		}
		if err := turn.Drop(); err != nil || len(turn.Events) != 1 {
			t.Errorf("drop of %q: %v", words(turn), err)
		}
		if got := keeps(t, begins(t, dir, "PreToolUse", toolPayload("PreToolUse", "s", "c", "x"), time.Minute)); len(got) != 1 {
			t.Errorf("taken in: %v: what was dropped came again, and %q was recorded", taken, got)
		}
	}
}

// A claim whose process was killed keeps nothing out for long, and nothing is left when the
// session is over.
func TestClaimOfTheDead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log.hooks")
	keeps(t, begins(t, dir, "SessionStart", `{"session_id":"s","source":"startup"}`, time.Minute))
	pre := toolPayload("PreToolUse", "s", "c", "x")
	release := holdSessions(t, dir)
	turn := begins(t, dir, "PreToolUse", pre, 0)
	kept, err := filepath.Glob(filepath.Join(dir, "*.aside", "*.kept"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept aside: %v, %v", kept, err)
	}
	claim := kept[0][:len(kept[0])-len(".kept")] + ".claim"
	fresh := time.Now().Add(time.Hour) // however long this takes
	if err := errors.Join(turn.Drop(), os.WriteFile(claim, nil, 0o600), os.Chtimes(claim, fresh, fresh)); err != nil {
		t.Fatal(err)
	}
	if got := keeps(t, begins(t, dir, "PreToolUse", pre, 0)); len(got) > 0 {
		t.Errorf("beside a fresh claim %q was recorded", got)
	}
	old := time.Now().Add(-time.Minute)
	if err := os.Chtimes(claim, old, old); err != nil {
		t.Fatal(err)
	}
	if got := keeps(t, begins(t, dir, "PreToolUse", pre, 0)); len(got) != 1 {
		t.Errorf("beside the claim of a dead process %q was recorded", got)
	}
	release()
}

// What was kept aside is there for a while after it was taken into a session, and for good where
// who took it in was killed then: a call of it that has ended meanwhile is not open again.
func TestTakenInTwice(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log.hooks")
	keeps(t, begins(t, dir, "SessionStart", `{"session_id":"s","source":"startup"}`, time.Minute))
	release := holdSessions(t, dir)
	keeps(t, begins(t, dir, "PreToolUse", toolPayload("PreToolUse", "s", "c", "x"), 0))
	kept, err := filepath.Glob(filepath.Join(dir, "*.aside", "*.kept"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept aside: %v, %v", kept, err)
	}
	content, err := os.ReadFile(kept[0])
	if err != nil {
		t.Fatal(err)
	}
	release()
	post := toolPayload("PostToolUse", "s", "c", "x")
	if got := keeps(t, begins(t, dir, "PostToolUse", post, time.Minute)); len(got) != 1 {
		t.Errorf("got %q, want the end", got)
	}
	putBack := func() {
		if err := os.WriteFile(kept[0], content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	putBack()
	release = holdSessions(t, dir)
	if got := keeps(t, begins(t, dir, "PostToolUse", post, 0)); len(got) > 0 {
		t.Errorf("without the lock %q was recorded again", got)
	}
	release()
	putBack()
	if got := keeps(t, begins(t, dir, "Stop", `{"session_id":"s"}`, time.Minute)); len(got) > 0 {
		t.Errorf("got %q, want the end of no call", got)
	}
}

// TestManyWithoutTheLock has many deliveries at once, each twice, that wait for the lock for
// no time or little: each is recorded once, and no end is made up.
func TestManyWithoutTheLock(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	const calls = 48
	for range 4 {
		dir := filepath.Join(t.TempDir(), "log.hooks")
		keeps(t, begins(t, dir, "SessionStart", `{"session_id":"s","source":"startup"}`, time.Minute))
		for _, event := range []string{"PreToolUse", "PostToolUse"} {
			var wg sync.WaitGroup
			var mu sync.Mutex
			recorded := map[string]int{}
			for i := range 2 * calls {
				wait := time.Duration(r.IntN(4)) * time.Duration(r.IntN(2000)) * time.Microsecond
				wg.Go(func() {
					payload := toolPayload(event, "s", fmt.Sprintf("c%d", i/2), fmt.Sprintf("echo %d", i/2))
					turn := begins(t, dir, event, payload, wait)
					mu.Lock()
					for _, e := range turn.Events {
						recorded[e.CallID+" "+string(e.Phase)]++
					}
					mu.Unlock()
					keeps(t, turn)
				})
			}
			wg.Wait()
			for what, n := range recorded {
				if n != 1 {
					t.Errorf("%s: %s recorded %d times", event, what, n)
				}
			}
			if len(recorded) != calls {
				t.Errorf("%s: %d calls recorded, want %d", event, len(recorded), calls)
			}
		}
		for _, event := range []string{"Stop", "SessionEnd"} {
			for _, e := range begins(t, dir, event, `{"session_id":"s"}`, time.Minute).Events {
				if e.Phase == etch.Completion {
					t.Errorf("%s recorded %s, which had ended", event, summary(e))
				}
			}
		}
	}
}

// A delivery that is decoded again because time is up is what counts, also where the turn
// that was to be in time is begun behind it.
func TestLastTurnCounts(t *testing.T) {
	dir := t.TempDir()
	payload := []byte(`{"session_id":"s","tool_name":"Bash","tool_use_id":"c","tool_input":{"command":"ls"}}`)
	sessions := hook.NewSessions(dir)
	late := hook.Delivery{Agent: claudecode.Agent(), Event: "PreToolUse", Payload: payload, Now: time.Unix(1e9, 0)}
	inTime := late
	late.Last = true
	begun := 0
	late.Classify = func(*etch.Event) (etch.Risk, []string) {
		begun++
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := sessions.Begin(ctx, &inTime); err != nil && !errors.Is(err, vfs.ErrLocked) {
			t.Error(err)
		}
		return etch.RiskLow, nil
	}
	turn, err := sessions.Begin(t.Context(), &late)
	if err != nil || begun != 1 {
		t.Fatalf("%v, and %d turns begun meanwhile", err, begun)
	}
	if got := keeps(t, turn); len(got) != 1 {
		t.Errorf("got %q, want the attempt", got)
	}
}

// Of a delivery that came twice at once, one has the lock and sees behind its writing that
// the other has kept it. It has nothing to record, and neither has the turn that its process
// begins anew because time is up.
func TestYieldedTurnStaysYielded(t *testing.T) {
	dir := t.TempDir()
	pre := toolPayload("PreToolUse", "s", "c", "x")
	sessions := hook.NewSessions(dir)
	with := hook.Delivery{Agent: claudecode.Agent(), Event: "PreToolUse", Payload: []byte(pre), Now: time.Unix(1e9, 0)}
	var other *hook.Turn
	first := with
	first.Classify = func(*etch.Event) (etch.Risk, []string) { // it has the lock, and has not written
		if other == nil {
			other = begins(t, dir, "PreToolUse", pre, time.Millisecond)
		}
		return etch.RiskLow, nil
	}
	turn, err := sessions.Begin(t.Context(), &first)
	if err != nil || other == nil {
		t.Fatalf("%v, another turn: %v", err, other != nil)
	}
	with.Last = true
	again, err := sessions.Begin(t.Context(), &with)
	if err != nil {
		t.Fatal(err)
	}
	if got, here, anew := keeps(t, other), words(turn), keeps(t, again); len(got) != 1 || len(here) != 0 || len(anew) != 0 {
		t.Errorf("recorded %q without the lock, %q with it, %q when begun anew: want one, none, none", got, here, anew)
	}
}
