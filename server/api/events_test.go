package api

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/httpbody"
	"github.com/etch-audit/etch/server"
	"github.com/etch-audit/etch/server/token"
)

// A receipt is one as it is answered.
type receipt struct {
	Line           int    `json:"line"`
	Seq            uint64 `json:"seq"`
	EventID        string `json:"event_id"`
	Leaf           string `json:"leaf"`
	CheckpointSize uint64 `json:"checkpoint_size"`
	CheckpointRoot string `json:"checkpoint_root"`
	Sealed         *bool  `json:"sealed"`
	Durable        bool   `json:"durable"`
	Skipped        bool   `json:"skipped"`
}

func receiptsOf(t *testing.T, lines ...string) []receipt {
	t.Helper()
	var all []receipt
	for _, line := range lines {
		var r receipt
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, r)
	}
	return all
}

// recorded checks that each receipt is of a record of its own, with the labels of
// its sender.
func (b *bench) recorded(got []receipt, numbers ...int) {
	b.t.Helper()
	if len(got) != len(numbers) {
		b.t.Fatalf("%d receipts, want %d", len(got), len(numbers))
	}
	for i, r := range got {
		if r.Line != numbers[i] || !r.Durable || r.Leaf == "" || r.CheckpointRoot == "" || r.CheckpointSize == 0 || r.Sealed == nil {
			b.t.Errorf("receipt %+v, want one of line %d", r, numbers[i])
		}
		found := b.records(fmt.Sprintf("seq = %d", r.Seq))
		if len(found) != 1 || found[0].Event.ID != r.EventID || found[0].Event.Labels[server.LabelSenderToken] != "sender" {
			b.t.Errorf("receipt %+v is of %v", r, found)
		}
	}
}

func TestEventShapes(t *testing.T) {
	b := newBench(t, server.Limits{}, nil)

	got := b.post(" "+event+"\n", "application/json; charset=utf-8")
	if got.status != 200 || got.header.Get("Content-Type") != "application/json" {
		t.Fatalf("object: %d %s", got.status, got.body)
	}
	b.recorded(receiptsOf(t, got.body), 1)

	got = b.post("["+event+",\n"+event+"]", "application/json")
	var array []json.RawMessage
	if err := json.Unmarshal([]byte(got.body), &array); err != nil || got.status != 200 || len(array) != 2 {
		t.Fatalf("array: %d %v %s", got.status, err, got.body)
	}
	b.recorded(receiptsOf(t, string(array[0]), string(array[1])), 1, 2)

	got = b.post("\n"+event+"\r\n\n"+event, "application/x-ndjson")
	if got.status != 200 || got.header.Get("Content-Type") != "application/x-ndjson" || strings.Count(got.body, "\n") != 2 {
		t.Fatalf("lines: %d %s", got.status, got.body)
	}
	b.recorded(receiptsOf(t, strings.Split(strings.TrimSpace(got.body), "\n")...), 2, 4)

	for kind, body := range map[string]string{"application/json": "[]", "application/x-ndjson": "\n \n"} {
		if got := b.post(body, kind); got.status != 200 || strings.TrimSpace(got.body) != strings.TrimSpace(body) {
			t.Errorf("no event in %q: %d %q", body, got.status, got.body)
		}
	}
	if n := len(b.records("type = command_execution")); n != 5 {
		t.Errorf("%d events are recorded, want 5", n)
	}
	if n := len(b.records("type = auth_success")); n != 1 {
		t.Errorf("that the sender was let in is on record %d times, want once", n)
	}
}

// TestEventErrors shows that nothing of a bad request is recorded, and that the
// event that is bad is named.
func TestEventErrors(t *testing.T) {
	b := newBench(t, server.Limits{MaxEvent: 200}, nil)
	long := `{"event_type":"command_execution","action":{"command":"` + strings.Repeat("x", 200) + `"}}`
	many := strings.Repeat(event+"\n", maxEvents+1)
	for name, c := range map[string]struct {
		kind, body string
		headers    []string
		status     int
		code, want string
	}{
		"form":              {"application/x-www-form-urlencoded", event, nil, 415, "content_type", "application/x-ndjson"},
		"no type":           {"", event, nil, 415, "content_type", ""},
		"empty":             {"application/json", "", nil, 400, "invalid", "no body"},
		"no JSON":           {"application/json", "hello", nil, 400, "invalid", "event 1"},
		"two objects":       {"application/json", event + event, nil, 400, "invalid", "event 1"},
		"unknown member":    {"application/json", `{"event_type":"command_execution","comand":1}`, nil, 400, "invalid", "comand"},
		"no type of event":  {"application/json", `{}`, nil, 400, "invalid", "event_type"},
		"bad array":         {"application/json", "[" + event, nil, 400, "invalid", "array"},
		"bad element":       {"application/json", "[" + event + ",3]", nil, 400, "invalid", "event 2"},
		"bad line":          {"application/x-ndjson", event + "\n\nx\n", nil, 400, "invalid", "event 3"},
		"too long":          {"application/json", long, nil, 413, "too_large", "event 1"},
		"one too long":      {"application/x-ndjson", event + "\n" + long, nil, 413, "too_large", "event 2"},
		"too many":          {"application/x-ndjson", many, nil, 413, "too_large", "10000"},
		"too many elements": {"application/json", "[" + strings.Repeat("0,", maxEvents) + "0]", nil, 413, "too_large", "10000"},
		"body too long":     {"application/json", strings.Repeat(" ", maxBody) + event, nil, 413, "too_large", "8388608"},
		"encoding":          {"application/json", event, []string{"Content-Encoding", "br"}, 415, "encoding", `br`},
		"two encodings":     {"application/json", event, []string{"Content-Encoding", "identity", "Content-Encoding", "br"}, 415, "encoding", `br`},
		"twice":             {"application/json", squeezed(t, []byte(event)), []string{"Content-Encoding", "gzip, gzip"}, 415, "encoding", `gzip, gzip`},
		"no gzip, a list":   {"application/json", event, []string{"Content-Encoding", "identity", "Content-Encoding", "gzip"}, 400, "invalid", "gzip"},
		"no gzip":           {"application/json", event, []string{"Content-Encoding", "gzip"}, 400, "invalid", "gzip"},
		"bomb":              {"application/json", squeezed(t, make([]byte, 40<<20)), []string{"Content-Encoding", "gzip"}, 413, "too_large", "8388608"},
		"half a gzip":       {"application/json", squeezed(t, []byte(event))[:20], []string{"Content-Encoding", "gzip"}, 400, "invalid", "EOF"},
	} {
		got := b.do("POST", "/v1/events", b.send, c.body, append(c.headers, "Content-Type", c.kind)...)
		if got.status != c.status || got.code() != c.code || !strings.Contains(got.body, c.want) {
			t.Errorf("%s: %d %s, want %d with code %q and %q", name, got.status, got.body, c.status, c.code, c.want)
		}
	}
	if n := len(b.records("type = command_execution")); n != 0 {
		t.Errorf("%d events of bad requests are recorded", n)
	}
	if held := b.handler.bodies.Held(); held != 0 {
		t.Errorf("%d bytes are held after all requests", held)
	}
	if got := b.do("POST", "/v1/events", b.send, squeezed(t, []byte(event)), "Content-Type", "application/json", "Content-Encoding", "identity", "Content-Encoding", " GZip,identity"); got.status != 200 {
		t.Errorf("in two lines: %d %s", got.status, got.body)
	}
	if got := b.do("POST", "/v1/events", b.send, squeezed(t, []byte(event)), "Content-Type", "application/json", "Content-Encoding", "gzip"); got.status != 200 {
		t.Errorf("gzip: %d %s", got.status, got.body)
	}
}

// TestBudget shows that a daemon whose bodies fill their memory says so.
func TestBudget(t *testing.T) {
	b := newBench(t, server.Limits{}, nil)
	b.handler.bodies = httpbody.NewBudget(64<<10 - 1)
	if got := b.post(event, "application/json"); got.status != 503 || got.code() != "busy" || got.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", got.status, got.body)
	}
	b.handler.bodies = httpbody.NewBudget(96 << 10)
	if got := b.post(event, "application/json"); got.status != 200 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestBudgetOfSenders shows that one sender, who has many long bodies of which the end
// does not come, keeps nobody else from sending, and itself from sending no hook.
func TestBudgetOfSenders(t *testing.T) {
	b := newBench(t, server.Limits{}, nil)
	b.handler.bodies = httpbody.NewBudget(6 << 20)
	other := b.token(b.handler.opt.Tokens, "other", token.Send)
	web := strings.TrimPrefix(b.url, "http://")
	const length = 1<<20 - 1
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for i := range 13 {
		conn, err := net.Dial("tcp", web)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		// Those that are refused are not read to their end.
		go func() {
			_, _ = fmt.Fprintf(conn, "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s",
				b.send, length+1, strings.Repeat(" ", length))
		}()
		// One after the other, as far as there is room: of all at once each may be the one too many.
		for i < 3 && b.handler.bodies.Held() < (i+1)<<20 {
			<-tick.C
		}
	}
	for range 20 {
		if got := b.do("POST", "/v1/events", other, event, "Content-Type", "application/json"); got.status != 200 {
			t.Fatalf("another sender: %d %s", got.status, got.body)
		}
		if got := b.deliver("/hook/claude-code", preTool); got.status != 200 {
			t.Fatalf("a hook of the same sender: %d %s", got.status, got.body)
		}
	}
	if got := b.do("POST", "/v1/events", other, strings.Repeat(" ", length-len(event))+event, "Content-Type", "application/json"); got.status != 200 {
		t.Errorf("a long body of another sender: %d %s", got.status, got.body)
	}
	if got := b.post(strings.Repeat(" ", length-len(event))+event, "application/json"); got.status != 503 {
		t.Errorf("one more of the same sender: %d %s", got.status, got.body)
	}
}

func TestRateLimited(t *testing.T) {
	b := newBench(t, server.Limits{Rate: 0.5, Burst: 3}, nil)
	three := event + "\n" + event + "\n" + event
	if got := b.post(three, "application/x-ndjson"); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	got := b.post(event, "application/json")
	if got.status != 429 || got.code() != "rate_limited" || got.header.Get("Retry-After") != "2" {
		t.Errorf("%d %s, Retry-After %q, want 429 and 2", got.status, got.body, got.header.Get("Retry-After"))
	}
}

// TestNotRecorded shows what is answered while the log cannot be written, and that
// health tells it.
func TestNotRecorded(t *testing.T) {
	b := newBench(t, server.Limits{}, nil)
	if got := b.post(event, "application/json"); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	release := b.locked()
	got := b.post(event, "application/json")
	if got.status != 503 || got.code() != "not_recorded" || got.header.Get("Retry-After") != "1" {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := b.do("GET", "/healthz", "", ""); got.status != 503 || !strings.Contains(got.body, `"failing"`) || strings.Contains(got.body, b.path) {
		t.Errorf("health while nothing can be written: %d %s", got.status, got.body)
	}
	release()
	if got := b.post(event, "application/json"); got.status != 200 {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := b.do("GET", "/healthz", "", ""); got.status != 200 || got.body != `{"status":"ok"}`+"\n" {
		t.Errorf("health after it: %d %s", got.status, got.body)
	}
	if n := len(b.records("type = command_execution")); n != 2 {
		t.Errorf("%d events are recorded, want 2", n)
	}
}

func TestShuttingDown(t *testing.T) {
	b := newBench(t, server.Limits{}, nil)
	if err := b.server.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.post(event, "application/json"); got.status != 503 || got.code() != "shutting_down" {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestSkipped shows that an event which the configuration leaves out is answered
// as such, among others and alone.
func TestSkipped(t *testing.T) {
	answers := []struct {
		receipts []etch.Receipt
		err      error
		want     string
	}{
		{[]etch.Receipt{{}}, etch.ErrSkipped, "{\"line\":1,\"skipped\":true}\n"},
		{[]etch.Receipt{{}, {Seq: 4, Durable: true}}, nil, "{\"line\":1,\"skipped\":true}\n{\"line\":2,\"seq\":4,"},
	}
	for _, c := range answers {
		var got []byte
		for i := range c.receipts {
			a := answerOf(&c.receipts[i], c.err)
			a.Line = uint64(i + 1)
			got = a.Append(got)
		}
		if !strings.HasPrefix(string(got), c.want) {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
	// A log that fails in the middle of a batch has some of it.
	half := []etch.Receipt{{Seq: 4, Durable: true}, {Seq: 5}}
	if !some(half) {
		t.Error("half of a batch is none")
	}
	if diff := cmp.Diff(answerOf(&half[1], etch.ErrUnknown).Error, etch.ErrUnknown.Error()); diff != "" {
		t.Errorf("the other half (-got +want):\n%s", diff)
	}
}

// A pipeListener hands over the ends of pipes.
type pipeListener struct{ conns chan net.Conn }

func (l pipeListener) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (l pipeListener) Close() error   { return nil }
func (l pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// TestSlowBody shows that a body which comes byte by byte is not waited for, and
// holds nothing afterwards.
func TestSlowBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newQuiet(t, server.Limits{}, nil)
		b.handler.leftover = httpbody.Leftover // the clock is the test's own
		l := pipeListener{make(chan net.Conn)}
		web := &http.Server{Handler: b.handler, ReadHeaderTimeout: time.Second}
		go func() { _ = web.Serve(l) }()
		ours, theirs := net.Pipe()
		l.conns <- theirs
		began := time.Now()
		go func() {
			_, _ = io.WriteString(ours, "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer "+b.send+"\r\nContent-Length: 1000\r\n\r\n")
			for range 1000 {
				time.Sleep(time.Second)
				if _, err := ours.Write([]byte{' '}); err != nil {
					return
				}
			}
		}()
		resp, err := http.ReadResponse(bufio.NewReader(ours), nil)
		if err != nil {
			t.Error(err)
			resp = &http.Response{Body: http.NoBody}
		}
		if waited := time.Since(began); resp.StatusCode != http.StatusRequestTimeout || waited > 2*httpbody.Wait {
			t.Errorf("%s after %v", resp.Status, waited)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
		if err := ours.Close(); err != nil {
			t.Error(err)
		}
		close(l.conns)
		if err := web.Close(); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Second) // who sent sees that nobody is there
		if held := b.handler.bodies.Held(); held != 0 {
			t.Errorf("the body still holds %d bytes", held)
		}
	})
}
