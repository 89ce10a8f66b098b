package audithttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/etch-audit/etch"
)

// TransportOptions are the settings of [NewTransport]. A nil *TransportOptions, and
// every zero field, means the default.
type TransportOptions struct {
	// Describe may change the event of a request before it is recorded. Its
	// action and egress are there. The request must not be changed.
	Describe func(*http.Request, *etch.Event)
	// Deny returns why a request is not to be sent, nil where it is. It is asked about
	// each hop of a redirect. Default: none is refused.
	Deny func(*http.Request) error
	// OnError is told what cannot be recorded, and decides: the request goes on as
	// if it was recorded where it returns nil. Else, and by default, a request whose
	// attempt is not on record is not sent; where its completion is not,
	// the body of the response ends in the error.
	OnError func(*http.Request, error) error
}

// A Transport is an [http.RoundTripper] that records what it sends, as events of the
// type network_egress: each hop of a redirect by itself, its attempt before it is
// sent, and its completion when the response's body was read to its end or closed,
// with the number of bytes that were read of it. A body that is never closed, which
// leaks its connection too, leaves the attempt alone on record. It is safe for
// concurrent use.
type Transport struct {
	to   etch.Recorder
	base http.RoundTripper
	opt  TransportOptions
}

// NewTransport returns a transport that records and sends by base; by
// [http.DefaultTransport] where that is nil.
func NewTransport(to etch.Recorder, base http.RoundTripper, opts *TransportOptions) *Transport {
	t := &Transport{to: to, base: base}
	if base == nil {
		t.base = http.DefaultTransport
	}
	if opts != nil {
		t.opt = *opts
	}
	return t
}

// A BlockedError says that a request was not sent, and why.
type BlockedError struct {
	URL    string // without user, password and fragment
	Reason error  // what Deny returned
}

// Error names the URL and the reason.
func (e *BlockedError) Error() string { return fmt.Sprintf("%s is blocked: %v", e.URL, e.Reason) }

// Unwrap returns the reason.
func (e *BlockedError) Unwrap() error { return e.Reason }

// RoundTrip records and sends a request. Its error is the base's, a [*BlockedError],
// or one of [etch.Log.Append]; [http.Client] wraps it.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	at := hopOf(req)
	ev := t.event(req, at)
	if t.opt.Deny != nil {
		if reason := t.opt.Deny(req); reason != nil {
			closeBody(req)
			return nil, t.block(req, ev, reason)
		}
	}
	call, err := etch.Begin(req.Context(), t.to, ev)
	if err := t.unrecorded(req, "attempt", err); err != nil {
		closeBody(req)
		return nil, fmt.Errorf("the request is not sent: %w", err)
	}
	if at.n == 0 {
		at.first = call.Completion().CallID
	}
	// A RoundTripper must not change its request. The next hop finds this one by its response.
	sent := req.WithContext(context.WithValue(req.Context(), hopKey{}, at))
	resp, err := t.base.RoundTrip(sent)
	if err != nil {
		if lost := t.end(req, call, resultOf(req.Context(), err)); lost != nil {
			err = errors.Join(err, lost)
		}
		return nil, err
	}
	return t.answered(req, call, resp)
}

// CloseIdleConnections does so with those of the base, where that can.
func (t *Transport) CloseIdleConnections() {
	if base, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

// closeBody does what a RoundTripper must do also with a request that it does not send.
func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close() // nothing of it was sent
	}
}

func (t *Transport) event(req *http.Request, at hop) *etch.Event {
	address := shown(req.URL)
	ev := &etch.Event{
		Type:   etch.NetworkEgress,
		Action: &etch.Action{Tool: "http", Resource: address, Allowed: true},
		Egress: &etch.Egress{URL: address, Host: req.URL.Hostname(), Method: methodOf(req), Hop: etch.Some(at.n)},
	}
	if at.n > 0 && at.first != "" {
		ev.Labels = map[string]string{LabelFirstCall: at.first}
	}
	if t.opt.Describe != nil {
		t.opt.Describe(req, ev)
	}
	return ev
}

// methodOf returns the method, for which a client may leave GET out.
func methodOf(req *http.Request) string {
	if req.Method == "" {
		return http.MethodGet
	}
	return req.Method
}

// block records that a request is not sent.
func (t *Transport) block(req *http.Request, ev *etch.Event, reason error) error {
	etch.ScopeOf(req.Context()).Fill(ev)
	if ev.Action != nil {
		ev.Action.Allowed = false
	}
	if ev.Egress != nil {
		ev.Egress.Blocked, ev.Egress.BlockReason = true, reason.Error()
	}
	ev.Result = &etch.Result{Type: etch.Blocked, Reason: reason.Error(), ErrorCategory: "policy_blocked", ErrorDomain: "action"}
	if ev.Security == nil {
		ev.Security = new(etch.Security)
	}
	ev.Security.PolicyViolation = true
	_, err := t.to.Append(context.WithoutCancel(req.Context()), ev)
	if errors.Is(err, etch.ErrSkipped) {
		err = nil
	}
	blocked := &BlockedError{URL: shown(req.URL), Reason: reason}
	if lost := t.unrecorded(req, "refusal", err); lost != nil {
		return errors.Join(blocked, lost)
	}
	return blocked
}

// answered takes the response, whose body tells when it is over.
func (t *Transport) answered(req *http.Request, call *etch.Call, resp *http.Response) (*http.Response, error) {
	if egress := call.Completion().Egress; egress != nil {
		egress.Status = etch.Some(int64(resp.StatusCode))
	}
	ended := func(n uint64, err error) error {
		if egress := call.Completion().Egress; egress != nil {
			egress.ResponseBytes = etch.Some(n)
		}
		result := resultOf(req.Context(), err)
		if err == nil && resp.StatusCode >= http.StatusBadRequest {
			result.Type, result.Message = etch.Error, resp.Status
		}
		return t.end(req, call, result)
	}
	if resp.Body == nil || resp.Body == http.NoBody {
		if err := ended(0, nil); err != nil {
			return nil, err
		}
		return resp, nil
	}
	b := &body{ReadCloser: resp.Body, ended: ended}
	resp.Body = b
	if w, ok := b.ReadCloser.(io.Writer); ok { // another protocol took over
		resp.Body = duplex{b, w}
	}
	return resp, nil
}

// resultOf tells how a request ended. For some transports a client whose time is up
// cancels its request, which then fails with an error that does not say why.
func resultOf(ctx context.Context, err error) *etch.Result {
	if deadline, ok := ctx.Deadline(); ok && err != nil {
		late, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline)
		defer cancel()
		if late.Err() != nil {
			err = late.Err()
		}
	}
	return etch.ResultOf(err)
}

// end records the completion.
func (t *Transport) end(req *http.Request, call *etch.Call, result *etch.Result) error {
	return t.unrecorded(req, "completion", call.End(req.Context(), result))
}

// unrecorded asks whether a failure to record is one of the request.
func (t *Transport) unrecorded(req *http.Request, what string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("record the %s of %s %s: %w", what, methodOf(req), req.URL.Hostname(), err)
	if t.opt.OnError != nil {
		return t.opt.OnError(req, err)
	}
	return err
}

// A hop is where a request stands in a chain of redirects.
type hop struct {
	n     uint64
	first string // the call id of the first, "" where that is not known
}

type hopKey struct{}

// hopOf returns which hop a request is: it has the response that redirects to it.
func hopOf(req *http.Request) hop {
	if req.Response == nil || req.Response.Request == nil {
		return hop{}
	}
	before := req.Response.Request
	at, ok := before.Context().Value(hopKey{}).(hop)
	if !ok {
		at = hopOf(before) // that one was sent by another transport
	}
	at.n++
	return at
}
