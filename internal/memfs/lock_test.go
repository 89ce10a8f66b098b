package memfs_test

import (
	"errors"
	"io/fs"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/etch-audit/etch/internal/memfs"
	"github.com/etch-audit/etch/internal/vfs"
)

func TestLockIsFirstInFirstOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memfs.New()
		first := lock(t, m)
		if err := first.Acquire(0); err != nil {
			t.Fatal(err)
		}
		var order []int
		for i := range 5 {
			l := lock(t, m)
			go func() {
				if err := l.Acquire(time.Hour); err != nil {
					t.Error(err)
					return
				}
				order = append(order, i)
				time.Sleep(time.Second)
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			}()
			synctest.Wait()
		}
		if err := first.Release(); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := first.Acquire(time.Hour); err != nil {
			t.Fatal(err)
		}
		if want := []int{0, 1, 2, 3, 4}; !slices.Equal(order, want) {
			t.Errorf("order: got %v, want %v, and then the first again", order, want)
		}
		if got := time.Since(start); got != 5*time.Second {
			t.Errorf("the queue took %v, want 5s", got)
		}
	})
}

func TestLockWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memfs.New()
		held, hasty, patient := lock(t, m), lock(t, m), lock(t, m)
		if err := held.Acquire(0); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- patient.Acquire(time.Minute) }()
		start := time.Now()
		if err := hasty.Acquire(5 * time.Second); !errors.Is(err, vfs.ErrLocked) {
			t.Errorf("Acquire of a held lock: got %v, want %v", err, vfs.ErrLocked)
		}
		if got := time.Since(start); got != 5*time.Second {
			t.Errorf("Acquire gave up after %v, want 5s", got)
		}
		if err := held.Release(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Errorf("Acquire behind one that gave up: got %v", err)
		}
	})
}

func TestLockCloseEndsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memfs.New()
		held, waits := lock(t, m), lock(t, m)
		if err := held.Acquire(0); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- waits.Acquire(time.Hour) }()
		synctest.Wait()
		if err := waits.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; !errors.Is(err, fs.ErrClosed) {
			t.Errorf("Acquire, closed meanwhile: got %v, want %v", err, fs.ErrClosed)
		}
	})
}
