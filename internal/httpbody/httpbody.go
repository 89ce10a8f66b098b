// Package httpbody reads the bodies of HTTP requests into memory: of all together no
// more than a [Budget] has. How long one may take is for its reader to say, by the
// deadline of its connection; [Wait] and [Leftover] are what is usual here.
//
// It knows nothing of what stands in a body, and nothing of who sends it.
package httpbody

import (
	"errors"
	"io"
	"sync"
	"time"
)

const (
	// Wait is how long a body may take to come: one that comes byte by byte holds a
	// connection, and its part of a budget, no longer.
	Wait = 30 * time.Second
	// Leftover is how long the rest of a body may take that nobody asks for:
	// net/http reads it before it sends the answer, and by itself waits for ever.
	Leftover = time.Second
)

// step is how much is asked of the budget at first.
const step = 64 << 10

var (
	// ErrBusy is the error of a body that the budget has no room for.
	ErrBusy = errors.New("too many requests hold too many bytes")
	// ErrTooLong is the error of a body that is longer than its limit.
	ErrTooLong = errors.New("the body is too long")
)

// A Budget is bytes that bodies may hold at the same time: who may send shall not
// fill the memory. It is safe for concurrent use.
type Budget struct {
	mu   sync.Mutex
	size int
	held int // guarded by mu
}

// NewBudget returns a budget of so many bytes.
func NewBudget(size int) *Budget { return &Budget{size: size} }

// Held returns how many bytes are held now.
func (b *Budget) Held() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held
}

func (b *Budget) take(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.size-b.held < n {
		return false
	}
	b.held += n
	return true
}

func (b *Budget) give(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held -= n
}

// A Body is one that was read, and holds its part of a budget until it is released.
type Body struct {
	// Data is all of it; it may be empty, and is not to be used after Release.
	Data   []byte
	held   int
	budget *Budget
}

// Read reads a body to its end. It returns [ErrTooLong] of one that has more bytes
// than limit, [ErrBusy] where the budget has no room for it, and what reading
// returned: then nothing is held. The caller releases the body.
func (b *Budget) Read(in io.Reader, limit int) (*Body, error) {
	body := &Body{budget: b}
	if err := body.fill(in, limit); err != nil {
		body.Release()
		return nil, err
	}
	return body, nil
}

func (b *Body) fill(in io.Reader, limit int) error {
	for {
		if len(b.Data) == cap(b.Data) && !b.grow(limit) {
			return ErrBusy
		}
		n, err := in.Read(b.Data[len(b.Data):cap(b.Data)])
		b.Data = b.Data[:len(b.Data)+n]
		switch {
		case len(b.Data) > limit:
			return ErrTooLong
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// grow makes room for more: twice as much, up to one byte beyond the limit. The
// length that a request claims is its sender's word, and takes nothing.
func (b *Body) grow(limit int) bool {
	size := min(max(step, 2*cap(b.Data)), limit+1)
	if !b.budget.take(size - b.held) {
		return false
	}
	b.held = size
	grown := make([]byte, len(b.Data), size)
	copy(grown, b.Data)
	b.Data = grown
	return true
}

// Release gives back what the body holds. A second call does nothing.
func (b *Body) Release() {
	b.budget.give(b.held)
	b.held, b.Data = 0, nil
}
