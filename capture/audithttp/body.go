package audithttp

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

// A body is that of a response. It tells once when it is over.
type body struct {
	io.ReadCloser
	ended func(n uint64, err error) error

	read atomic.Uint64
	once sync.Once
	lost error // what ended returned
}

// Read counts. The end of the body is none before it is on record.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read.Add(uint64(max(n, 0)))
	if err == nil {
		return n, nil
	}
	cause := err
	if err == io.EOF {
		cause = nil
	}
	switch lost := b.end(cause); {
	case lost == nil:
	case cause == nil:
		err = lost
	default:
		err = errors.Join(err, lost)
	}
	return n, err
}

// Close ends the body, read or not.
func (b *body) Close() error {
	err := b.ReadCloser.Close()
	if lost := b.end(nil); lost != nil {
		return errors.Join(err, lost)
	}
	return err
}

func (b *body) end(err error) error {
	b.once.Do(func() { b.lost = b.ended(b.read.Load(), err) })
	return b.lost
}

// A duplex is the body of a connection that is now used for something else.
type duplex struct {
	*body
	io.Writer
}
