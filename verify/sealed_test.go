package verify

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch/internal/commit"
	"github.com/etch-audit/etch/internal/logtest"
	"github.com/etch-audit/etch/internal/merkle"
)

// long returns a log whose blocks of lines begin and end anywhere in segments.
func long(void bool) *logtest.Log {
	l := logtest.New(logtest.Options{Keys: keys, SealRecords: 400, SealEvery: 390})
	l.Events(700)
	l.Rotate()
	l.Events(30)
	l.Rotate()
	l.Events(20)
	if void {
		l.Seal()
		l.Void([]byte("what was never acknowledged\n"))
	} else {
		l.Rotate()
	}
	l.Epoch()
	l.Events(900)
	l.Seal()
	l.Events(3)
	return l
}

// sealedOf verifies with care or without, and returns what is proved.
func sealedOf(t *testing.T, fsys fs.FS, careful bool) (*Sealed, *Report) {
	t.Helper()
	return sealedBy(t, fsys, outside(), careful)
}

// sealedBy is sealedOf with options.
func sealedBy(t *testing.T, fsys fs.FS, opts Options, careful bool) (*Sealed, *Report) {
	t.Helper()
	opts.Sealed = new(Sealed)
	v, err := newVerifier(fsys, opts)
	if err != nil {
		t.Fatal(err)
	}
	v.careful = careful
	v.run(t.Context())
	v.conclude()
	opts.Sealed.conclude(v)
	return opts.Sealed, v.report
}

type nothing struct{}

func (nothing) Close() error { return nil }

// opens opens the segments of a log as readers see them.
func opens(files map[string][]byte, last uint32) Segments {
	return func(n uint32) (*io.SectionReader, io.Closer, error) {
		name := fmt.Sprintf("audit.%06d.log", n)
		if n == last {
			name = "audit.log"
		}
		text, ok := files[name]
		if !ok {
			return nil, nil, fs.ErrNotExist
		}
		text, _, _ = bytes.Cut(text, []byte("what was never")) // void
		return io.NewSectionReader(bytes.NewReader(text), 0, int64(len(text))), nothing{}, nil
	}
}

// allLines returns all lines of a log in their order, and the segment of each.
func allLines(t *testing.T, open Segments) (all [][]byte, of []uint32) {
	t.Helper()
	for n := uint32(1); ; n++ {
		in, _, err := open(n)
		if errors.Is(err, fs.ErrNotExist) {
			return all, of
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))...)
		of = append(of, slices.Repeat([]uint32{n}, len(all)-len(of))...)
	}
}

// Every line that a good seal covers, and only such a one, is proved, at its own
// number and in its own bytes.
func TestSealedLines(t *testing.T) {
	for _, void := range []bool{false, true} {
		l := long(void)
		files := l.Files()
		quick, report := sealedOf(t, logtest.FS(files), false)
		careful, _ := sealedOf(t, logtest.FS(files), true)
		if diff := cmp.Diff(careful, quick, cmp.AllowUnexported(Sealed{}, sealedBlock{}, proof{}, place{})); diff != "" {
			t.Errorf("void %t: the quick way proves something else (-careful +quick):\n%s", void, diff)
		}
		open := opens(files, l.Segment())
		lines, in := allLines(t, open)
		want := uint64(len(lines)) - 4
		if void {
			want = *report.Faults[0].LastGoodSeal
		}
		if quick.Size() != want || want < 700 {
			t.Fatalf("void %t: %d of %d lines are proved, want %d", void, quick.Size(), len(lines), want)
		}
		check := quick.Check(open)
		for i, line := range lines {
			want := error(nil)
			if uint64(i) >= quick.Size() {
				want = ErrUnsealed
			}
			if err := check.Line(in[i], uint64(i), line); !errors.Is(err, want) {
				t.Fatalf("void %t: line %d: %v, want %v", void, i, err, want)
			}
			other := (uint64(i) + 7) % quick.Size()
			if err := check.Line(in[other], other, line); uint64(i) != other && !errors.Is(err, ErrChanged) {
				t.Fatalf("void %t: line %d as %d: %v, want %v", void, i, other, err, ErrChanged)
			}
		}
		if err := check.Line(1, math.MaxUint64, lines[0]); !errors.Is(err, ErrUnsealed) {
			t.Errorf("void %t: the line after all: %v, want %v", void, err, ErrUnsealed)
		}
		if err := check.Close(); err != nil {
			t.Error(err)
		}
	}
}

// What is changed once it was verified is not proved, nor are the lines around it.
func TestSealedChangedLater(t *testing.T) {
	l := long(false)
	files := l.Files()
	sealed, _ := sealedOf(t, logtest.FS(files), false)
	open := opens(files, l.Segment())
	lines, in := allLines(t, open)
	was := bytes.Clone(lines[300])
	at := bytes.Index(files["audit.000001.log"], was)
	files["audit.000001.log"] = bytes.Clone(files["audit.000001.log"])
	files["audit.000001.log"][at+len(was)/2] ^= 1
	changed, _ := allLines(t, open)
	check := sealed.Check(open)
	for i, want := range map[int]error{255: nil, 256: ErrChanged, 300: ErrChanged, 511: ErrChanged, 512: nil} {
		if err := check.Line(in[i], uint64(i), changed[i]); !errors.Is(err, want) {
			t.Errorf("line %d: %v, want %v", i, err, want)
		}
	}
	for name, change := range map[string]func(text []byte) []byte{
		"longer": func(text []byte) []byte { return append([]byte("x\n"), text...) },
		"cut":    func(text []byte) []byte { return text[:len(text)/8] },
		"empty":  func([]byte) []byte { return nil },
		"no end": func(text []byte) []byte { return bytes.ReplaceAll(text, []byte("\n"), []byte(" ")) },
	} {
		files["audit.log"] = change(bytes.Clone(l.Files()["audit.log"]))
		for _, i := range []uint64{sealed.Size() - 1, sealed.Size() - blockLines} {
			if err := sealed.Check(open).Line(in[i], i, lines[i]); !errors.Is(err, ErrChanged) {
				t.Errorf("%s: line %d: %v, want %v", name, i, err, ErrChanged)
			}
		}
	}
	delete(files, "audit.log")
	if err := sealed.Check(open).Line(l.Segment(), sealed.Size()-1, lines[sealed.Size()-1]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without its segment: %v, want %v", err, fs.ErrNotExist)
	}
}

// Of a damaged log that is proved which lies before the last good seal before the
// damage, and nothing where the damage may be anywhere.
func TestSealedDamaged(t *testing.T) {
	l := long(false)
	lines, in := allLines(t, opens(l.Files(), l.Segment()))
	for _, damaged := range []int{0, 300, 399, 600, 701, 760, 1100, 1500} {
		files := l.Files()
		for name, text := range files {
			if at := bytes.Index(text, lines[damaged]); at >= 0 {
				files[name] = bytes.Clone(text)
				files[name][at+len(lines[damaged])/2] ^= 1
			}
		}
		sealed, report := sealedOf(t, logtest.FS(files), false)
		good := uint64(math.MaxUint64)
		for _, f := range report.Faults {
			if f.LastGoodSeal == nil {
				good = 0
			} else {
				good = min(good, *f.LastGoodSeal)
			}
		}
		if sealed.Size() != good || good > uint64(damaged) {
			t.Errorf("line %d damaged: %d lines are proved, want %d", damaged, sealed.Size(), good)
		}
		check := sealed.Check(opens(files, l.Segment()))
		for i, line := range lines[:sealed.Size()] {
			if err := check.Line(in[i], uint64(i), line); err != nil && i>>blockLevel != damaged>>blockLevel {
				t.Fatalf("line %d damaged: line %d: %v", damaged, i, err)
			}
		}
	}
}

// A log that says it begins anywhere takes no memory for what is not there.
func TestSealedBounded(t *testing.T) {
	var s Sealed
	tree, err := merkle.NewFrontier(1<<61, make([]merkle.Hash, 1))
	if err != nil {
		t.Fatal(err)
	}
	s.grow(&tree, 0, merkle.Hash{}, sealedBlock{})
	if len(s.blocks) != 0 {
		t.Errorf("%d blocks are kept, want none", len(s.blocks))
	}
}

// A region names the segments that its lines were in, and no others.
func TestRegionSegments(t *testing.T) {
	for _, void := range []bool{false, true} {
		l := long(void)
		sealed, _ := sealedOf(t, logtest.FS(l.Files()), false)
		_, in := allLines(t, opens(l.Files(), l.Segment()))
		for from := uint64(0); from < sealed.Size(); from += blockLines {
			to := min(from+blockLines, sealed.Size())
			got := sealed.region(from>>blockLevel, ErrChanged)
			if want := (RegionError{From: from, To: to, First: in[from], Last: in[to-1], Err: ErrChanged}); *got != want {
				t.Errorf("void %t, of %d lines: got %+v, want %+v", void, sealed.Size(), *got, want)
			}
		}
	}
	// The last whole block, with lines behind it in another segment.
	l := logtest.New(logtest.Options{Keys: keys, SealRecords: 400, SealEvery: 390})
	l.Events(250)
	l.Rotate()
	l.Events(255 - int(l.Size()))
	l.Rotate()
	l.Events(20)
	l.Seal()
	sealed, _ := sealedOf(t, logtest.FS(l.Files()), false)
	_, in := allLines(t, opens(l.Files(), l.Segment()))
	if got := sealed.region(0, ErrChanged); got.First != in[0] || got.Last != in[blockLines-1] || sealed.Size() <= blockLines {
		t.Errorf("got segments %d to %d of %d lines, want %d to %d", got.First, got.Last, sealed.Size(), in[0], in[blockLines-1])
	}
}

// It is known whether readers who go by the state show all that is proved.
func TestSealedAhead(t *testing.T) {
	l := long(false)
	before := l.State()
	l.Events(2)
	l.Seal()
	files := l.Files()
	delete(files, "audit.state")
	chain := commit.Entry{Chain: 1, Segment: l.Segment(), Offset: int64(len(files["audit.log"]) - 900), Lines: files["audit.log"][len(files["audit.log"])-900:]}
	for name, c := range map[string]struct {
		state []byte
		cut   int
		want  bool
	}{
		"as it is":                {l.State(), 0, false},
		"an older state":          {before, 0, true},
		"no state":                {nil, 0, true},
		"the same, an old state":  {before, 500, true},
		"the same, without state": {nil, 500, true},
	} {
		fsys := logtest.FS(files)
		put("audit.log", files["audit.log"][:len(files["audit.log"])-c.cut])(fsys)
		put("audit.commit", commit.AppendEntry(nil, &chain))(fsys)
		if c.state != nil {
			put("audit.state", c.state)(fsys)
		}
		sealed, report := sealedOf(t, fsys, false)
		if sealed.Ahead() != c.want || sealed.Size() != l.Size()-1 || report.Verdict != Intact {
			t.Errorf("%s: %s, %d of %d lines are proved, ahead %t; want %t", name, report.Verdict, sealed.Size(), l.Size(), sealed.Ahead(), c.want)
		}
	}
}
