package mcp

import (
	"bytes"
	"io"
	"sync"
)

// A tellable stream of events is that of the server, with events between its own
// that the client is told by the proxy.
type tellable struct {
	body   io.ReadCloser
	chunks chan chunk
	closed chan struct{}
	close  sync.Once

	out   []byte // to be read
	err   error  // what comes behind it
	place eventPlace

	some    chan struct{} // has one where something waits
	mu      sync.Mutex    // guards what follows
	waiting []byte
}

// A chunk is what one read of the server's stream has brought.
type chunk struct {
	data []byte
	err  error
}

// newTellable returns a stream that reads nothing of the server's before it begins.
func newTellable(body io.ReadCloser) *tellable {
	return &tellable{body: body, chunks: make(chan chunk), closed: make(chan struct{}), some: make(chan struct{}, 1)}
}

// begin begins to read. Who looks at what is read may look at the stream, too: it is
// where it is to be found before.
func (s *tellable) begin() { go s.read() }

// read reads the server's stream ahead of who reads, by one piece.
func (s *tellable) read() {
	for {
		data := make([]byte, pieceSize)
		n, err := s.body.Read(data)
		select {
		case s.chunks <- chunk{data[:n], err}:
		case <-s.closed:
			return
		}
		if err != nil {
			return
		}
	}
}

// tell has messages, a line each, sent to the client, and reports whether they can be.
func (s *tellable) tell(lines []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) > mostWaiting {
		return false
	}
	for line := range bytes.Lines(lines) {
		s.waiting = append(s.waiting, "event: message\ndata: "...)
		s.waiting = append(append(s.waiting, line...), '\n')
	}
	put(s.some)
	return true
}

// Read reads the stream. It is called by one goroutine at a time.
func (s *tellable) Read(p []byte) (int, error) {
	for len(s.out) == 0 {
		if s.err != nil {
			return 0, s.err
		}
		some := s.some
		if !s.place.between() {
			some = nil
		}
		select {
		case <-some:
			s.mu.Lock()
			s.out, s.waiting = s.waiting, nil
			s.mu.Unlock()
		case c := <-s.chunks:
			s.out, s.err = c.data, c.err
			s.place.pass(c.data)
		case <-s.closed:
			return 0, io.ErrClosedPipe
		}
	}
	n := copy(p, s.out)
	s.out = s.out[n:]
	return n, nil
}

// Close closes the server's stream.
func (s *tellable) Close() error {
	s.close.Do(func() { close(s.closed) })
	return s.body.Close()
}

// An eventPlace is where in a stream of events one stands.
type eventPlace struct {
	within bool // an event, or a line
	line   bool // a line
	cr     bool // the last byte was a carriage return
}

// between reports whether it is between two events.
func (e *eventPlace) between() bool { return !e.within }

// pass goes on.
func (e *eventPlace) pass(data []byte) {
	for _, c := range data {
		switch {
		case c == '\n' && e.cr:
			e.cr = false
		case c == '\r' || c == '\n':
			e.within, e.line, e.cr = e.line, false, c == '\r'
		default:
			e.within, e.line, e.cr = true, true, false
		}
	}
}
