package question

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch"
)

// testLog makes a log of n events in a fresh directory and returns its path.
func testLog(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.log")
	log, err := etch.Create(path, &etch.Options{Rotate: etch.BySize, SealEvery: time.Hour}) // the numbers are those of the events
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		ev := &etch.Event{
			Type: etch.CommandExecution, Timestamp: time.Date(2026, 2, 16, 23, 30, i, 0, time.UTC),
			Action: &etch.Action{Tool: "shell", Command: fmt.Sprint("command ", i), Risk: etch.RiskLow},
		}
		if _, err := log.Append(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func reader(t *testing.T, path string) *etch.Reader {
	t.Helper()
	r, err := etch.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// newestOf gives the newest records, holding at most so many bytes of them.
func newestOf(t *testing.T, log *etch.Reader, q etch.Query, most int) iter.Seq2[etch.Record, error] {
	s := search{ctx: t.Context(), reader: log, query: q, limit: q.Limit, most: most}
	return s.newest
}

// Whether the newest records are few enough to be held makes no difference.
func TestNewestTooManyToHold(t *testing.T) {
	log := reader(t, testLog(t, 7))
	for n := 1; n <= 8; n++ {
		var looks [][]uint64
		for _, most := range []int{maxHeld, 0, heldExtra * 3} {
			var got []uint64
			for r, err := range newestOf(t, log, etch.Query{Limit: n}, most) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, r.Seq)
			}
			looks = append(looks, got)
		}
		held := looks[0]
		if len(held) != min(n, 7) || held[len(held)-1] != 8 {
			t.Errorf("the newest %d are %v", n, held)
		}
		for _, again := range looks[1:] {
			if diff := cmp.Diff(again, held); diff != "" {
				t.Errorf("the newest %d, second look (-got +want):\n%s", n, diff)
			}
		}
	}
}

// What cannot be read among the newest is told, each once, before the records.
func TestNewestDamaged(t *testing.T) {
	path := testLog(t, 7)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want []int64
	for _, command := range []string{`"command 5"`, `"command 3"`} {
		at := bytes.Index(text, []byte(command))
		want = append(want, int64(bytes.LastIndexByte(text[:at], '\n')+1))
		text[at+1] = 1
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, most := range []int{maxHeld, 0} {
		var got []int64
		records := 0
		for _, err := range newestOf(t, reader(t, path), etch.Query{Limit: 6}, most) {
			damage, ok := errors.AsType[*etch.CorruptionError](err)
			if ok {
				got = append(got, damage.Offset)
			} else if err != nil {
				t.Fatal(err)
			}
			if err == nil {
				records++
			}
			if err != nil && records > 0 {
				t.Errorf("holding %d bytes: %v comes behind a record", most, err)
			}
		}
		if diff := cmp.Diff(got, want); diff != "" || records != 5 {
			t.Errorf("holding %d bytes: %d records, want 5; damages (-got +want):\n%s", most, records, diff)
		}
	}
}

// Nothing goes on once who asks has had enough.
// Whoever can write the files can change the number of a record: of the newest and of
// the oldest that are asked for here. All of them are shown all the same.
func TestNewestRenumbered(t *testing.T) {
	for _, number := range []string{"3", "99"} {
		for command := range 7 {
			path := testLog(t, 7)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			lines := bytes.SplitAfter(text, []byte{'\n'})
			for i, line := range lines {
				if bytes.Contains(line, fmt.Appendf(nil, "command %d", command)) {
					lines[i] = slices.Concat([]byte(`{"seq":`+number), line[bytes.IndexByte(line, ','):])
				}
			}
			path = filepath.Join(t.TempDir(), "audit.log") // without a state, which knows its length
			if err := os.WriteFile(path, bytes.Join(lines, nil), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, most := range []int{maxHeld, 0} {
				var got []string
				for r, err := range newestOf(t, reader(t, path), etch.Query{Limit: 5}, most) {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, r.Event.Action.Command)
				}
				if diff := cmp.Diff(got, []string{"command 2", "command 3", "command 4", "command 5", "command 6"}); diff != "" {
					t.Errorf("command %d is record %s, holding %d bytes (-got +want):\n%s", command, number, most, diff)
				}
			}
		}
	}
}

// What the second look does not find any more is told.
func TestNewestGoneMeanwhile(t *testing.T) {
	path := testLog(t, 3)
	s := search{ctx: t.Context(), reader: reader(t, path), query: etch.Query{Limit: 3}, limit: 3}
	var seen span
	if !s.back(&seen, func(_ etch.Record, err error) bool { t.Error(err); return false }) {
		t.Fatal("nothing is found")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(text, []byte(`"command 1"`), []byte("\"command \x01\""), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	var got []string
	s.again(&seen, func(r etch.Record, e error) bool {
		if err = e; e == nil {
			got = append(got, r.Event.Action.Command)
		}
		return true
	})
	if diff := cmp.Diff(got, []string{"command 0", "command 2"}); diff != "" || !errors.Is(err, errGone) {
		t.Errorf("got %v (-got +want):\n%s", err, diff)
	}
}

func TestNewestStopped(t *testing.T) {
	for _, most := range []int{maxHeld, 0} {
		n := 0
		for _, err := range newestOf(t, reader(t, testLog(t, 7)), etch.Query{Limit: 5}, most) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 2 {
				break
			}
		}
		if n != 2 {
			t.Errorf("got %d records, want 2", n)
		}
	}
}

// Without a limit, backwards, and page by page the reader's own order holds.
func TestRecordsOrder(t *testing.T) {
	log := reader(t, testLog(t, 5))
	seqs := func(q etch.Query) (got []uint64) {
		t.Helper()
		for r, err := range Records(t.Context(), log, q, nil) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, r.Seq)
		}
		return got
	}
	all := seqs(etch.Query{})
	if len(all) != 5 || !slices.IsSorted(all) {
		t.Fatalf("all are %v", all)
	}
	for name, c := range map[string]struct {
		q    etch.Query
		want []uint64
	}{
		"newest":   {etch.Query{Limit: 2}, all[3:]},
		"reverse":  {etch.Query{Limit: 2, Reverse: true}, []uint64{all[4], all[3]}},
		"a page":   {etch.Query{Limit: 2, After: etch.Some(all[0])}, all[1:3]},
		"too many": {etch.Query{Limit: 99, After: etch.Some(all[2])}, all[3:]},
	} {
		if diff := cmp.Diff(seqs(c.q), c.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
}

// A call that completes between the look from the end and the one forward is
// shown as the first look has seen it.
func TestNewestCompletedMeanwhile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	log, err := etch.Create(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	appendCall := func(phase etch.Phase) {
		t.Helper()
		ev := &etch.Event{Type: etch.ToolCall, Phase: phase, CallID: "call_0", Action: &etch.Action{Tool: "shell", Command: "make"}}
		if _, err := log.Append(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
	}
	appendCall(etch.Attempt)
	s := search{ctx: t.Context(), reader: reader(t, path), query: etch.Query{Limit: 1}, limit: 1}
	s.most = 0
	var seen span
	if !s.back(&seen, func(_ etch.Record, err error) bool { t.Error(err); return false }) {
		t.Fatal("nothing is found")
	}
	appendCall(etch.Completion)
	var got []etch.Phase
	s.again(&seen, func(r etch.Record, err error) bool {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r.Event.Phase)
		return true
	})
	if diff := cmp.Diff(got, []etch.Phase{etch.Attempt}); diff != "" {
		t.Errorf("the newest call (-got +want):\n%s", diff)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

// What is withheld is told, each once, and is none of the records asked for.
func TestWithheld(t *testing.T) {
	log := reader(t, testLog(t, 7))
	var all []uint64
	for r, err := range Records(t.Context(), log, etch.Query{}, nil) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r.Seq)
	}
	for name, c := range map[string]struct {
		q        etch.Query
		want     []uint64
		withheld int
	}{
		"all":       {etch.Query{}, all[:4], 3},
		"newest":    {etch.Query{Limit: 2}, all[2:4], 3},
		"reverse":   {etch.Query{Limit: 1, Reverse: true}, all[3:4], 3},
		"the first": {etch.Query{Limit: 2, After: etch.Some(uint64(0))}, all[:2], 0},
	} {
		for _, most := range []int{maxHeld, 0} {
			s := search{ctx: t.Context(), reader: log, query: c.q, limit: c.q.Limit, withheld: func(r *etch.Record) bool { return r.Seq >= all[4] }, most: most}
			s.query.Limit = 0
			give := s.plain
			if name == "newest" {
				give = s.newest
			}
			var got []uint64
			withheld := 0
			give(func(r etch.Record, err error) bool {
				switch {
				case errors.Is(err, ErrWithheld):
					withheld++
				case err != nil:
					t.Fatal(err)
				default:
					got = append(got, r.Seq)
				}
				return true
			})
			if diff := cmp.Diff(got, c.want); diff != "" || withheld != c.withheld {
				t.Errorf("%s, holding %d bytes: %d withheld, want %d; (-got +want):\n%s", name, most, withheld, c.withheld, diff)
			}
		}
	}
}
