package mcp

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
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
)

// A request that its server has not taken is sent again by who sends it on, and is on
// record once. One that is long, or did not come whole, is not.
func TestRequestIsSentAgain(t *testing.T) {
	short := toolCallOf("good")
	long := short + strings.Repeat(" ", mostAgain)
	for name, opt := range map[string]Options{"judged": strict(), "not judged": {}} {
		for what, test := range map[string]struct {
			sent     string
			read     bool
			again    string
			err      error
			attempts int
		}{
			"short":    {short, true, short, nil, 1},
			"long":     {long, true, "", errNotAgain, 1},
			"not read": {short, false, "", errNotAgain, 0},
		} {
			t.Run(name+", "+what, func(t *testing.T) {
				p, recorded := before(t, &opt, func(r *http.Request) (*http.Response, error) {
					if test.read {
						if _, err := io.Copy(io.Discard, r.Body); err != nil {
							t.Error(err)
						}
					}
					body, err := r.GetBody()
					if !errors.Is(err, test.err) {
						t.Errorf("got %v, want %v", err, test.err)
					}
					if err != nil {
						return nil, err
					}
					text, err := io.ReadAll(body)
					if string(text) != test.again {
						t.Errorf("got %.99q, want %q", text, test.again)
					}
					return &http.Response{StatusCode: http.StatusAccepted, Header: http.Header{}, Body: http.NoBody, Request: r}, err
				})
				ask(p, http.MethodPost, "s", iotest.HalfReader(strings.NewReader(test.sent)))
				attempts := 0
				for _, line := range recorded() {
					if strings.Contains(line, "attempt") {
						attempts++
					}
				}
				if attempts != test.attempts {
					t.Errorf("%d attempts are on record, not %d", attempts, test.attempts)
				}
			})
		}
	}
}

// What may be done twice, as it says itself, is not sent again: it would be on record once.
func TestRequestIsNotDoneTwice(t *testing.T) {
	for _, test := range []struct {
		method, header string
		again          bool
	}{
		{http.MethodPost, "Idempotency-Key", false},
		{http.MethodPost, "X-Idempotency-Key", false},
		{http.MethodGet, "X", false},
		{http.MethodPost, "X", true},
	} {
		p, recorded := before(t, &Options{}, func(r *http.Request) (*http.Response, error) {
			if got := r.GetBody != nil; got != test.again {
				t.Errorf("%v: got %v", test, got)
			}
			return nil, errors.New("reset")
		})
		r := httptest.NewRequest(test.method, "http://proxy/mcp", strings.NewReader(toolCallOf("good")))
		r.Header.Set(test.header, "1")
		p.ServeHTTP(httptest.NewRecorder(), r)
		recorded()
	}
}

// frame returns a frame of HTTP/2 (RFC 9113, section 4.1).
func frame(kind, flags byte, stream uint32, payload ...byte) []byte {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	return append(binary.BigEndian.AppendUint32(append(head, flags), stream), payload...)
}

// serveFrames reads a request from a connection of HTTP/2 and writes an answer to it.
func serveFrames(c net.Conn, answer func(stream uint32) []byte) error {
	in := bufio.NewReader(c)
	if _, err := in.Discard(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")); err != nil {
		return err
	}
	if _, err := c.Write(frame(4, 0, 0)); err != nil { // SETTINGS
		return err
	}
	for {
		head := make([]byte, 9)
		if _, err := io.ReadFull(in, head); err != nil {
			return err
		}
		if _, err := in.Discard(int(binary.BigEndian.Uint32(head) >> 8)); err != nil {
			return err
		}
		if kind, flags := head[3], head[4]; kind == 0 && flags&1 != 0 { // DATA, END_STREAM
			_, err := c.Write(answer(binary.BigEndian.Uint32(head[5:])))
			return err
		}
	}
}

// A server of HTTP/2 that goes away has not taken what it does not name.
func TestServerGoesAway(t *testing.T) {
	keys := httptest.NewTLSServer(nil)
	defer keys.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: keys.TLS.Certificates, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() {
		answers := []func(uint32) []byte{
			func(uint32) []byte { return frame(7, 0, 0, make([]byte, 8)...) },  // GOAWAY: no stream was taken
			func(stream uint32) []byte { return frame(1, 5, stream, 0x80|13) }, // HEADERS, with the status 404
		}
		for _, answer := range answers {
			c, err := l.Accept()
			if err == nil {
				defer func() { _ = c.Close() }() // all was said
				err = errors.Join(c.SetDeadline(time.Now().Add(hung)), serveFrames(c, answer))
			}
			if err != nil {
				served <- err
				return
			}
		}
		served <- nil
	}()
	p := NewProxy(new(notebook), &url.URL{Scheme: "https", Host: l.Addr().String()}, nil, &Options{})
	p.http.Transport.(*http.Transport).TLSClientConfig = keys.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	front := httptest.NewServer(p)
	if resp, said := post(t, front.URL, "", toolCallOf("good")); resp.StatusCode != http.StatusNotFound {
		t.Errorf("got %s %s", resp.Status, said)
	}
	front.Close()
	if err := errors.Join(l.Close(), <-served, p.Close()); err != nil {
		t.Error(err)
	}
}
