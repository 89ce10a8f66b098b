package main

import (
	"bufio"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/etch-audit/etch"
)

// flushEvery is how long a record waits at most for others before it is shown.
const flushEvery = 100 * time.Millisecond

// A sink takes records to where they go. What is there is shown at once even
// where the next record is far away.
type sink struct {
	mu       sync.Mutex // guards what follows
	renderer renderer
	buf      *bufio.Writer
	fresh    bool // something was added since the last flush
	err      error
	failed   func() // called where something cannot be written

	quit  chan struct{}
	ended sync.WaitGroup
}

// newSink returns a sink. Where nothing can be written any more it calls failed,
// so that nobody waits for the next record only to hear of it.
func newSink(out *output, format func(*bufio.Writer, bool) renderer, failed func()) *sink {
	buf := bufio.NewWriterSize(io.Writer(out), 64<<10)
	s := &sink{renderer: format(buf, out.screen), buf: buf, failed: failed, quit: make(chan struct{})}
	s.ended.Go(s.run)
	return s
}

func (s *sink) run() {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.flush()
		case <-s.quit:
			return
		}
	}
}

func (s *sink) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fresh && s.err == nil {
		if s.err = errors.Join(s.renderer.Flush(), s.buf.Flush()); s.err != nil {
			s.failed()
		}
	}
	s.fresh = false
}

// add takes a record, and returns the first error of any.
func (s *sink) add(r *etch.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = s.renderer.Add(r)
	}
	s.fresh = true
	return s.err
}

// failure returns why something could not be written, nil where all could.
func (s *sink) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// close writes what is left.
func (s *sink) close() error {
	s.stop()
	if s.err != nil {
		return s.err
	}
	if err := s.renderer.Close(); err != nil {
		return err
	}
	return s.buf.Flush()
}

// abandon writes what was added, and no end: the answer is not whole.
func (s *sink) abandon() error {
	s.stop()
	if s.err != nil {
		return nil // it was returned by add
	}
	return errors.Join(s.renderer.Flush(), s.buf.Flush())
}

func (s *sink) stop() {
	close(s.quit)
	s.ended.Wait()
}
