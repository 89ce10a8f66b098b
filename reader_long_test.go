package etch

import (
	"bytes"
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/archive"
	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/segment"
)

// An intruder is bytes that are no line, put before the line of a number, counted
// from the end where that is negative.
type intruder struct {
	line int
	text string
}

// withForeign returns a segment with foreign bytes in it, and where they begin.
func withForeign(text []byte, all []intruder) (out []byte, offsets []int64) {
	lines := bytes.SplitAfter(text, []byte("\n"))
	lines = lines[:len(lines)-1]
	for i := range len(lines) + 1 {
		for _, f := range all {
			if f.line == i || f.line < 0 && f.line+len(lines)+1 == i {
				offsets = append(offsets, int64(len(out)))
				out = append(out, f.text...)
			}
		}
		if i < len(lines) {
			out = append(out, lines[i]...)
		}
	}
	return out, offsets
}

// tooLong returns a line of so many bytes more than a line may have, with its line feed.
func tooLong(more int) string { return strings.Repeat("z", record.MaxLine+more) + "\n" }

// rewritten replaces the first segment of a log, plain or as an archive.
func rewritten(t *testing.T, path string, text []byte, archived bool) {
	t.Helper()
	name := filepath.Join(filepath.Dir(path), "audit.000001.log")
	for _, old := range []string{name, name + segment.ArchiveExt} {
		if err := os.Remove(old); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if archived {
		var packed bytes.Buffer
		if _, err := archive.Write(&packed, bytes.NewReader(text), int64(len(text))); err != nil {
			t.Fatal(err)
		}
		name, text = name+segment.ArchiveExt, packed.Bytes()
	}
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A line that is too long costs itself, wherever it stands and however long it is, and
// is told once, in both directions as the same.
func TestTooLongCostsItself(t *testing.T) {
	_, path := archivedLog(t, 9_000)
	text, err := os.ReadFile(filepath.Join(filepath.Dir(path), "audit.000001.log"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]uint64{}
	for name, q := range archiveQueries {
		if q.Limit == 0 {
			want[name], _ = seqs(t, path, q)
		}
	}
	for what, all := range map[string][]intruder{
		"one byte too long":     {{1000, tooLong(1)}},
		"first behind the head": {{2, tooLong(5)}},
		"last":                  {{-1, tooLong(1)}},
		"last, no line feed":    {{-1, strings.TrimSuffix(tooLong(200_000), "\n")}},
		"last, short":           {{-1, "no line"}},
		"several megabytes":     {{700, tooLong(3 << 20)}},
		"next to each other":    {{700, tooLong(1)}, {700, tooLong(1 << 20)}, {700, tooLong(2)}},
		"here and there":        {{3, tooLong(1)}, {4, tooLong(1)}, {1500, tooLong(80_000)}, {2400, tooLong(1)}, {-1, tooLong(1)}},
	} {
		changed, offsets := withForeign(text, all)
		for _, archived := range []bool{false, true} {
			rewritten(t, path, changed, archived)
			for name := range want {
				q := archiveQueries[name]
				got, errs := seqs(t, path, q)
				if !slices.Equal(got, want[name]) {
					t.Errorf("%s, archived %t, %s: %d records, want %d", what, archived, name, len(got), len(want[name]))
				}
				q.Reverse = !q.Reverse
				back, backErrs := seqs(t, path, q)
				slices.Reverse(back)
				slices.Reverse(backErrs)
				if !slices.Equal(back, got) {
					t.Errorf("%s, archived %t, %s: %d records in the other direction, want %d", what, archived, name, len(back), len(got))
				}
				if !slices.EqualFunc(errs, backErrs, func(a, b error) bool { return a.Error() == b.Error() }) {
					t.Errorf("%s, archived %t, %s: errors are %v, in the other direction %v", what, archived, name, errs, backErrs)
				}
				if archiveQueries[name].Reverse {
					slices.Reverse(errs)
				}
				if !slices.Equal(offsetsOf(t, errs), offsets) {
					t.Errorf("%s, archived %t, %s: told of %v, want %v", what, archived, name, errs, offsets)
				}
			}
			counted(t, path, len(want["all"]), len(offsets))
		}
	}
}

func offsetsOf(t *testing.T, errs []error) (offsets []int64) {
	t.Helper()
	for _, err := range errs {
		damage, ok := errors.AsType[*CorruptionError](err)
		if !ok || damage.Segment != 1 || !errors.Is(err, segment.ErrPartial) {
			t.Fatalf("error is %v, want one about segment 1", err)
		}
		offsets = append(offsets, damage.Offset)
	}
	return offsets
}

// counted checks what is counted, and how many places cannot be read.
func counted(t *testing.T, path string, want, damages int) {
	t.Helper()
	r, err := OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, fields := range [][]string{nil, {"type"}} {
		groups, err := r.CountBy(t.Context(), Query{Control: true, AllPhases: true}, fields...)
		told, _ := errors.AsType[*DamagesError](err)
		n := 0
		for _, g := range groups {
			n += int(g.Count)
		}
		if told == nil || n != want || told.Count != damages {
			t.Errorf("counted by %v: %d, %v; want %d and %d places", fields, n, err, want, damages)
		}
	}
}

// A completion behind a line that is too long still stands for its attempt.
func TestTooLongHidesNoCompletion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l, err := Create(path, &Options{NoIndex: true, NoArchive: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, phase := range []Phase{Attempt, Completion} {
		ev := &Event{Type: CommandExecution, Phase: phase, CallID: "c1", Action: &Action{Tool: "shell", Command: "ls"}}
		if _, err := l.Append(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
	}
	_, rotateErr := l.Rotate(t.Context())
	if err := cmp.Or(rotateErr, l.Close()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(path), "audit.000001.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []int{2, 3, -1} {
		changed, _ := withForeign(text, []intruder{{line, tooLong(1)}})
		rewritten(t, path, changed, false)
		for _, reverse := range []bool{false, true} {
			if got, errs := seqs(t, path, Query{Reverse: reverse}); len(got) != 1 || len(errs) != 1 {
				t.Errorf("before line %d, reverse %t: got %v, %v; want the completion", line, reverse, got, errs)
			}
		}
	}
}

// What is no line may be as large as a disk: it is passed over in bounded memory.
func TestTooLongIsBounded(t *testing.T) {
	const size = 64 << 20
	_, path := archivedLog(t, 9_000)
	want, _ := seqs(t, path, archiveQueries["all"])
	name := filepath.Join(filepath.Dir(path), "audit.000001.log")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	half := bytes.IndexByte(text[len(text)/2:], '\n') + len(text)/2 + 1
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, writeErr := f.WriteAt(append([]byte{'\n'}, text[half:]...), int64(half)+size)
	_, holeErr := f.WriteAt(make([]byte, len(text)-half), int64(half)) // the rest is a hole
	if err := cmp.Or(writeErr, holeErr, f.Close()); err != nil {
		t.Fatal(err)
	}
	for _, reverse := range []bool{false, true} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, errs := seqs(t, path, Query{Control: true, AllPhases: true, LinesOnly: true, Reverse: reverse})
		runtime.ReadMemStats(&after)
		if len(got) != len(want) || !slices.Equal(offsetsOf(t, errs), []int64{int64(half)}) {
			t.Errorf("reverse %t: %d records, %v; want %d, and an error at %d", reverse, len(got), errs, len(want), half)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > size/2 {
			t.Errorf("reverse %t: %d bytes were allocated", reverse, took)
		}
	}
}
