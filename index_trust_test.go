package etch

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/index"
)

// A trustLog is a log of rotated segments with indexes, and what is asked of it.
type trustLog struct {
	*drawnLog
	wheres []*Filter
	right  []string // the answers
	told   []string // what the last answers' Notify heard
}

// trustAsked are questions that an index answers by its columns, its postings,
// its calls and its times.
var trustAsked = []string{
	"user = alice", "risk >= high and not failed", "session = s3", "text ~ 'needle' and user = bob",
	"time >= '2026-02-16 00:30' and time < '2026-02-16 00:40'", "type = log_sealed",
}

func newTrustLog(t *testing.T, segments int) *trustLog {
	t.Helper()
	l := &trustLog{drawnLog: newDrawnLog(t, false)}
	for i := range 80 * segments {
		if i%80 == 0 && i > 0 {
			l.Rotate()
		}
		ev := &Event{
			Timestamp: time.Date(2026, 2, 16, 0, i, 0, 0, time.UTC), ID: fmt.Sprint("evt_", i), Type: CommandExecution,
			SessionID: fmt.Sprint("s", i/20),
			Actor:     &Actor{Username: [...]string{"alice", "bob", "carol", "dave", "erin", "frank", "grace"}[i%7]},
			Action:    &Action{Tool: "shell", Command: fmt.Sprintf("echo needle%d", i%13), Risk: risks[i%11%4], Allowed: true},
			Result:    &Result{Type: outcomes[i%9%5]},
		}
		if i%3 == 0 {
			ev.Phase, ev.CallID = [...]Phase{Attempt, Completion}[i/3%2], fmt.Sprint("c", i/6%50)
		}
		l.Line(encode(ev))
	}
	l.Rotate()
	l.index(t, func(uint32) bool { return true })
	for i, expr := range trustAsked {
		where, err := ParseFilter(expr, naiveNow)
		if err != nil {
			t.Fatal(err)
		}
		l.wheres = append(l.wheres, where)
		l.right = append(l.right, l.answer(t, i, true))
	}
	if l.check(t, "with indexes"); len(l.told) > 0 {
		t.Fatalf("an index is not used: %q", l.told)
	}
	return l
}

// answer returns what a question is answered.
func (l *trustLog) answer(t *testing.T, i int, noIndex bool) string {
	t.Helper()
	r := l.reader()
	q := Query{
		Where: l.wheres[i], NoIndex: noIndex, LinesOnly: true, Reverse: i%2 == 0,
		Notify: func(s string) { l.told = append(l.told, s) }, // one call at a time: there is one segment to be told of
	}
	var b strings.Builder
	for rec, err := range r.Records(context.Background(), q) {
		if err != nil {
			t.Fatalf("%s: %v", trustAsked[i], err)
		}
		fmt.Fprintf(&b, "%d:%d ", rec.Segment, rec.Seq)
	}
	groups, err := r.CountBy(context.Background(), q, "user", "risk")
	if err != nil {
		t.Fatalf("%s: %v", trustAsked[i], err)
	}
	return fmt.Sprint(b.String(), groups)
}

// check compares the answers to all questions, or to some, with the right ones.
func (l *trustLog) check(t *testing.T, what string, some ...int) {
	t.Helper()
	l.told = nil
	for i, expr := range trustAsked {
		if len(some) > 0 && !slices.Contains(some, i) {
			continue
		}
		if got := l.answer(t, i, false); got != l.right[i] {
			t.Fatalf("%s: %s: got %s, want %s", what, expr, got, l.right[i])
		}
	}
}

// refused checks that the answers are right, and that Notify heard why an index
// was not used.
func (l *trustLog) refused(t *testing.T, what, why string) {
	t.Helper()
	l.check(t, what)
	if !slices.ContainsFunc(l.told, func(s string) bool { return strings.Contains(s, why) }) {
		t.Errorf("%s: Notify heard %q, want something of %q", what, l.told, why)
	}
}

func (l *trustLog) write(t *testing.T, name string, data []byte) {
	t.Helper()
	overwrite(t, l.fs, l.layout.Path(name), data)
}

func (l *trustLog) read(t *testing.T, name string) []byte {
	t.Helper()
	f, err := l.fs.OpenFile(l.layout.Path(name), os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	size, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, size)
	if _, err := f.ReadAt(data, 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return data
}

// TestIndexDamage flips each byte of an index, and cuts it at each length. No
// answer may be another one. With -short it does so at some bytes.
func TestIndexDamage(t *testing.T) {
	l := newTrustLog(t, 1)
	name := l.layout.IndexOf(1)
	whole := l.read(t, name)
	step, first := 1, 0
	if testing.Short() {
		step = 29
		first = rand.IntN(step)
		t.Logf("from byte %d of %d", first, len(whole))
	}
	heard := 0
	for i := first; i < len(whole); i += step {
		one, other := i%len(trustAsked), (i+1)%len(trustAsked)
		damaged := bytes.Clone(whole)
		damaged[i] ^= 1 << rand.IntN(8)
		l.write(t, name, damaged)
		l.check(t, fmt.Sprintf("byte %d is %#x", i, damaged[i]), one)
		if len(l.told) > 0 {
			heard++
		}
		l.write(t, name, whole[:i])
		l.check(t, fmt.Sprintf("cut at %d", i), other)
		if len(l.told) == 0 {
			t.Fatalf("cut at %d: Notify heard of nothing", i)
		}
	}
	if heard == 0 {
		t.Error("Notify never heard of the damage")
	}
	l.write(t, name, append(bytes.Clone(whole), 0))
	l.refused(t, "a byte more", "not used")
}

// TestIndexForged puts other indexes in the place of the right one: consistent in
// themselves, and not what the log has on record.
func TestIndexForged(t *testing.T) {
	l := newTrustLog(t, 3)
	one, two := l.read(t, l.layout.IndexOf(1)), l.read(t, l.layout.IndexOf(2))
	atOne, atTwo := l.read(t, l.layout.RecordOf(1)), l.read(t, l.layout.RecordOf(2))
	forged := l.forge(t, 1)
	if bytes.Equal(forged, one) {
		t.Fatal("the forged index is the right one")
	}

	l.write(t, l.layout.IndexOf(1), forged)
	l.refused(t, "a forged index", "on record")
	l.write(t, l.layout.RecordOf(1), atTwo)
	l.refused(t, "a forged index, with the record of another", "on record")
	l.write(t, l.layout.IndexOf(1), two)
	l.refused(t, "the index of another segment, with its record", "segment 2")
	l.write(t, l.layout.RecordOf(1), atOne)
	l.refused(t, "the index of another segment", "segment 2")
	l.write(t, l.layout.IndexOf(1), one)
	l.check(t, "the right index again")
	if len(l.told) > 0 {
		t.Errorf("the right index is not used: %q", l.told)
	}
}

// forge makes an index of a segment that knows the user bob by no line of it.
func (l *trustLog) forge(t *testing.T, number uint32) []byte {
	t.Helper()
	data := l.Files()[l.layout.Numbered(number)]
	var b *index.Builder
	x := newIndexer()
	for line := range bytes.Lines(data) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		var r Record
		if err := decodeLine(bytes.Clone(line), &r); err != nil {
			t.Fatal(err)
		}
		if b == nil {
			b = index.NewBuilder(indexSpec, number, r.Seq)
		}
		row, err := x.read(bytes.ReplaceAll(line, []byte(`"bob"`), []byte(`"eve"`)))
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Add(line, row); err != nil {
			t.Fatal(err)
		}
	}
	var file bytes.Buffer
	if _, err := b.Finish(&file); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// TestIndexRecordWrong gives the file that says where an index is on record
// other contents. The index is then not used, but for one that says the same.
func TestIndexRecordWrong(t *testing.T) {
	l := newTrustLog(t, 3)
	name := l.layout.RecordOf(1)
	right := l.read(t, name)
	for _, text := range []string{
		"", "\n", "4", "4 ", "x y\n", "-1 0\n", "4 -7\n", "99 0\n", "1 0\n", "4 0\n", "4 1\n", "4 99999999\n", "4 9223372036854775807\n",
		"4 9223372036854775808\n", "4294967297 0\n", strings.Repeat("9", 100), "1 " + strings.Repeat("0", 100), "\x00\xff",
	} {
		l.write(t, name, []byte(text))
		l.refused(t, fmt.Sprintf("a record at %q", text), "no record")
	}
	for i := range right {
		for _, c := range "09 -\n" {
			wrong := bytes.Clone(right)
			wrong[i] = byte(c)
			l.write(t, name, wrong)
			l.check(t, fmt.Sprintf("a record at %q", wrong))
		}
	}
	if err := l.fs.Remove(l.layout.Path(name)); err != nil {
		t.Fatal(err)
	}
	l.refused(t, "no record", "no record")
}

// TestIndexRecordInside points to a record of a forged index that an agent had
// written where any JSON may stand: in its arguments.
func TestIndexRecordInside(t *testing.T) {
	l := newTrustLog(t, 3)
	forged := l.forge(t, 1)
	l.write(t, l.layout.IndexOf(1), forged)
	x, err := index.Open(bytes.NewReader(forged), int64(len(forged)), indexSpec)
	if err != nil {
		t.Fatal(err)
	}
	inner := fmt.Sprintf(`{"seq":1,"timestamp":"2026-02-16T00:00:00.000000Z","event_type":"log_indexed","log":{"segment":1,"lines":82,"bytes":%d,"digest":"%x"}}`,
		x.Bytes(), x.Digest())
	if !json.Valid([]byte(inner)) {
		t.Fatal("bad test")
	}
	at := l.Offset()
	l.Line(encode(&Event{Timestamp: naiveNow, ID: "evt_x", Type: ToolCall, Action: &Action{Arguments: json.RawMessage(inner)}}))
	l.flush(t)
	line := l.Files()[l.layout.Active()][at:]
	l.write(t, l.layout.RecordOf(1), fmt.Appendf(nil, "%d %d\n", l.Segment(), at+int64(bytes.Index(line, []byte(inner)))))
	l.refused(t, "a record inside of an event", "no record")
}
