package mcp

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// admit reads the body of a request, and reports whether it may be passed on. Where
// it may not it answers.
func (p *Proxy) admit(w http.ResponseWriter, r *http.Request, e *exchange, st *stream) bool {
	kind, unread := written(r.Header)
	if unread != "" {
		http.Error(w, "the MCP proxy judges what is sent, and takes "+unread, http.StatusUnsupportedMediaType)
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
	if kind == "application/x-www-form-urlencoded" && isForm(body) {
		r.Body = io.NopCloser(bytes.NewReader(body)) // OAuth's, to an address beside that of the server
		return true
	}
	found := unfitting(found(body), unfit(body, false))
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
		if e.s.tell != nil && e.s.tell(answer) {
			w.WriteHeader(http.StatusAccepted)
			return false
		}
		w.WriteHeader(http.StatusForbidden)
	}
	_, _ = w.Write(answer) // to a client that may be gone
	return false
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

// isForm reports whether a body begins as a form does and no JSON, whatever its
// charset and whoever reads it.
func isForm(body []byte) bool {
	if len(body) == 0 {
		return false
	}
	c := body[0]
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("%*-._+&=", c) >= 0
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
	st.unfit = unfit(data, false)
	st.feed(data, at)
	st.end(nil, at)
	e.refusing, st.unfit = false, ""
	if e.own && e.s != nil {
		e.s.finish(success(), "refused", at)
	}
}
