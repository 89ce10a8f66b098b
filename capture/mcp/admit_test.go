package mcp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/etch-audit/etch/internal/httpbody"
)

// A pipeListener hands over the ends of pipes, so that the clock of a test is that
// of its connections.
type pipeListener chan net.Conn

func (l pipeListener) Accept() (net.Conn, error) {
	if c, ok := <-l; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (l pipeListener) Close() error   { return nil }
func (l pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// A gatehouse is a proxy that judges, in a bubble, before a server that echoes.
type gatehouse struct {
	*Proxy
	t     *testing.T
	conns pipeListener
}

// judging returns one, which holds back so many bytes.
func judging(t *testing.T, budget int) *gatehouse {
	t.Helper()
	target := &url.URL{Scheme: "http", Host: "server.example", Path: "/mcp"}
	opt := strict()
	g := &gatehouse{NewProxy(new(notebook), target, nil, &opt), t, make(pipeListener)}
	g.bodies = httpbody.NewBudget(budget)
	g.http.Transport = echo{http.DefaultTransport.(*http.Transport).Clone()}
	front := &http.Server{Handler: g}
	go func() { _ = front.Serve(g.conns) }()
	t.Cleanup(func() {
		close(g.conns)
		if err := front.Close(); err != nil {
			t.Error(err)
		}
		if err := g.Proxy.w.close(); err != nil {
			t.Error(err)
		}
		<-time.After(2 * time.Second) // connections end in their own time
		if held := g.bodies.Held(); held != 0 {
			t.Errorf("%d bytes are held after all requests", held)
		}
	})
	return g
}

// An echo is a server that answers what it is sent, and takes its time.
type echo struct{ *http.Transport }

func (echo) RoundTrip(r *http.Request) (*http.Response, error) {
	late := time.NewTimer(2 * httpbody.Wait)
	defer late.Stop()
	select {
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case <-late.C:
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, r.Body.Close()
}

// A visitor is a client's connection.
type visitor struct {
	net.Conn
	in *bufio.Reader
}

// comes begins a request, with the lines of its head.
func (g *gatehouse) comes(head ...string) *visitor {
	ours, theirs := net.Pipe()
	g.conns <- theirs
	g.t.Cleanup(func() { _ = ours.Close() }) // it may be closed
	v := &visitor{ours, bufio.NewReader(ours)}
	v.asks(g.t, head...)
	return v
}

// asks sends the head of a request.
func (v *visitor) asks(t *testing.T, head ...string) {
	t.Helper()
	if _, err := fmt.Fprintf(v, "POST /mcp HTTP/1.1\r\nHost: proxy\r\n%s\r\n\r\n", strings.Join(head, "\r\n")); err != nil {
		t.Fatal(err)
	}
}

// hears reads the answer.
func (v *visitor) hears(t *testing.T) (*http.Response, string) {
	t.Helper()
	resp, err := http.ReadResponse(v.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp, string(text)
}

// A body that comes byte by byte is not waited for, whoever sends it, and holds
// nothing afterwards.
func TestSlowBodyIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := judging(t, mostBodies)
		v := g.comes("Content-Length: 1000000")
		began := time.Now()
		go func() {
			for {
				time.Sleep(time.Second)
				if _, err := v.Write([]byte{' '}); err != nil {
					return
				}
			}
		}()
		resp, text := v.hears(t)
		if waited := time.Since(began); resp.StatusCode != http.StatusRequestTimeout || waited > httpbody.Wait+2*httpbody.Leftover {
			t.Errorf("got %s %.100q after %v", resp.Status, text, waited)
		}
	})
}

// A request that is answered without its body is answered though that never comes.
func TestUnreadBodyIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := judging(t, mostBodies)
		v := g.comes("Content-Length: 1000", "Content-Encoding: gzip")
		began := time.Now()
		resp, text := v.hears(t)
		if waited := time.Since(began); resp.StatusCode != http.StatusUnsupportedMediaType || waited > 2*httpbody.Leftover {
			t.Errorf("got %s %q after %v", resp.Status, text, waited)
		}
	})
}

// Clients that send much and do not end hold no more than there is for all: others
// are told to come again, and once there is room they pass.
func TestHeldBodiesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const long = 1 << 20
		g := judging(t, 4*long)
		text := []byte(`{"jsonrpc":"2.0","id":1,"method":"ping"}`)
		text = append(text, bytes.Repeat([]byte{' '}, long-len(text))...)
		length := fmt.Sprintf("Content-Length: %d", len(text))
		var pending []*visitor
		for range 4 {
			v := g.comes(length)
			if _, err := v.Write(text[:len(text)-1]); err != nil {
				t.Fatal(err)
			}
			pending = append(pending, v)
		}
		synctest.Wait()
		if held := g.bodies.Held(); held > 4*long || held < 3*long {
			t.Fatalf("%d bytes are held", held)
		}
		late := g.comes("Content-Length: 40")
		resp, why := late.hears(t)
		if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
			t.Errorf("got %s %q with %d bytes held", resp.Status, why, g.bodies.Held())
		}
		for _, v := range pending {
			if _, err := v.Write(text[len(text)-1:]); err != nil {
				t.Fatal(err)
			}
		}
		for i, v := range pending {
			if resp, echoed := v.hears(t); resp.StatusCode != http.StatusOK || echoed != string(text) {
				t.Errorf("body %d: got %s with %d bytes", i, resp.Status, len(echoed))
			}
		}
		synctest.Wait()
		if held := g.bodies.Held(); held != 0 {
			t.Errorf("%d bytes are held behind what was passed on", held)
		}
	})
}

// What has come whole and is passed on is waited for as long as it takes, also over
// a connection that was told before that a call is refused.
func TestServersAreNotHurried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := judging(t, mostBodies)
		bad, good := fmt.Sprintf(toolCall, "1", "bad"), fmt.Sprintf(toolCall, "2", "good")
		v := g.comes(fmt.Sprintf("Content-Length: %d", len(bad)))
		for i, text := range []string{bad, good, good} {
			if i > 0 {
				time.Sleep(2 * httpbody.Wait)
				v.asks(t, fmt.Sprintf("Content-Length: %d", len(text)))
			}
			if _, err := io.WriteString(v, text); err != nil {
				t.Fatal(err)
			}
			if resp, heard := v.hears(t); resp.StatusCode != http.StatusOK || text == good && heard != good {
				t.Errorf("request %d: got %s %q", i, resp.Status, heard)
			}
		}
	})
}

// A client that does not read why its call is refused holds nothing for long: its
// connection ends.
func TestUnreadRefusalIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := judging(t, mostBodies)
		bad := fmt.Sprintf(toolCall, `"`+strings.Repeat("x", 1<<20)+`"`, "bad")
		v := g.comes(fmt.Sprintf("Content-Length: %d", len(bad)))
		if _, err := io.WriteString(v, bad); err != nil {
			t.Fatal(err)
		}
		time.Sleep(httpbody.Wait + time.Second)
		synctest.Wait()
		if got, err := io.Copy(io.Discard, v); err != nil || got > 1<<19 {
			t.Errorf("%d bytes of the answer could be read in the end, %v", got, err)
		}
	})
}

// A body of too many messages is refused, and each call in it is on record as such;
// what is kept of an open call is no part of its body.
func TestTooManyMessages(t *testing.T) {
	opt := strict()
	address, recorded := proxied(t, &opt, func(http.ResponseWriter, *http.Request) { t.Error("it reaches the server") })
	const n = mostHeldCount + 10
	_, heard := post(t, address, "", "["+strings.Repeat(fmt.Sprintf(toolCall, "1", "good")+",", n-1)+fmt.Sprintf(toolCall, "2", "bad")+"]")
	if !strings.Contains(heard, "it is too long") {
		t.Errorf("got %.200s", heard)
	}
	attempts := 0
	for _, e := range recorded() {
		if strings.HasPrefix(e, "tool_call attempt ") {
			attempts++
		}
	}
	if attempts != n {
		t.Errorf("%d attempts are on record, want %d", attempts, n)
	}
}

// The key of an id, which lasts as long as its call, is short however long the id is,
// and the same whatever of it was kept.
func TestKeyIsShort(t *testing.T) {
	id := `"` + strings.Repeat("x", 1<<20) + `"`
	text := []byte(`{"id":` + id + `,"method":"a"}`)
	var keys []string
	for _, keep := range []func(*outline){func(*outline) {}, (*outline).keepAll, (*outline).keepParts} {
		o := newOutline(func(m *message) { keys = append(keys, m.values[slotID].key()) })
		keep(o)
		o.feed(text)
	}
	if len(keys) != 3 || keys[0] != keys[1] || keys[1] != keys[2] || len(keys[0]) > 100 {
		t.Errorf("got %.200q", keys)
	}
}

// What is known of messages that wait for their record counts, and not only the bytes that
// they came in: of many short ones it is the most.
func TestShortMessagesWeigh(t *testing.T) {
	if size := int(reflect.TypeFor[message]().Size()); size > messageSize {
		t.Errorf("a message takes %d bytes, not %d", size, messageSize)
	}
	const many = 100
	text := []byte(strings.Repeat(`{"method":"x"}`+"\n", many))
	ahead := func(t *testing.T, w *witness, pass func()) {
		t.Helper()
		release := make(chan struct{})
		w.show(0, func(time.Time) { <-release }, false)
		pass()
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.bytes < many*messageSize {
			t.Errorf("%d messages are %d bytes", many, w.bytes)
		}
		close(release)
	}
	opt := strict()
	t.Run("stdio", func(t *testing.T) {
		r := &running{Command: &Command{Options: opt}, w: newWitness(new(notebook), &opt), deaf: true}
		r.s = newSession(&opt, "mcp_1", start, r.w.add)
		ahead(t, r.w, func() { r.gate().feed(text) })
		if err := r.w.close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("HTTP", func(t *testing.T) {
		p, recorded := before(t, &opt, func(r *http.Request) (*http.Response, error) {
			_, err := io.Copy(io.Discard, r.Body)
			return nil, errors.Join(err, errors.New("reset"))
		})
		ahead(t, p.w, func() { ask(p, http.MethodPost, "s", bytes.NewReader(text)) })
		recorded()
	})
}
