package api

import (
	"net/http"
	"time"
)

// setbackCounts is how long an append that failed counts as how the log is, if
// nothing was appended since.
const setbackCounts = time.Minute

// A healthBody says how the daemon is. Its members are a contract:
// docs/cli-json.md.
type healthBody struct {
	Status string `json:"status"` // "ok", or "failing"
	Error  string `json:"error,omitempty"`
}

// health serves GET /healthz: 200 where the next event can be recorded, as far as
// that is known, else 503. It tells nothing that anybody on the machine may not
// know.
func (h *Handler) health(c *call) error {
	if err := h.Failing(); err != nil {
		h.tell(err)
		c.w.Header().Set("Retry-After", "1")
		c.json(http.StatusServiceUnavailable, healthBody{"failing", "the log cannot be written"})
		return nil
	}
	c.json(http.StatusOK, healthBody{Status: "ok"})
	return nil
}

// Failing returns why the log cannot be written, as far as that is known; nil where it
// can.
func (h *Handler) Failing() error {
	at, err := h.opt.Server.Setback()
	if err != nil && h.opt.Now().Sub(at) < setbackCounts {
		return err
	}
	if h.opt.Disk != nil {
		return h.opt.Disk()
	}
	return nil
}
