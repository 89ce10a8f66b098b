package api

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/etch-audit/etch/server"
)

const (
	// maxBody bounds a body, before and after it is decompressed, unless one event
	// may be longer.
	maxBody = 8 << 20
	// maxBodies bounds the bodies that are held at the same time: who may send
	// shall not fill the memory either.
	maxBodies = 96 << 20
	// bodyWait is how long a body may take to come: one that comes byte by byte
	// holds a connection no longer.
	bodyWait = 30 * time.Second
	// leftoverWait is how long the rest of a body may take that nobody asks for:
	// net/http reads it before it sends the answer, and by itself waits for ever.
	leftoverWait = time.Second
	// bodyStep is how much is asked of the budget at a time.
	bodyStep = 64 << 10
)

// A budget is bytes that are handed out and come back.
type budget struct {
	mu   sync.Mutex
	free int // guarded by mu
}

func (b *budget) take(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.free < n {
		return false
	}
	b.free -= n
	return true
}

func (b *budget) give(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free += n
}

// A body is what came with a request.
type body struct {
	data []byte
	held int // of the budget
}

// body reads the body of a request, which the caller releases when nothing refers
// to it any more. It may be empty.
func (h *Handler) body(c *call) (*body, error) {
	limit := max(maxBody, h.opt.Server.Limits().MaxEvent)
	defer h.hurry(c)()
	raw := http.MaxBytesReader(c.w.ResponseWriter, c.r.Body, int64(limit))
	in, err := decompressed(raw, c.r.Header.Get("Content-Encoding"))
	if err != nil {
		return nil, h.bodyProblem(err, limit)
	}
	b, err := h.readBody(in, limit)
	if err != nil {
		h.release(b)
		return nil, h.bodyProblem(err, limit)
	}
	c.unread = false
	return b, nil
}

// someBody reads a body as body does, where none is no request.
func (h *Handler) someBody(c *call) (*body, error) {
	b, err := h.body(c)
	if err == nil && len(b.data) == 0 {
		h.release(b)
		return nil, invalid("the request has no body")
	}
	return b, err
}

// hurry gives the body of a request the time that it has, which ends soon after the
// daemon does. What it returns is called when the body is there, or is given up.
func (h *Handler) hurry(c *call) (done func()) {
	_ = c.control.SetReadDeadline(time.Now().Add(bodyWait)) // a test's recorder has none
	stop := context.AfterFunc(h.ending, func() { h.leave(c.control) })
	return func() {
		stop()
		if !c.unread {
			// The connection is looked at while the request is served: that it says
			// nothing then is no end of it.
			_ = c.control.SetReadDeadline(time.Time{})
		}
	}
}

// leave waits for what is left of the body no longer than for who is sending it now.
func (h *Handler) leave(control *http.ResponseController) {
	_ = control.SetReadDeadline(time.Now().Add(h.leftover)) // a test's recorder has none
}

// readBody reads to the end, or to one byte beyond the limit.
func (h *Handler) readBody(in io.Reader, limit int) (*body, error) {
	b := new(body)
	for {
		if len(b.data) == cap(b.data) {
			// Twice as large, and a copy of what there is: that much is held at a time.
			grown := max(bodyStep, 2*cap(b.data))
			if !h.budget.take(grown - b.held) {
				return b, errBusy
			}
			b.held = grown
			b.data = append(make([]byte, 0, grown), b.data...)
		}
		n, err := in.Read(b.data[len(b.data):cap(b.data)])
		b.data = b.data[:len(b.data)+n]
		if len(b.data) > limit {
			return b, errTooLong
		}
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}

// release gives back what a body holds.
func (h *Handler) release(b *body) {
	h.budget.give(b.held)
	b.held, b.data = 0, nil
}

var (
	errBusy     = errors.New("too many requests hold too many bytes")
	errTooLong  = errors.New("the body is too long")
	errEncoding = errors.New("unknown Content-Encoding")
)

// decompressed returns a body as it was before it was compressed. What it becomes
// is bounded by who reads it.
func decompressed(in io.Reader, encoding string) (io.Reader, error) {
	switch strings.ToLower(encoding) {
	case "", "identity":
		return in, nil
	case "gzip", "x-gzip":
		out, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		return out, nil
	}
	return nil, fmt.Errorf("%w %q", errEncoding, encoding)
}

// bodyProblem says why a body could not be read.
func (h *Handler) bodyProblem(err error, limit int) *problem {
	var tooLong *http.MaxBytesError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && h.ending.Err() != nil:
		return problemOf(server.ErrShuttingDown)
	case errors.As(err, &tooLong), errors.Is(err, errTooLong):
		return &problem{status: http.StatusRequestEntityTooLarge, code: "too_large", text: fmt.Sprintf("the body is longer than %d bytes", limit), hint: "send fewer events at a time"}
	case errors.Is(err, errBusy):
		return &problem{status: http.StatusServiceUnavailable, code: "busy", text: err.Error(), after: time.Second}
	case errors.Is(err, errEncoding):
		return &problem{status: http.StatusUnsupportedMediaType, code: "encoding", text: err.Error(), hint: "gzip or none"}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &problem{status: http.StatusRequestTimeout, code: "timeout", text: fmt.Sprintf("the body did not come within %v", bodyWait)}
	}
	return invalid("the body cannot be read: %v", err)
}
