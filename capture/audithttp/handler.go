package audithttp

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/etch-audit/etch"
)

// HandlerOptions are the settings of [NewHandler]. A nil *HandlerOptions, and every
// zero field, means the default.
type HandlerOptions struct {
	// Describe may change the event of a request before it is recorded: say who
	// asks, in which session, that it is no tool_call, how risky it is. The
	// event's actor and action are there. The request must not be changed.
	Describe func(*http.Request, *etch.Event)
	// OnError is told what cannot be recorded, and decides: it goes on as if it
	// was recorded where it returns nil. Else, and by default, a request whose attempt
	// is not on record is answered with 503, and the response of one whose completion
	// is not is cut off, so that nobody takes it for whole.
	OnError func(*http.Request, error) error
}

// NewHandler returns a handler that records each request and hands it to next. It
// answers as next does: what next finds in its ResponseWriter, for flushing,
// hijacking or [http.ResponseController], is there. A panic of next is recorded and
// handed on.
//
// An answer of 401 or 403 is recorded as blocked, of 400 and above as an error.
func NewHandler(to etch.Recorder, next http.Handler, opts *HandlerOptions) http.Handler {
	h := &handler{to: to, next: next}
	if opts != nil {
		h.opt = *opts
	}
	return h
}

type handler struct {
	to   etch.Recorder
	next http.Handler
	opt  HandlerOptions
}

// ServeHTTP implements [http.Handler].
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ev := requestEvent(r)
	if h.opt.Describe != nil {
		h.opt.Describe(r, ev)
	}
	call, err := etch.Begin(r.Context(), h.to, ev)
	if h.unrecorded(r, "attempt", err) != nil {
		http.Error(w, "the request cannot be recorded", http.StatusServiceUnavailable)
		return
	}
	r = r.WithContext(etch.WithScope(r.Context(), ev.Scope()))
	answer := &writer{ResponseWriter: w}
	returned := false
	defer func() {
		var cause any
		if !returned {
			cause = recover()
		}
		err := h.end(call, r, answer, returned, cause)
		switch {
		case cause != nil:
			panic(cause)
		case err != nil && returned:
			panic(http.ErrAbortHandler)
		}
	}()
	h.next.ServeHTTP(answer.shape(), r)
	returned = true
}

// end records the completion.
func (h *handler) end(call *etch.Call, r *http.Request, w *writer, returned bool, cause any) error {
	ev := call.Completion()
	result := w.result(r)
	switch {
	case cause == http.ErrAbortHandler:
		result.Type, result.Reason, result.Message = etch.Error, "", "aborted"
	case cause != nil:
		result.Type, result.Reason, result.Message = etch.Error, "", fmt.Sprintf("panic: %v", cause)
	case !returned:
		result.Type, result.Reason, result.Message = etch.Error, "", "its goroutine ended"
	}
	if result.Type == etch.Blocked && ev.Action != nil {
		ev.Action.Allowed = false
	}
	if ev.Labels == nil {
		ev.Labels = make(map[string]string)
	}
	ev.Labels[LabelStatus] = strconv.Itoa(w.code())
	if r.Pattern != "" {
		ev.Labels[LabelRoute] = r.Pattern
	}
	return h.unrecorded(r, "completion", call.End(r.Context(), result))
}

// unrecorded asks whether a failure to record is one of the request.
func (h *handler) unrecorded(r *http.Request, what string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("record the %s of %s %s: %w", what, r.Method, r.URL.Path, err)
	if h.opt.OnError != nil {
		return h.opt.OnError(r, err)
	}
	return err
}

// requestEvent returns what a request is before anybody has said more of it.
func requestEvent(r *http.Request) *etch.Event {
	u := *r.URL
	u.Host, u.Scheme = cmp.Or(u.Host, r.Host), "http"
	if r.TLS != nil {
		u.Scheme = "https"
	}
	ev := &etch.Event{
		Type:    etch.ToolCall,
		TraceID: traceOf(r.Header.Get("Traceparent")),
		Actor:   &etch.Actor{Channel: "http"},
		Action: &etch.Action{
			Tool:     "http",
			Resource: shown(&u),
			Allowed:  true,
		},
		Labels: map[string]string{LabelMethod: r.Method},
	}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		ev.Labels[LabelClient] = host
	}
	return ev
}

// traceOf returns the trace id of a traceparent header, "" where it has none (W3C
// Trace Context, section 3.2).
func traceOf(header string) string {
	version, rest, _ := strings.Cut(header, "-")
	id, _, ok := strings.Cut(rest, "-")
	if !ok || len(version) != 2 || len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" || strings.Trim(id, "0") == "" {
		return ""
	}
	return id
}

// result tells what became of a request.
func (w *writer) result(r *http.Request) *etch.Result {
	result := &etch.Result{Type: etch.Success}
	code := w.code()
	status := strings.TrimSpace(strconv.Itoa(code) + " " + http.StatusText(code))
	switch {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		result.Type, result.Reason, result.ErrorCategory = etch.Blocked, status, "denied"
	case code >= http.StatusBadRequest:
		result.Type, result.Message = etch.Error, status
	case w.err != nil && !errors.Is(w.err, http.ErrBodyNotAllowed):
		result.Type, result.Message = etch.Error, "write the answer: "+w.err.Error()
	}
	if !w.hijacked && r.Method != http.MethodHead {
		result.OutputBytes = etch.Some(w.bytes)
	}
	return result
}
