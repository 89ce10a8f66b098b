package index

import "sync"

// A memory is what the sets of rows and the dictionaries of one Reader are made
// of. It goes to another Reader when that one is released: touching memory for the
// first time takes longer than all else that is done with a set. It may be used by
// several goroutines.
type memory struct {
	mu      sync.Mutex
	words   stock[uint64]
	numbers stock[uint32]
	marks   stock[uint8]
}

var memories = sync.Pool{New: func() any { return new(memory) }}

// takeWords returns n zeros, of nobody's memory where m is nil.
func (m *memory) takeWords(n int) []uint64 {
	if m == nil {
		return make([]uint64, n)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.words.take(n)
}

// takeNumbers is takeWords for numbers.
func (m *memory) takeNumbers(n int) []uint32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.numbers.take(n)
}

// takeMarks is takeWords for bytes.
func (m *memory) takeMarks(n int) []uint8 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.marks.take(n)
}

// release gives the memory to whoever asks next. Nobody may use what was taken
// from it any more.
func (m *memory) release() {
	m.words.used, m.numbers.used, m.marks.used = 0, 0, 0
	memories.Put(m)
}

// A stock is memory for values of one type.
type stock[T uint8 | uint32 | uint64] struct {
	all  []T
	used int
}

// leastStock is how many values are taken from the system at once.
const leastStock = 8 << 10

// take returns n zeros. What was taken before stays where it is.
func (s *stock[T]) take(n int) []T {
	if len(s.all)-s.used < n {
		s.all, s.used = make([]T, max(n, 2*len(s.all), leastStock)), 0
	}
	taken := s.all[s.used : s.used+n : s.used+n]
	s.used += n
	clear(taken)
	return taken
}
