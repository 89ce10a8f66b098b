package mcp

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// An exchange is one request of HTTP and its answer. But for what is set when it
// begins it is of the witness's goroutine.
type exchange struct {
	p     *Proxy
	uri   *url.URL
	id    string // the server's name of the session; "" where it has none, or not yet
	tag   string // where it has none: what tells ids of this exchange from those of others
	trace string

	s       *session  // nil until the first message
	own     bool      // the session began in this exchange
	apart   bool      // its answers come in another exchange: that which has offered the address
	offered bool      // this is that
	stream  *tellable // what the client reads, where it may be told something
	calls   []*call   // requests that came in it, but for some that are done
	body    leaver    // that of its request, where it has one; of the goroutine that serves it
	left    int       // how many of its bodies have not ended
	why     string    // the server refuses it, where it says so in words of JSON-RPC

	sent *redirection // where the server has sent the client; nil: nowhere
}

// A leaver is a body of a request of which nobody may want the rest. Who sends it on may
// read it still while, and after, that is said.
type leaver interface{ leave() }

// leaveBody says that nobody wants the rest of the request.
func (e *exchange) leaveBody() {
	if e.body != nil {
		e.body.leave()
	}
}

// key returns what the id of a message is known by. On stdio, and within a
// session, that is the id alone.
func (e *exchange) key(m *message) string {
	if e == nil {
		return m.values[slotID].key()
	}
	return e.tag + m.values[slotID].key()
}

// token returns what a token of progress is known by, "" where there is none. Clients of a
// server that keeps no sessions choose theirs alike.
func (e *exchange) token(key string) string {
	if e == nil || key == "" {
		return key
	}
	return e.tag + key
}

// add remembers a request that came in the exchange. A stream of events may last for days.
func (e *exchange) add(c *call) {
	if len(e.calls) == cap(e.calls) {
		e.calls = slices.DeleteFunc(e.calls, func(c *call) bool { return c.done })
	}
	e.calls = append(e.calls, c)
}

// refuses reports whether a message is the server's word on the exchange itself:
// an error of no request.
func (e *exchange) refuses(m *message) bool {
	if e == nil || !m.has(slotError) || string(m.values[slotID].kept) != "null" {
		return false
	}
	e.why = failure(m).Message
	return true
}

// take takes a message of the exchange.
func (e *exchange) take(from side, m *message, at time.Time) {
	if e.s == nil {
		s, begins := e.p.sessionOf(e, m, at)
		e.own = begins
		e.join(s, at)
	}
	e.s.take(from, m, e, at)
}

// of returns what takes the messages that one side sends.
func (e *exchange) of(from side) func(m *message, at time.Time) {
	return func(m *message, at time.Time) { e.take(from, m, at) }
}

// named says which session the server has made of the exchange.
func (e *exchange) named(id string) {
	if e.own && e.id == "" && id != "" {
		e.id = id
		e.p.keep(id, e.s)
	}
}

// ended says that the exchange is over. Requests that were not answered in it may
// be later, in another stream of their session, where there is one and the
// server has not refused them.
func (e *exchange) ended(status int, stream bool, failure error, at time.Time) {
	e.redirected(at)
	if e.s == nil {
		return
	}
	why, how := "", endUnanswered
	switch {
	case e.sent != nil:
		why, how = e.sent.text(), endRedirected
	case failure != nil:
		why = short("no answer: " + failure.Error())
	case status >= http.StatusBadRequest:
		if status < http.StatusInternalServerError {
			how = endRefused
		}
		why = short(strings.Trim(fmt.Sprintf("HTTP %d %s: %s", status, http.StatusText(status), e.why), ": "))
	case e.why != "":
		why, how = e.why, endRefused
	case e.apart:
	case !stream:
		why = "no answer in what the server has sent"
	case e.id == "":
		why = "no answer before the stream ended"
	}
	for _, c := range e.calls {
		if why != "" && !c.done {
			c.why = why
			e.s.end(c, how, at)
		}
	}
	if e.own && e.id == "" {
		e.p.part(e.s, "the server keeps no session", at)
	}
}

// over says that one of the two bodies has ended. After both nothing more comes.
func (e *exchange) over(at time.Time) {
	if e.left--; e.left > 0 || e.s == nil {
		return
	}
	e.leave(at)
}

// join makes the exchange one of a session.
func (e *exchange) join(s *session, at time.Time) {
	if e.s != nil {
		e.leave(at)
	}
	e.s, s.used = s, at
	s.exchanges++
	if s.path == "" {
		s.path = e.uri.Path
	}
}

// leave says that nothing more of the session comes in the exchange.
func (e *exchange) leave(at time.Time) {
	e.s.exchanges--
	if e.s.parting != "" {
		e.p.part(e.s, e.s.parting, at)
	}
}

// exchangeKey is the key of the exchange in a request's context.
type exchangeKey struct{}

func withExchange(ctx context.Context, e *exchange) context.Context {
	return context.WithValue(ctx, exchangeKey{}, e)
}

func exchangeOf(r *http.Request) *exchange { return r.Context().Value(exchangeKey{}).(*exchange) }
