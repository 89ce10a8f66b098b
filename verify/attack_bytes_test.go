package verify_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/etch-audit/etch/verify"
)

// A place is a line in one of a log's files.
type place struct {
	file       string
	start, end int // with its line feed
	last       bool
}

// smallLab lets the real writer make a log small enough for something to be
// done to each byte of it: two segments, two epochs, lines without a seal.
func smallLab(t *testing.T, signed bool) *lab {
	t.Helper()
	l := newLab(t, signed, 8)
	l.append(t, 2)
	l.endEpoch(t)
	l.append(t, 1)
	l.rotate(t)
	l.append(t, 5)
	l.finish(t)
	return l
}

// places returns all lines, and how many bytes of the active segment lie
// before its last seal, which itself is covered by the next one only.
func (l *lab) places() (lines []place, sealed int) {
	for _, name := range slices.Sorted(maps.Keys(l.files)) {
		if !strings.HasSuffix(name, ".log") {
			continue
		}
		at := 0
		for line := range bytes.Lines(l.files[name]) {
			lines = append(lines, place{file: name, start: at, end: at + len(line)})
			if name == "audit.log" && bytes.Contains(line, []byte(`"log_sealed"`)) {
				sealed = at
			}
			at += len(line)
		}
		lines[len(lines)-1].last = true
	}
	return lines, sealed
}

// tampered judges what came of tampering. At home everything is found. On a
// copy a change behind the last seal may be hidden, if the MAC key is not
// there; then it is told that the lines are not sealed.
func (l *lab) tampered(t *testing.T, what string, files map[string][]byte, epochs []string, hidden [situations]bool, wheres ...situation) {
	t.Helper()
	for _, where := range wheres {
		r := l.report(t, files, where, epochs)
		switch {
		case r.Verdict == verify.Damaged:
		case !hidden[where]:
			t.Errorf("%s, %v: went unreported", what, where)
		case where == atHome && !told(r, "not yet committed and were not judged"), r.Summary.UnsealedTail == 0 && !told(r, "No state remembers"):
			t.Errorf("%s, %v: nothing is said of what could be hidden", what, where)
		}
	}
}

// unseen says where a change of whole, well-formed lines of the active segment
// behind its last seal goes unnoticed (docs/threat-model.md, "the same after the
// last seal"); cut, that it is one that only takes the end away.
func unseen(signed, cut bool) (hidden [situations]bool) {
	hidden[inCopy], hidden[withHead], hidden[withMAC] = true, true, cut || !signed
	return hidden
}

// strideOf says which bytes are looked at: all of a signed log, and of one
// without MACs, which differs in its last lines only, a sample.
func strideOf(signed bool) int {
	switch {
	case testing.Short():
		return 31
	case signed:
		return 1
	}
	return 13
}

var everywhere = []situation{atHome, inCopy, withMAC, withHead}

func eachLog(t *testing.T, do func(t *testing.T, l *lab, epochs []string)) {
	for _, signed := range []bool{true, false} {
		t.Run(fmt.Sprintf("signed=%v", signed), func(t *testing.T) {
			t.Parallel()
			l := smallLab(t, signed)
			do(t, l, l.epochKeys(t, l.disk))
		})
	}
}

// TestEveryByteFlipped flips a bit of every byte of every segment. Which one,
// and who then judges, is left to chance.
func TestEveryByteFlipped(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	eachLog(t, func(t *testing.T, l *lab, epochs []string) {
		rng := rand.New(rand.NewPCG(seed, 1))
		lines, sealed := l.places()
		signed := bytes.Contains(l.files["audit.log"], []byte(suffix))
		stride := strideOf(signed)
		for _, p := range lines {
			for i := p.start; i < p.end; i += stride {
				files := maps.Clone(l.files)
				data := bytes.Clone(files[p.file])
				bit := rng.IntN(8)
				data[i] ^= 1 << bit
				files[p.file] = data
				var hidden [situations]bool
				if p.file == "audit.log" && i >= sealed {
					hidden = unseen(signed, false)
				}
				l.tampered(t, fmt.Sprintf("bit %d of byte %d of %s", bit, i, p.file), files, epochs, hidden, situation(rng.IntN(int(situations))))
			}
		}
	})
}

// TestEveryLine deletes every record, doubles it, exchanges it with its
// neighbour and moves it to every other segment.
func TestEveryLine(t *testing.T) {
	eachLog(t, func(t *testing.T, l *lab, epochs []string) {
		lines, _ := l.places()
		signed := bytes.Contains(l.files["audit.log"], []byte(suffix))
		for i, p := range lines {
			data := l.files[p.file]
			before, line, after := data[:p.start], data[p.start:p.end], data[p.end:]
			var hidden [situations]bool
			do := func(what string, files map[string][]byte, changed ...[]byte) {
				files = maps.Clone(files)
				files[p.file] = slices.Concat(changed...)
				l.tampered(t, fmt.Sprintf("%s line %d", what, i), files, epochs, hidden, everywhere...)
			}
			// What follows the last record is not yet committed, and left to the
			// next writer to judge, who does not take it.
			hidden[atHome] = p.file == "audit.log" && p.last
			do("doubled", l.files, before, line, line, after)
			hidden[atHome] = false
			if p.file == "audit.log" && p.last { // of a deletion at the end nothing is left to see
				hidden = unseen(signed, true)
			}
			do("deleted", l.files, before, after)
			hidden = [situations]bool{}
			if i+1 < len(lines) && lines[i+1].file == p.file {
				next := data[lines[i+1].start:lines[i+1].end]
				do("exchanged", l.files, before, next, line, data[lines[i+1].end:])
			}
			for _, other := range lines {
				if other.file == p.file {
					continue
				}
				moved, to := maps.Clone(l.files), l.files[other.file]
				moved[other.file] = slices.Concat(to[:other.start], line, to[other.start:])
				do(fmt.Sprintf("moved to %s at %d:", other.file, other.start), moved, before, after)
			}
		}
	})
}

// TestEveryLength cuts every file at every length, and removes it.
func TestEveryLength(t *testing.T) {
	eachLog(t, func(t *testing.T, l *lab, epochs []string) {
		lines, sealed := l.places()
		stride := strideOf(bytes.Contains(l.files["audit.log"], []byte(suffix)))
		for _, name := range []string{"audit.000001.log", "audit.log"} {
			for n := 0; n < len(l.files[name]); n += stride {
				files := maps.Clone(l.files)
				files[name] = files[name][:n]
				var hidden [situations]bool
				if name == "audit.log" && slices.ContainsFunc(lines, func(p place) bool { return p.file == name && p.end == n }) {
					hidden = unseen(true, true) // the tail is cut at a line: the threat model's "cut the tail"
				}
				if hidden[withHead] && n < sealed {
					hidden[withHead] = false
				}
				l.tampered(t, fmt.Sprintf("%s cut at %d", name, n), files, epochs, hidden, situation(n%int(situations)))
			}
			files := maps.Clone(l.files)
			delete(files, name)
			var hidden [situations]bool
			hidden[inCopy], hidden[withMAC] = name == "audit.log", name == "audit.log"
			l.tampered(t, name+" removed", files, epochs, hidden, everywhere...)
		}
	})
}
