package agents

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
)

// A Server plays the model of one vendor.
type Server struct {
	*httptest.Server
	Script Script

	calls atomic.Int64
}

// id returns an id that this server has not given before.
func (s *Server) id(prefix string) string { return fmt.Sprintf("%smock%012d", prefix, s.calls.Add(1)) }

// start begins to serve on loopback. The caller closes the server.
func start(script Script, handle func(*Server, *answer)) *Server {
	s := &Server{Script: script}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		handle(s, &answer{w: w, path: r.URL.Path, body: body})
	}))
	return s
}

// An answer is one request and the way back to whoever sent it. A client that
// has gone away is not an error: agents are killed in these tests.
type answer struct {
	w    http.ResponseWriter
	path string
	body []byte
}

// object answers with one JSON object.
func (a *answer) object(status int, v any) {
	a.w.Header().Set("Content-Type", "application/json")
	a.w.WriteHeader(status)
	_ = json.NewEncoder(a.w).Encode(v) // the client may be gone
}

// stream begins an answer of server-sent events.
func (a *answer) stream() {
	a.w.Header().Set("Content-Type", "text/event-stream")
	a.w.WriteHeader(http.StatusOK)
}

// event sends one event. The name may be empty.
func (a *answer) event(name string, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		panic("agents: event " + name + ": " + err.Error())
	}
	if name != "" {
		_, _ = fmt.Fprintf(a.w, "event: %s\n", name) // the client may be gone
	}
	_, _ = fmt.Fprintf(a.w, "data: %s\n\n", data)
	if f, ok := a.w.(http.Flusher); ok {
		f.Flush()
	}
}

// object is a JSON object of an answer.
type object map[string]any
