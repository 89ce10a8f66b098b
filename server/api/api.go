// Package api is what the daemon does by HTTP: it takes events, hooks and
// OpenTelemetry, answers questions, and says how it is.
//
// A request comes by the daemon's socket, where the kernel says who sends, or over
// loopback with a token. Nothing of a body is read before it is known that its
// sender may send. What is recorded, and under whose name, is for package server
// to say; who may come is docs/daemon.md's to explain, and the forms of requests
// and answers stand in docs/cli-json.md.
package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/internal/httpbody"
	"github.com/etch-audit/etch/redact"
	"github.com/etch-audit/etch/server"
	"github.com/etch-audit/etch/server/token"
)

// Options are the settings of a [Handler]. Server, Log, Tokens and Now must be set.
type Options struct {
	Server *server.Server
	// Log is the path of the log, which questions are asked of.
	Log string
	// Tokens are those by which requests over loopback are let in.
	Tokens *token.File
	// Now is the clock.
	Now func() time.Time

	// Agent returns the agent of a name, nil where there is none; nil: there are
	// no agents.
	Agent func(name string) *hook.Agent
	// Recording says what is kept of hooks and of telemetry.
	Recording hook.Recording
	// Classify judges the risk of what hooks tell, as the log does.
	Classify func(*etch.Event) (etch.Risk, []string)
	// DenyRisk refuses calls of hooks of that risk and above, where their agent takes a
	// refusal by HTTP; "" refuses none. With Block those are refused that are not
	// recorded at once.
	DenyRisk etch.Risk
	Block    bool
	// Masker returns what masks secrets as the log does.
	Masker func() *redact.Masker
	// Sessions is the directory of what is remembered between the deliveries of
	// hooks.
	Sessions string
	// Spool keeps the events of hooks that the log could not take; nil: they are
	// lost, and Notify is told.
	Spool func(cause error, events ...*etch.Event) error
	// Host is the name of this machine.
	Host string

	// Disk returns an error where the log's disk is full; nil: it is not asked.
	Disk func() error
	// Version is the program's own.
	Version string
	// Notify, where set, is told of what failed and nobody waits for.
	Notify func(error)
}

// A Handler serves the daemon's HTTP. It is safe for concurrent use.
type Handler struct {
	opt      Options
	routes   *http.ServeMux
	began    time.Time
	bodies   *httpbody.Budget
	asking   chan struct{} // a place for each question that is answered now
	decoding chan struct{} // a place for each request of OTLP that is made into events now
	sessions *hook.Sessions
	requests tally
	outcomes tally          // of events
	hooks    sync.WaitGroup // deliveries that were answered and are still recorded

	leftover time.Duration   // httpbody.Leftover, but in tests
	queueing time.Duration   // turnWait, but in tests
	patience time.Duration   // hookPatience, but in tests
	judging  time.Duration   // hookJudging, but in tests
	ending   context.Context // done when the daemon is to end
	end      context.CancelFunc
}

// New returns a Handler.
func New(opts *Options) *Handler {
	h := &Handler{
		opt: *opts, routes: http.NewServeMux(), began: opts.Now(), bodies: httpbody.NewBudget(max(maxBodies, 3*opts.Server.Limits().MaxEvent)),
		asking: make(chan struct{}, maxQuestions), sessions: hook.NewSessions(opts.Sessions),
		decoding: make(chan struct{}, maxDecoding), leftover: httpbody.Leftover,
		queueing: turnWait, patience: hookPatience, judging: hookJudging,
	}
	h.ending, h.end = context.WithCancel(context.Background())
	for path, e := range h.endpoints() {
		h.routes.Handle(path, h.endpoint(path, e))
	}
	h.routes.Handle("/", h.endpoint("other", endpoint{open: true, serve: nowhere}))
	return h
}

// Drain waits no longer for requests of which only a part has come: a second, for
// who is sending it now. Answers to questions are broken off. Other requests that came
// whole are served as before.
func (h *Handler) Drain() { h.end() }

// Wait waits for what was answered before it was recorded: deliveries of hooks.
func (h *Handler) Wait() { h.hooks.Wait() }

// An endpoint is what is served at one path.
type endpoint struct {
	method string       // "": any
	right  token.Rights // that it takes
	open   bool         // nobody need say who he is
	spools bool         // what the log does not take is kept elsewhere
	serve  func(*call) error
}

func (h *Handler) endpoints() map[string]endpoint {
	return map[string]endpoint{
		"/v1/events":            {method: http.MethodPost, right: token.Send, serve: h.events},
		"/v1/logs":              {method: http.MethodPost, right: token.Send, serve: h.logs},
		"/v1/traces":            {method: http.MethodPost, right: token.Send, serve: h.traces},
		"/v1/metrics":           {method: http.MethodPost, right: token.Send, serve: h.measurements},
		"/hook/{agent}":         {method: http.MethodPost, right: token.Send, spools: true, serve: h.hook},
		"/hook/{agent}/{event}": {method: http.MethodPost, right: token.Send, spools: true, serve: h.hook},
		"/v1/audit":             {method: http.MethodGet, right: token.Read, serve: h.audit},
		"/metrics":              {method: http.MethodGet, right: token.Read, serve: h.metrics},
		"/healthz":              {method: http.MethodGet, open: true, serve: h.health},
	}
}

// ServeHTTP serves a request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Body != http.NoBody { // some paths the routes answer themselves
		h.leave(http.NewResponseController(w))
	}
	h.routes.ServeHTTP(w, r)
}

// A call is one request.
type call struct {
	handler *Handler
	w       *response
	r       *http.Request
	path    string // of the endpoint
	control *http.ResponseController
	sender  server.Sender
	unread  bool // a body may be there, and was not read to its end
}

// context is that of what is done for a request and is not to be broken off when
// who asked goes away: an event that came whole is recorded.
func (c *call) context() context.Context { return context.WithoutCancel(c.r.Context()) }

// record has events recorded, and counts what became of them.
func (h *Handler) record(c *call, events []*etch.Event) ([]etch.Receipt, error) {
	receipts, err := h.opt.Server.Record(c.context(), c.sender, events)
	h.outcomes.count(tallied{c.path, outcomeOf(err)}, len(events))
	return receipts, err
}

// recordOnce has events recorded that may be sent again: see [server.Server.RecordOnce].
func (h *Handler) recordOnce(c *call, events []*etch.Event) error {
	known, err := h.opt.Server.RecordOnce(c.context(), c.sender, events)
	h.outcomes.count(tallied{c.path, "known"}, known)
	h.outcomes.count(tallied{c.path, outcomeOf(err)}, len(events)-known)
	return err
}

// recordHook has the events of a delivery of a hook recorded, and waits for leave no
// longer than it has patience.
func (h *Handler) recordHook(c *call, events []*etch.Event, patience time.Duration) error {
	err := h.opt.Server.RecordHook(c.context(), c.sender, events, patience)
	h.outcomes.count(tallied{c.path, outcomeOf(err)}, len(events))
	return err
}

// outcomeOf returns what became of the events of a request, for counting.
func outcomeOf(err error) string {
	switch {
	case err == nil:
		return "recorded"
	case errors.Is(err, etch.ErrSkipped):
		return "skipped"
	}
	return problemOf(err).code
}

// endpoint returns the handler of an endpoint: who may not come gets no further.
func (h *Handler) endpoint(path string, e endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{handler: h, w: &response{ResponseWriter: w}, r: r, path: path, control: http.NewResponseController(w), unread: r.Body != http.NoBody}
		err := h.admit(c, e)
		if err == nil && c.unread && e.method == http.MethodGet {
			err = invalid("a body has no meaning here")
		}
		if err == nil {
			err = e.serve(c)
		}
		if err != nil {
			c.fail(err)
		}
		h.requests.count(tallied{path, strconv.Itoa(c.w.code())}, 1)
	})
}

// turnWait is how long a request waits for its turn, where few are served at a
// time: less than the ten seconds that exporters wait for an answer.
const turnWait = 8 * time.Second

// turn waits for one of a few places, of each kind in their order; done gives them to
// others.
func turn(c *call, none string, kinds ...chan struct{}) (done func(), err error) {
	wait := time.NewTimer(c.handler.queueing)
	defer wait.Stop()
	var held []chan struct{}
	done = func() {
		for _, places := range held {
			<-places
		}
	}
	for _, places := range kinds {
		select {
		case places <- struct{}{}:
			held = append(held, places)
			continue
		case <-wait.C:
		case <-c.r.Context().Done(): // nobody is there to be told
		}
		done()
		return nil, &problem{status: http.StatusServiceUnavailable, code: "busy", text: none, after: time.Second}
	}
	return done, nil
}

// answerWait is how long an answer, or a part of a long one, may take to be taken:
// what is not read for so long is not read any more.
const answerWait = 30 * time.Second

// patient lets what is answered next be waited for, but not the body before it.
func (c *call) patient() {
	if c.unread {
		c.handler.leave(c.control)
	}
	_ = c.control.SetWriteDeadline(time.Now().Add(answerWait)) // a test's recorder has none
}

// nowhere is the endpoint of every path that has none.
func nowhere(c *call) error {
	return &problem{status: http.StatusNotFound, code: "not_found", text: "there is nothing at this path", hint: "docs/daemon.md lists what there is"}
}

// A response knows what was answered.
type response struct {
	http.ResponseWriter
	status int // 0: nothing yet
}

// WriteHeader takes note of the status.
func (r *response) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write takes note of the status that goes without saying.
func (r *response) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(p)
}

// Unwrap is for [http.ResponseController].
func (r *response) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *response) code() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}

// tell tells what nobody waits for.
func (h *Handler) tell(err error) {
	if err != nil && h.opt.Notify != nil {
		h.opt.Notify(err)
	}
}
