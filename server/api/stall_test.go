package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch/server"
)

// shortLeftover is what the tests of this file wait for the rest of a body.
const shortLeftover = 100 * time.Millisecond

// A stalled is a connection over which the head of a request was sent, and less than
// its body.
type stalled struct {
	net.Conn
	t *testing.T
}

// stall begins a request to a server.
func stall(t *testing.T, web *httptest.Server, head ...string) *stalled {
	t.Helper()
	conn, err := net.Dial("tcp", web.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := fmt.Fprintf(conn, "%s\r\n\r\n{", strings.Join(head, "\r\n")); err != nil {
		t.Fatal(err)
	}
	return &stalled{conn, t}
}

// answer returns the status of the answer, which comes within a time; nothing comes
// after it but the end of the connection.
func (s *stalled) answer(within time.Duration) int {
	s.t.Helper()
	if err := s.SetReadDeadline(time.Now().Add(within)); err != nil {
		s.t.Fatal(err)
	}
	in := bufio.NewReader(s)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		s.t.Errorf("no answer within %v: %v", within, err)
		return 0
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		s.t.Errorf("the answer: %v", err)
	}
	if err := resp.Body.Close(); err != nil {
		s.t.Error(err)
	}
	if _, err := in.ReadByte(); err == nil || isTimeout(err) {
		s.t.Errorf("the connection is still open: %v", err)
	}
	return resp.StatusCode
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

// TestStalledBody shows that a request which is answered without its body is
// answered, though the body never comes, and that its connection ends.
func TestStalledBody(t *testing.T) {
	b := newQuiet(t, server.Limits{}, nil)
	b.handler.leftover = shortLeftover
	web := httptest.NewServer(b.handler)
	t.Cleanup(web.Close)
	const host, length = "Host: localhost", "Content-Length: 100"
	token := "Authorization: Bearer " + b.send
	for name, c := range map[string]struct {
		head   []string
		status int
	}{
		"no token":      {[]string{"POST /v1/events HTTP/1.1", host, length}, 401},
		"chunked":       {[]string{"POST /v1/events HTTP/1.1", host, "Transfer-Encoding: chunked"}, 401},
		"a wrong token": {[]string{"POST /hook/claude-code HTTP/1.1", host, length, "Authorization: Bearer x"}, 401},
		"a web page":    {[]string{"POST /v1/events HTTP/1.1", host, length, "Origin: http://example.com", token}, 403},
		"no reader":     {[]string{"GET /v1/audit HTTP/1.1", host, length, token}, 403},
		"nowhere":       {[]string{"POST /nowhere HTTP/1.1", host, length}, 404},
		"elsewhere":     {[]string{"POST //nowhere HTTP/1.1", host, length}, 307},
		"no agent":      {[]string{"POST /hook/nobody HTTP/1.1", host, length, token}, 404},
		"health":        {[]string{"GET /healthz HTTP/1.1", host, length}, 400},
		"a question":    {[]string{"GET /v1/audit HTTP/1.1", host, length, "Authorization: Bearer " + b.read}, 400},
		"a method":      {[]string{"PUT /healthz HTTP/1.1", host, length}, 405},
		"no type":       {[]string{"POST /v1/events HTTP/1.1", host, length, token}, 415},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := stall(t, web, c.head...).answer(patiently); got != c.status {
				t.Errorf("got %d, want %d", got, c.status)
			}
		})
	}
}

// TestDrainStalledBody shows that a daemon which ends does not wait for bodies that
// do not come, not even of those who may send.
func TestDrainStalledBody(t *testing.T) {
	b := newQuiet(t, server.Limits{}, nil)
	b.handler.leftover = shortLeftover
	web := httptest.NewServer(b.handler)
	t.Cleanup(web.Close)
	s := stall(t, web, "POST /v1/events HTTP/1.1", "Host: localhost", "Content-Length: 100", "Content-Type: application/json", "Authorization: Bearer "+b.send)
	admitted := time.NewTicker(5 * time.Millisecond)
	defer admitted.Stop()
	for len(b.records("type = auth_success")) == 0 { // then its body is waited for
		<-admitted.C
	}
	b.handler.Drain()
	ctx, cancel := context.WithTimeout(t.Context(), patiently)
	defer cancel()
	if err := web.Config.Shutdown(ctx); err != nil {
		t.Errorf("the server has not ended: %v", err)
	}
	if got := s.answer(patiently); got != 503 {
		t.Errorf("got %d, want 503", got)
	}
}

// TestSlowAnswer shows that the time for bodies is none for answers: who has sent
// all and waits is not cut off.
func TestSlowAnswer(t *testing.T) {
	b := newQuiet(t, server.Limits{}, nil)
	b.handler.leftover = shortLeftover
	b.listen()
	for range maxDecoding {
		b.handler.decoding <- struct{}{}
	}
	time.AfterFunc(3*shortLeftover, func() { <-b.handler.decoding })
	got := b.do("POST", "/v1/logs", b.send, sharedResource("bot", 1), "Content-Type", "application/json")
	if got.status != 200 || len(b.records("type = session_start")) != 1 {
		t.Errorf("%d %s", got.status, got.body)
	}
}
