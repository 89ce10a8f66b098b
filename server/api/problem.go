package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/wire"
	"github.com/etch-audit/etch/server"
)

// A problem is why a request is not served, as its sender is told.
type problem struct {
	status int
	code   string
	text   string
	hint   string
	after  time.Duration // when to try again; 0: that is not said
	body   []byte        // instead of the JSON object; nil: that
	kind   string        // the Content-Type of body
}

// Error is the text.
func (p *problem) Error() string { return p.text }

// A problemBody is a problem as it is sent. Its members are a contract:
// docs/cli-json.md.
type problemBody struct {
	Error string `json:"error"`
	Code  string `json:"code"`
	Hint  string `json:"hint,omitempty"`
}

// problemOf says of an error of the server or of the log what it is to a sender.
func problemOf(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	p := &problem{text: err.Error()}
	var limited *server.RateError
	switch {
	case errors.As(err, &limited):
		p.status, p.code, p.after = http.StatusTooManyRequests, string(wire.RateLimited), limited.RetryAfter
	case errors.Is(err, server.ErrRefused):
		p.status, p.code = http.StatusForbidden, string(wire.Refused)
	case errors.Is(err, server.ErrTooLarge):
		p.status, p.code = http.StatusRequestEntityTooLarge, string(wire.TooLarge)
		p.hint = "max_event_kb in [server] bounds an event"
	case errors.Is(err, server.ErrShuttingDown):
		p.status, p.code, p.after = http.StatusServiceUnavailable, string(wire.ShuttingDown), time.Second
	case errors.Is(err, etch.ErrUnknown):
		p.status, p.code = http.StatusInternalServerError, string(wire.Unknown)
		p.hint = "whether it is recorded is not known: ask for its event_id before it is sent again"
	default:
		p.status, p.code, p.after = http.StatusServiceUnavailable, string(wire.NotRecorded), time.Second
	}
	return p
}

func invalid(format string, args ...any) *problem {
	return &problem{status: http.StatusBadRequest, code: string(wire.Invalid), text: fmt.Sprintf(format, args...)}
}

// fail answers that a request is not served. Where an answer has begun already it
// is broken off, so that nobody takes it for a whole one.
func (c *call) fail(err error) {
	if c.w.status != 0 {
		panic(http.ErrAbortHandler)
	}
	p := problemOf(err)
	header := c.w.Header()
	header.Del("Trailer")
	if p.after > 0 {
		header.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.after.Seconds()))))
	}
	if p.code == string(wire.ShuttingDown) {
		header.Set("Connection", "close")
	}
	if p.body != nil {
		c.answer(p.status, p.kind, p.body)
		return
	}
	c.json(p.status, problemBody{p.text, p.code, p.hint})
}

// json answers with an object.
func (c *call) json(status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic("api: bad answer: " + err.Error())
	}
	c.answer(status, "application/json", append(text, '\n'))
}

// answer answers with a body.
func (c *call) answer(status int, kind string, body []byte) {
	c.patient()
	header := c.w.Header()
	header.Set("Content-Type", kind)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(status)
	_, _ = c.w.Write(body) // who does not read it has gone
}
