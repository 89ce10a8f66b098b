package main

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/archive"
	"github.com/etch-audit/etch/internal/logtest"
	"github.com/etch-audit/etch/verify"
)

// A vandal does something to the files of a log, without any key.
type vandal struct {
	t      *testing.T
	rng    *rand.Rand
	files  map[string][]byte
	states [][]byte // of earlier
}

// segments returns the names of the segments, in their order.
func (v *vandal) segments() []string {
	var names []string
	for name := range v.files {
		if strings.Contains(name, ".log") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// oneOf returns one of the segments.
func (v *vandal) oneOf() string {
	names := v.segments()
	if len(names) == 0 {
		return "audit.log"
	}
	return names[v.rng.IntN(len(names))]
}

// pack returns the archive of a segment, as etch makes it or as others do.
func (v *vandal) pack(plain []byte) []byte {
	v.t.Helper()
	var b bytes.Buffer
	if _, err := archive.Write(&b, bytes.NewReader(plain), int64(len(plain))); err != nil {
		v.t.Fatal(err)
	}
	return b.Bytes()
}

// vandalise does one thing, and says what.
func (v *vandal) vandalise() string {
	name, other := v.oneOf(), v.oneOf()
	plain := !strings.HasSuffix(name, ".zst")
	if v.rng.IntN(2) == 0 && plain {
		return name + ": " + v.line(name, v.files[other])
	}
	number := fmt.Sprintf("audit.%06d.log", 1+v.rng.IntN(6))
	switch n := v.rng.IntN(9); n {
	case 0:
		delete(v.files, name)
		return "remove " + name
	case 1:
		v.files[name], v.files[other] = v.files[other], v.files[name]
		return "swap " + name + " and " + other
	case 2:
		v.files[number] = v.files[name]
		return "copy " + name + " to " + number
	case 3:
		v.files["audit.log"] = v.files[name]
		return "make " + name + " active"
	case 4:
		v.files["audit.state"] = v.states[v.rng.IntN(len(v.states))]
		return "an older state"
	case 5:
		delete(v.files, "audit.state")
		return "no state"
	case 6:
		v.files[name] = nil
		return "empty " + name
	case 7:
		if name == "audit.log" || !plain {
			return "nothing"
		}
		v.files[name+".zst"] = v.pack(v.files[other])
		if v.rng.IntN(3) > 0 {
			delete(v.files, name)
		}
		return "archive " + other + " as " + name
	}
	if b := bytes.Clone(v.files[name]); len(b) > 0 {
		b[v.rng.IntN(len(b))] ^= byte(1 + v.rng.IntN(255))
		v.files[name] = b
	}
	return "a byte of " + name
}

// line does something to the lines of a segment, and says what.
func (v *vandal) line(name string, other []byte) string {
	lines := bytes.SplitAfter(v.files[name], []byte("\n"))
	i, k := v.rng.IntN(len(lines)), v.rng.IntN(len(lines))
	what := ""
	switch v.rng.IntN(10) {
	case 0:
		what, lines = "drop", slices.Delete(lines, i, i+1)
	case 1:
		what, lines = "double", slices.Insert(lines, k, lines[i])
	case 2:
		lines[i], lines[k] = lines[k], lines[i]
		what = "swap"
	case 3:
		from := bytes.SplitAfter(other, []byte("\n"))
		what, lines = "insert of another", slices.Insert(lines, i, from[v.rng.IntN(len(from))])
	case 4:
		junk := []string{"\n", "x\n", "\r\n", "{}\n", strings.Repeat("y", 70_000) + "\n", "\x00\n", "x"}
		what, lines = "insert junk", slices.Insert(lines, i, []byte(junk[v.rng.IntN(len(junk))]))
	case 5:
		what, lines = "cut", lines[:i]
	case 6:
		lines[i] = lines[i][:v.rng.IntN(len(lines[i])+1)]
		what = "break"
	case 7:
		digits := []byte("0123456789")
		lines[0] = bytes.Replace(lines[0], []byte(`"segment":`), append([]byte(`"segment":`), digits[v.rng.IntN(10)]), v.rng.IntN(2))
		lines[0] = bytes.Replace(lines[0], []byte(`"size":`), append([]byte(`"size":`), digits[v.rng.IntN(10)]), v.rng.IntN(2))
		what = "the first line's numbers"
	case 8:
		lines[i] = bytes.Replace(lines[i], []byte("}\n"), []byte(" }\n"), 1)
		what = "space in"
	default:
		lines[i] = bytes.Replace(lines[i], []byte(`"seq":`), []byte(`"seq" :`), 1)
		what = "another form of"
	}
	v.files[name] = bytes.Join(lines, nil)
	return fmt.Sprintf("%s line %d, %d", what, i, k)
}

// truth makes a log of some segments, and returns its files, states of it from
// earlier, and its lines in their order.
func truth(t *testing.T) (files map[string][]byte, states [][]byte, lines []string) {
	t.Helper()
	l := logtest.New(logtest.Options{Keys: logtest.NewKeys("proven"), SealEvery: 60})
	for n := range 4 {
		if n > 0 {
			l.Rotate()
		}
		l.Events(40)
		states = append(states, l.State())
		l.Events(70 * n)
		l.Seal()
		states = append(states, l.State())
	}
	l.Events(3)
	files = l.Files()
	for n := range l.Segment() {
		name := fmt.Sprintf("audit.%06d.log", n+1)
		if n+1 == l.Segment() {
			name = "audit.log"
		}
		lines = append(lines, strings.Split(strings.TrimSuffix(string(files[name]), "\n"), "\n")...)
	}
	return files, append(states, nil, []byte("no state")), lines
}

// Whatever somebody without a key does to the files of a log: what is verified of it
// is what is shown, every line of it and no other, in its order.
func TestProvenIsShown(t *testing.T) {
	files, states, lines := truth(t)
	rounds := 400
	if testing.Short() {
		rounds = 40
	}
	verdicts, most := map[verify.Verdict]int{}, 0
	var rng *rand.Rand
	// Always the same, so that what fails is what was changed; the last two are those that found something.
	for n := range 3 * rounds {
		if n%rounds == 0 {
			rng = rand.New(rand.NewPCG([]uint64{7, 13888454804736003704, 17410009225097252174}[n/rounds], 0))
		}
		v := &vandal{t: t, rng: rng, files: maps.Clone(files), states: states}
		var done []string
		for range rng.IntN(4) {
			done = append(done, v.vandalise())
		}
		if len(v.segments()) == 0 {
			continue
		}
		verdict, n := v.shown(lines, rng.IntN(2) == 0, strings.Join(done, ", "))
		verdicts[verdict]++
		most = max(most, n)
	}
	t.Logf("%v, at most %d lines", verdicts, most)
}

// shown verifies the log, and compares what is shown of it with what is proved: of all its
// lines, as many as there are up to the last good seal. It returns how many.
func (v *vandal) shown(lines []string, reverse bool, done string) (verdict verify.Verdict, proved int) {
	v.t.Helper()
	dir := v.t.TempDir()
	for name, b := range v.files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			v.t.Fatal(err)
		}
	}
	opts := auditOptions{format: "jsonl", control: true, allPhases: true, reverse: reverse}
	a, out := verified(v.t, filepath.Join(dir, "audit.log"), &opts, "")
	err := concluded(v.t, a)
	want := slices.Clone(lines[:a.sealed.Size()])
	if opts.reverse {
		slices.Reverse(want)
	}
	if got := out.String(); got != strings.Join(append(want, ""), "\n") || a.damages > 0 || a.changed != nil {
		v.t.Errorf("%s: %s, %d lines are proved; shown are %d bytes in %d lines, reverse %t; %v", done,
			a.report.Verdict, len(want), len(got), strings.Count(got, "\n"), opts.reverse, err)
	}
	return a.report.Verdict, len(want)
}

// A segment that was rotated after an earlier state, and that lost its beginning since, is
// damaged, although that state knows nothing of it.
func TestEmptiedBehindState(t *testing.T) {
	files, states, lines := truth(t)
	first, _, _ := bytes.Cut(files["audit.000003.log"], []byte("\n"))
	for n, state := range states {
		for _, left := range [][]byte{nil, []byte("x\n"), first[:100]} {
			v := &vandal{t: t, files: maps.Clone(files)}
			delete(v.files, "audit.log")
			v.files["audit.000003.log"], v.files["audit.state"] = left, state
			done := fmt.Sprintf("state %d, %d bytes of the third segment", n, len(left))
			if verdict, _ := v.shown(lines, n%2 == 0, done); verdict != verify.Damaged {
				t.Errorf("%s: %s, want damaged", done, verdict)
			}
		}
	}
}
