package mcp

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

// admit reads the body of a request, and reports whether it may be passed on. Where
// it may not it answers.
func (p *Proxy) admit(w http.ResponseWriter, r *http.Request, e *exchange, st *stream) bool {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		http.Error(w, "the MCP proxy judges what is sent, and takes no encoding", http.StatusUnsupportedMediaType)
		return false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostHeld))
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		http.Error(w, "the MCP proxy judges what is sent, and takes no more than "+strconv.FormatInt(tooLarge.Limit, 10)+" bytes", http.StatusRequestEntityTooLarge)
		return false
	} else if err != nil {
		http.Error(w, "the request has not come in full", http.StatusBadRequest)
		return false
	}
	found := found(body)
	why := p.opt.judgeAll(found)
	if len(found) > mostHeldCount {
		why = &refusal{reason: tooLong}
	}
	if why == nil {
		r.Body = io.NopCloser(bytes.NewReader(body))
		return true
	}
	recorded := p.w.show(body, func(data []byte, at time.Time) { e.deny(st, data, at) }, true)
	if !recorded && p.w.stopped() {
		http.Error(w, "the MCP proxy cannot record, and passes nothing on", http.StatusServiceUnavailable)
		return false
	}
	answer := p.opt.answersTo(found, why)
	if len(answer) == 0 {
		http.Error(w, why.text(), http.StatusForbidden)
		return false
	}
	w.Header().Set("Content-Type", "application/json")
	if e.apart { // answers are read on the stream alone
		w.WriteHeader(http.StatusForbidden)
	}
	_, _ = w.Write(answer) // to a client that may be gone
	return false
}

// found returns the messages of a body; of very many only that they are too many.
func found(body []byte) []*message {
	var out []*message
	o := newOutline(func(m *message) {
		if len(out) <= mostHeldCount {
			out = append(out, m)
		}
	})
	o.keepAll()
	o.feed(body)
	o.end()
	return out
}

// deny takes the body of a request that is not passed on.
func (e *exchange) deny(st *stream, data []byte, at time.Time) {
	e.refusing = true
	st.feed(data, at)
	st.end(nil, at)
	e.refusing = false
	if e.own && e.s != nil {
		e.s.finish(success(), "refused", at)
	}
}
