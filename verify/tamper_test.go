package verify

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/logtest"
	"github.com/etch-audit/etch/internal/record"
)

// A stored line is a line of one of a log's files.
type stored struct {
	file  string
	seq   uint64
	start int
	end   int // with its line feed
}

// linesOf returns all lines of a log in their order.
func linesOf(t *testing.T, files map[string][]byte) []stored {
	t.Helper()
	var all []stored
	for name, data := range files {
		if name == "audit.state" {
			continue
		}
		start := 0
		for text := range bytes.Lines(data) {
			l, err := record.Split(bytes.TrimSuffix(text, []byte{'\n'}))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, stored{name, l.Seq, start, start + len(text)})
			start += len(text)
		}
	}
	slices.SortFunc(all, func(a, b stored) int { return int(a.seq) - int(b.seq) })
	return all
}

// A reader is somebody who judges the tampered log.
type reader struct {
	name  string
	opts  Options
	state bool // has the state
}

func readers() []reader {
	return []reader{{"home", atHome(smallEpoch), true}, {"outside", outside(), false}}
}

// A tampering is one thing done to a log, and what must come of it.
type tampering struct {
	what string
	log  map[string][]byte
	at   stored // the line it was done to
	// hidden says that somebody without the state and the MAC key cannot see it.
	hidden bool
	kinds  []Kind // at home one of these is found; none: whatever
}

// tamperings runs everything that can be done to single lines.
func tamperings(t *testing.T, files map[string][]byte) []tampering {
	t.Helper()
	var all []tampering
	lines := linesOf(t, files)
	sealed := lastSeal(files, lines)
	add := func(what string, l stored, data []byte, kinds ...Kind) {
		all = append(all, tampering{fmt.Sprintf("%s %d", what, l.seq), with(files, l.file, data), l, l.seq >= sealed, kinds})
	}
	for i, l := range lines {
		data := files[l.file]
		line, before, after := data[l.start:l.end], data[:l.start], data[l.end:]
		add("delete", l, slices.Concat(before, after), Missing, Truncated)
		add("duplicate", l, slices.Concat(before, line, line, after), Duplicate)
		add("blank line before", l, slices.Concat(before, []byte("\n"), line, after), Inserted)
		add("forge before", l, slices.Concat(before, forged(l.seq, "x"), line, after), Inserted)
		add("forge in place of", l, slices.Concat(before, forged(l.seq, "x"), after), Edited, SignatureStripped)
		add("strip", l, slices.Concat(before, stripped(line), after), SignatureStripped)
		if i+1 < len(lines) && lines[i+1].file == l.file {
			next := data[lines[i+1].start:lines[i+1].end]
			add("swap", l, slices.Concat(before, next, line, data[lines[i+1].end:]), Reordered)
		}
		if i+4 < len(lines) && lines[i+4].file == l.file {
			end := lines[i+4].end
			add("move down", l, slices.Concat(before, data[l.end:end], line, data[end:]), Reordered)
			moved := data[lines[i+4].start:end]
			add("move up to", lines[i+4], slices.Concat(before, moved, data[l.start:lines[i+4].start], data[end:]), Reordered)
		}
		if other := lines[len(lines)/2]; other.file != l.file {
			cut := with(files, l.file, slices.Concat(before, after))
			to := files[other.file]
			cut[other.file] = slices.Concat(to[:other.start], line, to[other.start:])
			all = append(all, tampering{fmt.Sprintf("move to another segment %d", l.seq), cut, l, false, nil})
		}
	}
	return all
}

// lastSeal returns the seq of the last seal.
func lastSeal(files map[string][]byte, lines []stored) uint64 {
	for _, l := range slices.Backward(lines) {
		if record.Control(files[l.file][l.start:l.end-1]) == "log_sealed" {
			return l.seq
		}
	}
	return 0
}

func forged(seq uint64, text string) []byte {
	return fmt.Appendf(nil, `{"seq":%d,"timestamp":"2026-02-16T12:00:00.000000Z","event_id":"evt_0","event_type":"command_execution","action":{"command":"%s"}}`+"\n", seq, text)
}

func stripped(line []byte) []byte {
	cut, _, _ := bytes.Cut(line, []byte(`,"signature":`))
	return append(bytes.Clone(cut), "}\n"...)
}

// kindsOf returns what kinds of faults a report has.
func kindsOf(r *Report) []Kind {
	var kinds []Kind
	for _, f := range r.Faults {
		kinds = append(kinds, f.Kind)
	}
	return kinds
}

// near reports whether a fault of the report is at a line, or in a range with it.
func near(r *Report, seq uint64) bool {
	return slices.ContainsFunc(r.Faults, func(f Fault) bool {
		return f.from() != nil && *f.from() <= seq+1 && seq <= *f.to()
	})
}

func TestTamperedLines(t *testing.T) {
	files := small(logtest.Options{}).Files()
	lines := linesOf(t, files)
	for _, c := range tamperings(t, files) {
		for _, who := range readers() {
			log := c.log
			if !who.state {
				log = without(log, "audit.state")
			}
			r := judged(t, logtest.FS(log), who.opts)
			switch {
			case r.Verdict == Damaged:
				if r.FaultCount > 3 {
					t.Errorf("%s, %s: one tampering gave %d faults: %v", c.what, who.name, r.FaultCount, kindsOf(r))
				}
				if !near(r, c.at.seq) {
					t.Errorf("%s, %s: no fault is at its place: %s", c.what, who.name, brief(r))
				}
				if found := kindsOf(r); who.state && len(c.kinds) > 0 && !slices.ContainsFunc(c.kinds, func(k Kind) bool { return slices.Contains(found, k) }) {
					t.Errorf("%s, %s: got %v, want one of %v: %s", c.what, who.name, found, c.kinds, brief(r))
				}
			case c.what == fmt.Sprintf("duplicate %d", lines[len(lines)-1].seq):
				// What follows the last record counts as not yet committed.
			case who.state || !c.hidden:
				t.Errorf("%s, %s: went unreported", c.what, who.name)
			}
		}
	}
}

// tiny returns a log small enough for something to be done to every byte.
func tiny() *logtest.Log {
	l := logtest.New(logtest.Options{Keys: keys, SealRecords: 6})
	l.Events(2)
	l.Epoch()
	l.Events(1)
	l.Rotate()
	l.Events(1)
	l.Epoch()
	l.Events(2)
	l.Seal()
	l.Events(2)
	return l
}

// TestFlippedBytes flips one bit of every byte of a log of two segments and
// three epochs.
func TestFlippedBytes(t *testing.T) {
	files := tiny().Files()
	lines := linesOf(t, files)
	sealed := lastSeal(files, lines)
	stride := 1
	if testing.Short() {
		stride = 13
	}
	for _, l := range lines {
		t.Run(fmt.Sprint(l.seq), func(t *testing.T) {
			t.Parallel()
			for i := l.start; i < l.end; i += stride {
				data := bytes.Clone(files[l.file])
				data[i] ^= 1 << (i % 7)
				flippedByte(t, with(files, l.file, data), l, i, l.seq >= sealed)
			}
		})
	}
}

func flippedByte(t *testing.T, log map[string][]byte, l stored, i int, hidden bool) {
	t.Helper()
	for _, who := range readers() {
		if !who.state {
			log = without(log, "audit.state")
		}
		r, err := Log(t.Context(), logtest.FS(log), who.opts)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case r.Verdict == Damaged && (r.FaultCount > 4 || !near(r, l.seq)):
			t.Errorf("byte %d of %s (seq %d), %s: %d faults, not at its place: %v", i, l.file, l.seq, who.name, r.FaultCount, brief(r))
		case r.Verdict != Damaged && (who.state || !hidden):
			t.Errorf("byte %d of %s (seq %d), %s: went unreported", i, l.file, l.seq, who.name)
		}
	}
}

// TestTruncated cuts each file of a log at every length.
func TestTruncated(t *testing.T) {
	files := tiny().Files()
	lines := linesOf(t, files)
	stride := 1
	if testing.Short() {
		stride = 17
	}
	for _, name := range []string{"audit.000001.log", "audit.log"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := 0; n < len(files[name]); n += stride {
				log := with(files, name, files[name][:n])
				for _, who := range readers() {
					if !who.state {
						log = without(log, "audit.state")
					}
					r, err := Log(t.Context(), logtest.FS(log), who.opts)
					if err != nil {
						t.Fatal(err)
					}
					// A cut at the end of a line of the active segment leaves
					// nothing that only the public key could judge.
					hidden := name == "audit.log" && slices.ContainsFunc(lines, func(l stored) bool { return l.file == name && l.end == n })
					if r.Verdict != Damaged && (who.state || !hidden) {
						t.Errorf("%s cut at %d, %s: went unreported", name, n, who.name)
					}
					if r.FaultCount > 4 {
						t.Errorf("%s cut at %d, %s: %d faults: %v", name, n, who.name, r.FaultCount, kindsOf(r))
					}
				}
			}
		})
	}
}

// TestStateFlipped flips one bit of every byte of the state: somebody who has
// the MAC key must notice, and everybody else do without it.
func TestStateFlipped(t *testing.T) {
	files := small(logtest.Options{}).Files()
	used := len(bytes.TrimRight(files["audit.state"], "\x00"))
	for i := range used {
		data := bytes.Clone(files["audit.state"])
		data[i] ^= 1 << (i % 7)
		log := logtest.FS(with(files, "audit.state", data))
		r, err := Log(t.Context(), log, atHome(smallEpoch))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(kindsOf(r), []Kind{StateMissing}) {
			t.Errorf("byte %d of the state, at home: got %v, want %v", i, kindsOf(r), StateMissing)
		}
		if r, err = Log(t.Context(), log, outside()); err != nil || r.Verdict != Intact {
			t.Errorf("byte %d of the state, outside: got %v, %v, want an intact log", i, r.Verdict, err)
		}
	}
}

// brief is a report's faults, one a line.
func brief(r *Report) string {
	var text strings.Builder
	for _, f := range r.Faults {
		text.WriteString(fmt.Sprintf("\n\t%s in %s", f.Kind, f.Segment))
		if f.from() != nil {
			text.WriteString(fmt.Sprintf(" from %d to %d", *f.from(), *f.to()))
		}
		text.WriteString(": " + f.Detail)
	}
	return text.String()
}
