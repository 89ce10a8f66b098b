package later

import (
	"sync"
	"testing"
)

// TestGet: a value is made once, whoever asks first.
func TestGet(t *testing.T) {
	calls := 0
	v := Value[int]{Make: func() int { calls++; return 7 }}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if got := v.Get(); got != 7 {
				t.Errorf("got %d, want 7", got)
			}
		})
	}
	all.Wait()
	if calls != 1 {
		t.Errorf("it was made %d times, want once", calls)
	}
}

// TestGetPanics: what could not be made is not taken for a zero value later.
func TestGetPanics(t *testing.T) {
	v := Value[int]{Make: func() int { panic("no") }}
	for range 2 {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("got a value, want a panic")
				}
			}()
			v.Get()
		}()
	}
}
