package etch

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch/internal/segment"
)

func TestHistogramSteps(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err) // a system without the database
	}
	havana, err := time.LoadLocation("America/Havana")
	if err != nil {
		t.Fatal(err) // there is the other one
	}
	for _, test := range []struct {
		step     time.Duration
		zone     *time.Location
		at, want string
	}{
		{time.Hour, time.UTC, "2026-02-16T12:34:56Z", "2026-02-16T12:00:00Z"},
		{7 * time.Hour, time.UTC, "2026-02-16T23:34:56Z", "2026-02-16T21:00:00Z"}, // from midnight, every day
		{day, time.UTC, "2026-02-16T12:34:56Z", "2026-02-16T00:00:00Z"},
		{day, berlin, "2026-02-16T23:30:00Z", "2026-02-17T00:00:00+01:00"},
		{day, berlin, "2026-03-29T21:59:00Z", "2026-03-29T00:00:00+01:00"},  // a day of 23 hours
		{7 * day, time.UTC, "2026-02-16T00:00:00Z", "2026-02-16T00:00:00Z"}, // a Monday
		{7 * day, time.UTC, "2026-02-15T23:59:59Z", "2026-02-09T00:00:00Z"},
		{7 * day, time.UTC, "1969-12-31T00:00:00Z", "1969-12-29T00:00:00Z"},
		{7 * day, time.UTC, "1969-12-28T00:00:00Z", "1969-12-22T00:00:00Z"},
		{7 * day, berlin, "2026-04-05T21:00:00Z", "2026-03-30T00:00:00+02:00"},
		{time.Hour, berlin, "2026-10-25T01:30:00Z", "2026-10-25T02:00:00+01:00"}, // the second of two
		{day, havana, "2025-03-09T12:00:00Z", "2025-03-09T01:00:00-04:00"},       // a day without 00:00
		{time.Hour, havana, "2025-03-09T05:30:00Z", "2025-03-09T01:00:00-04:00"},
		{7 * day, havana, "2025-03-09T12:00:00Z", "2025-03-03T00:00:00-05:00"},
	} {
		at, err := time.Parse(time.RFC3339, test.at)
		if err != nil {
			t.Fatal(err)
		}
		tl := tally{step: test.step, zone: test.zone}
		if got := tl.begin(at.In(test.zone)).Format(time.RFC3339); got != test.want {
			t.Errorf("%v of %s in %v begins %s, want %s", test.step, test.at, test.zone, got, test.want)
		}
	}
	r, err := OpenReader(smallLog(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []time.Duration{0, -day, time.Millisecond, 36 * time.Hour} {
		if _, err := r.Histogram(t.Context(), Query{}, step, time.UTC); err == nil {
			t.Errorf("a step of %v is no error", step)
		}
	}
}

// smallLog makes a log of five events by two teams.
func smallLog(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.log")
	l, err := Create(path, &Options{SealEvery: time.Hour}) // no seal between them, however long this takes
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		ev := &Event{Type: ToolCall, Timestamp: time.Date(2026, 2, 16, i, 0, 0, 0, time.UTC), Labels: map[string]string{"team": "web", "n": "1"}}
		if i > 2 {
			ev.Labels = map[string]string{"n": "1"}
		}
		if _, err := l.Append(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCountByLabel(t *testing.T) {
	r, err := OpenReader(smallLog(t))
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.CountBy(t.Context(), Query{}, "label.team", "label.n")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, []Group{{[]string{"web", "1"}, 3}, {[]string{"", "1"}, 2}}); diff != "" {
		t.Errorf("groups (-got +want):\n%s", diff)
	}
	for _, name := range []string{"label", "nothing", ""} {
		if _, err := r.CountBy(t.Context(), Query{}, name); err == nil {
			t.Errorf("counting by %q is no error", name)
		}
	}
}

// A log whose end is no whole line, and which has no state that says so, is read
// from its end too.
func TestReverseBehindPartialLine(t *testing.T) {
	path := smallLog(t)
	if err := os.Remove(filepath.Join(filepath.Dir(path), "audit.state")); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, rest := range []int{1, 100, 10 << 10} {
		if err := os.WriteFile(path, append(whole[:len(whole):len(whole)], make([]byte, rest)...), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := OpenReader(path)
		if err != nil {
			t.Fatal(err)
		}
		var seqs []uint64
		damages := 0
		for rec, err := range r.Records(t.Context(), Query{Reverse: true}) {
			damage, ok := errors.AsType[*CorruptionError](err)
			switch {
			case ok && damage.Offset == int64(len(whole)) && errors.Is(err, segment.ErrPartial):
				damages++
			case err != nil:
				t.Fatal(err)
			default:
				seqs = append(seqs, rec.Seq)
			}
		}
		if diff := cmp.Diff(seqs, []uint64{6, 5, 4, 3, 2}); diff != "" || damages != 1 {
			t.Errorf("with %d bytes behind the last line: %d damages, want 1 (-got +want):\n%s", rest, damages, diff)
		}
		groups, err := r.CountBy(t.Context(), Query{})
		if _, ok := errors.AsType[*CorruptionError](err); !ok || len(groups) != 1 || groups[0].Count != 5 {
			t.Errorf("with %d bytes behind the last line: counted %v, %v", rest, groups, err)
		}
	}
}
