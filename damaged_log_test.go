package etch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A damagedLog is a log whose segments somebody has changed, with indexes that
// were made of some of them before or after that.
type damagedLog struct {
	*drawnLog
	segments map[uint32][]byte // the rotated ones, as they are now
	indexed  map[uint32][]byte // what counted of them when their index was made
	refused  int               // segments that got no index
}

// drawDamage draws a log, damages its rotated segments, makes indexes, and damages
// them again.
func drawDamage(t *rapid.T) *damagedLog {
	l := &damagedLog{drawnLog: drawLog(t, 20), segments: map[uint32][]byte{}, indexed: map[uint32][]byte{}}
	l.Rotate()
	for n := uint32(1); n < l.Segment(); n++ {
		l.segments[n] = l.Files()[l.layout.Numbered(n)]
	}
	for range rapid.IntRange(0, 3).Draw(t, "damages before") {
		l.damage(t)
	}
	l.indexAll(t)
	for range pick(t, "damages after", 0, 0, 0, 1) {
		l.damage(t)
	}
	l.put(t)
	for n, before := range l.indexed {
		if now := l.counts(n); len(now) == len(before) && !bytes.Equal(now, before) { // it would answer for what it was
			if err := l.fs.Remove(l.layout.Path(l.layout.IndexOf(n))); err != nil {
				t.Fatal(err)
			}
		}
	}
	return l
}

// numbers are what is put for the number of a line or of a segment's first record:
// none, another's, or what is no number.
func (l *damagedLog) drawNumber(t *rapid.T) string {
	of := strconv.FormatUint(rapid.Uint64Range(0, l.Size()+3).Draw(t, "number"), 10)
	return pick(t, "as", of, of, of, of, strconv.FormatUint(math.MaxUint64, 10), "", "-1", `"1"`, "0"+of, "1.0")
}

// damage changes one or two segments.
func (l *damagedLog) damage(t *rapid.T) {
	segment := func(what string) uint32 {
		return rapid.SampledFrom(slices.Sorted(maps.Keys(l.segments))).Draw(t, what)
	}
	from, to := segment("from"), segment("to")
	a, b := slices.Collect(bytes.Lines(l.segments[from])), slices.Collect(bytes.Lines(l.segments[to]))
	if len(a) == 0 || len(b) == 0 {
		return
	}
	at := rapid.IntRange(0, len(a)-1).Draw(t, "line")
	line := a[at]
	place := rapid.IntRange(0, len(b)).Draw(t, "place")
	put := func(n uint32, lines [][]byte) { l.segments[n] = bytes.Join(lines, nil) }
	switch rapid.IntRange(0, 8).Draw(t, "damage") {
	case 0: // lost
		put(from, slices.Delete(a, at, min(at+rapid.IntRange(1, 3).Draw(t, "lines"), len(a))))
	case 1: // doubled
		put(from, slices.Insert(a, rapid.IntRange(0, len(a)).Draw(t, "copy at"), line))
	case 2: // copied to another
		put(to, slices.Insert(b, place, line))
	case 3: // moved
		if from != to {
			put(to, slices.Insert(b, place, line))
			put(from, slices.Delete(a, at, at+1))
		}
	case 4: // swapped
		other := rapid.IntRange(0, len(a)-1).Draw(t, "other line")
		a[at], a[other] = a[other], line
		put(from, a)
	case 5: // another number
		_, rest, ok := bytes.Cut(line, []byte{','})
		if ok {
			a[at] = fmt.Appendf(nil, `{"seq":%s,%s`, l.drawNumber(t), rest)
			put(from, a)
		}
	case 6: // another first number
		before, rest, ok := bytes.Cut(a[0], []byte(`"size":`))
		if end := bytes.IndexByte(rest, ','); ok && end > 0 {
			a[0] = fmt.Appendf(nil, `%s"size":%s%s`, before, l.drawNumber(t), rest[end:])
			put(from, a)
		}
	case 7: // in each other's place
		l.segments[from], l.segments[to] = l.segments[to], l.segments[from]
	case 8: // cut off
		put(from, a[:at])
	}
}

// put puts the segments in their place.
func (l *damagedLog) put(t *rapid.T) {
	l.flush(t)
	for n, data := range l.segments {
		overwrite(t, l.fs, l.layout.Path(l.layout.Numbered(n)), data)
	}
}

// indexAll makes the indexes that can be made, and puts them on record.
func (l *damagedLog) indexAll(t *rapid.T) {
	l.put(t)
	r := l.reader()
	v, err := r.view(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var m indexMaker
	for _, p := range v.parts {
		if p.file != nil || one(t, 5, "no index") {
			continue
		}
		made, err := m.index(r, v, p, func(int64) {})
		if err != nil {
			l.refused++
			continue
		}
		if err := r.placeIndex(made); err != nil {
			t.Fatal(err)
		}
		l.indexed[p.Number] = l.counts(p.Number)
		at := l.Offset()
		l.Control("log_indexed", made.on)
		if err := r.noteRecord(p.Number, l.Segment(), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.close(); err != nil {
		t.Fatal(err)
	}
}

// counts returns what counts of a segment: the next one may say where it ends.
func (l *damagedLog) counts(n uint32) []byte {
	active := l.Files()[l.layout.Active()]
	if n == l.Segment() {
		return active
	}
	data, next := l.segments[n], l.segments[n+1]
	if n+1 == l.Segment() {
		next = active
	}
	head, err := readBeginning(bytes.NewReader(next), int64(len(next)))
	if err != nil || head.recovered == nil || head.recovered.Segment != n {
		return data
	}
	return data[:min(int64(len(data)), head.recovered.Offset)]
}

// left decodes every line of the log that counts and can be read.
func (l *damagedLog) left() []*Record {
	var all []*Record
	for n := uint32(1); n <= l.Segment(); n++ {
		offset := int64(0)
		for line := range bytes.Lines(l.counts(n)) {
			r := &Record{Segment: int(n), Offset: offset}
			offset += int64(len(line))
			text, whole := bytes.CutSuffix(line, []byte("\n"))
			if whole && decodeLine(bytes.Clone(text), r) == nil {
				all = append(all, r)
			}
		}
	}
	return all
}

// TestAskedDamaged is TestAsked over logs that are damaged: forward and in reverse,
// with indexes and without, one plain loop over the lines that can be read says
// what the answer is.
func TestAskedDamaged(t *testing.T) {
	indexed, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		l := drawDamage(t)
		log := l.left()
		indexed, refused = indexed+len(l.indexed), refused+l.refused
		for range 4 {
			q := drawQuery(t, log)
			for _, q.Reverse = range []bool{false, true} {
				l.checkAnswers(t, &q, log)
			}
			l.checkCounts(t, &q, log)
		}
	})
	if indexed == 0 || refused == 0 {
		t.Errorf("%d segments got an index and %d none, want some of each", indexed, refused)
	}
}

// waysOf are the query with indexes and without. Why one is not used is not told
// here: it was damaged.
func waysOf(q *naiveQuery) []Query {
	without := q.Query
	without.NoIndex = true
	return []Query{q.Query, without}
}

// checkAnswers compares answers with what they should be, and what is told to be
// missing with each other.
func (l *damagedLog) checkAnswers(t *rapid.T, q *naiveQuery, log []*Record) {
	t.Helper()
	rows := q.rows(log)
	if q.Reverse {
		slices.Reverse(rows)
	}
	if q.Limit > 0 && len(rows) > q.Limit {
		rows = rows[:q.Limit]
	}
	var want []string
	for _, r := range rows {
		want = append(want, fmt.Sprintf("%d:%d %.200q", r.Segment, r.Offset, r.Raw))
	}
	var missing [2][]string
	for i, way := range waysOf(q) {
		var got []string
		for rec, err := range l.reader().Records(context.Background(), way) {
			if _, damage := errors.AsType[*CorruptionError](err); err != nil && !damage {
				t.Fatalf("%v (no index %v): %v", q, way.NoIndex, err)
			}
			switch {
			case err == nil:
				got = append(got, fmt.Sprintf("%d:%d %.200q", rec.Segment, rec.Offset, rec.Raw))
			case errors.Is(err, ErrMissing):
				missing[i] = append(missing[i], err.Error())
			}
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Fatalf("%v (no index %v), got before want: %s", q, way.NoIndex, diff)
		}
	}
	if diff := cmp.Diff(missing[0], missing[1]); diff != "" && q.Limit == 0 {
		t.Fatalf("%v: told to be missing, with index before without: %s", q, diff)
	}
}

// checkCounts compares counts with what they should be.
func (l *damagedLog) checkCounts(t *rapid.T, q *naiveQuery, log []*Record) {
	t.Helper()
	by := rapid.SliceOfN(rapid.SampledFrom(countable), 0, 2).Draw(t, "by")
	rows := q.rows(log)
	groups, bars := naiveGroups(rows, by), naiveBars(rows, time.Hour)
	for _, way := range waysOf(q) {
		got, err := l.reader().CountBy(context.Background(), way, by...)
		if _, damages := errors.AsType[*DamagesError](err); err != nil && !damages {
			t.Fatalf("%v by %v: %v", q, by, err)
		}
		found := map[string]uint64{}
		for _, g := range got {
			found[fmt.Sprintf("%q", g.Values)] += g.Count
		}
		if diff := cmp.Diff(found, groups); diff != "" {
			t.Fatalf("%v by %v (no index %v), got before want: %s", q, by, way.NoIndex, diff)
		}
		histogram, err := l.reader().Histogram(context.Background(), way, time.Hour, time.UTC)
		if _, damages := errors.AsType[*DamagesError](err); err != nil && !damages {
			t.Fatalf("%v: %v", q, err)
		}
		if diff := cmp.Diff(histogram, bars); diff != "" {
			t.Fatalf("%v (no index %v), got before want: %s", q, way.NoIndex, diff)
		}
	}
}
