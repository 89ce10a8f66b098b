package mcp

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

// An inserter writes what comes from the server, and between its lines what else
// the client is to be told.
type inserter struct {
	to io.Writer

	mu      sync.Mutex // guards what follows
	free    sync.Cond  // nobody writes, or less waits
	busy    bool       // somebody writes
	within  bool       // the server's line has not ended
	gone    bool       // the client does not take it
	waiting []byte     // what it is to be told
}

func newInserter(to io.Writer) *inserter {
	i := &inserter{to: to}
	i.free.L = &i.mu
	return i
}

// mostWaiting bounds what a client is to be told and does not read.
const mostWaiting = 1 << 20

// tell has lines written as soon as the server's line has ended. It waits only for a
// client that reads nothing of what it is told.
func (i *inserter) tell(lines []byte) {
	if len(lines) == 0 {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	for len(i.waiting) > mostWaiting && !i.gone {
		i.free.Wait()
	}
	if i.gone {
		return
	}
	i.waiting = append(i.waiting, lines...)
	if !i.busy && !i.within {
		i.busy = true
		go func() { _ = i.leave() }() // the next write of what comes from the server fails, too
	}
}

// enter waits until nobody else writes.
func (i *inserter) enter() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for i.busy {
		i.free.Wait()
	}
	i.busy = true
}

// leave writes what waits, where it may, and says that nobody writes.
func (i *inserter) leave() error {
	for {
		i.mu.Lock()
		if i.within || len(i.waiting) == 0 || i.gone {
			i.busy = false
			i.free.Broadcast()
			i.mu.Unlock()
			return nil
		}
		lines := i.waiting
		i.waiting = nil
		i.free.Broadcast()
		i.mu.Unlock()
		if err := i.write(lines); err != nil {
			return errors.Join(err, i.leave())
		}
	}
}

// write writes, and remembers whether the client takes it.
func (i *inserter) write(p []byte) error {
	_, err := i.to.Write(p)
	if err != nil {
		i.mu.Lock()
		i.gone = true
		i.mu.Unlock()
	}
	return err
}

// Write writes what comes from the server. What waits goes behind the first line
// that ends.
func (i *inserter) Write(p []byte) (int, error) {
	n := bytes.IndexByte(p, '\n') + 1
	for _, part := range [][]byte{p[:n], p[n:]} {
		if len(part) == 0 {
			continue
		}
		i.enter()
		err := i.write(part)
		i.mu.Lock()
		i.within = part[len(part)-1] != '\n'
		i.mu.Unlock()
		if err := errors.Join(err, i.leave()); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// Close closes what it writes to, where it can be, behind what the client is told.
func (i *inserter) Close() error {
	i.enter()
	defer func() { _ = i.leave() }() // nothing is written any more
	if c, ok := i.to.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
