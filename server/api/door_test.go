package api

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch/server"
	"github.com/etch-audit/etch/server/token"
)

// open serves the bench over loopback behind a door, as the daemon does.
func (b *bench) open(limits server.Limits) (address string) {
	b.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	web := &http.Server{Handler: b.handler, ConnContext: ConnContext, ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- web.Serve(NewDoor(l, limits)) }()
	b.t.Cleanup(func() {
		if err := web.Close(); err != nil {
			b.t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			b.t.Error(err)
		}
	})
	b.url = "http://" + l.Addr().String()
	return l.Addr().String()
}

// dial connects, and says something.
func dial(t *testing.T, address, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // the test may have closed it
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestStrangersHoldNoPlaces shows that any number of connections that say nothing, or
// half of a request, or have no token, keep nobody out who has one.
func TestStrangersHoldNoPlaces(t *testing.T) {
	limits := server.Limits{MaxConnections: 16, MaxPerSender: 4}
	b := newQuiet(t, limits, nil)
	address := b.open(limits)
	for i := range 100 {
		dial(t, address, []string{
			"", "POST /v1/events HTTP/1.1\r\nHost: localhost\r\n", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
			"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer wrong\r\nContent-Length: 10\r\n\r\n{",
		}[i%4])
		if i%10 != 9 {
			continue
		}
		got := b.do("POST", "/v1/events", b.send, event, "Content-Type", "application/json", "Connection", "close")
		if got.status != 200 {
			t.Fatalf("behind %d connections: %d %s", i+1, got.status, got.body)
		}
	}
}

// TestGuestsKeepTheirPlaces shows that who has shown a token is not sent away for the
// sake of others, that one token has only so many connections, and that their places
// are given back.
func TestGuestsKeepTheirPlaces(t *testing.T) {
	limits := server.Limits{MaxConnections: 16, MaxPerSender: 3}
	b := newQuiet(t, limits, nil)
	address := b.open(limits)
	request := fmt.Sprintf("POST /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		b.send, len(event), event)
	ask := func(c net.Conn) string {
		t.Helper()
		if err := c.SetDeadline(time.Now().Add(patiently)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte(request)); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, 4096)
		n, err := c.Read(answer)
		if err != nil {
			t.Fatal(err)
		}
		status, _, _ := strings.Cut(string(answer[:n]), "\r\n")
		return status
	}
	var guests []net.Conn
	for range limits.MaxPerSender {
		c := dial(t, address, "")
		if got := ask(c); !strings.Contains(got, "200") {
			t.Fatalf("got %s", got)
		}
		guests = append(guests, c)
	}
	for range 40 {
		dial(t, address, "")
	}
	for _, c := range guests {
		if got := ask(c); !strings.Contains(got, "200") {
			t.Errorf("a guest behind strangers: got %s", got)
		}
	}
	if got := ask(dial(t, address, "")); !strings.Contains(got, "429") {
		t.Errorf("one more of the token: got %s", got)
	}
	if n := len(b.records("type = auth_failure")); n != 1 {
		t.Errorf("%d refusals are on record, want 1", n)
	}
	if err := guests[0].Close(); err != nil {
		t.Fatal(err)
	}
	free := time.NewTicker(5 * time.Millisecond)
	defer free.Stop()
	for !strings.Contains(ask(dial(t, address, "")), "200") {
		<-free.C
	}
}

// TestDoorWaits shows that a connection beyond the limit waits for a guest to end.
func TestDoorWaits(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := NewDoor(inner, server.Limits{MaxConnections: 1, MaxPerSender: 1})
	accepted := make(chan net.Conn)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				close(accepted)
				return
			}
			accepted <- c
		}
	}()
	dial(t, l.Addr().String(), "")
	first := <-accepted
	if v, ok := first.(*visitor); !ok || !l.welcome(v, shownToken{1}) {
		t.Fatal("the first is not let in")
	}
	dial(t, l.Addr().String(), "")
	select {
	case <-accepted:
		t.Error("a second connection is taken beside the first")
	case <-time.After(50 * time.Millisecond):
	}
	if err := errors.Join(first.Close(), first.Close()); err == nil {
		t.Error("a connection can be closed twice")
	}
	second := <-accepted
	if err := errors.Join(l.Close(), second.Close()); err != nil {
		t.Error(err)
	}
	if _, ok := <-accepted; ok {
		t.Error("it goes on behind its end")
	}
}

// TestRevokedGuests shows that the connections of a token that is revoked keep out
// nobody who has the next one of its name, and end when they ask again.
func TestRevokedGuests(t *testing.T) {
	limits := server.Limits{MaxConnections: 16, MaxPerSender: 2}
	b := newQuiet(t, limits, nil)
	address := b.open(limits)
	tokens := b.handler.opt.Tokens
	old := b.token(tokens, "ci", token.Send)
	request := func(secret string) string {
		return fmt.Sprintf("POST /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			secret, len(event), event)
	}
	ask := func(c net.Conn, in *bufio.Reader) *http.Response {
		t.Helper()
		if err := c.SetDeadline(time.Now().Add(patiently)); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
		return resp
	}
	guest := dial(t, address, request(old))
	in := bufio.NewReader(guest)
	other := dial(t, address, request(old))
	for c, from := range map[net.Conn]*bufio.Reader{guest: in, other: bufio.NewReader(other)} {
		if resp := ask(c, from); resp.StatusCode != 200 {
			t.Fatalf("got %s", resp.Status)
		}
	}
	if err := tokens.Change(func(l *token.List) error { return l.Revoke("ci") }); err != nil {
		t.Fatal(err)
	}
	next := dial(t, address, request(b.token(tokens, "ci", token.Send)))
	if resp := ask(next, bufio.NewReader(next)); resp.StatusCode != 200 {
		t.Errorf("the next token of that name: got %s", resp.Status)
	}
	if _, err := guest.Write([]byte(request(old))); err != nil {
		t.Fatal(err)
	}
	if resp := ask(guest, in); resp.StatusCode != 401 || !resp.Close {
		t.Errorf("a guest without its token: got %s, closing %v", resp.Status, resp.Close)
	}
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("its connection: got %v, want its end", err)
	}
}

// TestDrainResetsNobody shows that a client which still sends when the daemon ends gets
// the answer that it waits for, and an end instead of a reset.
func TestDrainResetsNobody(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	begun, ending := make(chan struct{}), make(chan struct{})
	web := &http.Server{ConnContext: ConnContext, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-ending
		_, _ = io.WriteString(w, "recorded") // to a client that compares it
	})}
	door := NewDoor(l, server.Limits{MaxConnections: 8, MaxPerSender: 8})
	served := make(chan error, 1)
	go func() { served <- web.Serve(door) }()
	c := dial(t, l.Addr().String(), "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	<-begun
	if _, err := io.WriteString(c, "GET /next HTTP/1.1\r\nHost: localhost\r\nX: "+strings.Repeat("x", 100_000)); err != nil {
		t.Fatal(err)
	}
	web.RegisterOnShutdown(func() { close(ending) })
	if err := web.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	door.Wait()
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil || string(text) != "recorded" {
		t.Errorf("got %q, %v", text, err)
	}
	if n, err := in.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("then got %d bytes, %v, want the end", n, err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}

// A deadlines is a connection that knows its write deadline.
type deadlines struct {
	net.Conn
	write time.Time
}

func (d *deadlines) SetWriteDeadline(t time.Time) error {
	d.write = t
	return nil
}

// TestDoorPartsSoon shows that no write waits for long once the door is closed.
func TestDoorPartsSoon(t *testing.T) {
	l, client := newOnePipe()
	defer func() { _ = client.Close() }() // nothing is on it
	d := NewDoor(l, server.Limits{MaxConnections: 8, MaxPerSender: 8})
	c, err := d.Accept()
	if err != nil {
		t.Fatal(err)
	}
	under := &deadlines{Conn: c.(*visitor).Conn}
	c.(*visitor).Conn = under
	far := time.Now().Add(24 * time.Hour)
	if err := c.SetWriteDeadline(far); err != nil || !under.write.Equal(far) {
		t.Errorf("before: got %v, %v, want %v", under.write, err, far)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"closed", "set again"} {
		if left := time.Until(under.write); under.write.IsZero() || left > server.PartingWait {
			t.Errorf("%s: a write may take until %v", when, under.write)
		}
		under.write = time.Time{}
		if err := c.SetWriteDeadline(far); err != nil {
			t.Error(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	d.Wait()
}
