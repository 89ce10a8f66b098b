package spool_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/errorfs"
	"github.com/etch-audit/etch/internal/spool"
)

// TestReserveBesideLose counts a loss at the very moment at which another process is about to
// make room: either it is counted and stays so, or its caller is told that it is not.
func TestReserveBesideLose(t *testing.T) {
	mem := newDisk(t)
	count := func() error {
		return spool.At(mem, path).Lose(key, spool.Loss{Count: 1, From: began, To: began, Cause: "x"}, 0)
	}
	tried, counted := false, uint64(0)
	busy := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) errorfs.Fault {
		if op.Kind == errorfs.Write && filepath.Base(op.Path) == "lost" && !tried {
			tried = true
			if err := count(); err == nil {
				counted++
			}
		}
		return errorfs.Fault{}
	}))
	if err := spool.At(busy, path).Reserve(); err != nil || !tried {
		t.Fatalf("Reserve = %v, beside another %t", err, tried)
	}
	if err := count(); err != nil {
		t.Error(err)
	}
	if sum, err := spool.At(mem, path).Lost(); err != nil || sum.Count != counted+1 {
		t.Errorf("Lost = %+v, %v, want %d", sum, err, counted+1)
	}
}

// TestTogether lets many processes spool, count and look at once.
func TestTogether(t *testing.T) {
	mem := newDisk(t)
	const each, writers = 10, 8
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			d := spool.At(mem, path)
			for i := range each {
				if err := d.Put(key, batch(i, fmt.Sprintf(`"n":"%d.%d"`, w, i)), room); err != nil {
					t.Error(err)
				}
				if err := d.Lose(key, spool.Loss{Count: 1, From: began, To: began, Cause: "x"}, time.Minute); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got, lost := bodies(t, mem, key); len(got) != each*writers || lost != 0 {
		t.Errorf("%d bodies, %d lost", len(got), lost)
	}
	if sum, err := spool.At(mem, path).Lost(); err != nil || sum.Count != each*writers {
		t.Errorf("Lost = %+v, %v", sum, err)
	}
}
