package server

import (
	"errors"
	"sync"
	"time"
)

// How many bytes of lines that are read are held at a time. A connection that reads
// short lines needs no leave; one with a line, or a crowd of lines, beyond keepBuffer
// takes room for it, and is not read while there is none: its sender's socket holds it
// up, as behind a log that is slow.

// maxHeld is how many bytes all the connections of one sender hold at most, unless one
// line may be longer than a part of it.
const maxHeld = 32 << 20

// maxSendersHeld is how many senders may hold so much at the same time.
const maxSendersHeld = 4

// errNoRoom: other connections held too much for too long.
var errNoRoom = errors.New("too many bytes of lines are held for this sender")

// A room is the bytes that are held. Its own sender's part is in the account.
type room struct {
	mu    sync.Mutex
	held  int           // guarded by mu
	freed chan struct{} // guarded by mu: closed when some are given back; nil: nobody waits
}

// perSender returns how many bytes one sender may hold.
func (l *Limits) perSender() int { return max(maxHeld, 4*(l.MaxEvent+1+readSize)) }

// take takes n bytes for a sender, or returns what is closed when it may be tried
// again.
func (r *room) take(a *account, n int, l *Limits) (wait <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if most := l.perSender(); a.held+n <= most && r.held+n <= maxSendersHeld*most {
		a.held += n
		r.held += n
		return nil
	}
	if r.freed == nil {
		r.freed = make(chan struct{})
	}
	return r.freed
}

// give gives bytes back.
func (r *room) give(a *account, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a.held -= n
	r.held -= n
	if r.freed != nil {
		close(r.freed)
		r.freed = nil
	}
}

// bytes returns how many are held.
func (r *room) bytes() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held
}

// wanted reports whether somebody waits.
func (r *room) wanted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.freed != nil
}

// grow makes the buffer larger. Beyond keepBuffer it is as large as it gets, at once:
// who holds room and waits for more could wait for another who does.
func (n *native) grow() error {
	size, longest := 2*cap(n.in), n.server.limits.MaxEvent+1+readSize
	if size <= min(keepBuffer, longest) {
		n.move(size)
		return nil
	}
	need := max(longest-keepBuffer, 0)
	if err := n.waitForRoom(need); err != nil {
		return err
	}
	n.taken += need
	n.move(longest)
	return nil
}

// shrink gives room back where what is held needs none, and another could have it or
// nothing is lost by it.
func (n *native) shrink() {
	if cap(n.in) <= keepBuffer || len(n.in) > keepBuffer || len(n.in) > readSize/2 && !n.server.room.wanted() {
		return
	}
	size := readSize
	if len(n.in) > readSize/2 {
		size = keepBuffer
	}
	n.move(size)
	n.giveRoom()
}

// move gives the connection a buffer of another size, with what it holds in it.
func (n *native) move(size int) { n.in = append(make([]byte, 0, size), n.in...) }

func (n *native) giveRoom() {
	if n.taken > 0 {
		n.server.room.give(n.account, n.taken)
		n.taken = 0
	}
}

// waitForRoom waits no longer than for the rest of a line.
func (n *native) waitForRoom(need int) error {
	r, limits := &n.server.room, &n.server.limits
	freed := r.take(n.account, need, limits)
	if freed == nil {
		return nil
	}
	late := time.NewTimer(limits.LineWait)
	defer late.Stop()
	for freed != nil {
		select {
		case <-freed:
		case <-n.server.stopping:
			return errStopped
		case <-late.C:
			return errNoRoom
		}
		freed = r.take(n.account, need, limits)
	}
	n.begun = time.Now() // that it was not read was not its sender's doing
	return nil
}
