package server

import (
	"errors"
	"net"
	"sync"
	"time"
)

// A conn is one connection of a socket.
type conn struct {
	net.Conn
	server  *Server
	sender  Sender
	account *account

	mu      sync.Mutex
	stopped bool      // guarded by mu: nothing more is to be read
	http    bool      // guarded by mu: HTTP reads, and ends by itself
	readBy  time.Time // guarded by mu: the read deadline
	parting bool      // guarded by mu: the server is draining
}

// serve finds out which language is spoken, and serves it.
func (c *conn) serve(h *handOver) {
	c.sender.User = c.account.userName(c.sender.UID, c.server.opt.Now())
	var first [1]byte
	if err := c.SetReadDeadline(time.Now().Add(c.server.limits.LineWait)); err != nil {
		c.end()
		return
	}
	if c.isStopped() {
		c.end()
		return
	}
	n, err := c.Read(first[:])
	if err != nil || n == 0 {
		c.end()
		return
	}
	switch first[0] {
	case '{', ' ', '\t', '\n', '\r':
		newNative(c, first[0]).run()
		c.end()
	default:
		c.giveToHTTP(h, first[:])
	}
}

func (c *conn) giveToHTTP(h *handOver, read []byte) {
	over := &handed{conn: c, read: read}
	c.mu.Lock()
	c.http = true
	c.mu.Unlock()
	if err := c.SetReadDeadline(time.Time{}); err != nil || !h.give(over) {
		_ = over.Close() // nothing was taken from it
	}
}

func (c *conn) end() {
	if c.isStopped() {
		Linger(c.Conn)
	} else {
		_ = c.Close() // what was to be said is said
	}
	c.server.forget(c)
}

// PartingWait is how long a server that is draining waits for who does not take an
// answer.
const PartingWait = 5 * time.Second

// SetWriteDeadline sets the write deadline, which is soon where the server is draining.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parting {
		t = Parting(t)
	}
	return c.Conn.SetWriteDeadline(t)
}

// Parting returns a write deadline that is no later than a server that is draining has.
func Parting(t time.Time) time.Time {
	if last := time.Now().Add(PartingWait); t.IsZero() || t.After(last) {
		return last
	}
	return t
}

// interrupt ends the reading: what was read is still answered.
func (c *conn) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.parting = true
	_ = c.Conn.SetWriteDeadline(Parting(time.Time{})) // a connection that is closed is written to no more either
	if c.http {
		return
	}
	c.stopped = true
	_ = c.SetReadDeadline(past) // a connection that is closed is read no more either
}

// past is a deadline that is over.
var past = time.Unix(1, 0)

func (c *conn) isStopped() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopped
}

// errStopped: the server is draining.
var errStopped = errors.New("interrupted")

// patient says that the next read waits for d, or by a quarter longer: the deadline
// need not be set each time then. It fails where reading has ended.
func (c *conn) patient(d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return errStopped
	}
	now := time.Now()
	if left := c.readBy.Sub(now); left >= d && left <= d+d/4 {
		return nil
	}
	c.readBy = now.Add(d + d/4)
	return c.SetReadDeadline(c.readBy)
}
