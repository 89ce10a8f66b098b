package index_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/etch-audit/etch/internal/index"
)

func wantError(t rapid.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// naiveCalls finds by looking at all others for the next and the one before.
func naiveCalls(records []*record) (completed []int, dangling []index.Dangling, orphans []index.ID, guesses int) {
	of := func(call string, among []*record) (phases []index.Phase) {
		for _, r := range among {
			if r.call == call && r.phase != index.NoPhase {
				phases = append(phases, r.phase)
			}
		}
		return phases
	}
	for i, r := range records {
		if r.call == "" || r.phase == index.NoPhase {
			continue
		}
		id := index.CallID([]byte(r.call))
		before, behind := of(r.call, records[:i]), of(r.call, records[i+1:])
		if r.phase != index.Attempt && len(before) == 0 {
			orphans = append(orphans, id)
		}
		switch {
		case r.phase == index.Completion:
		case len(behind) == 0:
			dangling = append(dangling, index.Dangling{ID: id, Row: i})
		case behind[0] != index.Attempt:
			completed = append(completed, i)
		}
		if r.phase == index.Guess {
			guesses++
		}
	}
	slices.SortFunc(dangling, func(a, b index.Dangling) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	slices.SortFunc(orphans, func(a, b index.ID) int { return bytes.Compare(a[:], b[:]) })
	return completed, dangling, orphans, guesses
}

func TestCalls(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := newTrail(1, time.Second).take(rapid.SampledFrom([]int{0, 1, 100, 300}).Draw(t, "records"))
		ids := rapid.SampledFrom([]int{1, 50, 1000}).Draw(t, "ids")
		often := rapid.SampledFrom([]int{1, 10}).Draw(t, "one has a phase in")
		random := newTrail(rapid.Uint64().Draw(t, "seed"), time.Second).rand
		for _, r := range records {
			if random.IntN(often) == 0 {
				r.phase = index.Phase(random.IntN(4))
				r.call = fmt.Sprint(random.IntN(ids))
				if r.call == "0" {
					r.call = ""
				}
			}
		}
		file, _ := build(t, spec(), records)
		got, err := open(t, file, spec()).Calls()
		if err != nil {
			t.Fatal(err)
		}
		completed, dangling, orphans, guesses := naiveCalls(records)
		if diff := cmp.Diff(slices.Collect(got.Completed.All()), completed); diff != "" {
			t.Errorf("completed, got before want:\n%s", diff)
		}
		if diff := cmp.Diff(got.Dangling, dangling); diff != "" {
			t.Errorf("dangling, got before want:\n%s", diff)
		}
		if diff := cmp.Diff(got.Orphans, orphans); diff != "" {
			t.Errorf("orphans, got before want:\n%s", diff)
		}
		if got.Guesses != guesses {
			t.Errorf("%d guesses, want %d", got.Guesses, guesses)
		}
	})
}

// TestCallsOfTwo has a completion that may end either of two calls, behind guesses that
// may too: each row is told of once.
func TestCallsOfTwo(t *testing.T) {
	records := newTrail(1, time.Second).take(20)
	for i, phase := range []index.Phase{index.Attempt, index.Guess, index.Guess, index.Completion} {
		records[i].phase, records[i].call, records[i].also = phase, "a", "b"
	}
	records[0].also = ""
	file, _ := build(t, spec(), records)
	got, err := open(t, file, spec()).Calls()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(slices.Collect(got.Completed.All()), []int{0, 1, 2}); diff != "" || got.Guesses != 2 || len(got.Dangling) > 0 {
		t.Errorf("%d guesses, dangling %v; completed, got before want:\n%s", got.Guesses, got.Dangling, diff)
	}
}

// TestCallsTooMany holds that calls without end cost no more than an index may.
func TestCallsTooMany(t *testing.T) {
	records := newTrail(1, time.Second).take(3000)
	for i, r := range records {
		r.phase, r.call = index.Attempt, fmt.Sprint(i)
	}
	file, _ := build(t, spec(), records)
	_, err := open(t, file, spec()).Calls()
	wantError(t, "calls", err, index.ErrNotHeld)
}
