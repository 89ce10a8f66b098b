package mcp

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A roundTrip is a server, and the way to it.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// before returns a proxy before a server of the test.
func before(t *testing.T, opt *Options, server roundTrip) (p *Proxy, recorded func() []string) {
	t.Helper()
	log := new(notebook)
	p = NewProxy(log, &url.URL{Scheme: "http", Host: "server.example", Path: "/mcp"}, nil, opt)
	p.http.Transport = server
	return p, func() []string {
		p.http.Transport = new(http.Transport)
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		return told(log.all())
	}
}

// ask sends a request to a proxy.
func ask(p *Proxy, method, session string, body io.Reader) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://proxy/mcp", body)
	r.ContentLength = -1
	r.Header.Set(sessionHeader, session)
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w
}

// What is held back of a request that a server cannot be sent, or does not read, is given
// back: a server that is away for a while shall not keep its clients out for good.
func TestUnsentBodyIsGivenBack(t *testing.T) {
	some := make([]byte, 8)
	for name, server := range map[string]roundTrip{
		"it cannot be reached": func(*http.Request) (*http.Response, error) { return nil, errors.New("refused") },
		"it breaks off": func(r *http.Request) (*http.Response, error) {
			_, err := r.Body.Read(some)
			return nil, errors.Join(err, errors.New("reset"))
		},
		"it does not read": func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusUnauthorized, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			opt := strict()
			p, recorded := before(t, &opt, server)
			ask(p, http.MethodPost, "s", strings.NewReader(toolCallOf("good")))
			if held := p.bodies.Held(); held != 0 {
				t.Errorf("%d bytes are held", held)
			}
			recorded()
		})
	}
}

func toolCallOf(tool string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + tool + `"}}`
}

// A session ends also where its server has not read all of a request.
func TestUnreadBodyKeepsNoSession(t *testing.T) {
	for name, opt := range map[string]Options{"judged": strict(), "not judged": {}} {
		t.Run(name, func(t *testing.T) {
			p, recorded := before(t, &opt, func(r *http.Request) (*http.Response, error) {
				resp := &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody, Request: r}
				if r.Method == http.MethodDelete {
					return resp, nil
				}
				// All of the message, and not that nothing is behind it.
				_, err := io.ReadFull(r.Body, make([]byte, len(toolCallOf("good"))))
				return resp, err
			})
			ask(p, http.MethodPost, "s", strings.NewReader(toolCallOf("good")+strings.Repeat(" ", 99)))
			ask(p, http.MethodDelete, "s", nil)
			p.w.show(0, func(time.Time) {
				if len(p.parting) != 0 {
					t.Errorf("%d sessions are still parting", len(p.parting))
				}
			}, true)
			want := []string{
				"session_start success", "tool_call attempt good",
				"tool_call completion good error no answer in what the server has sent end=unanswered", "session_end success reason=client closed",
			}
			if d := cmp.Diff(want, recorded()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// Who goes on to read a request that is over gets nothing: it would not be on record.
func TestNothingIsReadBehindARequest(t *testing.T) {
	for name, opt := range map[string]Options{"judged": strict(), "not judged": {}} {
		t.Run(name, func(t *testing.T) {
			p, recorded := before(t, &opt, nil)
			r := httptest.NewRequest(http.MethodPost, "http://proxy/mcp", iotest.OneByteReader(strings.NewReader(toolCallOf("good"))))
			e := &exchange{p: p, uri: r.URL, id: "s", left: 1}
			if !opt.judges() {
				r.Body = p.watch(r.Body, e)
			} else if !p.admit(httptest.NewRecorder(), r, e) {
				t.Fatal("it is refused")
			}
			e.leaveBody()
			if n, err := r.Body.Read(make([]byte, 8)); n != 0 || err == nil || errors.Is(err, io.EOF) {
				t.Errorf("got %d bytes, %v", n, err)
			}
			if got := recorded(); len(got) != 0 {
				t.Errorf("it is on record: %q", got)
			}
		})
	}
}

// Nobody changes the protocol: what passes then would not be looked at. A server that does
// is left.
func TestProtocolStays(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	head, left := make(chan http.Header, 1), make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			left <- err
			return
		}
		err = c.SetDeadline(time.Now().Add(hung))
		in := bufio.NewReader(c)
		var r *http.Request
		if err == nil {
			r, err = http.ReadRequest(in)
		}
		if err == nil {
			head <- r.Header
			_, err = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		}
		if err == nil {
			_, err = in.ReadByte()
		}
		left <- errors.Join(err, c.Close())
	}()
	p := NewProxy(new(notebook), &url.URL{Scheme: "http", Host: l.Addr().String()}, nil, &Options{})
	front := httptest.NewServer(p)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, front.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusBadGateway {
		t.Errorf("got %s", resp.Status)
	}
	if got := <-head; got.Get("Upgrade") != "" || got.Get("Connection") != "" {
		t.Errorf("the server is asked for another protocol: %v", got)
	}
	if err := <-left; !errors.Is(err, io.EOF) {
		t.Errorf("the server's connection: got %v, want its end", err)
	}
	if err := errors.Join(resp.Body.Close(), l.Close()); err != nil {
		t.Error(err)
	}
	front.Close()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// A stream of events that lasts for days remembers nothing of what was answered in it.
func TestLongStreamRemembersLittle(t *testing.T) {
	p, recorded := before(t, &Options{}, nil)
	e := &exchange{p: p, uri: &url.URL{Path: "/mcp"}, id: "s", left: 1}
	p.w.show(0, func(at time.Time) {
		asks, answers := newStream(false, e.of(server)), newStream(false, e.of(client))
		for range 10 * mostOpen {
			asks.feed([]byte(`{"jsonrpc":"2.0","id":1,"method":"ping"}`), at)
			answers.feed([]byte(`{"jsonrpc":"2.0","id":1,"result":{}}`), at)
		}
		if len(e.calls) > mostOpen {
			t.Errorf("%d requests are remembered", len(e.calls))
		}
	}, true)
	recorded()
}
