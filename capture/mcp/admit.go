package mcp

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/etch-audit/etch/internal/httpbody"
)

// mostBodies bounds the bodies that are held back at the same time, of all clients.
const mostBodies = 4 * mostHeld

// admit reads the body of a request, and reports whether it may be passed on. Where
// it may not it answers.
func (p *Proxy) admit(w http.ResponseWriter, r *http.Request, e *exchange) bool {
	kind, unread := written(r.Header)
	if unread != "" {
		turnAway(w, "the MCP proxy judges what is sent, and takes "+unread, http.StatusUnsupportedMediaType)
		return false
	}
	body, err := p.read(w, r)
	if err != nil {
		unreadBody(w, err)
		return false
	}
	messages, more := messagesIn(body.Data)
	unfit := unfit(body.Data, false)
	switch {
	case kind == "application/x-www-form-urlencoded" && isForm(body.Data): // OAuth's, to an address beside that of the server
		r.Body = p.held(body, e, messages)
		return true
	case more:
		unfit = tooLong
	case unfit != "" && len(messages) == 0:
		messages = []*message{brokenIn(body.Data)}
	}
	why := p.opt.decide(messages, unfit)
	if why == nil {
		r.Body = p.held(body, e, messages)
		return true
	}
	recorded := p.w.show(weightOf(body.Data, messages), func(at time.Time) { e.deny(body.Data, messages, at) }, true)
	answer := answersTo(messages)
	body.Release()
	if !recorded && p.w.stopped() {
		turnAway(w, stoppedText, http.StatusServiceUnavailable)
		return false
	}
	p.tell(w, e, answer, why)
	return false
}

// tell answers a request that is not passed on.
func (p *Proxy) tell(w http.ResponseWriter, e *exchange, answer []byte, why *refusal) {
	impatient(w)
	if len(answer) == 0 {
		http.Error(w, why.text(), http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if e.apart { // answers are read on the stream alone
		if e.s.tell != nil && e.s.tell(answer) {
			w.WriteHeader(http.StatusAccepted)
			return
		}
		w.WriteHeader(http.StatusForbidden)
	}
	_, _ = w.Write(answer) // to a client that may be gone
}

// read reads the body of a request, in the time and the memory that there are for it.
// The time is net/http's to lift when the body is there, as it does.
func (p *Proxy) read(w http.ResponseWriter, r *http.Request) (*httpbody.Body, error) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(httpbody.Wait)) // a test's recorder has none
	return p.bodies.Read(http.MaxBytesReader(w, r.Body, mostHeld), mostHeld, "")
}

// unreadBody answers a request whose body could not be read.
func unreadBody(w http.ResponseWriter, err error) {
	_, long := errors.AsType[*http.MaxBytesError](err)
	switch {
	case long:
		turnAway(w, fmt.Sprintf("the MCP proxy judges what is sent, and takes no more than %d bytes", mostHeld), http.StatusRequestEntityTooLarge)
	case errors.Is(err, httpbody.ErrBusy):
		w.Header().Set("Retry-After", "1")
		turnAway(w, "the MCP proxy judges what is sent, and "+err.Error(), http.StatusServiceUnavailable)
	case errors.Is(err, os.ErrDeadlineExceeded):
		turnAway(w, fmt.Sprintf("the request has not come within %v", httpbody.Wait), http.StatusRequestTimeout)
	default:
		turnAway(w, "the request has not come in full", http.StatusBadRequest)
	}
}

// turnAway answers a request whose body, or the rest of it, nobody reads. It is not
// waited for longer than for who is sending it now.
func turnAway(w http.ResponseWriter, text string, status int) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(httpbody.Leftover)) // a test's recorder has none
	impatient(w)
	http.Error(w, text, status)
}

// impatient waits for a client that does not read what the proxy itself answers no
// longer than for its body.
func impatient(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(httpbody.Wait)) // a test's recorder has none
}

// A heldBody is a body that was held back, and is passed on: it gives its memory back
// when all of it went, or nobody wants the rest.
type heldBody struct {
	show func() bool // has the messages in it recorded; it reports whether it may be passed on
	end  func()      // says that nothing more of it is passed on

	mu   sync.Mutex // guards what follows: nobody may want it while it is read
	body *httpbody.Body
	rest []byte
	over error // why there is no more; nil: there is
}

// held returns a body of an exchange that may be passed on.
func (p *Proxy) held(body *httpbody.Body, e *exchange, messages []*message) *heldBody {
	weight := weightOf(body.Data, messages)
	e.left++
	b := &heldBody{
		body: body, rest: body.Data,
		show: sync.OnceValue(func() bool {
			return p.w.show(weight, func(at time.Time) { e.takeAll(messages, at) }, p.opt.Strict)
		}),
		end: func() { p.w.show(0, e.over, false) },
	}
	e.body = b
	return b
}

// Read reads the body. Its messages are shown before anything of it is read.
func (b *heldBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over != nil {
		return 0, b.over
	}
	if !b.show() {
		return 0, errNotRecorded
	}
	n := copy(p, b.rest)
	if b.rest = b.rest[n:]; len(b.rest) == 0 {
		b.finish(io.EOF)
	}
	return n, nil
}

// Close drops the rest.
func (b *heldBody) Close() error {
	b.leave()
	return nil
}

// leave says that nobody wants the rest: nothing more is handed on.
func (b *heldBody) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.finish(errLeft)
}

// finish gives back what is held, once.
func (b *heldBody) finish(why error) {
	if b.over == nil {
		b.over, b.rest = why, nil
		b.body.Release()
		b.end()
	}
}

// written returns the type of a body, or why it is not taken: other readers may
// see another text in it.
func written(header http.Header) (kind, why string) {
	for _, coding := range header.Values("Content-Encoding") {
		if coding != "" && !strings.EqualFold(coding, "identity") {
			return "", "no encoding"
		}
	}
	kinds := header.Values("Content-Type")
	if len(kinds) == 0 {
		return "", ""
	}
	kind, parameters, err := mime.ParseMediaType(kinds[0])
	if err != nil || len(kinds) > 1 {
		return "", "one Content-Type"
	}
	// Also where it is given in a way that is not understood here.
	if strings.Contains(strings.ToLower(kinds[0]), "charset") && !strings.EqualFold(parameters["charset"], "utf-8") {
		return "", "no charset but utf-8"
	}
	return kind, ""
}

// isForm reports whether a body can be a form, and nothing in it a message, whoever
// reads it: no form has the brackets and quotes that no message does without.
func isForm(body []byte) bool {
	return len(body) > 0 && !slices.ContainsFunc(body, func(c byte) bool {
		return c <= ' ' || c > '~' || strings.IndexByte("{}[]\"\\<>^`|", c) >= 0
	})
}

// eachMessage hands over the messages of a body, of which they are parts.
func eachMessage(body []byte, take func(i int, m *message)) {
	i := 0
	o := newOutline(func(m *message) {
		take(i, m)
		i++
	})
	o.keepParts()
	o.feed(body)
	o.end()
}

// messagesIn returns the first messages of a body, and whether there are more.
func messagesIn(body []byte) (messages []*message, more bool) {
	eachMessage(body, func(i int, m *message) {
		if more = i >= mostHeldCount; !more {
			messages = append(messages, m)
		}
	})
	return messages, more
}

// takeAll takes messages of a client.
func (e *exchange) takeAll(messages []*message, at time.Time) {
	for _, m := range messages {
		e.take(client, m, at)
	}
}

// deny takes a body that is not passed on, of whose messages the first were judged. The
// others are more than are.
func (e *exchange) deny(body []byte, judged []*message, at time.Time) {
	e.takeAll(judged, at)
	if len(judged) == mostHeldCount {
		eachMessage(body, func(i int, m *message) {
			if i >= mostHeldCount {
				m.refused = &refusal{reason: tooLong, unread: true}
				e.take(client, m, at)
			}
		})
	}
	if e.s == nil {
		return
	}
	if e.own {
		e.p.part(e.s, "refused", at)
	}
	e.left = 0 // it is not passed on, and has no answer
	e.over(at)
}
