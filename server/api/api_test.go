package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/capture/hook/claudecode"
	"github.com/etch-audit/etch/internal/vfs"
	"github.com/etch-audit/etch/server"
	"github.com/etch-audit/etch/server/token"
)

// patiently is how long tests wait for what must come. It is long for a machine that
// stops, and costs nothing where the thing is there.
const patiently = 2 * time.Minute

// A bench is a daemon over HTTP with a log of its own.
type bench struct {
	t       *testing.T
	log     *etch.Log
	path    string
	server  *server.Server
	handler *Handler
	url     string
	send    string // secrets of tokens
	read    string
	spooled []*etch.Event
	told    chan error
}

// newBench starts one over loopback. change may change the options.
func newBench(t *testing.T, limits server.Limits, change func(*Options)) *bench {
	t.Helper()
	b := newQuiet(t, limits, change)
	b.listen()
	return b
}

// listen serves it over loopback.
func (b *bench) listen() {
	web := httptest.NewServer(b.handler)
	b.url = web.URL
	b.t.Cleanup(web.Close)
}

// newQuiet makes one that nobody has begun to serve.
func newQuiet(t *testing.T, limits server.Limits, change func(*Options)) *bench {
	t.Helper()
	dir := t.TempDir()
	b := &bench{t: t, path: filepath.Join(dir, "audit.log"), told: make(chan error, 100)}
	var err error
	if b.log, err = etch.Create(b.path, &etch.Options{LockWait: 20 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	if b.server, err = server.New(b.log, &server.Options{Limits: limits, HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.handler.ServeHTTP(w, r)
	})}); err != nil {
		t.Fatal(err)
	}
	tokens := token.Open(filepath.Join(dir, "audit.keys", "tokens"))
	b.send, b.read = b.token(tokens, "sender", token.Send), b.token(tokens, "reader", token.Read)
	opts := &Options{
		Server: b.server, Log: b.path, Tokens: tokens, Now: time.Now, Sessions: filepath.Join(dir, "audit.hooks"), Host: "box", Version: "v1.2\"\n",
		Agent: func(name string) *hook.Agent {
			if name == "claude-code" {
				return claudecode.Agent()
			}
			return nil
		},
		Spool: func(_ error, events ...*etch.Event) error {
			b.spooled = append(b.spooled, events...)
			return nil
		},
		Notify: func(err error) { b.told <- err },
	}
	if change != nil {
		change(opts)
	}
	b.handler = New(opts)
	// A busy machine takes longer than senders and agents wait.
	b.handler.leftover, b.handler.queueing, b.handler.patience, b.handler.judging = patiently, patiently, patiently, patiently
	t.Cleanup(func() {
		b.handler.Wait()
		if err := b.server.Drain(context.Background()); err != nil {
			t.Error(err)
		}
		if err := b.log.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *bench) token(f *token.File, name string, rights token.Rights) (secret string) {
	b.t.Helper()
	err := f.Change(func(l *token.List) (err error) {
		secret, err = l.Make(name, rights)
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return secret
}

// An answer is what came back.
type answer struct {
	status  int
	header  http.Header
	trailer http.Header
	body    string
}

// code returns the code of a problem.
func (a answer) code() string {
	var p problemBody
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		return "no JSON: " + a.body
	}
	return p.Code
}

// do makes a request. Of the headers "Host" is the host.
func (b *bench) do(method, path, secret, body string, headers ...string) answer {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if secret != "" {
		req.Header.Set("Authorization", "Bearer "+secret)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
		req.Header.Add(headers[i], headers[i+1])
	}
	return b.answer(http.DefaultClient.Do(req))
}

func (b *bench) answer(resp *http.Response, err error) answer {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		b.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, resp.Trailer, string(text)}
}

// post sends events.
func (b *bench) post(body, kind string) answer {
	b.t.Helper()
	return b.do("POST", "/v1/events", b.send, body, "Content-Type", kind)
}

// records returns the records of the log that a filter is true of.
func (b *bench) records(where string) []etch.Record {
	b.t.Helper()
	f, err := etch.ParseFilter(where, time.Now())
	if err != nil {
		b.t.Fatal(err)
	}
	var all []etch.Record
	for r, err := range b.log.Records(b.t.Context(), etch.Query{Where: f, AllPhases: true}) {
		if err != nil {
			b.t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

const event = `{"event_type":"command_execution","action":{"command":"ls"}}`

// locked holds the lock of the log, so that nothing can be recorded, until it is
// released.
func (b *bench) locked() (release func()) {
	b.t.Helper()
	lock, err := vfs.OS().OpenLock(strings.TrimSuffix(b.path, ".log") + ".lock")
	if err != nil {
		b.t.Fatal(err)
	}
	if err := lock.Acquire(patiently); err != nil {
		b.t.Fatal(err)
	}
	return func() {
		if err := lock.Close(); err != nil {
			b.t.Fatal(err)
		}
	}
}

// TestAccess shows who gets in, and that whoever does not is told so and is on
// record.
func TestAccess(t *testing.T) {
	b := newBench(t, server.Limits{}, nil)
	json := []string{"Content-Type", "application/json"}
	for name, c := range map[string]struct {
		method, path, secret string
		headers              []string
		status               int
		code, cause          string
	}{
		"no token":       {"POST", "/v1/events", "", json, 401, "unauthorized", causeNoToken},
		"unknown token":  {"POST", "/v1/events", "etch_x", json, 401, "unauthorized", causeToken},
		"basic":          {"POST", "/v1/events", "", append(json, "Authorization", "Basic eDp5"), 401, "unauthorized", causeNoToken},
		"reader sends":   {"POST", "/v1/events", b.read, json, 403, "refused", causeSend},
		"sender reads":   {"GET", "/v1/audit", b.send, nil, 403, "refused", causeRead},
		"sender watches": {"GET", "/metrics", b.send, nil, 403, "refused", causeRead},
		"page":           {"POST", "/v1/events", b.send, append(json, "Origin", "http://evil.example"), 403, "refused", causeBrowser},
		"second origin":  {"POST", "/v1/events", b.send, append(json, "Origin", "", "Origin", "http://evil.example"), 403, "refused", causeBrowser},
		"empty origin":   {"POST", "/v1/events", b.send, append(json, "Origin", ""), 403, "refused", causeBrowser},
		"own page":       {"POST", "/v1/events", b.send, append(json, "Origin", b.url), 403, "refused", causeBrowser},
		"rebound":        {"GET", "/v1/audit", b.read, []string{"Host", "evil.example"}, 403, "refused", causeHost},
		"rebound health": {"GET", "/healthz", "", []string{"Host", "127.0.0.1.evil.example:80"}, 403, "refused", causeHost},
		"wrong method":   {"GET", "/v1/events", b.send, nil, 405, "method", ""},
		"no such path":   {"GET", "/v1/event", b.read, nil, 404, "not_found", ""},
		"preflight":      {"OPTIONS", "/v1/events", "", []string{"Origin", "http://evil.example", "Access-Control-Request-Method", "POST"}, 405, "method", ""},
		"no such agent":  {"POST", "/hook/nobody", b.send, json, 404, "not_found", ""},
	} {
		got := b.do(c.method, c.path, c.secret, event, c.headers...)
		if got.status != c.status || got.code() != c.code {
			t.Errorf("%s: %d %s, want %d with code %q", name, got.status, got.body, c.status, c.code)
		}
		if got.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: other origins are let in", name)
		}
		if c.cause != "" && len(b.records(`type = auth_failure and result.reason = '`+c.cause+`'`)) == 0 {
			t.Errorf("%s: no auth_failure with the reason %q", name, c.cause)
		}
	}
	if n := len(b.records("type = command_execution")); n != 0 {
		t.Errorf("%d events of senders that were refused are recorded", n)
	}
	for _, host := range []string{"localhost", "LOCALHOST:1", "127.0.0.1:9", "[::1]:9", "[::1]", "127.9.9.9"} {
		if got := b.do("GET", "/v1/audit", b.read, "", "Host", host); got.status != 200 {
			t.Errorf("host %s: %d %s", host, got.status, got.body)
		}
	}
}

// TestTokenTwice shows that two tokens are none: who reads which would be a guess.
func TestTokenTwice(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header["Authorization"] = []string{"Bearer a", "Bearer b"}
	if secret, ok := bearer(r); ok {
		t.Errorf("of two tokens %q is taken", secret)
	}
	for _, text := range []string{"Bearer", "Bearer ", "bearer\ta", "Basic a", "a"} {
		r.Header["Authorization"] = []string{text}
		if secret, ok := bearer(r); ok {
			t.Errorf("%q is taken for the token %q", text, secret)
		}
	}
}

// TestTokensUnreadable shows that a file of tokens which turns bad lets nobody in,
// and that the daemon says why and its client does not learn it.
func TestTokensUnreadable(t *testing.T) {
	b := newBench(t, server.Limits{}, nil)
	if err := os.WriteFile(b.handler.opt.Tokens.Path(), []byte("nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := b.post(event, "application/json")
	if got.status != 503 || got.code() != "tokens" || strings.Contains(got.body, "nonsense") || strings.Contains(got.body, "audit.keys") {
		t.Errorf("%d %s", got.status, got.body)
	}
	select {
	case err := <-b.told:
		if !strings.Contains(err.Error(), "line 1") {
			t.Errorf("told %v", err)
		}
	default:
		t.Error("nothing is told")
	}
}

// TestSocket shows that by the socket the kernel says who sends, whatever token a
// request has and whatever it claims.
func TestSocket(t *testing.T) {
	b := newBench(t, server.Limits{}, nil)
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- b.server.ServeSocket(context.Background(), l) }()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", l.Addr().String())
	}}}
	defer client.CloseIdleConnections()
	claim := `{"event_type":"command_execution","labels":{"sender_uid":"0","sender_token_name":"root"}}`
	req, err := http.NewRequestWithContext(t.Context(), "POST", "http://anything/v1/events", strings.NewReader(claim))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer wrong")
	if got := b.answer(client.Do(req)); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	found := b.records("type = command_execution")
	if len(found) != 1 {
		t.Fatalf("%d records", len(found))
	}
	labels := found[0].Event.Labels
	if labels["claimed_sender_uid"] != "0" || labels["claimed_sender_token_name"] != "root" || labels["sender_pid"] == "" || labels["sender_token_name"] != "" {
		t.Errorf("labels %v", labels)
	}
	if got := b.answer(client.Get("http://anything/v1/audit?count")); got.status != 200 || !strings.HasPrefix(got.body, `{"count":`) {
		t.Errorf("a question by the daemon's own user: %d %s", got.status, got.body)
	}
	if err := b.server.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// squeezed returns text as gzip has it.
func squeezed(t *testing.T, text []byte) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(text)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
