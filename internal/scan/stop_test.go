package scan_test

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/etch-audit/etch/internal/scan"
)

// In a bubble of synctest every goroutine has to end with the test, so that one
// that a scan leaves behind makes the test fail.

const lineLength = 64

// many is 32 MiB of lines.
func many() []byte {
	return bytes.Repeat(append(bytes.Repeat([]byte{'x'}, lineLength-1), '\n'), 32<<20/lineLength)
}

// TestSlowConsumer has a consumer that takes its time: the workers go so far
// ahead and no further, and none is left when it has had enough.
func TestSlowConsumer(t *testing.T) {
	text := many()
	for _, reverse := range []bool{false, true} {
		for _, workers := range []int{1, 2, 4} {
			synctest.Test(t, func(t *testing.T) {
				var matched atomic.Int64
				match := func(_ int, _ []byte, offset int64) (int64, bool, error) {
					matched.Add(1)
					return offset, true, nil
				}
				given := 0
				opt := scan.Options{Workers: workers, Reverse: reverse}
				for _, err := range scan.Lines(t.Context(), bytes.NewReader(text), 0, int64(len(text)), opt, match) {
					if err != nil {
						t.Fatal(err)
					}
					if given++; given%100_000 != 1 {
						continue
					}
					synctest.Wait() // for the workers to wait for the consumer
					got, most := int(matched.Load())-given, (4*workers+1)*(1<<20)/lineLength
					if got > most {
						t.Errorf("%d workers: %d lines ahead of the consumer, at most %d", workers, got, most)
					}
					if given == 1 && got >= 32<<10/lineLength {
						t.Errorf("%d lines matched for the first: others wait before it is given", got)
					}
					if given > 300_000 {
						break
					}
				}
			})
		}
	}
}

// TestCancel ends a scan at some line of some block, and checks that its error
// comes and nothing else.
func TestCancel(t *testing.T) {
	text := many()
	cause := errors.New("no more")
	for _, workers := range []int{1, 2, 4} {
		for _, at := range []int64{0, 20 << 10, 1 << 20, 31 << 20} {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				match := func(_ int, _ []byte, offset int64) (int64, bool, error) {
					if offset == at {
						cancel(cause)
						<-ctx.Done()
					}
					return offset, true, nil
				}
				next, ended := int64(0), false
				for offset, err := range scan.Lines(ctx, bytes.NewReader(text), 0, int64(len(text)), scan.Options{Workers: workers}, match) {
					switch {
					case ended:
						t.Fatalf("got %d, %v after the end", offset, err)
					case err != nil:
						if ended = true; !errors.Is(err, context.Canceled) {
							t.Errorf("error is %v, want %v", err, context.Canceled)
						}
					case offset != next:
						t.Fatalf("got %d, want %d", offset, next)
					}
					next += lineLength
				}
				if !ended || next > at+lineLength {
					t.Errorf("%d workers, cancelled at %d: ended %t at %d", workers, at, ended, next)
				}
			})
		}
	}
}

// TestConsumerPanics leaves the loop by a panic.
func TestConsumerPanics(t *testing.T) {
	text := many()
	synctest.Test(t, func(t *testing.T) {
		defer func() {
			if got := recover(); got != "enough" {
				t.Errorf("recovered %v", got)
			}
		}()
		for h, err := range scan.Lines(t.Context(), bytes.NewReader(text), 0, int64(len(text)), scan.Options{Workers: 3}, keep("x")) {
			if err != nil {
				t.Fatal(err)
			}
			if h.Offset > 5<<20 {
				panic("enough")
			}
		}
	})
}
