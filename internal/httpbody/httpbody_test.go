package httpbody

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
)

// A body is read whole whatever its length and in whatever pieces it comes, and is
// refused from one byte beyond its limit on; what it held is given back.
func TestRead(t *testing.T) {
	const limit = 3 * step
	for _, n := range []int{0, 1, step - 1, step, step + 1, limit - 1, limit, limit + 1, 5 * step} {
		for name, pieces := range map[string]func(io.Reader) io.Reader{
			"at once": func(r io.Reader) io.Reader { return r }, "in halves": iotest.HalfReader, "with its end": iotest.DataErrReader,
		} {
			b := NewBudget(limit + 1)
			text := strings.Repeat("x", n)
			body, err := b.Read(pieces(strings.NewReader(text)), limit, "")
			if n > limit {
				if !errors.Is(err, ErrTooLong) || body != nil {
					t.Errorf("%d bytes %s: got %v, %v, want %v", n, name, body, err, ErrTooLong)
				}
			} else if err != nil || string(body.Data) != text {
				t.Errorf("%d bytes %s: got %d, %v", n, name, len(body.Data), err)
			} else {
				if held := b.Held(); held < n || held < cap(body.Data) {
					t.Errorf("%d bytes %s: %d are held", n, name, held)
				}
				body.Release()
				body.Release()
			}
			if held := b.Held(); held != 0 {
				t.Errorf("%d bytes %s: %d are still held", n, name, held)
			}
		}
	}
}

// A limit below the first step holds no more than is needed to see beyond it.
func TestReadLittle(t *testing.T) {
	b := NewBudget(11)
	body, err := b.Read(strings.NewReader("0123456789"), 10, "")
	if err != nil || b.Held() != 11 {
		t.Fatalf("got %v, %d are held", err, b.Held())
	}
	if _, err := b.Read(strings.NewReader(""), 10, ""); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v, want %v", err, ErrBusy)
	}
	body.Release()
}

// What fails on the way holds nothing.
func TestReadFails(t *testing.T) {
	broken := errors.New("broken")
	b := NewBudget(8 * step)
	in := io.MultiReader(bytes.NewReader(make([]byte, 2*step)), iotest.ErrReader(broken))
	if body, err := b.Read(in, 4*step, "a"); !errors.Is(err, broken) || body != nil {
		t.Errorf("got %v, %v", body, err)
	}
	if held := b.Held(); held != 0 {
		t.Errorf("%d bytes are held", held)
	}
}

// However many read at once, they never hold more than there is, and in the end
// nothing.
func TestBudget(t *testing.T) {
	const size = 10 * step
	b := NewBudget(size)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var readers sync.WaitGroup
	var counts sync.Mutex
	refused, whole := 0, 0
	names := []string{"", "a", "b", "c"}
	for i := range 16 {
		readers.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			for range 200 {
				body, err := b.Read(bytes.NewReader(make([]byte, random.IntN(6*step))), 8*step, names[random.IntN(len(names))])
				if held := b.Held(); held > size || held < 0 {
					t.Errorf("%d bytes are held", held)
				}
				counts.Lock()
				if errors.Is(err, ErrBusy) {
					refused++
				} else if err == nil {
					whole++
				} else {
					t.Error(err)
				}
				counts.Unlock()
				if err == nil {
					body.Release()
				}
			}
		})
	}
	readers.Wait()
	if len(b.senders) != 0 {
		t.Errorf("senders are still known: %v", b.senders)
	}
	if held := b.Held(); held != 0 || whole == 0 {
		t.Errorf("%d bytes are held after %d bodies, and %d that were refused", held, whole, refused)
	}
}

// However much some senders hold, there is room for another, and for what is short of
// each that leaves some.
func TestBudgetOfSenders(t *testing.T) {
	const size = 96 * step
	for _, length := range []int{step, 5 * step, 8 * step, 32 * step} {
		b := NewBudget(size)
		var bodies []*Body
		hold := func(sender string, length int) bool {
			body, err := b.Read(bytes.NewReader(make([]byte, length)), max(length, step), sender)
			if err != nil && !errors.Is(err, ErrBusy) {
				t.Fatal(err)
			}
			if err == nil {
				bodies = append(bodies, body)
			}
			return err == nil
		}
		for _, sender := range []string{"a", "b", "c"} {
			began := b.Held()
			for n := 0; hold(sender, length); n++ {
				if n > size/step {
					t.Fatalf("%s has %d bodies", sender, n)
				}
			}
			own, free := b.Held()-began, size-b.Held()
			if most := 2 * free; own > most || length > step && own > free {
				t.Errorf("bodies of %d steps: %s holds %d and leaves %d", length/step, sender, own, free)
			}
			if length > step && own > 0 && free-own > 0 && !hold(sender, step-1) {
				t.Errorf("bodies of %d steps: %s, which holds %d of %d, has no room for a short one", length/step, sender, own, size)
			}
			if own == 0 && began < size/3 {
				t.Errorf("bodies of %d steps: nothing is left to %s: %d of %d are held", length/step, sender, began, size)
			}
		}
		for _, sender := range []string{"d", "e", "f"} {
			if !hold(sender, step-1) {
				t.Errorf("bodies of %d steps: no room for a short one of %s: %d of %d are held", length/step, sender, b.Held(), size)
			}
		}
		for _, body := range bodies {
			body.Release()
		}
		if b.Held() != 0 {
			t.Errorf("%d bytes are still held", b.Held())
		}
	}
}
