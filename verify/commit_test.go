package verify_test

import (
	"bytes"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/commit"
	"github.com/etch-audit/etch/verify"
)

// withChain returns the files of a log that is being written, the commit file
// among them, and what that holds.
func withChain(t *testing.T, l *lab) (map[string][]byte, commit.Entry) {
	t.Helper()
	files := maps.Clone(l.files)
	b, err := fs.ReadFile(l.disk.Sub(labDir), "audit.commit")
	if err != nil {
		t.Fatal(err)
	}
	files["audit.commit"] = b
	chain, err := commit.Read(bytes.NewReader(b))
	if err != nil || chain.End() != int64(len(files["audit.log"])) || bytes.Count(chain.Lines, []byte("\n")) < 2 {
		t.Fatalf("chain ends at %d of %d bytes, %v: the test shows nothing", chain.End(), len(files["audit.log"]), err)
	}
	return files, chain
}

// TestCommitFile takes from the active segment what the commit file has, as a loss
// of power does: the log is whole, and the report says where it found the rest. What
// the commit file has not, and what stands in the segment otherwise, is judged
// as without it.
func TestCommitFile(t *testing.T) {
	l := makeLab(t, true)
	whole, chain := withChain(t, l)
	active := whole["audit.log"]
	cut := func(files map[string][]byte) { files["audit.log"] = active[:chain.Offset] }
	forge := func(files map[string][]byte, change func(e *commit.Entry)) {
		e := chain
		e.Lines = slices.Clone(e.Lines)
		change(&e)
		files["audit.commit"] = commit.AppendEntry(nil, &e)
	}
	for _, c := range []struct {
		name   string
		do     func(files map[string][]byte)
		intact bool
		filled bool
	}{
		{"untouched", func(map[string][]byte) {}, true, false},
		{"cut", cut, true, true},
		{"cut within a line", func(files map[string][]byte) { files["audit.log"] = active[:len(active)-40] }, true, true},
		{"a hole", func(files map[string][]byte) {
			b := slices.Clone(active)
			clear(b[chain.Offset+10 : chain.End()-10])
			files["audit.log"] = b
		}, true, true},
		{"cut before the chain", func(files map[string][]byte) { files["audit.log"] = active[:chain.Offset-1] }, false, false},
		{"cut, and the commit file removed", func(files map[string][]byte) { cut(files); delete(files, "audit.commit") }, false, false},
		{"cut, and the commit file torn", func(files map[string][]byte) {
			cut(files)
			files["audit.commit"] = files["audit.commit"][:60]
		}, false, false},
		{"cut, and another text", func(files map[string][]byte) {
			cut(files)
			forge(files, func(e *commit.Entry) { e.Lines = bytes.Replace(e.Lines, []byte("make"), []byte("fake"), 1) })
		}, false, true},
		{"cut, and another segment's", func(files map[string][]byte) { cut(files); forge(files, func(e *commit.Entry) { e.Segment-- }) }, false, false},
		{"cut, and a later place", func(files map[string][]byte) { cut(files); forge(files, func(e *commit.Entry) { e.Offset++ }) }, false, false},
		{"another text where nothing is lacking", func(files map[string][]byte) {
			forge(files, func(e *commit.Entry) { e.Lines = bytes.Replace(e.Lines, []byte("make"), []byte("fake"), 1) })
		}, true, false},
		{"an edit that the commit file could undo", func(files map[string][]byte) {
			b := slices.Clone(active)
			copy(b[bytes.LastIndex(b, []byte("make")):], "fake")
			files["audit.log"] = b
		}, false, false},
		{"an edit, and a hole behind it", func(files map[string][]byte) {
			b := slices.Clone(active)
			copy(b[int(chain.Offset)+bytes.Index(chain.Lines, []byte("make")):], "fake")
			files["audit.log"] = b[:len(b)-10]
		}, false, false},
	} {
		files := maps.Clone(whole)
		c.do(files)
		r := l.report(t, files, atHome, l.epochKeys(t, l.disk))
		if got := r.Verdict == verify.Intact; got != c.intact {
			t.Errorf("%s: verdict %v, faults %+v, undecided %v, want intact %v", c.name, r.Verdict, r.Faults, r.Undecided, c.intact)
		}
		filled := slices.ContainsFunc(r.NotChecked, func(s string) bool { return strings.Contains(s, "audit.commit") })
		if filled != c.filled {
			t.Errorf("%s: not checked: %v, want word of the commit file: %v", c.name, r.NotChecked, c.filled)
		}
	}
}
