package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/otlp"
)

// maxDecoding bounds the requests of which events are made and recorded at the same
// time: those take many times the memory of the bodies.
const maxDecoding = 2

// logs serves POST /v1/logs.
func (h *Handler) logs(c *call) error { return h.telemetry(c, otlp.Logs) }

// traces serves POST /v1/traces.
func (h *Handler) traces(c *call) error { return h.telemetry(c, otlp.Traces) }

// measurements serves POST /v1/metrics, of which nothing is an event: agents that
// are told to send telemetry send these too, and say in each session that they could
// not where nobody takes them.
func (h *Handler) measurements(c *call) error {
	return h.telemetry(c, func([]byte, otlp.Encoding, *otlp.Options) (otlp.Batch, error) { return otlp.Batch{}, nil })
}

// telemetry serves a request of OTLP/HTTP. Its answers are OTLP's own, with the
// status codes of which it says whether a sender tries again: 429 and 503 it does.
func (h *Handler) telemetry(c *call, decode func([]byte, otlp.Encoding, *otlp.Options) (otlp.Batch, error)) error {
	encoding, ok := otlp.EncodingOf(c.r.Header.Get("Content-Type"))
	if !ok {
		return &problem{
			status: http.StatusUnsupportedMediaType, code: "content_type", text: "OTLP is application/json or application/x-protobuf",
			hint: "name it with a Content-Type header",
		}
	}
	body, err := h.body(c)
	if err != nil {
		return spoken(err, encoding)
	}
	defer body.Release()
	// A place is not held by who waits for another request of its own sender.
	done, err := turn(c, "too many requests hold too many events", h.opt.Server.Turn(c.sender), h.decoding)
	if err != nil {
		return spoken(err, encoding)
	}
	defer done()
	load := h.opt.Server.NewLoad()
	batch, err := decode(body.Data, encoding, &otlp.Options{
		Recording: h.opt.Recording, Now: h.opt.Now(),
		Take: func(ev *etch.Event) error {
			if err := ev.Validate(); err != nil {
				return err // one of them keeps no other out
			}
			return load.Add(ev)
		},
	})
	if err != nil {
		return spoken(invalid("%v", err), encoding)
	}
	if len(batch.Events) > 0 {
		err := h.recordOnce(c, batch.Events)
		if errors.Is(err, etch.ErrUnknown) {
			err = again(err)
		}
		if err != nil && !errors.Is(err, etch.ErrSkipped) {
			return spoken(err, encoding)
		}
	}
	c.answer(http.StatusOK, encoding.ContentType(), batch.Response(encoding))
	return nil
}

// again returns the problem of a request of which some may be recorded: sent again it
// adds the rest.
func again(err error) *problem {
	p := *problemOf(err)
	p.status, p.hint, p.after = http.StatusServiceUnavailable, "send it again: what is recorded is not recorded twice", time.Second
	return &p
}

// spoken returns a problem in the language of OTLP.
func spoken(err error, encoding otlp.Encoding) *problem {
	p := *problemOf(err)
	p.body, p.kind = otlp.Failure(encoding, p.text), encoding.ContentType()
	return &p
}
