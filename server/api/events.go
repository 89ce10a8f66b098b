package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/wire"
	"github.com/etch-audit/etch/server"
)

// maxEvents bounds the events of one request, which are recorded together.
const maxEvents = 10_000

// A shape is the form in which events come and their receipts go.
type shape int

const (
	object shape = iota
	array
	lines
)

// The Content-Types of events.
const (
	jsonType   = "application/json"
	ndjsonType = "application/x-ndjson"
)

// events serves POST /v1/events: all events of a request are recorded, or it
// fails as a whole. Only a log that fails in the middle of them can have some, and
// then each has its own answer.
func (h *Handler) events(c *call) error {
	kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || kind != jsonType && kind != ndjsonType {
		return &problem{
			status: http.StatusUnsupportedMediaType, code: "content_type", text: "events are " + jsonType + " or " + ndjsonType,
			hint: "name it with a Content-Type header",
		}
	}
	body, err := h.someBody(c)
	if err != nil {
		return err
	}
	defer body.Release()
	parts, form, err := split(body.Data, kind)
	if err != nil {
		return err
	}
	events, err := h.parse(parts)
	if err != nil {
		return err
	}
	var receipts []etch.Receipt
	if len(events) > 0 {
		receipts, err = h.record(c, events)
	}
	if err != nil && (len(receipts) < len(events) || !errors.Is(err, etch.ErrSkipped) && !some(receipts)) {
		return err
	}
	h.receipts(c, form, parts, receipts, err)
	return nil
}

// some reports whether any event is recorded.
func some(receipts []etch.Receipt) bool {
	for i := range receipts {
		if receipts[i].Durable {
			return true
		}
	}
	return false
}

// A part is the text of one event, and its number: of its line, or of its place
// among the others, from 1.
type part struct {
	number int
	text   []byte
}

// split returns the events of a body, and its shape.
func split(body []byte, kind string) ([]part, shape, error) {
	if kind == ndjsonType {
		parts, err := splitLines(body)
		return parts, lines, err
	}
	body = bytes.TrimSpace(body)
	if len(body) == 0 || body[0] != '[' {
		return []part{{1, body}}, object, nil
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(body, &elements); err != nil {
		return nil, array, invalid("the array cannot be read: %v", err)
	}
	if len(elements) > maxEvents {
		return nil, array, tooMany()
	}
	parts := make([]part, len(elements))
	for i, text := range elements {
		parts[i] = part{i + 1, text}
	}
	return parts, array, nil
}

func splitLines(body []byte) ([]part, error) {
	var parts []part
	number := 0
	for line := range bytes.Lines(body) {
		number++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if len(parts) == maxEvents {
			return nil, tooMany()
		}
		parts = append(parts, part{number, line})
	}
	return parts, nil
}

func tooMany() *problem {
	return &problem{status: http.StatusRequestEntityTooLarge, code: string(wire.TooLarge), text: fmt.Sprintf("more than %d events in a request", maxEvents), hint: "send fewer at a time"}
}

// parse returns the events, or the problem with the first that is none.
func (h *Handler) parse(parts []part) ([]*etch.Event, error) {
	most := h.opt.Server.Limits().MaxEvent
	events := make([]*etch.Event, len(parts))
	for i, p := range parts {
		if len(p.text) > most {
			err := problemOf(fmt.Errorf("event %d: %w: %d bytes, at most %d; nothing of the request is recorded", p.number, server.ErrTooLarge, len(p.text), most))
			return nil, err
		}
		ev, err := etch.ParseInput(p.text)
		if err == nil {
			err = ev.Validate()
		}
		if err != nil {
			return nil, invalid("event %d: %v; nothing of the request is recorded", p.number, err)
		}
		events[i] = ev
	}
	return events, nil
}

// receipts answers with what became of each event.
func (h *Handler) receipts(c *call, form shape, parts []part, receipts []etch.Receipt, err error) {
	status, kind := http.StatusOK, jsonType
	var out []byte
	if form == array {
		out = append(out, '[')
	}
	for i, p := range parts {
		a := answerOf(&receipts[i], err)
		a.Line = uint64(p.number)
		if a.Kind == wire.Failed {
			status = http.StatusInternalServerError
		}
		out = a.Append(out)
		if form == array {
			out[len(out)-1] = ',' // instead of the line feed
		}
	}
	switch {
	case form == lines:
		kind = ndjsonType
	case form == array && len(parts) == 0:
		out = append(out, "]\n"...)
	case form == array:
		out = append(out[:len(out)-1], "]\n"...)
	}
	c.answer(status, kind, out)
}

// answerOf returns the answer about one event of a batch that ended with err.
func answerOf(r *etch.Receipt, err error) wire.Answer {
	switch {
	case *r == etch.Receipt{} && (err == nil || errors.Is(err, etch.ErrSkipped)):
		return wire.Answer{Kind: wire.Skipped}
	case err != nil && !errors.Is(err, etch.ErrSkipped) && !r.Durable:
		return wire.Answer{Kind: wire.Failed, Code: wire.Unknown, Error: err.Error()}
	}
	return wire.Answer{
		Kind: wire.Receipt, Seq: r.Seq, EventID: []byte(r.EventID()), Leaf: r.Leaf,
		Size: r.Checkpoint.Size, Root: r.Checkpoint.Root, Durable: r.Durable,
	}
}
