package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/server"
)

// asksOf makes a log of five commands and two sessions to ask about.
func asksOf(t *testing.T) *bench {
	t.Helper()
	b := newBench(t, server.Limits{}, nil)
	var lines strings.Builder
	for i := range 5 {
		fmt.Fprintf(&lines, `{"event_type":"command_execution","actor":{"username":"user%d"},"action":{"command":"command %d","risk_level":"low"}}`+"\n", i%2, i)
	}
	lines.WriteString(`{"event_type":"session_start"}` + "\n")
	if got := b.post(lines.String(), "application/x-ndjson"); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	return b
}

// TestAudit shows that an answer is the stored lines, in the order and number
// asked for, with what is known at its end.
func TestAudit(t *testing.T) {
	b := asksOf(t)
	stored := map[string]string{}
	for _, r := range b.records("type = command_execution") {
		stored[r.Event.Action.Command] = string(r.Raw) + "\n"
	}
	of := func(numbers ...int) string {
		var s strings.Builder
		for _, n := range numbers {
			s.WriteString(stored[fmt.Sprint("command ", n)])
		}
		return s.String()
	}
	second := b.records(`command = "command 1"`)[0].Seq
	for query, want := range map[string]string{
		"type=command_execution":                                         of(0, 1, 2, 3, 4),
		"user=user1":                                                     of(1, 3),
		"user=@user1&reverse":                                            of(3, 1),
		"type=command_execution&n=2":                                     of(3, 4),
		"type=command_execution&n=2&reverse=true":                        of(4, 3),
		"type=command_execution&reverse=false&n=9":                       of(0, 1, 2, 3, 4),
		fmt.Sprintf("type=command_execution&n=2&after=%d", second):       of(2, 3),
		"grep=command+[12]":                                              of(1, 2),
		"where=command+~+%22[34]$%22&user=user1":                         of(3),
		"where=command+=+%22nothing%22":                                  "",
		"fields=user,command&n=1&type=command_execution":                 `{"user":"user0","command":"command 4"}` + "\n",
		`fields=seq,label.%22a,b%22&n=1&type=command_execution`:          `{"seq":7,"label.\"a,b\"":null}` + "\n",
		"fields=user&fields=command&n=1&type=command_execution":          `{"user":"user0","command":"command 4"}` + "\n",
		"type=command_execution&count":                                   `{"count":5}` + "\n",
		"count&user=nobody":                                              `{"count":0}` + "\n",
		"type=command_execution&count-by=user":                           `{"user":"user0","count":3}` + "\n" + `{"user":"user1","count":2}` + "\n",
		"type=command_execution&count-by=user&n=1":                       `{"user":"user0","count":3}` + "\n",
		"since=2020-01-01&until=2020-01-02":                              "",
		"type=command_execution&type=file_access&no-index&since=-1h&n=1": of(4),
	} {
		got := b.do("GET", "/v1/audit?"+query, b.read, "")
		if got.status != 200 || got.body != want || got.header.Get("Content-Type") != "application/x-ndjson" {
			t.Errorf("%s: %d\n%s\nwant\n%s", query, got.status, got.body, want)
		}
		if got.trailer.Get(trailerDamages) != "0" {
			t.Errorf("%s: trailers %v", query, got.trailer)
		}
	}
	got := b.do("GET", fmt.Sprintf("/v1/audit?type=command_execution&n=2&after=%d", second), b.read, "")
	next := b.do("GET", "/v1/audit?type=command_execution&after="+got.trailer.Get(trailerCursor), b.read, "")
	if next.body != of(4) {
		t.Errorf("the page behind %q is %s", got.trailer.Get(trailerCursor), next.body)
	}
}

// A record whose number somebody has changed leads nobody past what is there: where it is
// the last one of a page, there is no cursor.
func TestAuditCursorOfAnother(t *testing.T) {
	b := asksOf(t)
	r := b.records(`command = "command 4"`)[0]
	text, err := os.ReadFile(b.path)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(text, fmt.Appendf(nil, "\n{\"seq\":%d,", r.Seq), fmt.Appendf(nil, "\n{\"seq\":%d,", r.Seq+2), 1)
	if err := os.WriteFile(b.path, changed, 0o600); err != nil {
		t.Fatal(err)
	}
	got := b.do("GET", "/v1/audit?type=command_execution&after=1", b.read, "")
	if cursor, damages := got.trailer.Get(trailerCursor), got.trailer.Get(trailerDamages); cursor != "" || damages != "1" || strings.Count(got.body, "\n") != 5 {
		t.Errorf("cursor %q, %s damages, want none and 1:\n%s", cursor, damages, got.body)
	}
	if err := os.WriteFile(b.path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAuditErrors(t *testing.T) {
	b := newBench(t, server.Limits{}, nil)
	for query, want := range map[string]string{
		"usr=x":                     `unknown parameter \"usr\"","code":"invalid","hint":"did you mean \"user\"?`,
		"zzzzzzzz=x":                `known are after, agent`,
		"user=a&user=b":             "user is given 2 times",
		"user=":                     "user is empty",
		"count=yes":                 `count takes true or false, not \"yes\"`,
		"n=0":                       `n: \"0\" is not a number above 0`,
		"n=-1":                      `n: \"-1\" is not`,
		"limit=x":                   `limit: \"x\" is not`,
		"risk=hgih":                 `risk: unknown risk \"hgih\"","code":"invalid","hint":"did you mean \"high\"?`,
		"where=user+=":              "where: column 7",
		"since=x&after=y":           "; after:",
		"fields=usr":                `did you mean \"user\"?`,
		"count&n=1":                 "count prints one number",
		"count-by=user&fields=user": "says nothing to it",
		"a=%zz":                     "cannot be read",
		"grep=(":                    "grep: ",
	} {
		got := b.do("GET", "/v1/audit?"+query, b.read, "")
		if got.status != 400 || got.code() != "invalid" || !strings.Contains(got.body, want) {
			t.Errorf("%s: %d %s, want %q", query, got.status, got.body, want)
		}
	}
}

// TestAuditBusy shows that a question which does not get its turn is told so.
func TestAuditBusy(t *testing.T) {
	b := newBench(t, server.Limits{}, nil)
	for range maxQuestions {
		b.handler.asking <- struct{}{}
	}
	go func() {
		<-time.After(50 * time.Millisecond)
		<-b.handler.asking
	}()
	if got := b.do("GET", "/v1/audit?count", b.read, ""); got.status != 200 {
		t.Errorf("it got its turn: %d %s", got.status, got.body)
	}
	for range maxQuestions - 1 {
		<-b.handler.asking
	}
	if n := len(b.handler.asking); n != 0 {
		t.Errorf("%d places are still taken", n)
	}
}

// TestAuditBlocksNobody shows that events are recorded while an answer is read as
// slowly as may be.
func TestAuditBlocksNobody(t *testing.T) {
	b := asksOf(t)
	reader, err := etch.OpenReader(b.path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range reader.Records(t.Context(), etch.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		if got := b.post(event, "application/json"); got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	if n != 7 { // six events, and that their sender was let in
		t.Errorf("%d records are seen, want the 7 that were there when it was asked", n)
	}
}

// TestAuditDamaged shows that an answer over a line that cannot be read goes on,
// and says so at its end.
func TestAuditDamaged(t *testing.T) {
	b := asksOf(t)
	spoil(t, b.path, `"command 2"`)
	for _, query := range []string{"type=command_execution", "type=command_execution&count-by=user"} {
		got := b.do("GET", "/v1/audit?"+query, b.read, "")
		if got.status != 200 || got.trailer.Get(trailerDamages) != "1" || got.body == "" {
			t.Errorf("%s: %d %v\n%s", query, got.status, got.trailer, got.body)
		}
	}
}

// TestAuditNoLog shows that a log which is gone is no empty answer.
func TestAuditNoLog(t *testing.T) {
	b := newBench(t, server.Limits{}, func(o *Options) { o.Log += ".elsewhere.log" })
	if got := b.do("GET", "/v1/audit", b.read, ""); got.status != 503 || got.code() != "log" {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// A onePipe is a listener of one connection, over which what is written waits until it
// is read.
type onePipe struct {
	conns  chan net.Conn
	closed chan struct{}
	close  func()
}

func newOnePipe() (*onePipe, net.Conn) {
	here, there := net.Pipe()
	l := &onePipe{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
	l.close = sync.OnceFunc(func() { close(l.closed) })
	l.conns <- here
	return l, there
}

func (l *onePipe) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *onePipe) Close() error {
	l.close()
	return nil
}

func (l *onePipe) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// TestAuditBrokenOff shows that a daemon which is to end waits for nobody who pauses
// while he reads an answer, and that such an answer is not whole.
func TestAuditBrokenOff(t *testing.T) {
	b := newQuiet(t, server.Limits{}, nil)
	b.handler.leftover = shortLeftover
	b.listen()
	long := strings.Repeat(`{"event_type":"command_execution","action":{"command":"`+strings.Repeat("x", 1000)+`"}}`+"\n", 500)
	if got := b.post(long, "application/x-ndjson"); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	l, client := newOnePipe()
	web := &http.Server{Handler: b.handler}
	served := make(chan error, 1)
	go func() { served <- web.Serve(l) }()
	if _, err := fmt.Fprintf(client, "GET /v1/audit HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", b.read); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(client), nil)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", resp, err)
	}
	b.handler.Drain()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := web.Shutdown(ctx); err != nil {
		t.Errorf("the daemon waits for its reader: %v", err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the answer ends with %v, want %v", err, io.ErrUnexpectedEOF)
	}
	if resp.Trailer.Get(trailerDamages) != "" {
		t.Error("the answer says that it is whole")
	}
}

// TestAuditAfterDrain shows that a question which comes too late is told so.
func TestAuditAfterDrain(t *testing.T) {
	b := asksOf(t)
	b.handler.Drain()
	if got := b.do("GET", "/v1/audit", b.read, ""); got.status != http.StatusServiceUnavailable || got.code() != "shutting_down" {
		t.Errorf("got %d %s, want 503 shutting_down", got.status, got.body)
	}
}
