package mcp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/google/go-cmp/cmp"
)

// proxied returns a proxy before a server, and what it has recorded when it is
// closed.
func proxied(t *testing.T, opt *Options, server http.HandlerFunc) (address string, recorded func() []string) {
	t.Helper()
	upstream := httptest.NewServer(server)
	t.Cleanup(upstream.Close)
	target, err := url.Parse(upstream.URL + "/mcp")
	if err != nil {
		t.Fatal(err)
	}
	log := new(notebook)
	p := NewProxy(log, target, []string{"127.0.0.1"}, opt)
	front := httptest.NewServer(p)
	closed := false
	end := func() []string {
		if !closed {
			closed = true
			front.Close()
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
		return told(log.all())
	}
	t.Cleanup(func() { end() })
	return front.URL + "/mcp", end
}

// post sends a message and returns the response and its body.
func post(t *testing.T, address, session, message string) (*http.Response, string) {
	t.Helper()
	return send(t, http.MethodPost, address, session, message)
}

func send(t *testing.T, method, address, session, message string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	if session != "" {
		r.Header.Set(sessionHeader, session)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

// A server of the tests answers each call in the way that the tool's name says.
func testServer(t *testing.T) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		var m struct {
			ID     json.RawMessage
			Method string
			Params struct{ Name string }
		}
		if r.Method == http.MethodPost && json.Unmarshal(body, &m) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		answer := fmt.Sprintf(toolEnd, m.ID)
		stream := func(text string) {
			w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
			_, _ = io.WriteString(w, text)
		}
		w.Header().Set("Content-Type", "application/json")
		switch {
		case m.Method == "initialize":
			w.Header().Set(sessionHeader, "session-of-the-server")
			_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"serverInfo":{"name":"remote"}}}`, m.ID)
		case r.Method == http.MethodDelete, m.Method == "notifications/initialized":
			w.Header().Del("Content-Type")
			w.WriteHeader(http.StatusAccepted)
		case m.Params.Name == "sse":
			stream("\ufeff: comment\r\nid: 1\r\ndata:\r\n\r\n" + "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}\n\n" +
				"id: 2\ndata: " + strings.Replace(answer, `,"jsonrpc"`, "\ndata:,\"jsonrpc\"", 1) + "\n\n")
		case m.Params.Name == "broken-off":
			stream("data: {\"jsonrpc\"")
		case m.Params.Name == "refused":
			w.Header().Del("Content-Type")
			w.WriteHeader(http.StatusUnauthorized)
		case m.Method == "server/discover":
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no session"}}`)
		case m.Params.Name == "expired":
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"it has expired"}}`)
		case m.Params.Name == "unknown-session":
			w.WriteHeader(http.StatusNotFound)
		default:
			_, _ = io.WriteString(w, answer)
		}
	}
}

// What is recorded of a server that keeps sessions.
func TestProxySession(t *testing.T) {
	address, recorded := proxied(t, &Options{}, testServer(t))
	const hello = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"clientInfo":{"name":"c"}}}`
	post(t, address, "", `{"jsonrpc":"2.0","id":0,"method":"server/discover"}`)
	response, _ := post(t, address, "", hello)
	session := response.Header.Get(sessionHeader)
	if session == "" {
		t.Fatal("the session's name did not come through")
	}
	post(t, address, session, `{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	for id, tool := range []string{"json", "sse", "broken-off", "refused", "expired"} {
		post(t, address, session, fmt.Sprintf(toolCall, fmt.Sprint(id+1), tool))
	}
	send(t, http.MethodDelete, address, session, "")
	post(t, address, "another", fmt.Sprintf(toolCall, "1", "unknown-session"))
	want := []string{
		"session_start success",
		"tool_call attempt json", "tool_call completion json success",
		"tool_call attempt sse", "tool_call completion sse success",
		"tool_call attempt broken-off", "security_event server payload=broken",
		"tool_call attempt refused", "tool_call completion refused error HTTP 401 Unauthorized end=refused",
		"tool_call attempt expired", "tool_call completion expired error HTTP 400 Bad Request: it has expired end=refused",
		"tool_call completion broken-off error no answer: interrupted end=interrupted",
		"session_end success reason=client closed",
		"session_start success", "tool_call attempt unknown-session", "tool_call completion unknown-session error HTTP 404 Not Found end=refused",
		"session_end success reason=the server knows no such session",
	}
	if d := cmp.Diff(want, recorded()); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
}

// Clients of a server that keeps no sessions use the same ids.
func TestProxyWithoutSession(t *testing.T) {
	first, second := make(chan struct{}), make(chan struct{})
	address, recorded := proxied(t, &Options{}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		if bytes.Contains(body, []byte("slow")) {
			close(first)
			<-second
		}
		_, _ = fmt.Fprintf(w, toolEnd, "1")
	})
	done := make(chan string)
	go func() {
		_, body := post(t, address, "", fmt.Sprintf(toolCall, "1", "slow"))
		done <- body
	}()
	<-first
	post(t, address, "", fmt.Sprintf(toolCall, "1", "quick"))
	close(second)
	<-done
	want := []string{
		"session_start success", "tool_call attempt slow", "tool_call attempt quick", "tool_call completion quick success",
		"tool_call completion slow success", "session_end success reason=the proxy ended",
	}
	if d := cmp.Diff(want, recorded()); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
}

// A word of progress is of the call in whose answer it comes: clients of a server that
// keeps no sessions choose the same tokens.
func TestProgressWithoutSession(t *testing.T) {
	asked, answered := make(chan struct{}), make(chan struct{})
	address, recorded := proxied(t, &Options{}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		if bytes.Contains(body, []byte("slow")) {
			close(asked)
			<-answered
		} else {
			_, _ = io.WriteString(w, "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":1}}\n\n")
		}
		_, _ = fmt.Fprintf(w, "data: "+toolEnd+"\n\n", "1")
	})
	call := func(tool string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + tool + `","_meta":{"progressToken":1}}}`
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		post(t, address, "", call("slow"))
	}()
	<-asked
	post(t, address, "", call("quick"))
	close(answered)
	<-done
	want := []string{
		"session_start success", "tool_call attempt slow", "tool_call attempt quick", "tool_call completion quick success progress=1",
		"tool_call completion slow success", "session_end success reason=the proxy ended",
	}
	if d := cmp.Diff(want, recorded()); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
}

// Bodies pass as they are, whatever they are, each piece when it comes.
func TestProxyBytes(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for _, kind := range []string{"application/json", "text/event-stream", "text/plain", ""} {
		for _, coding := range []string{"", "gzip"} {
			sent := make([]byte, random.IntN(200_000))
			const letters = "\r\n:{}[]\", data\x00\xff"
			for i := range sent {
				sent[i] = letters[random.IntN(len(letters))]
			}
			address, _ := proxied(t, &Options{Strict: random.IntN(2) == 0}, func(w http.ResponseWriter, r *http.Request) {
				if got := r.Header.Get("X-Own"); got != "kept" {
					t.Errorf("got the header %q, want kept", got)
				}
				if r.URL.RequestURI() != "/mcp?a=%2f;b" {
					t.Errorf("got %s", r.URL.RequestURI())
				}
				w.Header().Set("Content-Type", kind)
				if coding != "" {
					w.Header().Set("Content-Encoding", coding)
				}
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				_, _ = w.Write(body)
			})
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"?a=%2f;b", bytes.NewReader(sent))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("X-Own", "kept")
			r.Header.Set("Accept-Encoding", "identity")
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(response.Body)
			if err = errors.Join(err, response.Body.Close()); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, sent) {
				t.Errorf("%s %s: %d bytes came back of %d", kind, coding, len(got), len(sent))
			}
		}
	}
}

// A once is a body that may be read once, as that of a request whose answer has
// begun.
type once struct{ text string }

func (o *once) Read(p []byte) (int, error) {
	if o.text == "" {
		return 0, http.ErrBodyReadAfterClose
	}
	n := copy(p, o.text)
	o.text = ""
	return n, io.EOF
}

func (o *once) Close() error { return nil }

// The end of a body stays its end: net/http looks for it twice, and cuts off the
// answer where it is told of anything else.
func TestWatchedEnds(t *testing.T) {
	w := newWitness(new(notebook), &Options{})
	b := &watched{ReadCloser: &once{"{}"}, w: w, end: func(time.Time) {}}
	for i, want := range []int{2, 0, 0} {
		if n, err := b.Read(make([]byte, 8)); n != want || err != io.EOF {
			t.Errorf("read %d: got %d, %v; want %d and the end", i, n, err, want)
		}
	}
	if err := w.close(); err != nil {
		t.Error(err)
	}
}

// An event of a stream comes when it is sent, not when the stream ends.
func TestProxyStreams(t *testing.T) {
	next := make(chan string)
	address, recorded := proxied(t, &Options{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		for text := range next {
			_, _ = io.WriteString(w, text)
			w.(http.Flusher).Flush()
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), hung)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(sessionHeader, "s")
	r.Header.Set("Last-Event-Id", "41")
	go func() { next <- "id: 42\n" }()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(response.Body)
	for _, text := range []string{"", "data: {\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"sampling/createMessage\"}\n", "\n"} {
		if text != "" {
			next <- text
		}
		if line, err := lines.ReadString('\n'); err != nil || text != "" && line != text {
			t.Fatalf("got %q, %v, want %q", line, err, text)
		}
	}
	close(next)
	if _, err := io.Copy(io.Discard, lines); err != nil {
		t.Error(err)
	}
	_ = response.Body.Close() // it was read to its end
	want := []string{
		"session_start success", "tool_call attempt server sampling/createMessage",
		"tool_call completion server sampling/createMessage error no answer: interrupted end=interrupted",
		"session_end success reason=the proxy ended",
	}
	if d := cmp.Diff(want, recorded()); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
}

// A server that is not there, and a name that is not the proxy's.
func TestProxyRefuses(t *testing.T) {
	address, recorded := proxied(t, &Options{}, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	response, _ := post(t, address, "", fmt.Sprintf(toolCall, "1", "a"))
	if response.StatusCode != http.StatusBadGateway {
		t.Errorf("got %s, want 502", response.Status)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(fmt.Sprintf(toolCall, "1", "b")))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "evil.example"
	if response, err = http.DefaultClient.Do(r); err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusForbidden {
		t.Errorf("got %s, %v, want 403", response.Status, err)
	}
	want := []string{
		"session_start success", "tool_call attempt a", "tool_call completion a error no answer: EOF end=unanswered",
		"security_event client evil.example blocked mcp-message: a web page of another machine sent it, or it was meant for another host payload=foreign",
		"session_end success reason=the proxy ended",
	}
	if d := cmp.Diff(want, recorded()); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
}

// What cannot be recorded is not passed on, nor is anything after it.
func TestProxyNotRecorded(t *testing.T) {
	reached := 0
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil && len(body) > 0 {
			reached++
		}
	}))
	defer upstream.Close()
	target, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	log := &notebook{fail: func(*etch.Event) error { return errDisk }}
	p := NewProxy(log, target, nil, &Options{Strict: true})
	front := httptest.NewServer(p)
	for range 2 {
		if response, _ := post(t, front.URL, "", fmt.Sprintf(toolCall, "1", "a")); response.StatusCode < 500 {
			t.Errorf("got %s", response.Status)
		}
	}
	select {
	case <-p.Broken():
	case <-time.After(hung):
		t.Error("nobody is told")
	}
	front.Close()
	if err := p.Close(); !errors.Is(err, errDisk) {
		t.Errorf("got %v, want %v in it", err, errDisk)
	}
	if reached != 0 {
		t.Errorf("%d calls reached the server", reached)
	}
}

// The server's names of sessions are remembered up to a number.
func TestProxySessionsAreBounded(t *testing.T) {
	p := NewProxy(new(notebook), &url.URL{Scheme: "http", Host: "x"}, nil, &Options{})
	for i := range 2 * mostSessions {
		s := p.begin(start)
		s.used = start.Add(time.Duration(i))
		p.keep(fmt.Sprint(i), s)
	}
	if len(p.sessions) != mostSessions || p.sessions[fmt.Sprint(2*mostSessions-1)] == nil || p.sessions["0"] != nil {
		t.Errorf("%d sessions are remembered, want the last %d", len(p.sessions), mostSessions)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// Where the pieces of a stream of events end makes no difference.
func FuzzSSE(f *testing.F) {
	f.Add([]byte("data: {\"id\":1}\r\n\r\ndata\ndata:{\n\n:x\revent: ping\rdata: {}\r\r"), uint64(1))
	f.Add([]byte("data: {\"id\":1,\ndata:  \"method\":\"a\"}\n\n"), uint64(2))
	f.Fuzz(func(t *testing.T, text []byte, seed uint64) {
		read := func(random *rand.Rand) []*message {
			var got []*message
			r := newSSE(func(m *message, _ time.Time) { got = append(got, m) }, func(string, time.Time) {})
			for rest := text; len(rest) > 0; {
				n := len(rest)
				if random != nil {
					n = 1 + random.IntN(min(n, 4))
				}
				r.feed(rest[:n], start)
				rest = rest[n:]
			}
			r.end(start)
			if len(r.line) > 2*longestField {
				t.Errorf("%d bytes of a line are kept", len(r.line))
			}
			return got
		}
		whole, pieces := read(nil), read(rand.New(rand.NewPCG(seed, 0)))
		if !reflect.DeepEqual(whole, pieces) {
			t.Errorf("in pieces it is another (-whole +pieces):\n%s", cmp.Diff(whole, pieces, exported))
		}
	})
}

// An event of another type with very many messages takes no memory without end: what is
// too much to be held is recorded.
func TestSSEHoldsLittle(t *testing.T) {
	got := 0
	r := newSSE(func(*message, time.Time) { got++ }, func(string, time.Time) {})
	r.feed([]byte("event: foo\n"), start)
	for range 10 * mostOfEvent {
		r.feed([]byte("data: {}\n"), start)
		if len(r.held) >= mostOfEvent {
			t.Fatalf("%d messages are held", len(r.held))
		}
	}
	r.feed([]byte("\n\nevent: foo\ndata: {}\n\n"), start)
	if r.end(start); got != 10*mostOfEvent {
		t.Errorf("%d messages are handed on, want all but the last, %d", got, 10*mostOfEvent)
	}
}

// Messages of events, as the specification cuts them.
func TestSSE(t *testing.T) {
	for text, want := range map[string][]string{
		"data: {\"method\":\"a\"}\n\n":                                     {"a"},
		"data:{\"method\":\"a\"}\r\rdata:{\"method\":\"b\"}\r\n\r\n":       {"a", "b"},
		"data:{\"method\":\ndata:\"a\"}\n\n":                               {"a"},
		"event: ping\ndata: {\"method\":\"a\"}\n\n":                        nil,
		"event:endpoint\r\ndata: /post?s=1\r\n\r\ndata:{\"id\":1}\r\n\r\n": {"to /post?s=1", ""},
		"event: message\ndata: {\"method\":\"a\"}\n\n":                     {"a"},
		": data: {\"method\":\"a\"}\n\nid: 7\nretry: 1\ndatax: {}\n\n":     nil,
		"data: {\"method\":\"a\"":                                          {"broken"},
		// A byte order mark, one only, and only at the beginning.
		"\ufeffdata: {\"method\":\"a\"}\n\n":                             {"a"},
		"\ufeff\ufeffdata: {\"method\":\"a\"}\n\n":                       nil,
		"data: {\"method\":\"a\"}\n\n\ufeffdata: {\"method\":\"b\"}\n\n": {"a"},
		"\xef\xbbdata: {\"method\":\"a\"}\n\n":                           nil,
		// The last line that names the type counts, wherever it stands.
		"event: foo\ndata: {\"method\":\"a\"}\nevent: message\n\n":              {"a"},
		"event: foo\nevent\ndata: {\"method\":\"a\"}\n\n":                       {"a"},
		"event: foo\nevent:\ndata: {\"method\":\"a\"}\n\n":                      {"a"},
		"data: {\"method\":\"a\"}\nevent: foo\n\n":                              nil,
		"event: foo\n\ndata: {\"method\":\"a\"}\n\n":                            {"a"},
		"event:  message\ndata: {\"method\":\"a\"}\n\n":                         nil,
		"event: Message\ndata: {\"method\":\"a\"}\n\n":                          nil,
		"Event: foo\ndata: {\"method\":\"a\"}\n\n":                              {"a"},
		"event : foo\ndata: {\"method\":\"a\"}\n\n":                             {"a"},
		" event: foo\ndata: {\"method\":\"a\"}\n\n":                             {"a"},
		"event:message\rdata:{\"method\":\"a\"}\r\r":                            {"a"},
		"data: /post?s=2\nevent: endpoint\n\n":                                  {"to /post?s=2"},
		"event: endpoint\ndata: /po\ndata: st\n\n":                              {"to /po\nst"},
		"event: endpoint\n\n":                                                   nil,
		"event: " + strings.Repeat("m", 200) + "\ndata: {\"method\":\"a\"}\n\n": nil,
		// Fields without a colon, comments, ids, and what is none of them.
		"data\ndata: {\"method\":\"a\"}\ndata\n\n":                     {"a"},
		"id: \x00\nretry: x\n:data\nfoo\ndata: {\"method\":\"a\"}\n\n": {"a"},
		"data: {\"method\":\ndata:  \"a b\"}\r\n\r\n":                  {"a b"},
		"data: {\"method\":\"a\"}\r\n\ndata: {\"method\":\"b\"}\n\r":   {"a", "b"},
		// The stream ends within an event: none by the standard, one to some.
		"data: {\"method\":\"a\"}":               {"cut off a"},
		"data: {\"method\":\"a\"}\r\n":           {"cut off a"},
		"event: foo\ndata: {\"method\":\"a\"}\n": nil,
		"event: endpoint\ndata: /post\n":         nil,
	} {
		var got []string
		r := newSSE(func(m *message, _ time.Time) {
			switch text := m.method(); {
			case m.broken:
				got = append(got, "broken")
			case m.cutOff:
				got = append(got, "cut off "+text)
			default:
				got = append(got, text)
			}
		}, func(address string, _ time.Time) { got = append(got, "to "+address) })
		r.feed([]byte(text), start)
		r.end(start)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q (-want +got):\n%s", text, d)
		}
	}
}
