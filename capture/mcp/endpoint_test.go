package mcp

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// A twoWayServer speaks the transport of 2024-11-05: it sends what is posted to the
// address that offer names, turned into an answer, on its stream. A tool called
// "ask" asks the client first; one called "refused" is refused by HTTP.
type twoWayServer struct {
	offer func(r *http.Request) string
	said  chan string
}

func (s *twoWayServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		body, _ := io.ReadAll(r.Body)
		switch text := string(body); {
		case strings.Contains(text, `"refused"`):
			http.Error(w, "no", http.StatusForbidden)
			return
		case strings.Contains(text, `"ask"`):
			s.said <- `{"jsonrpc":"2.0","id":7,"method":"roots/list"}`
		case strings.Contains(text, `"roots"`):
			s.said <- fmt.Sprintf(toolEnd, "2")
		case strings.Contains(text, `"initialize"`):
			s.said <- `{"jsonrpc":"2.0","id":0,"result":{"serverInfo":{"name":"old"}}}`
		case strings.Contains(text, `"method"`):
			s.said <- fmt.Sprintf(toolEnd, "1")
		}
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "Accepted")
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = fmt.Fprintf(w, "event: endpoint\ndata: %s\n\n", s.offer(r))
	w.(http.Flusher).Flush()
	for {
		select {
		case text := <-s.said:
			_, _ = fmt.Fprintf(w, "event: message\ndata: %s\n\n", text)
			w.(http.Flusher).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

// twoWayClient connects through a proxy to a twoWayServer that makes an offer. It returns
// the address that the client is sent to, on the proxy, the stream of answers, what is
// recorded, and what ends the stream.
func twoWayClient(t *testing.T, opt *Options, offer func(*http.Request) string) (to string, stream *bufio.Scanner, recorded func() []string, hangUp func()) {
	t.Helper()
	s := &twoWayServer{offer: offer, said: make(chan string, 8)}
	address, recorded := proxied(t, opt, s.ServeHTTP)
	ctx, cancel := context.WithTimeout(t.Context(), hung)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	stream = bufio.NewScanner(response.Body)
	base, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	at, err := base.Parse(nextData(t, stream))
	if err != nil || at.Host != base.Host {
		t.Fatalf("the client is sent to %v, %v", at, err)
	}
	return at.String(), stream, recorded, func() {
		cancel()
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
	}
}

// nextData returns the next data of a stream.
func nextData(t *testing.T, stream *bufio.Scanner) string {
	t.Helper()
	for stream.Scan() {
		if text, ok := strings.CutPrefix(stream.Text(), "data: "); ok {
			return text
		}
	}
	t.Fatal("the stream has ended", stream.Err())
	return ""
}

// Calls are matched with the answers that come on the stream, and a client is not
// led past the proxy.
func TestProxyTwoAddresses(t *testing.T) {
	for name, offer := range map[string]func(r *http.Request) string{
		"a path":     func(*http.Request) string { return "/messages/?session_id=5" },
		"relative":   func(*http.Request) string { return "messages?session_id=5" },
		"an address": func(r *http.Request) string { return "http://" + r.Host + "/messages?session_id=5" },
		"localhost": func(r *http.Request) string {
			return "http://localhost:" + r.Host[strings.Index(r.Host, ":")+1:] + "/m/5"
		},
	} {
		t.Run(name, func(t *testing.T) {
			to, stream, recorded, hangUp := twoWayClient(t, &Options{}, offer)
			say := func(text string) { post(t, to, "", text) }
			say(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"clientInfo":{"name":"c"}}}`)
			nextData(t, stream)
			say(fmt.Sprintf(toolCall, "1", "a"))
			nextData(t, stream)
			say(fmt.Sprintf(toolCall, "2", "ask"))
			nextData(t, stream)
			say(`{"jsonrpc":"2.0","id":7,"result":{"roots":[]}}`)
			nextData(t, stream)
			say(fmt.Sprintf(toolCall, "3", "refused"))
			hangUp()
			want := []string{
				"session_start success", "tool_call attempt a", "tool_call completion a success", "tool_call attempt ask",
				"tool_call attempt server roots/list", "tool_call completion server roots/list success", "tool_call completion ask success",
				"tool_call attempt refused", "tool_call completion refused error HTTP 403 Forbidden end=refused",
				"session_end success reason=the stream ended",
			}
			if d := cmp.Diff(want, recorded()); d != "" {
				t.Errorf("events (-want +got):\n%s", d)
			}
		})
	}
}

// A client that is sent to another server is out of sight, which is recorded.
func TestProxyElsewhere(t *testing.T) {
	address, recorded := proxied(t, &Options{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "event: endpoint\ndata: https://other.example:1/messages?session_id=5\n\n")
	})
	if _, body := send(t, http.MethodGet, address, "", ""); !strings.Contains(body, "data: https://other.example:1/messages?session_id=5\n") {
		t.Errorf("got %q", body)
	}
	want := []string{
		"session_start success", "security_event server https://other.example:1 payload=endpoint", "session_end success reason=the proxy ended",
	}
	if d := cmp.Diff(want, recorded()); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
}

// Only an address of the server in the first event is changed, however the stream
// comes, and nothing is held back that need not be.
func TestEndpointReader(t *testing.T) {
	target := &url.URL{Scheme: "http", Host: "server.example:80"}
	long := "data: " + strings.Repeat("x", 3*longestEndpoint)
	for text, want := range map[string]string{
		"event: endpoint\ndata: http://server.example/m?s=%2f#f\n\ndata: http://server.example/m\n\n": "event: endpoint\ndata: /m?s=%2f#f\n\ndata: http://server.example/m\n\n",
		"\ufeff: hello\r\n\r\nid: 1\r\nevent:endpoint\r\ndata:http://SERVER.example:80\r\n\r\n":       "\ufeff: hello\r\n\r\nid: 1\r\nevent:endpoint\r\ndata: /\r\n\r\n",
		"event: endpoint\rdata: //server.example/m\r\r":                                               "event: endpoint\rdata: /m\r\r",
		"event: endpoint\ndata: https://server.example/m\n\n":                                         "",
		"event: endpoint\ndata: http://server.example:81/m\n\n":                                       "",
		"event: endpoint\ndata: /m\n\n":                                                               "",
		"event: message\ndata: http://server.example/m\n\n":                                           "",
		"data: http://server.example/m\n\n":                                                           "",
		"event: endpoint\ndata: http://server.exam":                                                   "",
		long:             "",
		": \r\n\n\r\r\n": "",
		"":               "",
	} {
		if want == "" {
			want = text
		}
		for name, body := range map[string]io.Reader{"at once": strings.NewReader(text), "in bytes": iotest.OneByteReader(strings.NewReader(text))} {
			got, err := io.ReadAll(&endpointReader{ReadCloser: io.NopCloser(body), target: target})
			if err != nil || string(got) != want {
				t.Errorf("%s %s: got %.80q, want %.80q, %v", name, text[:min(len(text), 60)], got, want, err)
			}
		}
	}
	front, back := io.Pipe()
	r := &endpointReader{ReadCloser: front, target: target}
	go func() { _, _ = io.WriteString(back, ": first\nsecond") }()
	got := make([]byte, 100)
	if n, err := r.Read(got); err != nil || string(got[:n]) != ": first\n" {
		t.Errorf("got %q, %v", got[:n], err)
	}
}
