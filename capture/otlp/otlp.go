// Package otlp makes events of what agents tell by OpenTelemetry: of the body of
// an OTLP/HTTP request of logs or of traces, in JSON or in protocol buffers.
//
// A tool call is one event, a completion: a span tells of it when it is over.
// So do the log records of the coding agents that have telemetry of their own
// (Claude Code, Codex, Gemini CLI, Qwen Code). What is neither a tool call nor a
// decision, a prompt, a session, a change of settings, a log-in or an outgoing
// request is no event of a log of actions; it is counted as ignored, and the
// sender is told that it was received, as OTLP has it.
//
// Which attributes are understood, and where they are documented, stands in
// docs/opentelemetry.md.
//
// What is claimed is not proven: whoever may send can say anything of anybody.
// What is kept of prompts, outputs and contents of files is what [hook.Recording]
// says for hooks, too.
//
// BUG(otlp): A call that two spans tell of (of the agent, of its MCP client and
// of the server) is as many events; trace_id ties them together.
package otlp

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
)

// An Encoding is how the messages of OTLP are written.
type Encoding int

// The encodings of OTLP/HTTP.
const (
	JSON Encoding = iota
	Protobuf
)

// EncodingOf returns the encoding that a Content-Type names, and whether it
// names one.
func EncodingOf(contentType string) (Encoding, bool) {
	media, _, _ := strings.Cut(contentType, ";")
	switch strings.ToLower(strings.TrimSpace(media)) {
	case "application/json":
		return JSON, true
	case "application/x-protobuf", "application/protobuf":
		return Protobuf, true
	}
	return 0, false
}

// ContentType returns the Content-Type of messages in the encoding.
func (e Encoding) ContentType() string {
	if e == Protobuf {
		return "application/x-protobuf"
	}
	return "application/json"
}

// Options say how events are made. Nil and the zero Options keep no text of
// prompts and outputs, and believe any time.
type Options struct {
	// Recording says which texts are kept as they are.
	Recording hook.Recording
	// Now is when the request came. A time that lies further in the future is
	// not believed: the event gets none, and the label claimed_time.
	Now time.Time
	// Take, where set, is asked of each event as soon as it is made: where it
	// returns an error the event is rejected for that, and not kept. What items
	// share, of their resource, is in the event of each, so that a short request
	// can be made into very much: Take says when it is enough.
	Take func(*etch.Event) error
}

// A Batch is what a request was made into.
type Batch struct {
	// Events are in the order of the request, and the caller's own. Their ids are
	// made of what was sent: exporters that were not told what became of a request
	// send it again, and then it makes the same ids. An event whose item tells no
	// time that is believed has none, and one whose item tells nothing by which it
	// could be told from another of the same words has no id either.
	Events []*etch.Event
	// Ignored counts the items that are nothing for a log of actions.
	Ignored int
	// Rejected counts the items that could not be understood or were not taken, and
	// Reason says of the first of them why. The sender must not send them again.
	Rejected int
	Reason   string

	signal *signal
}

// ErrMalformed is the error for a body that is no OTLP request: nothing of it
// was taken. It is wrapped with what is wrong with it.
var ErrMalformed error = fault("no OTLP request")

// maxItems is how many items of a request are looked at; the others are
// rejected. Exporters send some hundred at a time, collectors 8192.
const maxItems = 1 << 16

// Logs returns the events of an ExportLogsServiceRequest. Its only error is
// [ErrMalformed]. The body is not kept.
func Logs(body []byte, encoding Encoding, opts *Options) (Batch, error) {
	m := newMapper(&logs, opts)
	if encoding == Protobuf {
		return m.batch(protoScopes(body, func(from *origin, raw []byte) {
			m.item(from, raw, func() (*etch.Event, error) { return m.log(protoLog(from, raw)) })
		}))
	}
	return m.batch(logs.jsonScopes(body, func(from *origin, raw json.RawMessage) {
		m.item(from, raw, func() (*etch.Event, error) { return m.log(jsonLog(from, raw)) })
	}))
}

// Traces returns the events of an ExportTraceServiceRequest. Its only error is
// [ErrMalformed]. The body is not kept.
func Traces(body []byte, encoding Encoding, opts *Options) (Batch, error) {
	m := newMapper(&traces, opts)
	if encoding == Protobuf {
		return m.batch(protoScopes(body, func(from *origin, raw []byte) {
			m.item(from, raw, func() (*etch.Event, error) { return m.span(protoSpan(from, raw)) })
		}))
	}
	return m.batch(traces.jsonScopes(body, func(from *origin, raw json.RawMessage) {
		m.item(from, raw, func() (*etch.Event, error) { return m.span(jsonSpan(from, raw)) })
	}))
}

// A mapper makes one batch.
type mapper struct {
	Options
	made  Batch
	items int
	seen  map[digest]int // how often the same item came
}

func newMapper(s *signal, opts *Options) *mapper {
	m := &mapper{made: Batch{signal: s}, seen: make(map[digest]int)}
	if opts != nil {
		m.Options = *opts
	}
	return m
}

// item adds what an item is made into, which raw is the bytes of.
func (m *mapper) item(from *origin, raw []byte, read func() (*etch.Event, error)) {
	m.items++
	if m.items > maxItems {
		m.reject(fmt.Errorf("more than %d items in one request", maxItems))
		return
	}
	e, err := read()
	if err == nil && e != nil {
		if known(e) {
			e.ID = m.id(from, raw)
		}
		if m.Take != nil {
			err = m.Take(e)
		}
	}
	switch {
	case err != nil:
		m.reject(err)
	case e == nil:
		m.made.Ignored++
	default:
		m.made.Events = append(m.made.Events, e)
	}
}

func (m *mapper) reject(err error) {
	if m.made.Rejected++; m.made.Rejected == 1 {
		m.made.Reason = fmt.Sprintf("item %d: %v", m.items, err)
	}
}

func (m *mapper) batch(err error) (Batch, error) {
	if err != nil {
		return Batch{signal: m.made.signal}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return m.made, nil
}
