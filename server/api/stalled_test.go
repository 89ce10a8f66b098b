package api

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/etch-audit/etch/server"
)

// TestStalled shows that a body that does not come keeps nobody from being answered
// and no connection open: neither that of somebody who was refused, whom it would cost
// nothing to take all connections that there are, nor of a request that wants none.
func TestStalled(t *testing.T) {
	b := newBench(t, server.Limits{}, nil)
	for name, c := range map[string]struct {
		request, auth, body string
		status              int
	}{
		"refused":         {"POST /v1/events", "", "Content-Length: 100", 401},
		"refused, chunks": {"POST /v1/events", "", "Transfer-Encoding: chunked", 401},
		"wrong method":    {"PUT /v1/events", b.send, "Content-Length: 100", 405},
		"wrong type":      {"POST /v1/events", b.send, "Content-Length: 100", 415},
		"nowhere":         {"POST /", "", "Content-Length: 100", 404},
		"wants none":      {"GET /healthz", "", "Content-Length: 100", 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", b.url[len("http://"):])
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }() // it was read to its end
			if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n%s\r\n\r\n", c.request, c.auth, c.body); err != nil {
				t.Fatal(err)
			}
			in := bufio.NewReader(conn)
			got, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, got.Body); err != nil || got.StatusCode != c.status {
				t.Errorf("got %d, %v, want %d", got.StatusCode, err, c.status)
			}
			if _, err := in.ReadByte(); err != io.EOF {
				t.Errorf("got %v, want the end of the connection", err)
			}
		})
	}
}
