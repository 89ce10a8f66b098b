package source

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"github.com/etch-audit/etch"
)

func TestIdentity(t *testing.T) {
	entry := func(text string) *Entry {
		e := &Entry{Event: &etch.Event{Type: etch.ToolCall}, File: "f", Line: 1, SHA256: sha256.Sum256([]byte(text)), Verdict: NoIntegrity}
		e.Label("zeph")
		return e
	}
	base := entry("a")
	want := NewIdentity("zeph", "", base.SHA256, 1)
	if got, ok := IdentityOf(base.Event.Labels); !ok || got != want {
		t.Errorf("by its labels %x, %v, want %x", got, ok, want)
	}
	elsewhere := entry("a")
	elsewhere.File, elsewhere.Line, elsewhere.Offset = "g", 7, 100
	elsewhere.Label("zeph")
	if got, _ := IdentityOf(elsewhere.Event.Labels); got != want {
		t.Error("it depends on where the entry stands")
	}
	for name, change := range map[string]func(labels map[string]string){
		"its program":    func(l map[string]string) { l[LabelSource] = "zeroclaw" },
		"its host":       func(l map[string]string) { l[LabelHost] = "alpha" },
		"its occurrence": func(l map[string]string) { l[LabelOccurrence] = "2" },
		"its bytes":      func(l map[string]string) { l[LabelSHA256] = entry("b").Event.Labels[LabelSHA256] },
	} {
		e := entry("a")
		change(e.Event.Labels)
		if got, ok := IdentityOf(e.Event.Labels); !ok || got == want {
			t.Errorf("it does not depend on %s: %x, %v", name, got, ok)
		}
	}
	for name, labels := range map[string]map[string]string{
		"nothing":         nil,
		"a short hash":    {LabelSource: "zeph", LabelSHA256: "abcd"},
		"no hexadecimals": {LabelSource: "zeph", LabelSHA256: "x" + base.Event.Labels[LabelSHA256][1:]},
		"no number":       {LabelSource: "zeph", LabelSHA256: base.Event.Labels[LabelSHA256], LabelOccurrence: "x"},
	} {
		if got, ok := IdentityOf(labels); ok {
			t.Errorf("%s has the identity %x", name, got)
		}
	}
}

// The host cannot be taken for the end of the program's name.
func TestIdentityParts(t *testing.T) {
	var sum [sha256.Size]byte
	if NewIdentity("ab", "c", sum, 1) == NewIdentity("a", "bc", sum, 1) {
		t.Error("program and host run into each other")
	}
}

func TestOccurrences(t *testing.T) {
	sum := func(n uint64) (s [sha256.Size]byte) {
		binary.BigEndian.PutUint64(s[:], n)
		return s
	}
	var o Occurrences
	for i, n := range []uint64{1, 2, 1, 1, 3, 2} {
		if got, want := o.Next(sum(n)), []int{1, 1, 2, 3, 1, 2}[i]; got != want {
			t.Errorf("step %d: %d came %d times, want %d", i, n, got, want)
		}
	}
	// However many different ones come, memory is bounded, and those of the last
	// half million are known.
	for n := range uint64(3 * maxRecent) {
		if got := o.Next(sum(1000 + n)); got != 1 {
			t.Fatalf("%d came %d times, want 1", n, got)
		}
		if n >= maxRecent && n%1000 == 0 {
			if got := o.Next(sum(1000 + n - maxRecent/2)); got < 2 {
				t.Fatalf("%d is forgotten after %d others", n-maxRecent/2, maxRecent/2)
			}
		}
		if held := len(o.recent) + len(o.before); held > 2*maxRecent {
			t.Fatalf("%d are held, at most %d", held, 2*maxRecent)
		}
	}
}
