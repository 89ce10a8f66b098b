package audithttp_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/audithttp"
	"github.com/google/go-cmp/cmp"
)

func origin(t *testing.T, next http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(next)
	t.Cleanup(server.Close)
	return server
}

func read(t *testing.T, resp *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	return string(text)
}

func TestTransport(t *testing.T) {
	server := origin(t, func(w http.ResponseWriter, r *http.Request) {
		asked, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if r.URL.Path == "/gone" {
			w.WriteHeader(410)
		}
		say(w, string(asked))
	})
	for _, test := range []struct {
		method, path, body string
		status             int
		result             etch.Result
	}{
		{"GET", "/a?q=1", "", 200, etch.Result{Type: etch.Success}},
		{"POST", "/b", strings.Repeat("x", 100_000), 200, etch.Result{Type: etch.Success}},
		{"HEAD", "/c", "", 200, etch.Result{Type: etch.Success}},
		{"PUT", "/gone", "why", 410, etch.Result{Type: etch.Error, Message: "410 Gone"}},
	} {
		to := new(recorder)
		client := http.Client{Transport: audithttp.NewTransport(to, nil, nil)}
		ctx := etch.WithScope(t.Context(), etch.Scope{Actor: etch.Actor{Username: "alice"}, SessionID: "s1"})
		req, err := http.NewRequestWithContext(ctx, test.method, server.URL+test.path, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, resp); got != test.body {
			t.Errorf("%s: got %d bytes, want %d", test.path, len(got), len(test.body))
		}
		u, err := url.Parse(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		want := &etch.Event{
			Type: etch.NetworkEgress, SessionID: "s1", Actor: &etch.Actor{Username: "alice"}, Action: &etch.Action{Tool: "http", Resource: server.URL + test.path, Allowed: true},
			Egress: &etch.Egress{
				URL: server.URL + test.path, Host: u.Hostname(), Method: test.method, Hop: etch.Some[uint64](0),
				Status: etch.Some(int64(test.status)), ResponseBytes: etch.Some(uint64(len(test.body))),
			},
			Result: &test.result,
		}
		if d := cmp.Diff(want, to.completion(t), unforeseen); d != "" {
			t.Errorf("%s: completion (-want +got):\n%s", test.path, d)
		}
		want.Result, want.Egress.Status, want.Egress.ResponseBytes = nil, etch.Optional[int64]{}, etch.Optional[uint64]{}
		if d := cmp.Diff(want, to.taken()[0], unforeseen); d != "" {
			t.Errorf("%s: attempt (-want +got):\n%s", test.path, d)
		}
	}
}

// Each hop is a record of its own, and says where it stands.
func TestTransportRedirects(t *testing.T) {
	server := origin(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/1":
			http.Redirect(w, r, "/2", http.StatusFound)
		case "/2":
			http.Redirect(w, r, "/3", http.StatusFound)
		default:
			say(w, "there")
		}
	})
	to := new(recorder)
	client := http.Client{Transport: audithttp.NewTransport(to, nil, &audithttp.TransportOptions{
		Describe: func(r *http.Request, ev *etch.Event) { ev.Action.Tool = "fetch" },
	})}
	resp, err := client.Get(server.URL + "/1")
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, resp); got != "there" {
		t.Errorf("got %q", got)
	}
	events := to.taken()
	if len(events) != 6 {
		t.Fatalf("got %d events, want six", len(events))
	}
	for i := range 3 {
		attempt, completion := events[2*i], events[2*i+1]
		if attempt.CallID != completion.CallID || completion.Phase != etch.Completion {
			t.Errorf("hop %d: got %s and %s %s, want one call", i, attempt.CallID, completion.Phase, completion.CallID)
		}
		status, _ := completion.Egress.Status.Get()
		if hop, _ := completion.Egress.Hop.Get(); hop != uint64(i) || status != []int64{302, 302, 200}[i] || completion.Egress.URL != fmt.Sprintf("%s/%d", server.URL, i+1) {
			t.Errorf("hop %d: got %+v", i, completion.Egress)
		}
		want := events[0].CallID
		if i == 0 {
			want = ""
		}
		if got := completion.Labels["redirected_call_id"]; got != want || completion.Action.Tool != "fetch" {
			t.Errorf("hop %d: got first call %q, tool %q, want %q, fetch", i, got, completion.Action.Tool, want)
		}
	}
}

// A hop behind requests of another transport is counted all the same.
func TestTransportRedirectedByAnother(t *testing.T) {
	to := new(recorder)
	transport := audithttp.NewTransport(to, roundTrip(func(*http.Request) (*http.Response, error) { return nil, errDisk }), nil)
	first := httptest.NewRequest("GET", "http://a/", nil)
	second := httptest.NewRequest("GET", "http://b/", nil)
	second.Response = &http.Response{Request: first}
	third := httptest.NewRequest("GET", "http://c/", nil)
	third.Response = &http.Response{Request: second}
	if _, err := transport.RoundTrip(third); !errors.Is(err, errDisk) {
		t.Errorf("got %v, want the error of the base", err)
	}
	if hop, _ := to.completion(t).Egress.Hop.Get(); hop != 2 {
		t.Errorf("got hop %d, want 2", hop)
	}
}

var errPrivate = errors.New("ssrf")

func TestTransportDeny(t *testing.T) {
	asked := 0
	server := origin(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		http.Redirect(w, r, "/private", http.StatusFound)
	})
	deny := func(r *http.Request) error {
		if r.URL.Path == "/private" {
			return errPrivate
		}
		return nil
	}
	for _, fail := range []error{nil, errDisk, etch.ErrSkipped} {
		asked = 0
		to := &recorder{fail: map[etch.Phase]error{"": fail}}
		client := http.Client{Transport: audithttp.NewTransport(to, nil, &audithttp.TransportOptions{Deny: deny})}
		_, err := client.Get(server.URL)
		blocked, ok := errors.AsType[*audithttp.BlockedError](err)
		if !ok || !errors.Is(err, errPrivate) || blocked.URL != server.URL+"/private" || !strings.Contains(err.Error(), "is blocked: ssrf") {
			t.Errorf("got %v, want that it is blocked", err)
		}
		if errors.Is(err, errDisk) != (fail == errDisk) || asked != 1 {
			t.Errorf("got %v, asked %d times, want it to tell of %v, and once", err, asked, fail)
		}
		if fail != nil {
			continue
		}
		events := to.taken()
		want := &etch.Event{
			Type: etch.NetworkEgress, Action: &etch.Action{Tool: "http", Resource: server.URL + "/private"},
			Egress: &etch.Egress{
				URL: server.URL + "/private", Host: "127.0.0.1", Method: "GET", Hop: etch.Some[uint64](1), Blocked: true, BlockReason: "ssrf",
			},
			Result:   &etch.Result{Type: etch.Blocked, Reason: "ssrf", ErrorCategory: "policy_blocked", ErrorDomain: "action"},
			Security: &etch.Security{PolicyViolation: true},
			Labels:   map[string]string{"redirected_call_id": events[0].CallID},
		}
		if d := cmp.Diff(want, events[len(events)-1], unforeseen); d != "" {
			t.Errorf("refusal (-want +got):\n%s", d)
		}
	}
}

// Whoever is refused is on record, though nobody waits for the answer.
func TestTransportDenyOver(t *testing.T) {
	to := new(recorder)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	transport := audithttp.NewTransport(to, nil, &audithttp.TransportOptions{Deny: func(*http.Request) error { return errPrivate }})
	if _, err := transport.RoundTrip(httptest.NewRequestWithContext(ctx, "GET", "http://example.com/", nil)); !errors.Is(err, errPrivate) || len(to.taken()) != 1 {
		t.Errorf("got %v, %d events, want it refused and recorded", err, len(to.taken()))
	}
}

// A closer says whether it was closed.
type closer struct {
	io.Reader
	closed bool
}

func (c *closer) Close() error { c.closed = true; return nil }

func TestTransportUnrecorded(t *testing.T) {
	attempt := map[etch.Phase]error{etch.Attempt: errDisk}
	completion := map[etch.Phase]error{etch.Completion: errDisk}
	both := map[etch.Phase]error{etch.Attempt: errDisk, etch.Completion: errDisk}
	for _, test := range []struct {
		name            string
		fail            map[etch.Phase]error
		goOn, sent, got bool
		told            int
	}{
		{"the attempt", attempt, false, false, false, 0},
		{"the attempt, going on", attempt, true, true, true, 1},
		{"the completion", completion, false, true, false, 0},
		{"both, going on", both, true, true, true, 2},
	} {
		sent, told := false, 0
		opts := new(audithttp.TransportOptions)
		if test.goOn {
			opts.OnError = func(_ *http.Request, err error) error {
				told++
				return nil
			}
		}
		transport := audithttp.NewTransport(&recorder{fail: test.fail}, roundTrip(func(r *http.Request) (*http.Response, error) {
			sent = true
			_ = r.Body.Close()
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("hello"))}, nil
		}), opts)
		asked := &closer{Reader: strings.NewReader("x")}
		req := httptest.NewRequest("POST", "http://example.com/", asked)
		resp, err := transport.RoundTrip(req)
		var text []byte
		if err == nil {
			text, err = io.ReadAll(resp.Body)
			if lost := resp.Body.Close(); !errors.Is(lost, err) {
				t.Errorf("%s: Close: got %v, want %v as before", test.name, lost, err)
			}
		}
		if sent != test.sent || (err == nil) != test.got || err != nil && !errors.Is(err, errDisk) || !asked.closed || told != test.told {
			t.Errorf("%s: got sent %v, %v, closed %v, told %d", test.name, sent, err, asked.closed, told)
		}
		if test.sent && string(text) != "hello" {
			t.Errorf("%s: got %q, want all of it before any error", test.name, text)
		}
	}
}

func TestTransportUnrecordedWithoutBody(t *testing.T) {
	to := &recorder{fail: map[etch.Phase]error{etch.Completion: errDisk}}
	for _, body := range []io.ReadCloser{nil, http.NoBody} {
		_, err := audithttp.NewTransport(to, roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 204, Body: body}, nil
		}), nil).RoundTrip(httptest.NewRequest("GET", "http://example.com/", nil))
		if !errors.Is(err, errDisk) {
			t.Errorf("got %v, want that it is not on record", err)
		}
		_, err = audithttp.NewTransport(to, roundTrip(func(*http.Request) (*http.Response, error) { return nil, errPrivate }), nil).
			RoundTrip(httptest.NewRequest("GET", "http://example.com/", nil))
		if !errors.Is(err, errDisk) || !errors.Is(err, errPrivate) {
			t.Errorf("got %v, want both errors", err)
		}
	}
}

// An error of the base stays what it was.
func TestTransportErrors(t *testing.T) {
	to := new(recorder)
	plain := errors.New("no route")
	_, err := audithttp.NewTransport(to, roundTrip(func(*http.Request) (*http.Response, error) { return nil, plain }), nil).
		RoundTrip(&http.Request{URL: &url.URL{Scheme: "http", Host: "example.com:8080"}, Header: http.Header{}})
	if err != plain {
		t.Errorf("got %v, want the very error", err)
	}
	e := to.completion(t)
	if _, ok := e.Egress.Status.Get(); ok || e.Result.Type != etch.Error || e.Result.Message != "no route" || e.Egress.Method != "GET" || e.Egress.Host != "example.com" {
		t.Errorf("got %+v, %+v", e.Egress, e.Result)
	}
}

func TestTransportTimeout(t *testing.T) {
	server := origin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
			return
		}
		say(w, "some")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	for _, path := range []string{"/slow", "/slow-body"} {
		to := new(recorder)
		client := http.Client{Transport: audithttp.NewTransport(to, nil, nil), Timeout: 100 * time.Millisecond}
		resp, err := client.Get(server.URL + path)
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			_ = resp.Body.Close()
		}
		if u, ok := errors.AsType[interface {
			error
			Timeout() bool
		}](err); !ok || !u.Timeout() {
			t.Errorf("%s: got %v, want a timeout", path, err)
		}
		if r := to.completion(t).Result; r.Type != etch.Timeout {
			t.Errorf("%s: got %+v, want a timeout", path, r)
		}
	}
}

// A body that breaks off is an error, and its own error stays.
func TestTransportBrokenBody(t *testing.T) {
	for _, cause := range []error{io.ErrUnexpectedEOF, errPrivate} {
		for _, fail := range []error{nil, errDisk} {
			to := &recorder{fail: map[etch.Phase]error{etch.Completion: fail}}
			resp, err := audithttp.NewTransport(to, roundTrip(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Body: io.NopCloser(io.MultiReader(strings.NewReader("so"), failing{cause}))}, nil
			}), nil).RoundTrip(httptest.NewRequest("GET", "http://example.com/", nil))
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(resp.Body)
			if string(text) != "so" || fail == nil && err != cause || !errors.Is(err, cause) || errors.Is(err, errDisk) != (fail != nil) {
				t.Errorf("got %q, %v, want %v and %v", text, err, cause, fail)
			}
			if fail != nil {
				continue
			}
			e := to.completion(t)
			if n, _ := e.Egress.ResponseBytes.Get(); n != 2 || e.Result.Type != etch.Error || e.Result.Message != cause.Error() {
				t.Errorf("got %d bytes, %+v", n, e.Result)
			}
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// A body that is closed early is complete, and once.
func TestTransportClosedEarly(t *testing.T) {
	server := origin(t, func(w http.ResponseWriter, _ *http.Request) { say(w, strings.Repeat("x", 1<<20)) })
	to := new(recorder)
	client := http.Client{Transport: audithttp.NewTransport(to, nil, nil)}
	resp, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if len(to.taken()) != 1 {
		t.Error("it is complete before its end")
	}
	for range 2 {
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
	}
	e := to.completion(t)
	if n, _ := e.Egress.ResponseBytes.Get(); n != 10 || e.Result.Type != etch.Success {
		t.Errorf("got %d bytes, %+v, want 10", n, e.Result)
	}
}

// A connection that changes its protocol can be written to.
func TestTransportUpgrade(t *testing.T) {
	server := origin(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, buffer, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }() // the test is over
		say(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
		line, err := buffer.ReadString('\n')
		if err != nil {
			t.Error(err)
		}
		say(conn, line)
	})
	to := new(recorder)
	req := httptest.NewRequestWithContext(t.Context(), "GET", server.URL, nil)
	req.RequestURI = ""
	req.Header.Set("Upgrade", "echo")
	req.Header.Set("Connection", "Upgrade")
	resp, err := audithttp.NewTransport(to, nil, nil).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	w, ok := resp.Body.(io.Writer)
	if !ok {
		t.Fatal("the body cannot be written to")
	}
	say(w, "hello\n")
	line, err := bufio.NewReader(resp.Body).ReadString('\n')
	if err != nil || line != "hello\n" {
		t.Errorf("got %q, %v", line, err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	if status, _ := to.completion(t).Egress.Status.Get(); status != 101 {
		t.Errorf("got status %d, want 101", status)
	}
}

// What is over before it begins is not sent.
func TestTransportOver(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	transport := audithttp.NewTransport(new(recorder), roundTrip(func(*http.Request) (*http.Response, error) {
		t.Error("it was sent")
		return nil, errDisk
	}), nil)
	if _, err := transport.RoundTrip(httptest.NewRequestWithContext(ctx, "GET", "http://example.com/", nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it is over", err)
	}
}

type idle struct{ closed bool }

func (*idle) RoundTrip(*http.Request) (*http.Response, error) { return nil, errDisk }
func (i *idle) CloseIdleConnections()                         { i.closed = true }

func TestTransportCloseIdleConnections(t *testing.T) {
	base := new(idle)
	(&http.Client{Transport: audithttp.NewTransport(new(recorder), base, nil)}).CloseIdleConnections()
	if !base.closed {
		t.Error("the base was not told")
	}
	audithttp.NewTransport(new(recorder), roundTrip(nil), nil).CloseIdleConnections() // has none
}
