package etch

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/spool"
)

// TestDrainLeavesWhatIsNewer shows that a spool of which a newer version has written some
// is drained but for that, which stays where it is and is told of.
func TestDrainLeavesWhatIsNewer(t *testing.T) {
	w := newSpoolWorld(t)
	w.create()
	w.plantRaw(1, spool.Position{}, plantedBody(w.now, "evt_newer_format", ""))
	w.spool(errLockedOut, w.event())
	s, err := openSpool(w.mem, spoolWorldLog, w.options())
	if err != nil {
		t.Fatal(err)
	}
	s.open()
	newer := plantedBody(w.now, "evt_newer_kind", "")
	newer = strings.Replace(newer, `"event_type":"tool_call"`, `"event_type":"telepathy"`, 1)
	if err := s.dir.Put(s.key, spool.Batch{First: w.now, At: w.now, Bodies: [][]byte{[]byte(newer)}}, 1<<20); err != nil {
		t.Fatal(err)
	}
	w.spool(errLockedOut, w.event())
	before := w.waiting()
	for range 2 {
		if done, err := w.drain(w.mem); !errors.Is(err, spool.ErrNewer) || !done.Left || done.Lost != 0 {
			t.Errorf("got %+v, %v, want that a newer one is to drain", done, err)
		}
		if got, lost := w.recorded(); len(got) != 2 || lost != 0 {
			t.Errorf("recorded %q, %d lost, want the two others and no loss", idsOf(got), lost)
		}
		for _, name := range w.waiting() {
			if filepath.Ext(name) != ".spool" || !slices.Contains(before, name) {
				t.Errorf("%s was not there before", name)
			}
		}
		if n := len(w.waiting()); n != 2 {
			t.Errorf("%d files wait, want 2", n)
		}
	}
}
