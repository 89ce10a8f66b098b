package index_test

import (
	"bytes"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/etch-audit/etch/internal/filter"
	"github.com/etch-audit/etch/internal/index"
	"github.com/etch-audit/etch/internal/merkle"
)

// The fields of the tests.
const (
	fieldTime = iota
	fieldType
	fieldRisk
	fieldViolation
	fieldOutcome
	fieldTool
	fieldTag // several values
	fieldUser
	fieldUserID
	fieldChannel
	fieldSession
	fieldText
	fieldCommand
	fieldResource
	fieldCwd // in no column and not in the texts
	fieldExit
	fieldLabel
	fieldCount
)

var schema = &filter.Schema{Fields: []filter.Field{
	{Name: "time", Kind: filter.Time},
	{Name: "type"},
	{Name: "risk", Kind: filter.Level, Values: []string{"low", "medium", "high", "critical"}},
	{Name: "violation", Kind: filter.Flag},
	{Name: "outcome"},
	{Name: "tool"},
	{Name: "tag"},
	{Name: "user", Fold: func(s string) string { return strings.TrimPrefix(s, "@") }},
	{Name: "user_id"},
	{Name: "channel"},
	{Name: "session"},
	{Name: "text"},
	{Name: "command"},
	{Name: "resource", Fold: func(s string) string { return strings.TrimPrefix(s, "file:") }},
	{Name: "cwd"},
	{Name: "exit", Kind: filter.Number},
	{Name: "label", Keyed: true},
}}

// spec returns what the tests' indexes hold.
func spec() *index.Spec {
	return &index.Spec{
		Version: 1,
		Schema:  schema,
		Columns: []index.Column{
			{Fields: []int{fieldType, fieldRisk, fieldViolation, fieldOutcome, fieldTool, fieldTag}},
			{Fields: []int{fieldUser, fieldUserID, fieldChannel}, Postings: true},
			{Fields: []int{fieldSession}},
		},
		Pairs:   []index.Pair{{Of: 0, By: 1}},
		Text:    fieldText,
		Subsets: []int{fieldCommand, fieldResource},
		Time:    fieldTime,
	}
}

// A record is what the tests know of a line.
type record struct {
	line    string
	time    time.Time
	hasTime bool
	values  [fieldCount][]string
	text    []string // values of fieldText
	exit    int64
	hasExit bool
	call    string
	phase   index.Phase
	also    string
}

func (r *record) set(field int, values ...string) { r.values[field] = values }

// one returns a field's value, "" where it has none.
func (r *record) one(field int) string {
	if len(r.values[field]) == 0 {
		return ""
	}
	return r.values[field][0]
}

// Texts implements filter.Row.
func (r *record) Texts(field int, _ string, holds func(string) bool) bool {
	if field == fieldText {
		return slices.ContainsFunc(r.text, holds)
	}
	return slices.ContainsFunc(r.values[field], holds)
}

// Number implements filter.Row.
func (r *record) Number(int) (int64, bool) { return r.exit, r.hasExit }

// Time implements filter.Row.
func (r *record) Time(int) (time.Time, bool) { return r.time, r.hasTime }

// Flag implements filter.Row.
func (r *record) Flag(field int) (value, ok bool) {
	v := r.one(field)
	return v == "true", v != ""
}

// row returns what the index is told.
func (r *record) row() *index.Row {
	row := &index.Row{HasTime: r.hasTime, Call: []byte(r.call), Phase: r.phase, Also: []byte(r.also)}
	if r.hasTime {
		row.Time = r.time.UnixMicro()
	}
	var terms [fieldCount][][]byte
	for field, values := range r.values {
		for _, v := range values {
			terms[field] = append(terms[field], []byte(v))
		}
	}
	row.Terms = func(field int) [][]byte { return terms[field] }
	for _, t := range r.text {
		row.Text = append(row.Text, []byte(t))
	}
	return row
}

const firstSeq = 1000

// build returns the index of some records, and its digest.
func build(t rapid.TB, spec *index.Spec, records []*record) (file []byte, digest [32]byte) {
	t.Helper()
	b := index.NewBuilder(spec, 7, firstSeq)
	for _, r := range records {
		if err := b.Add([]byte(r.line), r.row()); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	digest, err := b.Finish(&out)
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), digest
}

func open(t rapid.TB, file []byte, spec *index.Spec) *index.Reader {
	t.Helper()
	x, err := index.Open(bytes.NewReader(file), int64(len(file)), spec)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// take returns the next n records of a trail.
func (t *trail) take(n int) []*record {
	records := make([]*record, n)
	for i := range records {
		records[i] = t.next()
	}
	return records
}

func TestHeader(t *testing.T) {
	records := newTrail(1, time.Second).take(1000)
	file, digest := build(t, spec(), records)
	x := open(t, file, spec())
	if got := x.Digest(); got != digest {
		t.Errorf("digest %x, want %x", got, digest)
	}
	size := int64(0)
	for _, r := range records {
		size += int64(len(r.line)) + 1
	}
	if x.Segment() != 7 || x.FirstSeq() != firstSeq || x.Lines() != 1000 || x.Bytes() != size {
		t.Errorf("segment %d from %d with %d lines of %d bytes, want 7 from %d with 1000 of %d", x.Segment(), x.FirstSeq(), x.Lines(), x.Bytes(), firstSeq, size)
	}
	if err := x.Verify(); err != nil {
		t.Error(err)
	}
	again, _ := build(t, spec(), records)
	if !bytes.Equal(file, again) {
		t.Error("the same lines give another file")
	}
}

func TestPlaces(t *testing.T) {
	records := newTrail(2, time.Second).take(700)
	records[300].line = ""
	records[301].line = strings.Repeat("x", 70_000)
	file, _ := build(t, spec(), records)
	x := open(t, file, spec())
	at := int64(0)
	var want [][2]int64
	for _, r := range records {
		want = append(want, [2]int64{at, int64(len(r.line))})
		at += int64(len(r.line)) + 1
	}
	for name, rows := range map[string][]int{
		"all": seq(0, 700, 1), "none": nil, "one of each block": {255, 256, 600}, "the last": {699}, "far apart": {0, 699}, "some": seq(3, 700, 7),
	} {
		for _, backward := range []bool{false, true} {
			rows := slices.Clone(rows)
			if backward {
				slices.Reverse(rows)
			}
			var wanted [][2]int64
			for _, row := range rows {
				wanted = append(wanted, want[row])
			}
			if diff := cmp.Diff(places(t, x, x.Of(rows...), backward), wanted); diff != "" {
				t.Errorf("%s, backward %v, got before want: %s", name, backward, diff)
			}
		}
	}
}

// seq returns the numbers from ≤ n < to in steps.
func seq(from, to, step int) (numbers []int) {
	for n := from; n < to; n += step {
		numbers = append(numbers, n)
	}
	return numbers
}

// places returns where the lines of rows stand, and their lengths.
func places(t testing.TB, x *index.Reader, rows *index.Rows, backward bool) (list [][2]int64) {
	t.Helper()
	err := x.Places(rows, backward, func(offset int64, length int) { list = append(list, [2]int64{offset, int64(length)}) })
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestSubtree(t *testing.T) {
	records := newTrail(3, time.Second).take(1000)
	file, _ := build(t, spec(), records)
	x := open(t, file, spec())
	from, to := x.Subtrees()
	if from != 4 || to != 7 { // leaves 1000 to 1999: 1024 to 1791
		t.Fatalf("subtrees %d to %d, want 4 to 7", from, to)
	}
	hasher := merkle.NewLeafHasher()
	for n := from; n < to; n++ {
		var leaves []merkle.Hash
		for seq := n * 256; seq < (n+1)*256; seq++ {
			leaves = append(leaves, hasher.Leaf([]byte(records[seq-firstSeq].line)))
		}
		got, err := x.Subtree(n)
		if err != nil {
			t.Fatal(err)
		}
		if want := merkle.NewHasher().Subtree(leaves); got != want {
			t.Errorf("subtree %d is %v, want %v", n, got, want)
		}
	}
	for _, n := range []uint64{from - 1, to} {
		if _, err := x.Subtree(n); err == nil {
			t.Errorf("there is a subtree %d", n)
		}
	}
}

// TestSize holds the promise of three percent, for segments as they are and
// for ones whose columns get out of hand.
func TestSize(t *testing.T) {
	make := map[string]func(i int, r *record){
		"realistic": func(int, *record) {},
		"a session each, long names": func(i int, r *record) {
			r.set(fieldSession, strings.Repeat("s", 40)+strconv.Itoa(i))
		},
		"a user each": func(i int, r *record) { r.set(fieldUser, "user"+strconv.Itoa(i)) },
		"random text": func(i int, r *record) {
			x := newTrail(uint64(i), time.Second)
			r.text = []string{x.word(300)}
		},
		"attempts without end": func(i int, r *record) { r.call, r.phase = strconv.Itoa(i), index.Attempt },
		"short lines":          func(_ int, r *record) { r.line = r.line[:120] },
	}
	for name, change := range make {
		t.Run(name, func(t *testing.T) {
			records := newTrail(4, time.Second).take(20_000)
			raw := 0
			for i, r := range records {
				change(i, r)
				raw += len(r.line) + 1
			}
			file, _ := build(t, spec(), records)
			t.Logf("%d lines of %d bytes: %d of index, %.2f %%, %.1f a line", len(records), raw/len(records), len(file), 100*float64(len(file))/float64(raw), float64(len(file))/float64(len(records)))
			if 100*len(file) > 3*raw {
				t.Errorf("the index has %d bytes, of %d more than 3 %%", len(file), raw)
			}
		})
	}
}

// TestBuilderAllocates holds that building costs no allocation a row, and
// memory in proportion to the rows.
func TestBuilderAllocates(t *testing.T) {
	records := newTrail(4, time.Second).take(20_000)
	var rows []*index.Row
	for i, r := range records {
		r.call, r.phase = strconv.Itoa(i/2), index.Attempt+index.Phase(i%2)
		rows = append(rows, r.row())
	}
	var line [512]byte
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b := index.NewBuilder(spec(), 1, 0)
	for _, row := range rows {
		if err := b.Add(line[:], row); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Finish(io.Discard); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	allocs, size := after.Mallocs-before.Mallocs, after.TotalAlloc-before.TotalAlloc
	if n := uint64(len(rows)); allocs > n/5 || size > n*400 {
		t.Errorf("%d rows take %d allocations of %d bytes, want at most %d of %d", n, allocs, size, n/5, n*400)
	}
}
