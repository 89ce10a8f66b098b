package api

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/etch-audit/etch/server"
)

// How the connections of loopback are kept from those who need them by nobody.
//
// Anybody on the machine may connect, and say nothing, or half of a request, or ask
// for no more than the daemon's health. Who has shown no token yet is a stranger:
// there are a few places for strangers, and where all are taken the one that came
// first makes room. Who has shown a token keeps its place as long as it is not idle
// for too long; of one token there are only so many. A token is known by its secret:
// what came with one that is revoked takes nothing from the next token of that name.

// A Door is a listener with so many connections at a time.
type Door struct {
	net.Listener
	most, perToken, strange int

	mu        sync.Mutex
	open      int                // guarded by mu
	visitors  map[*visitor]bool  // guarded by mu: all of them
	strangers []*visitor         // guarded by mu: as they came
	guests    map[shownToken]int // guarded by mu: connections by token
	left      chan struct{}      // guarded by mu: closed when a connection ends
	closed    chan struct{}
	close     func()
	lingering sync.WaitGroup // connections that are closed and still read
}

// strangersPart is the part of all places that strangers may have, and minStrangers
// how many it is at least.
const (
	strangersPart = 4
	minStrangers  = 8
)

// NewDoor returns a Door in front of a listener.
func NewDoor(l net.Listener, limits server.Limits) *Door {
	d := &Door{
		Listener: l, most: limits.MaxConnections, perToken: limits.MaxPerSender,
		strange: min(limits.MaxConnections, max(minStrangers, limits.MaxConnections/strangersPart)),
		guests:  make(map[shownToken]int), visitors: make(map[*visitor]bool), left: make(chan struct{}), closed: make(chan struct{}),
	}
	d.close = sync.OnceFunc(func() { close(d.closed) })
	return d
}

// A shownToken is the hash of a secret; the zero one is none.
type shownToken [sha256.Size]byte

// A visitor is a connection through a Door.
type visitor struct {
	net.Conn
	door  *Door
	leave func()
	token shownToken // guarded by door.mu; zero: a stranger
	mu    sync.Mutex // held while a write deadline is set
}

// SetWriteDeadline sets the write deadline, which is soon where the Door is closed.
func (v *visitor) SetWriteDeadline(t time.Time) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	select {
	case <-v.door.closed:
		t = server.Parting(t)
	default:
	}
	return v.Conn.SetWriteDeadline(t)
}

// part waits no longer for who does not take an answer.
func (v *visitor) part() { _ = v.SetWriteDeadline(time.Time{}) } // one that is closed is written to no more

// Accept waits for a connection, and for room for it where only guests are there.
func (d *Door) Accept() (net.Conn, error) {
	conn, err := d.Listener.Accept()
	if err != nil {
		return nil, err
	}
	v := &visitor{Conn: conn, door: d}
	v.leave = sync.OnceFunc(func() { d.forget(v) })
	for {
		full, evicted := d.enter(v)
		if evicted != nil {
			_ = evicted.Close() // whoever it is has said nothing that counts
		}
		if full == nil {
			return v, nil
		}
		select {
		case <-full:
		case <-d.closed:
			_ = conn.Close() // nothing was taken from it
			return nil, net.ErrClosed
		}
	}
}

// enter gives a connection a place. Where there is none it returns what is closed when
// it may be tried again, and who is to go for that.
func (d *Door) enter(v *visitor) (full <-chan struct{}, evicted *visitor) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.strangers) > 0 && (d.open >= d.most || len(d.strangers) >= d.strange) {
		evicted = d.strangers[0]
		d.strangers = d.strangers[1:]
	}
	if d.open >= d.most {
		return d.left, evicted
	}
	d.open++
	d.visitors[v] = true
	d.strangers = append(d.strangers, v)
	return nil, evicted
}

// forget is the end of a connection.
func (d *Door) forget(v *visitor) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open--
	delete(d.visitors, v)
	if v.token != (shownToken{}) {
		if d.guests[v.token]--; d.guests[v.token] == 0 {
			delete(d.guests, v.token)
		}
	} else if i := slices.Index(d.strangers, v); i >= 0 {
		d.strangers = slices.Delete(d.strangers, i, i+1)
	}
	close(d.left)
	d.left = make(chan struct{})
}

// welcome makes a connection a guest's, and reports whether it is one.
func (d *Door) welcome(v *visitor, token shownToken) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if v.token != (shownToken{}) {
		return true // it is counted for who was the first
	}
	if d.guests[token] >= d.perToken {
		return false
	}
	if i := slices.Index(d.strangers, v); i >= 0 {
		d.strangers = slices.Delete(d.strangers, i, i+1)
	}
	v.token = token
	d.guests[token]++
	return true
}

// Wait waits for connections that were closed behind their last answer after the Door
// was: each is read for a moment more, see [server.Linger]. None must be open any more.
func (d *Door) Wait() { d.lingering.Wait() }

// Close ends the accepting.
func (d *Door) Close() error {
	d.close()
	d.mu.Lock()
	defer d.mu.Unlock()
	for v := range d.visitors {
		v.part()
	}
	return d.Listener.Close()
}

// Close closes the connection and gives its place back. It returns at once.
func (v *visitor) Close() error {
	defer v.leave()
	select {
	case <-v.door.closed:
		v.door.lingering.Go(func() { server.Linger(v.Conn) })
		return nil
	default:
		return v.Conn.Close()
	}
}

// visitorKey is the key of a visitor in a context.
type visitorKey struct{}

// ConnContext is for [http.Server.ConnContext]: requests know by it through which
// connection they came.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if v, ok := c.(*visitor); ok {
		return context.WithValue(ctx, visitorKey{}, v)
	}
	return ctx
}

// guest takes note that a connection has shown a token, by its secret.
func (h *Handler) guest(c *call, secret string) error {
	v, ok := c.r.Context().Value(visitorKey{}).(*visitor)
	if !ok || v.door.welcome(v, sha256.Sum256([]byte(secret))) {
		return nil
	}
	c.w.Header().Set("Connection", "close")
	return h.refuse(c, c.sender, causeMany, &problem{
		status: http.StatusTooManyRequests, code: "rate_limited", after: time.Second,
		text: fmt.Sprintf("the token has %d connections already", v.door.perToken), hint: "use one for several requests; max_per_sender in [server] says how many there may be",
	})
}
