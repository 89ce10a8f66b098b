package journal_test

import (
	"errors"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/journal"
	"github.com/etch-audit/etch/internal/segment"
)

// A caller whose record was refused must not be handed what the waiter's last
// user was told.
func TestRefusedRecordHasNoReceipt(t *testing.T) {
	w := newWorld()
	w.opt.LockWait = time.Millisecond
	must(t, w.create())
	layout, err := segment.LayoutOf(logPath)
	must(t, err)
	lock, err := w.mem.OpenLock(layout.Path(layout.Lock()))
	must(t, err)
	for range 10 { // the pool may give another waiter
		must(t, w.append(t, 300))
		must(t, lock.Acquire(time.Second))
		_, body := w.hist.event(300)
		receipts, err := w.log.AppendBatch(ctx, [][]byte{body})
		if !errors.Is(err, journal.ErrNotRecorded) {
			t.Fatalf("AppendBatch under another's lock = %v, want %v", err, journal.ErrNotRecorded)
		}
		for _, r := range receipts {
			if r != (journal.Receipt{}) {
				t.Errorf("a refused record has the receipt %+v", r)
			}
		}
		must(t, lock.Release())
	}
	must(t, lock.Close())
	must(t, w.close())
}
