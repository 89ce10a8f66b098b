package journal_test

import (
	"fmt"
	"testing"
)

// TestComposedTogether composes batches that several goroutines share, beginning at
// all kinds of places in the tree, with seals and rotations in between. The
// check computes the tree from the lines.
func TestComposedTogether(t *testing.T) {
	for _, test := range []struct {
		before, lines int
		seal          uint32
		size          int64
		unsigned      bool
	}{
		{before: 0, lines: 64, seal: 1000, size: 1 << 20},
		{before: 1, lines: 63, seal: 1000, size: 1 << 20},
		{before: 30, lines: 33, seal: 1000, size: 1 << 20},
		{before: 17, lines: 400, seal: 100, size: 1 << 20},
		{before: 5, lines: 400, seal: 1000, size: 32 << 10},
		{before: 5, lines: 200, seal: 90, size: 24 << 10, unsigned: true},
	} {
		t.Run(fmt.Sprintf("before=%d/lines=%d/seal=%d", test.before, test.lines, test.seal), func(t *testing.T) {
			w := newWorld()
			w.opt.SealRecords, w.opt.MaxSize, w.opt.Signed = test.seal, test.size, !test.unsigned
			if err := w.create(); err != nil {
				t.Fatal(err)
			}
			for range test.before {
				if err := w.append(t, 200); err != nil {
					t.Fatal(err)
				}
			}
			sizes := make([]int, test.lines)
			for i := range sizes {
				sizes[i] = 100 + 7*i%300
			}
			if err := w.batch(t, sizes...); err != nil {
				t.Fatal(err)
			}
			w.check(t)
			if err := w.close(); err != nil {
				t.Fatal(err)
			}
			w.recheck(t)
			if got := w.hist.count(recorded); got != test.before+test.lines {
				t.Errorf("%d events are recorded, want %d", got, test.before+test.lines)
			}
		})
	}
}
