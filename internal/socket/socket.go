// Package socket connects to a socket of this machine that has a path. On Linux it brings
// along what package os does and no more: package net has resolvers of names besides,
// which every process that it is linked into makes ready before it begins.
package socket

import (
	"io"
	"time"
)

// A Conn is a connection. Its methods may be called by several goroutines at once; Close
// ends those that wait. A Read or Write whose time was up returns an error that is
// [os.ErrDeadlineExceeded].
type Conn interface {
	io.ReadWriteCloser
	// SetDeadline says until when the Reads and Writes may take that wait now or come
	// later; the zero time is no end.
	SetDeadline(t time.Time) error
	// SetReadDeadline is SetDeadline of Reads alone.
	SetReadDeadline(t time.Time) error
}
