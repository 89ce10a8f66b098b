// Package httpbody reads the bodies of HTTP requests into memory: of all together no
// more than a [Budget] has. How long one may take is for its reader to say, by the
// deadline of its connection; [Wait] and [Leftover] are what is usual here.
//
// It knows nothing of what stands in a body, and of who sends it no more than a name.
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
	ErrBusy = errors.New("too many bytes of requests are held")
	// ErrTooLong is the error of a body that is longer than its limit.
	ErrTooLong = errors.New("the body is too long")
)

// A Budget is bytes that bodies may hold at the same time: who may send shall not
// fill the memory, nor take all of it from others. It is safe for concurrent use.
//
// What one sender holds is never more than what it leaves free, so that however many hold
// as much as they can, there is room for one more: of n such senders each holds 1/(n+1).
// By the first step of a body, which is all of most, it may go up to twice that: who
// sends long bodies shall have room for short ones.
type Budget struct {
	mu      sync.Mutex
	size    int
	held    int            // guarded by mu
	senders map[string]int // guarded by mu: what each holds, of those that hold some
}

// NewBudget returns a budget of so many bytes.
func NewBudget(size int) *Budget { return &Budget{size: size, senders: make(map[string]int)} }

// Held returns how many bytes are held now.
func (b *Budget) Held() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held
}

// take takes n bytes for a sender; "" is nobody in particular, who may take all. first
// says that they are a body's first.
func (b *Budget) take(sender string, n int, first bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	free, own := b.size-b.held-n, b.senders[sender]+n
	most := free
	if first {
		most = 2 * free
	}
	if free < 0 || sender != "" && own > most {
		return false
	}
	b.held += n
	b.senders[sender] = own
	return true
}

func (b *Budget) give(sender string, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held -= n
	if b.senders[sender] -= n; b.senders[sender] == 0 {
		delete(b.senders, sender)
	}
}

// A Body is one that was read, and holds its part of a budget until it is released.
type Body struct {
	// Data is all of it; it may be empty, and is not to be used after Release.
	Data   []byte
	held   int
	sender string
	budget *Budget
}

// Read reads a body to its end, for a sender or for nobody in particular, which is "".
// It returns [ErrTooLong] of one that has more bytes than limit, [ErrBusy] where the
// budget has no room for it, and what reading returned: then nothing is held. The caller
// releases the body.
func (b *Budget) Read(in io.Reader, limit int, sender string) (*Body, error) {
	body := &Body{budget: b, sender: sender}
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
	if !b.budget.take(b.sender, size-b.held, b.held == 0) {
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
	b.budget.give(b.sender, b.held)
	b.held, b.Data = 0, nil
}
