package etch

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestAsked asks random queries of random logs, and compares what comes with
// what a plain loop over all lines makes of them: with the indexes that there
// are, and without.
func TestAsked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLog(t, 25)
		indexed := pick(t, "indexed", 15, 15, rapid.Uint32Range(0, 15).Draw(t, "segments"))
		l.index(t, func(segment uint32) bool { return indexed>>(segment-1)&1 == 1 })
		log := l.records(t)
		for range 6 {
			q := drawQuery(t, log)
			checkAnswers(t, l.reader(), &q, log)
			checkCounts(t, l.reader(), &q, log)
		}
	})
}

// checkAnswers compares the answers to a query with what it means.
func checkAnswers(t rapid.TB, r *Reader, q *naiveQuery, log []*Record) {
	t.Helper()
	want := q.rows(log)
	if q.Reverse {
		slices.Reverse(want)
	}
	if q.Limit > 0 && len(want) > q.Limit {
		want = want[:q.Limit]
	}
	for _, way := range ways(t, q) {
		var got []*Record
		for rec, err := range r.Records(context.Background(), way) {
			if err != nil {
				t.Fatalf("%v: %v", q, err)
			}
			if q.LinesOnly {
				rec.Raw = bytes.Clone(rec.Raw) // it is valid until the next record
			}
			got = append(got, &rec)
		}
		for i := range max(len(got), len(want)) {
			switch {
			case i >= len(got):
				t.Fatalf("%v (no index %v): got %d records, want %d; the first that is missing is %.400q", q, way.NoIndex, len(got), len(want), want[i].Raw)
			case i >= len(want):
				t.Fatalf("%v (no index %v): got %d records, want %d; the first that is too many is %.400q", q, way.NoIndex, len(got), len(want), got[i].Raw)
			case !bytes.Equal(got[i].Raw, want[i].Raw) || got[i].Offset != want[i].Offset || got[i].Segment != want[i].Segment || got[i].Seq != want[i].Seq:
				t.Fatalf("%v (no index %v): record %d:\n got %d:%d %.400q\nwant %d:%d %.400q", q, way.NoIndex, i, got[i].Segment, got[i].Offset, got[i].Raw, want[i].Segment, want[i].Offset, want[i].Raw)
			case (!q.LinesOnly || q.Match != nil) && !reflect.DeepEqual(got[i], want[i]):
				t.Fatalf("%v: record %d: %s", q, i, cmp.Diff(want[i], got[i]))
			}
		}
	}
}

// ways returns a query as it is, and without indexes where that is asked too.
func ways(t rapid.TB, q *naiveQuery) []Query {
	with, without := q.Query, q.Query
	with.Notify = func(s string) { t.Errorf("%v: %s", q, s) }
	without.NoIndex = true
	if q.indexed {
		return []Query{with}
	}
	return []Query{with, without}
}

// countable are the fields that records are counted by here.
var countable = []string{"user", "type", "risk", "result", "session", "tool", "command", "violation", "exit_code", "phase", "agent", "text", "risk_reason", "arguments", "duration", "label.team"}

// checkCounts compares counts with what they should be.
func checkCounts(t *rapid.T, r *Reader, q *naiveQuery, log []*Record) {
	t.Helper()
	checkCount(t, r, q, log, rapid.SliceOfN(rapid.SampledFrom(countable), 0, 3).Draw(t, "by"))
	step := pick(t, "step", time.Minute, time.Hour, 7*time.Hour, 24*time.Hour, 7*24*time.Hour)
	bars := naiveBars(q.rows(log), step)
	for _, way := range ways(t, q) {
		histogram, err := r.Histogram(context.Background(), way, step, time.UTC)
		if err != nil {
			t.Fatalf("%v each %v: %v", q, step, err)
		}
		if diff := cmp.Diff(histogram, bars); diff != "" {
			t.Fatalf("%v each %v (no index %v), got before want: %s", q, step, way.NoIndex, diff)
		}
	}
}

// checkCount compares the groups by some fields with what they should be.
func checkCount(t rapid.TB, r *Reader, q *naiveQuery, log []*Record, by []string) {
	t.Helper()
	groups := naiveGroups(q.rows(log), by)
	for _, way := range ways(t, q) {
		got, err := r.CountBy(context.Background(), way, by...)
		if err != nil {
			t.Fatalf("%v by %v: %v", q, by, err)
		}
		found := map[string]uint64{}
		for i, g := range got {
			found[fmt.Sprintf("%q", g.Values)] += g.Count
			if i > 0 && g.Count > got[i-1].Count {
				t.Fatalf("%v by %v: %v comes behind %v", q, by, g, got[i-1])
			}
		}
		if len(got) != len(groups) || !cmp.Equal(found, groups) {
			t.Fatalf("%v by %v (no index %v), got before want: %s", q, by, way.NoIndex, cmp.Diff(found, groups))
		}
	}
}

// naiveGroups counts records by the first values of fields.
func naiveGroups(rows []*Record, by []string) map[string]uint64 {
	groups := map[string]uint64{}
	for _, r := range rows {
		values := make([]string, len(by))
		for i, name := range by {
			if f := naiveFields[name]; name == "label.team" {
				values[i] = naiveLabel("team").first(r)
			} else {
				values[i] = f.first(r)
			}
		}
		groups[fmt.Sprintf("%q", values)]++
	}
	return groups
}

// naiveBars counts records by days of UTC that are divided into steps, or of
// which each or each Monday begins one.
func naiveBars(rows []*Record, step time.Duration) []Bar {
	steps := map[time.Time]uint64{}
	for _, r := range rows {
		at := r.Event.Timestamp.UTC()
		begin := at.Truncate(24 * time.Hour)
		if step < 24*time.Hour {
			for !begin.Add(step).After(at) {
				begin = begin.Add(step)
			}
		}
		for step > 24*time.Hour && begin.Weekday() != time.Monday {
			begin = begin.Add(-24 * time.Hour)
		}
		steps[begin]++
	}
	bars := []Bar{}
	for from, n := range steps {
		bars = append(bars, Bar{from, n})
	}
	slices.SortFunc(bars, func(a, b Bar) int { return a.From.Compare(b.From) })
	return bars
}

// TestCallsOverSegments has a call for each way in which its records may lie in
// three segments, each of them indexed or not.
func TestCallsOverSegments(t *testing.T) {
	patterns := []string{"", "A", "C", "AA", "AC", "CA", "ACA"} // an index holds no more calls than these
	for indexed := range uint32(8) {
		if testing.Short() && indexed != 0 && indexed != 2 && indexed != 7 {
			continue
		}
		l := newDrawnLog(t, true)
		for segment := range 3 {
			for call := range len(patterns) * len(patterns) * len(patterns) {
				n := call
				for range segment {
					n /= len(patterns)
				}
				for i, c := range patterns[n%len(patterns)] {
					ev := &Event{Timestamp: naiveNow, ID: fmt.Sprint(segment, i), Type: ToolCall, CallID: fmt.Sprint("call", call), Phase: Attempt}
					if c == 'C' {
						ev.Phase = Completion
					}
					ev.Actor = &Actor{Username: fmt.Sprint("user", call%5)}
					l.Line(encode(ev))
				}
			}
			l.Rotate()
		}
		l.index(t, func(segment uint32) bool { return indexed>>(segment-1)&1 == 1 })
		log := l.records(t)
		where := func(text string) naiveQuery {
			f, err := ParseFilter(text, naiveNow)
			if err != nil {
				t.Fatal(err)
			}
			return naiveQuery{Query{Where: f}, condition{text, f.Match, false}, false}
		}
		queries := []naiveQuery{{}, where("phase = attempt and user = user3"), where("user = user2 and seq > 600")}
		for part := range 4 { // the log as it was within each segment, and at its end
			then := where("user != user1")
			then.Before = Some(log[(len(log)-1)*(part+1)/4].Seq)
			queries = append(queries, then)
		}
		for _, q := range queries {
			for _, q.Reverse = range []bool{false, true} {
				checkAnswers(t, l.reader(), &q, log)
			}
			checkCount(t, l.reader(), &q, log, []string{"phase"})
		}
	}
}

// largeLog makes a log of segments with blocks enough for the parts of an index
// that small ones do without.
func largeLog(t *testing.T) (*drawnLog, []*Record) {
	t.Helper()
	l := newDrawnLog(t, false)
	seed := time.Now().Nanosecond()
	t.Logf("seed %d", seed)
	short := rapid.Custom(randomEventOf).Filter(func(ev *Event) bool { return len(encode(ev)) < 1000 })
	templates := rapid.SliceOfN(short, 60, 60).Example(seed)
	for i := range 5_800 {
		if i == 4300 || i == 5300 {
			l.Rotate()
		}
		ev := *templates[i*i%len(templates)]
		ev.ID = fmt.Sprint("evt_", i)
		ev.Timestamp = time.Date(2026, 2, 16, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * 30 * time.Second)
		if ev.Action != nil && i%11 == 0 {
			action := *ev.Action
			action.Command = strings.TrimSpace(fmt.Sprintf("%s go test ./pkg%d", action.Command, i/500))
			ev.Action = &action
		}
		if i%5 == 0 {
			ev.Phase, ev.CallID = [...]Phase{Attempt, Completion}[i/5%2], fmt.Sprint("call", i/10%700*(1+i/5000))
		}
		l.Line(encode(&ev))
	}
	l.index(t, func(uint32) bool { return true })
	return l, l.records(t)
}

// TestAskedLarge is TestAsked over a log with large segments, by their indexes.
func TestAskedLarge(t *testing.T) {
	l, log := largeLog(t)
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuery(t, log)
		q.indexed = true
		if rapid.Bool().Draw(t, "counted") {
			checkCounts(t, l.reader(), &q, log)
		} else {
			checkAnswers(t, l.reader(), &q, log)
		}
	})
}
