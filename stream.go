package etch

import (
	"fmt"
	"io"
	"sync"

	"github.com/etch-audit/etch/internal/record"
)

// A stream writes the lines of events to a writer: no seal, no state, no
// durability, and so no signature, which would prove nothing.
type stream struct {
	mu   sync.Mutex
	w    io.Writer // guarded by mu
	seq  uint64    // guarded by mu
	line []byte    // guarded by mu
}

func newStream(w io.Writer) *stream { return &stream{w: w} }

// write writes a line for each body, with one call of the writer.
func (s *stream) write(bodies ...[]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line = s.line[:0]
	for i, body := range bodies {
		s.line = record.AppendOpen(s.line, s.seq+uint64(i))
		s.line = append(s.line, body...)
		s.line = append(s.line, "}\n"...)
	}
	if _, err := s.w.Write(s.line); err != nil {
		return fmt.Errorf("%w: write to stream: %w", ErrUnknown, err)
	}
	s.seq += uint64(len(bodies))
	return nil
}
