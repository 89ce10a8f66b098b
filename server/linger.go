package server

import (
	"io"
	"net"
	"time"
)

// lingerWait is how long a connection that a daemon ends by itself is read on.
const lingerWait = 500 * time.Millisecond

// Linger closes a connection behind its last answer. A system that closes one with
// bytes that were not read tells the other side that it was reset: that can drop an
// answer which was written, and fails who still sends and reads later. So it first says
// that nothing more is written, and reads what comes without looking at it, until the
// other side ends too, or for half a second.
func Linger(c net.Conn) {
	half, ok := c.(interface{ CloseWrite() error })
	if ok && half.CloseWrite() == nil && c.SetReadDeadline(time.Now().Add(lingerWait)) == nil {
		_, _ = io.Copy(io.Discard, c) // whatever ends it
	}
	_ = c.Close() // what was to be said is said
}
