package server

import (
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// A connection that a daemon ends by itself is read on for half a second, in parts: a
// machine that stops for longer has let one of them pass, and what came meanwhile is read
// in the next.
const (
	lingerPart  = 50 * time.Millisecond
	lingerParts = 10
)

// Linger closes a connection behind its last answer. A system that closes one with
// bytes that were not read tells the other side that it was reset: that can drop an
// answer which was written, and fails who still sends and reads later. So it first says
// that nothing more is written, and reads what comes without looking at it, until the
// other side ends too, or for half a second.
func Linger(c net.Conn) {
	half, ok := c.(interface{ CloseWrite() error })
	if ok && half.CloseWrite() == nil {
		for range lingerParts {
			if !readOn(c) {
				break
			}
		}
	}
	_ = c.Close() // what was to be said is said
}

// readOn reads for a part of the time that a connection lingers, and reports whether the
// other side may send more.
func readOn(c net.Conn) bool {
	if c.SetReadDeadline(time.Now().Add(lingerPart)) != nil {
		return false
	}
	_, err := io.Copy(io.Discard, c)
	return errors.Is(err, os.ErrDeadlineExceeded)
}
