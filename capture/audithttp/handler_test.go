package audithttp_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/audithttp"
	"github.com/google/go-cmp/cmp"
)

// serve starts a server whose requests are recorded.
func serve(t *testing.T, to etch.Recorder, opts *audithttp.HandlerOptions, next http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(audithttp.NewHandler(to, next, opts))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	return server
}

func get(t *testing.T, url string) (int, string, error) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

func TestHandler(t *testing.T) {
	for _, test := range []struct {
		name   string
		next   http.HandlerFunc
		status int
		result etch.Result
	}{
		{"nothing written", func(http.ResponseWriter, *http.Request) {}, 200, etch.Result{Type: etch.Success, OutputBytes: etch.Some[uint64](0)}},
		{"a body", func(w http.ResponseWriter, _ *http.Request) { say(w, "hello") }, 200, etch.Result{Type: etch.Success, OutputBytes: etch.Some[uint64](5)}},
		{"a copied body", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.Copy(w, io.MultiReader(strings.NewReader("hello")))
		}, 200, etch.Result{Type: etch.Success, OutputBytes: etch.Some[uint64](5)}},
		{"hints before", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(201) }, 201, etch.Result{Type: etch.Success, OutputBytes: etch.Some[uint64](0)}},
		{"no body allowed", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304); say(w, "x") }, 304, etch.Result{Type: etch.Success, OutputBytes: etch.Some[uint64](0)}},
		{"not found", http.NotFound, 404, etch.Result{Type: etch.Error, Message: "404 Not Found", OutputBytes: etch.Some[uint64](19)}},
		{"unknown status", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(599) }, 599, etch.Result{Type: etch.Error, Message: "599", OutputBytes: etch.Some[uint64](0)}},
		{"forbidden", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, 403, etch.Result{Type: etch.Blocked, Reason: "403 Forbidden", ErrorCategory: "denied", OutputBytes: etch.Some[uint64](0)}},
		{"unauthorized", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, 401, etch.Result{Type: etch.Blocked, Reason: "401 Unauthorized", ErrorCategory: "denied", OutputBytes: etch.Some[uint64](0)}},
	} {
		to := new(recorder)
		server := serve(t, to, &audithttp.HandlerOptions{Describe: func(r *http.Request, ev *etch.Event) {
			ev.Actor.Username, ev.SessionID = "alice", "s1"
		}}, func(w http.ResponseWriter, r *http.Request) {
			if got := to.taken(); len(got) != 1 || got[0].Phase != etch.Attempt {
				t.Errorf("%s: it is asked before its attempt is on record: %v", test.name, got)
			}
			test.next(w, r)
		})
		resp, err := http.Get(server.URL + "/a%2Fb?q=1&x=y#f")
		if err != nil {
			t.Fatal(err)
		}
		server.Close() // waits for the handler
		_ = resp.Body.Close()
		if resp.StatusCode != test.status {
			t.Errorf("%s: got status %d, want %d", test.name, resp.StatusCode, test.status)
		}
		want := &etch.Event{
			Type: etch.ToolCall, SessionID: "s1", Actor: &etch.Actor{Channel: "http", Username: "alice"},
			Action: &etch.Action{Tool: "http", Resource: server.URL + "/a%2Fb?q=1&x=y", Allowed: test.result.Type != etch.Blocked},
			Result: &test.result,
			Labels: map[string]string{"http.request.method": "GET", "http.response.status_code": resp.Status[:3], "client.address": "127.0.0.1"},
		}
		if d := cmp.Diff(want, to.completion(t), unforeseen); d != "" {
			t.Errorf("%s: completion (-want +got):\n%s", test.name, d)
		}
		want.Result = nil
		want.Action.Allowed = true
		delete(want.Labels, "http.response.status_code")
		if d := cmp.Diff(want, to.taken()[0], unforeseen); d != "" {
			t.Errorf("%s: attempt (-want +got):\n%s", test.name, d)
		}
	}
}

func TestHandlerHead(t *testing.T) {
	to := new(recorder)
	server := serve(t, to, nil, func(w http.ResponseWriter, _ *http.Request) { say(w, "hello") })
	resp, err := http.Head(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	server.Close()
	if n, ok := to.completion(t).Result.OutputBytes.Get(); ok {
		t.Errorf("got %d bytes of an answer without a body", n)
	}
}

// What a request is of, its handler's context says; what it leads to is recorded as
// the same.
func TestHandlerScope(t *testing.T) {
	to := new(recorder)
	const trace = "0af7651916cd43dd8448eb211c80319c"
	mux := http.NewServeMux()
	mux.HandleFunc("GET /things/{id}", func(_ http.ResponseWriter, r *http.Request) {
		want := etch.Scope{Actor: etch.Actor{Channel: "http", Username: "alice"}, SessionID: "s1", TurnID: "outer", TraceID: trace}
		if got := etch.ScopeOf(r.Context()); got != want {
			t.Errorf("got scope %+v, want %+v", got, want)
		}
	})
	h := audithttp.NewHandler(to, mux, &audithttp.HandlerOptions{Describe: func(r *http.Request, ev *etch.Event) {
		ev.Actor.Username, ev.SessionID = "alice", "s1"
	}})
	r := httptest.NewRequestWithContext(etch.WithScope(t.Context(), etch.Scope{TurnID: "outer", SessionID: "other"}), "GET", "/things/7", nil)
	r.Header.Set("traceparent", "00-"+trace+"-b7ad6b7169203331-01")
	h.ServeHTTP(httptest.NewRecorder(), r)
	e := to.completion(t)
	if e.TraceID != trace || e.TurnID != "outer" || e.Labels["http.route"] != "GET /things/{id}" {
		t.Errorf("got trace %q, turn %q, labels %v", e.TraceID, e.TurnID, e.Labels)
	}
}

func TestHandlerTraceparent(t *testing.T) {
	for _, header := range []string{
		"", "x", "00-abc-def-01", "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c",
		"00-00000000000000000000000000000000-b7ad6b7169203331-01", "0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	} {
		to := new(recorder)
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("traceparent", header)
		audithttp.NewHandler(to, http.NotFoundHandler(), nil).ServeHTTP(httptest.NewRecorder(), r)
		if got := to.completion(t).TraceID; got != "" {
			t.Errorf("traceparent %q: got %q, want none", header, got)
		}
	}
}

func TestHandlerTLS(t *testing.T) {
	to := new(recorder)
	r := httptest.NewRequest("GET", "https://example.com/x", nil) // has a TLS state
	r.RemoteAddr = "@"                                            // a socket's
	audithttp.NewHandler(to, http.NotFoundHandler(), nil).ServeHTTP(httptest.NewRecorder(), r)
	e := to.completion(t)
	if _, ok := e.Labels["client.address"]; ok || e.Action.Resource != "https://example.com/x" {
		t.Errorf("got %q, labels %v", e.Action.Resource, e.Labels)
	}
}

// Over HTTP/2 there is flushing and no hijacking.
func TestHandlerHTTP2(t *testing.T) {
	to := new(recorder)
	server := httptest.NewUnstartedServer(audithttp.NewHandler(to, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := w.(http.Hijacker); ok || r.ProtoMajor != 2 {
			t.Errorf("got a Hijacker: %v, over %s", ok, r.Proto)
		}
		say(w, "hello")
		w.(http.Flusher).Flush()
	}), nil))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	resp, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, resp); got != "hello" {
		t.Errorf("got %q", got)
	}
	server.Close()
	if n, _ := to.completion(t).Result.OutputBytes.Get(); n != 5 {
		t.Errorf("got %d bytes, want 5", n)
	}
}

// Users and passwords of a URL are left out, the log masks the rest.
func TestHandlerSecrets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	audit, err := etch.Create(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "http://alice:hunter2hunter2@example.com/x?token=hunter2hunter2&q=kept", nil)
	audithttp.NewHandler(audit, http.NotFoundHandler(), nil).ServeHTTP(httptest.NewRecorder(), r)
	client := http.Client{Transport: audithttp.NewTransport(audit, roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("no network") }), nil)}
	if _, err := client.Get("http://hunter2hunter2@example.com/x?password=hunter2hunter2&q=kept#hunter2hunter2"); err == nil {
		t.Error("it was sent")
	}
	if err := audit.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "hunter2") || strings.Count(string(text), "q=kept") != 6 {
		t.Errorf("a secret is not masked, or more than it:\n%s", text)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestHandlerUnrecorded(t *testing.T) {
	attempt := map[etch.Phase]error{etch.Attempt: errDisk}
	completion := map[etch.Phase]error{etch.Completion: errDisk}
	both := map[etch.Phase]error{etch.Attempt: errDisk, etch.Completion: errDisk}
	goOn := func(error) error { return nil }
	stop := func(err error) error { return err }
	for _, test := range []struct {
		name    string
		fail    map[etch.Phase]error
		onError func(error) error
		asked   bool
		status  int // 0: the connection breaks
		told    int
	}{
		{"the attempt", attempt, nil, false, 503, 0},
		{"the attempt, told", attempt, stop, false, 503, 1},
		{"the attempt, going on", attempt, goOn, true, 200, 1},
		{"the completion", completion, nil, true, 0, 0},
		{"the completion, going on", completion, goOn, true, 200, 1},
		{"both, going on", both, goOn, true, 200, 2},
		{"skipped", map[etch.Phase]error{etch.Attempt: etch.ErrSkipped, etch.Completion: etch.ErrSkipped}, stop, true, 200, 0},
	} {
		var told []error
		asked := false
		opts := new(audithttp.HandlerOptions)
		if test.onError != nil {
			opts.OnError = func(r *http.Request, err error) error {
				told = append(told, err)
				return test.onError(err)
			}
		}
		server := serve(t, &recorder{fail: test.fail}, opts, func(w http.ResponseWriter, _ *http.Request) {
			asked = true
			say(w, "hello")
		})
		status, text, err := get(t, server.URL)
		server.Close()
		if asked != test.asked || status != test.status || (err != nil) != (test.status == 0) || (text == "hello") != (test.status == 200) {
			t.Errorf("%s: got asked %v, status %d, %q, %v, want %v, %d", test.name, asked, status, text, err, test.asked, test.status)
		}
		if len(told) != test.told || len(told) > 0 && !errors.Is(told[0], errDisk) {
			t.Errorf("%s: was told %v, want %d", test.name, told, test.told)
		}
	}
}

func TestHandlerPanic(t *testing.T) {
	for _, test := range []struct {
		cause any
		want  string
	}{
		{"at the disco", "panic: at the disco"},
		{http.ErrAbortHandler, "aborted"},
	} {
		to := new(recorder)
		h := audithttp.NewHandler(to, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(403)
			panic(test.cause)
		}), nil)
		func() {
			defer func() {
				if got := recover(); got != test.cause {
					t.Errorf("got panic %v, want %v", got, test.cause)
				}
			}()
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		}()
		if r := to.completion(t).Result; r.Type != etch.Error || r.Message != test.want || r.Reason != "" {
			t.Errorf("got %+v, want the error %q", r, test.want)
		}
	}
}

// A handler may end its goroutine, as a test does that fails.
func TestHandlerGoexit(t *testing.T) {
	to, ended := new(recorder), make(chan struct{})
	go func() {
		defer close(ended)
		audithttp.NewHandler(to, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { runtime.Goexit() }), nil).
			ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	}()
	<-ended
	if r := to.completion(t).Result; r.Type != etch.Error {
		t.Errorf("got %+v, want an error", r)
	}
}

// A panic is the server's to tell of, also where it could not be recorded.
func TestHandlerPanicUnrecorded(t *testing.T) {
	defer func() {
		if got := recover(); got != "at the disco" {
			t.Errorf("got panic %v, want that of the handler", got)
		}
	}()
	to := &recorder{fail: map[etch.Phase]error{etch.Completion: errDisk}}
	audithttp.NewHandler(to, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("at the disco") }), nil).
		ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}

// What is flushed arrives before the end, by both of the ways to flush.
func TestHandlerStreams(t *testing.T) {
	for _, flush := range []func(w http.ResponseWriter) error{
		func(w http.ResponseWriter) error { w.(http.Flusher).Flush(); return nil },
		func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() },
	} {
		to, arrived := new(recorder), make(chan struct{})
		server := serve(t, to, nil, func(w http.ResponseWriter, r *http.Request) {
			if err := flush(w); err != nil { // before anything is written: the header
				t.Error(err)
			}
			if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil {
				t.Error(err)
			}
			say(w, "data: 1\n\n")
			if err := flush(w); err != nil {
				t.Error(err)
			}
			select {
			case <-arrived:
			case <-r.Context().Done():
			}
			say(w, "data: 2\n\n")
		})
		resp, err := http.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 9)
		if _, err := io.ReadFull(resp.Body, buf); err != nil {
			t.Fatal(err)
		}
		if len(to.taken()) != 1 {
			t.Error("it is complete before its end")
		}
		close(arrived)
		rest, err := io.ReadAll(resp.Body)
		if err != nil || string(buf)+string(rest) != "data: 1\n\ndata: 2\n\n" {
			t.Errorf("got %q and %q, %v", buf, rest, err)
		}
		_ = resp.Body.Close()
		server.Close()
		if n, _ := to.completion(t).Result.OutputBytes.Get(); n != 18 {
			t.Errorf("got %d bytes, want 18", n)
		}
	}
}

func TestHandlerHijack(t *testing.T) {
	for _, hijack := range []func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error){
		func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) { return w.(http.Hijacker).Hijack() },
		func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) {
			return http.NewResponseController(w).Hijack()
		},
	} {
		to := &recorder{more: make(chan struct{}, 2)}
		server := serve(t, to, nil, func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := hijack(w)
			if err != nil {
				t.Error(err)
				return
			}
			say(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nhello")
			_ = conn.Close()
		})
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		say(conn, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
		text, err := io.ReadAll(conn)
		if err != nil || !strings.HasSuffix(string(text), "hello") {
			t.Errorf("got %q, %v", text, err)
		}
		_ = conn.Close()
		<-to.more
		<-to.more // a server does not wait for connections that it gave away
		e := to.completion(t)
		if _, ok := e.Result.OutputBytes.Get(); ok || e.Labels["http.response.status_code"] != "101" || e.Result.Type != etch.Success {
			t.Errorf("got %+v, labels %v, want 101 and nothing counted", e.Result, e.Labels)
		}
	}
}

// A plain writer writes, and can do nothing else.
type plain struct{ http.ResponseWriter }

// A wrapped writer is of another middleware.
type wrapped struct{ plain }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

type onlyHijacks struct{ plain }

func (onlyHijacks) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, errDisk }

// A handler finds what there is, and nothing else.
func TestHandlerShapes(t *testing.T) {
	for _, test := range []struct {
		w                http.ResponseWriter
		flushes, hijacks bool
	}{
		{plain{httptest.NewRecorder()}, false, false},
		{httptest.NewRecorder(), true, false},
		{wrapped{plain{httptest.NewRecorder()}}, true, false},
		{onlyHijacks{plain{httptest.NewRecorder()}}, false, true},
	} {
		audithttp.NewHandler(new(recorder), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, flushes := w.(http.Flusher)
			_, hijacks := w.(http.Hijacker)
			if flushes != test.flushes || hijacks != test.hijacks {
				t.Errorf("%T: got flushes %v, hijacks %v, want %v, %v", test.w, flushes, hijacks, test.flushes, test.hijacks)
			}
			if f, ok := w.(http.Flusher); ok {
				f.Flush()
			}
			err := http.NewResponseController(w).Flush()
			if (err == nil) != test.flushes || err != nil && !errors.Is(err, http.ErrNotSupported) {
				t.Errorf("%T: Flush: got %v", test.w, err)
			}
			if test.hijacks {
				if _, _, err := w.(http.Hijacker).Hijack(); !errors.Is(err, errDisk) {
					t.Errorf("%T: Hijack: got %v, want its error", test.w, err)
				}
			}
		}), nil).ServeHTTP(test.w, httptest.NewRequest("GET", "/", nil))
	}
}

// A writer that fails makes an error of an answer that looked well.
type failingWriter struct{ http.ResponseWriter }

func (failingWriter) Write([]byte) (int, error) { return 0, errDisk }

func TestHandlerWriteFails(t *testing.T) {
	to := new(recorder)
	audithttp.NewHandler(to, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if _, err := io.WriteString(w, "x"); !errors.Is(err, errDisk) {
			t.Errorf("got %v, want the writer's error", err)
		}
	}), nil).ServeHTTP(failingWriter{httptest.NewRecorder()}, httptest.NewRequest("GET", "/", nil))
	if r := to.completion(t).Result; r.Type != etch.Error || r.Message != "write the answer: disk full" {
		t.Errorf("got %+v", r)
	}
}

// A client that is gone takes neither the handler's record nor its own with it.
func TestHandlerClientGone(t *testing.T) {
	to := new(recorder)
	ctx, cancel := context.WithCancel(t.Context())
	audithttp.NewHandler(to, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel() }), nil).
		ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/", nil))
	to.completion(t)
}
