package mcp

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/httpbody"
)

// sessionHeader is the header that names a session (MCP 2025-11-25, Transports,
// Session Management).
const sessionHeader = "Mcp-Session-Id"

// mostSessions bounds the sessions of a proxy that are remembered: the one that
// was used least recently is said to have ended where there are more.
const mostSessions = 1024

// A Proxy is a handler that passes requests on to an MCP server which speaks
// Streamable HTTP, and records what passes: bodies and streams of events as they
// come, each piece at once. Paths, queries and headers stay as they are, but for
// those that HTTP means for each hop, the name of the host, and
// Accept-Encoding: the server is to answer in plain. The transport of 2024-11-05,
// with a stream of events and an address to send to, is understood too; where that
// address, or that of a redirection, has the server's name, which leads past the proxy,
// the name is left out.
//
// A Proxy is safe for concurrent use.
type Proxy struct {
	opt    *Options
	w      *witness
	target *url.URL
	hosts  []string
	http   httputil.ReverseProxy
	number atomic.Uint64 // of exchanges

	sessions map[string]*session   // by the server's name of them; of the witness's goroutine
	parting  map[*session]struct{} // that have ended but for what is under way; likewise
	nameless *session              // of servers that keep none; likewise
	closing  sync.Once
	lost     error

	bodies *httpbody.Budget // what is held back of what clients send
}

// NewProxy returns a proxy of a server. Hosts are the names by which it may be
// called: where they are not nil, a request for any other is refused, so that no
// page in a browser can reach it under a name of its own. Requests of pages of other
// machines are refused, but for those of the host that is called, where hosts are nil.
// The caller closes it.
func NewProxy(log etch.Recorder, target *url.URL, hosts []string, opt *Options) *Proxy {
	p := &Proxy{
		opt: opt, w: newWitness(log, opt), target: target, hosts: hosts, sessions: map[string]*session{}, parting: map[*session]struct{}{},
		bodies: httpbody.NewBudget(mostBodies),
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableCompression = true
	p.http = httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1, Rewrite: p.rewrite, ModifyResponse: p.answered, ErrorHandler: p.failed,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // what became of a call is on record
	}
	return p
}

// Close ends what is open, waits until everything is on record, and returns what
// is not. No request may be under way any more.
func (p *Proxy) Close() error {
	p.closing.Do(func() {
		p.w.show(0, func(at time.Time) {
			for s := range p.parting {
				s.finish(success(), s.parting, at)
			}
			for _, s := range slices.SortedFunc(maps.Values(p.sessions), func(a, b *session) int { return a.begun.Compare(b.begun) }) {
				s.finish(success(), "the proxy ended", at)
			}
			if p.nameless != nil && p.nameless.started {
				p.nameless.finish(success(), "the proxy ended", at)
			}
		}, false)
		p.lost = p.w.close()
		p.http.Transport.(*http.Transport).CloseIdleConnections()
	})
	return p.lost
}

// stoppedText is what a client is told of a proxy that has stopped.
const stoppedText = "the MCP proxy cannot record, and passes nothing on"

// Broken is closed when something cannot be recorded, and so nothing more is
// passed on.
func (p *Proxy) Broken() <-chan struct{} { return p.w.broken }

func success() *etch.Result { return &etch.Result{Type: etch.Success} }

// ServeHTTP passes a request on.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.w.stopped() {
		turnAway(w, stoppedText, http.StatusServiceUnavailable)
		return
	}
	if why, whose := p.foreign(r); why != "" {
		p.turnForeigner(w, why, whose)
		return
	}
	e := &exchange{p: p, uri: r.URL, id: r.Header.Get(sessionHeader), trace: traceID(r.Header.Get("Traceparent")), left: 1}
	if e.id == "" {
		e.tag = strconv.FormatUint(p.number.Add(1), 36) + " "
	}
	if r.Body != nil && r.Body != http.NoBody {
		if !p.opt.judges() {
			r.Body = p.watch(r.Body, e)
		} else if !p.admit(w, r, e) {
			return
		}
		defer e.leaveBody() // httputil does not close it
		repeat(r)
	}
	p.http.ServeHTTP(w, r.WithContext(withExchange(r.Context(), e)))
}

// watch returns the body of a request of an exchange, which is looked at as it passes.
func (p *Proxy) watch(body io.ReadCloser, e *exchange) *watched {
	st := newStream(false, e.of(client))
	e.left++
	b := &watched{ReadCloser: body, w: p.w, strict: p.opt.Strict, feed: st.feed, end: func(at time.Time) {
		st.end(at)
		e.over(at)
	}}
	e.body = b
	return b
}

// rewrite addresses a request to the server.
func (p *Proxy) rewrite(r *httputil.ProxyRequest) {
	r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = p.target.Scheme, p.target.Host, ""
	r.Out.URL.RawQuery = r.In.URL.RawQuery // of what not every reader takes, too
	r.Out.Header.Del("Accept-Encoding")
	// What follows a change of the protocol could not be looked at.
	r.Out.Header.Del("Connection")
	r.Out.Header.Del("Upgrade")
	// Who proxied before is passed on as it came.
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if values, ok := r.In.Header[name]; ok {
			r.Out.Header[name] = values
		}
	}
}

// answered looks at what the server begins to answer.
func (p *Proxy) answered(r *http.Response) error {
	if r.StatusCode == http.StatusSwitchingProtocols {
		return errSwitched // which closes the connection
	}
	e := exchangeOf(r.Request)
	id := r.Header.Get(sessionHeader)
	sent := p.keepHere(r)
	p.w.show(0, func(time.Time) {
		e.sent = sent
		e.named(id)
	}, false)
	kind, failure := kindOfAnswer(r.Header)
	stream := kind == eventStream
	if stream && r.Request.Method == http.MethodGet && failure == nil {
		r.Body = &endpointReader{ReadCloser: r.Body, target: p.target}
		r.Header.Del("Content-Length") // which may be another
		r.ContentLength = -1
	}
	body := &watched{ReadCloser: r.Body, w: p.w, end: func(at time.Time) {
		e.ended(r.StatusCode, stream, failure, at)
		p.parts(e, r.Request.Method, r.StatusCode, at)
		e.over(at)
	}}
	switch {
	case failure != nil:
	case stream:
		events := newSSE(e.of(server), e.offers)
		body.follow(events.feed, events.end)
	case kind == jsonType:
		st := newStream(false, e.of(server))
		body.follow(st.feed, st.end)
	}
	r.Body = body
	if stream && r.Request.Method == http.MethodGet && p.opt.judges() {
		e.stream = newTellable(body)
		e.stream.begin()
		r.Body = e.stream
	}
	return nil
}

// The types of answers that hold messages.
const (
	eventStream = "text/event-stream"
	jsonType    = "application/json"
)

// errSwitched is why an answer is not passed on.
var errSwitched = errors.New("the server has changed the protocol, which nobody has asked for")

// Why an answer, which is passed on as any other, says nothing.
var (
	errCoding = errors.New("the server has answered in an encoding that was not asked for")
	errKind   = errors.New("the server has answered with a type that readers take for different ones")
)

// kindOfAnswer returns the type of an answer where it holds messages, to any client: some
// look for its name anywhere in what the server says of it.
func kindOfAnswer(header http.Header) (kind string, failure error) {
	for _, coding := range header.Values("Content-Encoding") {
		if coding != "" && !strings.EqualFold(coding, "identity") {
			return "", errCoding
		}
	}
	said := strings.ToLower(strings.Join(header.Values("Content-Type"), ", "))
	stream, json := strings.Contains(said, eventStream), strings.Contains(said, jsonType)
	switch {
	case stream && json:
		return "", errKind
	case stream:
		return eventStream, nil
	case json:
		return jsonType, nil
	}
	return "", nil
}

// failed answers where the server cannot be reached.
func (p *Proxy) failed(w http.ResponseWriter, r *http.Request, err error) {
	e := exchangeOf(r)
	e.leaveBody()
	p.w.show(0, func(at time.Time) {
		e.ended(0, false, err, at)
		e.over(at)
	}, false)
	http.Error(w, "the MCP server cannot be reached: "+err.Error(), http.StatusBadGateway)
}

// sessionOf returns the session of an exchange, whose first message is m, and
// whether it begins with it. Of the witness's goroutine.
func (p *Proxy) sessionOf(e *exchange, m *message, at time.Time) (s *session, begins bool) {
	if offered := p.sessions[endpointID(e.uri.RequestURI())]; offered != nil && e.id == "" {
		e.id, e.tag, e.apart = endpointID(e.uri.RequestURI()), "", true
	}
	switch {
	case e.id != "":
		if s = p.sessions[e.id]; s == nil {
			s = p.begin(at)
			p.keep(e.id, s)
		}
		return s, false
	case kindOf(client, m.method()) == greeting:
		return p.begin(at), true
	}
	return p.unnamed(at), false
}

// unnamed returns the session of what belongs to none that has a name.
func (p *Proxy) unnamed(at time.Time) *session {
	if p.nameless == nil {
		p.nameless = p.begin(at)
	}
	return p.nameless
}

func (p *Proxy) begin(at time.Time) *session { return newSession(p.opt, newID(), at, p.w.add) }

// keep remembers a session by the server's name of it.
func (p *Proxy) keep(id string, s *session) {
	if p.sessions[id] != s {
		p.forget(id, "its name was given to another", s.used)
	}
	if len(p.sessions) >= mostSessions && p.sessions[id] == nil {
		oldest := ""
		for other, known := range p.sessions {
			if oldest == "" || known.used.Before(p.sessions[oldest].used) {
				oldest = other
			}
		}
		p.forget(oldest, "forgotten", s.used)
	}
	p.sessions[id] = s
}

// parts ends the session that an answer says to be over: the stream that has offered
// its address has ended, its client has taken leave, or the server does not know it. To
// be not found at another address says nothing of a session.
func (p *Proxy) parts(e *exchange, method string, status int, at time.Time) {
	s := p.sessions[e.id]
	switch {
	case s == nil:
	case e.offered:
		p.forget(e.id, "the stream ended", at)
	case method == http.MethodDelete && status < http.StatusMultipleChoices:
		p.forget(e.id, "client closed", at)
	case status == http.StatusNotFound && s.path == e.uri.Path:
		p.forget(e.id, "the server knows no such session", at)
	}
}

// forget ends a session: what comes under its name from now on is of another.
func (p *Proxy) forget(id, reason string, at time.Time) {
	if s := p.sessions[id]; s != nil {
		delete(p.sessions, id)
		p.part(s, reason, at)
	}
}

// part ends a session as soon as no exchange of it is under way: what passes in those
// is on record too, whoever has said that the session is over.
func (p *Proxy) part(s *session, reason string, at time.Time) {
	s.parting = reason
	if s.exchanges == 0 {
		delete(p.parting, s)
		s.finish(success(), reason, at)
		return
	}
	p.parting[s] = struct{}{}
}

// A watched body shows what is read of it before it hands it on.
type watched struct {
	io.ReadCloser
	w      *witness
	strict bool
	feed   func([]byte, time.Time)
	end    func(time.Time)
	ended  error // what Read has ended with

	mu   sync.Mutex // guards what follows: who closes it does not wait for who reads
	over bool       // the end was shown
}

// follow looks at the bytes, too.
func (b *watched) follow(feed func([]byte, time.Time), end func(time.Time)) {
	then := b.end
	b.feed, b.end = feed, func(at time.Time) { end(at); then(at) }
}

var (
	errNotRecorded = errors.New("what passes cannot be recorded")
	errLeft        = errors.New("nobody wants the rest")
)

// Read reads, and shows what was read. After the end it does not ask again: who
// sends the body on looks once more whether there is nothing behind it, and by
// then a server that writes an answer may have closed the body of its request.
func (b *watched) Read(p []byte) (int, error) {
	if b.ended != nil {
		return 0, b.ended
	}
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return 0, errLeft
	}
	if n > 0 && b.feed != nil && !b.show(bytes.Clone(p[:n])) {
		return 0, errNotRecorded
	}
	if err != nil {
		b.ended = err
		b.finish()
	}
	return n, err
}

// show shows what was read.
func (b *watched) show(data []byte) bool {
	return b.w.show(len(data), func(at time.Time) { b.feed(data, at) }, b.strict)
}

// Close closes the body.
func (b *watched) Close() error {
	b.leave()
	return b.ReadCloser.Close()
}

// leave says that nobody wants the rest: nothing more is handed on.
func (b *watched) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.finish()
}

// finish shows the end, once.
func (b *watched) finish() {
	if !b.over {
		b.over = true
		b.w.show(0, b.end, b.strict)
	}
}
