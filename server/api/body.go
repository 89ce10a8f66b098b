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
	"time"

	"github.com/etch-audit/etch/internal/httpbody"
	"github.com/etch-audit/etch/server"
)

const (
	// maxBody bounds a body, before and after it is decompressed, unless one event
	// may be longer.
	maxBody = 8 << 20
	// maxBodies bounds the bodies that are held at the same time, unless one event may
	// take a third of it.
	maxBodies = 96 << 20
)

// body reads the body of a request, which the caller releases when nothing refers
// to it any more. It may be empty.
func (h *Handler) body(c *call) (*httpbody.Body, error) {
	limit := max(maxBody, h.opt.Server.Limits().MaxEvent)
	defer h.hurry(c)()
	raw := http.MaxBytesReader(c.w.ResponseWriter, c.r.Body, int64(limit))
	in, err := decompressed(raw, c.r.Header.Values("Content-Encoding"))
	if err != nil {
		return nil, h.bodyProblem(err, limit)
	}
	b, err := h.bodies.Read(in, limit, c.sender.Key())
	if err != nil {
		return nil, h.bodyProblem(err, limit)
	}
	c.unread = false
	return b, nil
}

// someBody reads a body as body does, where none is no request.
func (h *Handler) someBody(c *call) (*httpbody.Body, error) {
	b, err := h.body(c)
	if err == nil && len(b.Data) == 0 {
		b.Release()
		return nil, invalid("%v", errEmpty)
	}
	return b, err
}

// hurry gives the body of a request the time that it has, which ends soon after the
// daemon does. What it returns is called when the body is there, or is given up.
func (h *Handler) hurry(c *call) (done func()) {
	_ = c.control.SetReadDeadline(time.Now().Add(httpbody.Wait)) // a test's recorder has none
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

var (
	// errEncoding is the error of a body that is compressed in an unknown way.
	errEncoding = errors.New("unknown Content-Encoding")
	// errEmpty is the error of a body that is none, where one is needed.
	errEmpty = errors.New("the request has no body")
)

// decompressed returns a body as it was before it was compressed. What it becomes
// is bounded by who reads it.
func decompressed(in io.Reader, lines []string) (io.Reader, error) {
	switch encoding := encodingOf(lines); strings.ToLower(encoding) {
	case "":
		return in, nil
	case "gzip", "x-gzip":
		out, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		return out, nil
	}
	return nil, fmt.Errorf("%w %q", errEncoding, strings.Join(lines, ", "))
}

// encodingOf returns what the lines of Content-Encoding say together, without those that
// change nothing: several lines are one list.
func encodingOf(lines []string) string {
	var encodings []string
	for encoding := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		if encoding = strings.TrimSpace(encoding); encoding != "" && !strings.EqualFold(encoding, "identity") {
			encodings = append(encodings, encoding)
		}
	}
	return strings.Join(encodings, ", ")
}

// bodyProblem says why a body could not be read.
func (h *Handler) bodyProblem(err error, limit int) *problem {
	var tooLong *http.MaxBytesError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && h.ending.Err() != nil:
		return problemOf(server.ErrShuttingDown)
	case errors.As(err, &tooLong), errors.Is(err, httpbody.ErrTooLong):
		return &problem{status: http.StatusRequestEntityTooLarge, code: "too_large", text: fmt.Sprintf("the body is longer than %d bytes", limit), hint: "send fewer events at a time"}
	case errors.Is(err, httpbody.ErrBusy):
		return &problem{status: http.StatusServiceUnavailable, code: "busy", text: err.Error(), after: time.Second}
	case errors.Is(err, errEncoding):
		return &problem{status: http.StatusUnsupportedMediaType, code: "encoding", text: err.Error(), hint: "gzip or none"}
	case errors.Is(err, errEmpty):
		return invalid("%v", err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &problem{status: http.StatusRequestTimeout, code: "timeout", text: fmt.Sprintf("the body did not come within %v", httpbody.Wait)}
	}
	return invalid("the body cannot be read: %v", err)
}
