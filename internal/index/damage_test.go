package index_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgregory.net/rapid"

	"github.com/etch-audit/etch/internal/filter"
	"github.com/etch-audit/etch/internal/index"
)

// An answer is all that an index tells.
type answer struct {
	Rows      [][]int
	Sure      [][]int
	Rough     [][]int
	Lines     [][2]int64
	Counts    map[string]int
	Calls     [][]int
	Dangling  []index.Dangling
	Orphans   []index.ID
	Subtrees  []string
	Segment   uint32
	FirstSeq  uint64
	RawBytes  int64
	RowNumber int
}

var asked = []string{
	"user = alice", "risk >= high", "violation", "session != s1", "command ~ index", "time >= 2026-02-16T00:03:00Z",
	"time < 2026-02-16T00:03:00Z or user = bob", "text ~ 'xyz' and user != carol",
}

// ask asks an index everything. The error is the first that it returns.
func ask(x *index.Reader, expressions []filter.Expr) (a answer, err error) {
	for _, e := range expressions {
		rows, err := x.Search(e)
		if err != nil {
			return a, err
		}
		rough, err := x.Candidates(e, x.Lines())
		if err != nil {
			return a, err
		}
		a.Rough = append(a.Rough, slices.Collect(rough.All()))
		a.Rows, a.Sure = append(a.Rows, slices.Collect(rows.All())), append(a.Sure, slices.Collect(rows.Sure().All()))
	}
	a.Counts = make(map[string]int)
	all, err := x.Search(nil)
	if err != nil {
		return a, err
	}
	err = x.Places(all, false, func(offset int64, length int) { a.Lines = append(a.Lines, [2]int64{offset, int64(length)}) })
	if err != nil {
		return a, err
	}
	for _, rows := range []*index.Rows{all, all.Range(1, x.Lines())} {
		err = x.CountBy(rows, []int{fieldUser, fieldRisk}, func(values []string, n int) { a.Counts[values[0]+values[1]] += n })
		if err != nil && !errors.Is(err, index.ErrNotHeld) {
			return a, err
		}
	}
	for _, e := range expressions {
		err = x.Count(e, []int{fieldUser}, func(values []string, n int) { a.Counts["counted "+values[0]] += n })
		if err != nil && !errors.Is(err, index.ErrNotHeld) {
			return a, err
		}
	}
	calls, err := x.Calls()
	if err != nil && !errors.Is(err, index.ErrNotHeld) {
		return a, err
	}
	if err == nil {
		a.Calls, a.Dangling, a.Orphans = [][]int{slices.Collect(calls.Completed.All())}, calls.Dangling, calls.Orphans
	}
	from, to := x.Subtrees()
	for n := from; n < to; n++ {
		h, err := x.Subtree(n)
		if err != nil {
			return a, err
		}
		a.Subtrees = append(a.Subtrees, h.String())
	}
	a.Segment, a.FirstSeq, a.RawBytes, a.RowNumber = x.Segment(), x.FirstSeq(), x.Bytes(), x.Lines()
	return a, nil
}

func expressions(t rapid.TB) (all []filter.Expr) {
	for _, text := range asked {
		all = append(all, parse(t, text))
	}
	return append(all, nil)
}

// small returns records enough for two blocks and a subtree, and few
// texts, so that the index is small.
func small() []*record {
	records := newTrail(9, time.Second).take(300)
	for i, r := range records {
		r.text = r.text[:1]
		if len(r.text[0]) > 12 {
			r.text[0] = r.text[0][:12]
		}
		r.set(fieldUserID)
		r.call, r.phase = r.one(fieldSession), index.Phase(i%5)
		if r.phase > index.Guess {
			r.phase = index.NoPhase
		}
	}
	return records
}

// TestEveryByteFlipped holds that no change of the file goes unnoticed where it
// matters: every answer is the right one, or there is none.
func TestEveryByteFlipped(t *testing.T) {
	file, _ := build(t, spec(), small())
	all := expressions(t)
	want, err := ask(open(t, file, spec()), all)
	if err != nil {
		t.Fatal(err)
	}
	step := 1
	if testing.Short() {
		step = 17
	}
	unnoticed := 0
	for at := 0; at < len(file); at += step {
		bad := slices.Clone(file)
		bad[at] ^= 1 << (at % 8)
		got, err := judge(bad, all)
		switch {
		case err == nil && !cmp.Equal(got, want):
			t.Fatalf("a change of byte %d of %d: another answer, and it went unreported", at, len(file))
		case err == nil:
			unnoticed++
		case !errors.Is(err, index.ErrDamaged) && !errors.Is(err, index.ErrOther):
			t.Fatalf("a change of byte %d: %v", at, err)
		}
		if x, err := index.Open(bytes.NewReader(bad), int64(len(bad)), spec()); err == nil && x.Verify() == nil {
			t.Fatalf("a change of byte %d passes Verify", at)
		}
	}
	t.Logf("%d bytes, of which %d were not looked at", len(file), unnoticed)
}

// judge opens an index and asks it everything.
func judge(file []byte, all []filter.Expr) (answer, error) {
	x, err := index.Open(bytes.NewReader(file), int64(len(file)), spec())
	if err != nil {
		return answer{}, err
	}
	return ask(x, all)
}

func TestEveryLengthCut(t *testing.T) {
	file, _ := build(t, spec(), small())
	for n := range file {
		if _, err := index.Open(bytes.NewReader(file[:n]), int64(n), spec()); !errors.Is(err, index.ErrDamaged) {
			t.Fatalf("cut to %d bytes: %v, want %v", n, err, index.ErrDamaged)
		}
		if n%16 == 0 { // and cut after its size was asked for
			x, err := index.Open(bytes.NewReader(file[:n]), int64(len(file)), spec())
			if err == nil {
				err = x.Verify()
			}
			wantError(t, "cut while it is read", err, index.ErrDamaged)
		}
	}
	long := append(slices.Clone(file), 0)
	_, err := index.Open(bytes.NewReader(long), int64(len(long)), spec())
	wantError(t, "one byte more", err, index.ErrDamaged)
}

func TestOther(t *testing.T) {
	file, _ := build(t, spec(), small())
	for name, change := range map[string]func(*index.Spec){
		"version":   func(s *index.Spec) { s.Version++ },
		"columns":   func(s *index.Spec) { s.Columns = s.Columns[:2] },
		"postings":  func(s *index.Spec) { s.Columns[1].Postings = false },
		"fields":    func(s *index.Spec) { s.Columns[1].Fields = s.Columns[1].Fields[:1] },
		"order":     func(s *index.Spec) { slices.Reverse(s.Columns[1].Fields) },
		"text":      func(s *index.Spec) { s.Text = fieldCommand },
		"subsets":   func(s *index.Spec) { s.Subsets = s.Subsets[:1] },
		"no subset": func(s *index.Spec) { s.Subsets = nil },
	} {
		s := spec()
		change(s)
		_, err := index.Open(bytes.NewReader(file), int64(len(file)), s)
		wantError(t, name, err, index.ErrOther)
	}
	file[8]++
	_, err := index.Open(bytes.NewReader(file), int64(len(file)), spec())
	wantError(t, "version of the format", err, index.ErrOther)
}

// A broken file cannot be read from some offset on.
type broken struct {
	io.ReaderAt
	from int64
}

var errBroken = errors.New("input/output error")

func (b broken) ReadAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > b.from {
		return 0, errBroken
	}
	return b.ReaderAt.ReadAt(p, at)
}

// TestReadFails holds that a disk's error is told, and is not taken for damage.
func TestReadFails(t *testing.T) {
	file, _ := build(t, spec(), newTrail(3, time.Second).take(20_000))
	all := expressions(t)
	told := 0
	for from := 0; from < len(file); from += 4096 {
		x, err := index.Open(broken{bytes.NewReader(file), int64(from)}, int64(len(file)), spec())
		if err == nil {
			_, err = ask(x, all)
		}
		switch {
		case errors.Is(err, errBroken) && !errors.Is(err, index.ErrDamaged):
			told++
		case err != nil || told < 10: // what stands last may not have been needed
			t.Fatalf("unreadable from byte %d on: %v, want %v", from, err, errBroken)
		}
	}
}

// seal makes the hashes of a file fit what it says, as an attacker would.
func seal(file []byte) []byte {
	header := 96 + 8*(5+3*len(spec().Columns))
	if len(file) < header+32 {
		return file
	}
	file = slices.Clone(file)
	copy(file, "etchidx\x00\x00\x00\x00\x00")
	want, _ := specHash()
	copy(file[56:88], want)
	body := len(file) - header - 32
	chunks := (body + 4096 + 31) / (4096 + 32)
	at := header + 32*chunks
	if at+32 > len(file) {
		return file
	}
	for i := range chunks {
		from := min(at+32+i*4096, len(file))
		sum := sha256.Sum256(file[from:min(from+4096, len(file))])
		copy(file[header+32*i:], sum[:])
	}
	sum := sha256.Sum256(file[:at])
	copy(file[at:], sum[:])
	return file
}

// specHash returns the hash of the tests' spec, as an index has it.
var specHash = func() func() ([]byte, error) {
	var out bytes.Buffer
	_, err := index.NewBuilder(spec(), 1, 0).Finish(&out)
	return func() ([]byte, error) { return out.Bytes()[56:88], err }
}()

// TestEveryByteForged holds that an index that lies, with hashes to match, can
// make answers wrong and nothing worse: whose digest is known is not read.
func TestEveryByteForged(t *testing.T) {
	file, _ := build(t, spec(), small())
	all := expressions(t)
	step := 5
	if testing.Short() {
		step = 37
	}
	told := 0
	for at := 0; at < len(file); at += step {
		for _, v := range []byte{0, 0xFF, file[at] ^ 1<<(at%8)} {
			bad := slices.Clone(file)
			bad[at] = v
			if _, err := judge(seal(bad), all); err != nil {
				told++
			}
		}
	}
	if told == 0 {
		t.Error("no lie was ever noticed: the forged files are not looked at")
	}
}

func FuzzOpen(f *testing.F) {
	// The seeds are as small as they can be: the engine shortens what it finds
	// byte by byte.
	plain := make([]*record, 300)
	for i := range plain {
		plain[i] = &record{line: "line", time: trailStart.Add(time.Duration(i) * time.Second), hasTime: i%7 > 0, text: []string{"some text"}}
		plain[i].set(fieldUser, []string{"alice", "bob"}[i%20/19])
		plain[i].set(fieldRisk, []string{"low", "high"}[i%9/8])
	}
	for _, records := range [][]*record{nil, small()[:1], small()[:20], plain} {
		file, _ := build(f, spec(), records)
		f.Add(file, false)
		f.Add(file, true)
	}
	f.Add(binary.LittleEndian.AppendUint64([]byte("etchidx\x00"), 0), false)
	all := expressions(f)
	f.Fuzz(func(t *testing.T, file []byte, forge bool) {
		if forge {
			file = seal(file)
		}
		x, err := index.Open(bytes.NewReader(file), int64(len(file)), spec())
		if err != nil {
			return
		}
		if x.Lines() > 8*len(file)+index.BlockRows {
			t.Fatalf("%d rows of a file of %d bytes", x.Lines(), len(file))
		}
		if _, err := ask(x, all); err != nil && !errors.Is(err, index.ErrDamaged) {
			t.Fatal(err)
		}
		if err := x.Verify(); err != nil && !errors.Is(err, index.ErrDamaged) {
			t.Fatal(err)
		}
	})
}
