package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/etch-audit/etch/capture/hook"
)

// A board is what a command writes to while it runs.
type board struct {
	mu    sync.Mutex
	text  strings.Builder
	wrote chan struct{}
}

func (b *board) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text.Write(p)
	select {
	case b.wrote <- struct{}{}:
	default:
	}
	return len(p), nil
}

// find waits until what was written has the form, and returns its first group.
func (b *board) find(t *testing.T, form *regexp.Regexp) string {
	t.Helper()
	for deadline := time.After(patiently); ; {
		b.mu.Lock()
		match := form.FindStringSubmatch(b.text.String())
		b.mu.Unlock()
		if match != nil {
			return match[1]
		}
		select {
		case <-b.wrote:
		case <-deadline:
			t.Fatalf("%v does not come: %s", form, b.text.String())
		}
	}
}

// The proxy of a server that speaks HTTP, as a command: until it is told to end.
func TestServeMCP(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/some/mcp" {
			t.Errorf("got the path %s", r.URL.Path)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[]}}\n\n")
	}))
	defer upstream.Close()
	path := filepath.Join(t.TempDir(), "audit.log")
	words := &board{wrote: make(chan struct{}, 1)}
	std := processStdio()
	std.err = words
	std.env = func(name string) (string, bool) {
		value, ok := map[string]string{"HOME": t.TempDir(), "ETCH_USER": "alice"}[name]
		return value, ok
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- execute(ctx, []string{"mcp", "--log", path, "--name", "far", "--url", upstream.URL + "/some/mcp", "--listen", "127.0.0.1:0"}, std)
	}()
	address := words.find(t, regexp.MustCompile(`its clients shall use (http://127\.0\.0\.1:\d+/some/mcp)\n`))
	response, err := http.Post(address, "application/json", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"look"}}`))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil || response.Body.Close() != nil || !strings.HasPrefix(string(body), "data: ") {
		t.Errorf("got %q, %v", body, err)
	}
	cancel()
	if err := <-ended; err == nil {
		t.Error("it ended without being told to")
	}
	log, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"phase":"completion".*"username":"alice".*"tool":"look".*"mcp_server_id":"far"`,
		`"event_type":"session_end".*"resource":"` + regexp.QuoteMeta(upstream.URL) + `/some/mcp"`,
	} {
		if !regexp.MustCompile(want).Match(log) {
			t.Errorf("%s is not in the log:\n%s", want, log)
		}
	}
}

// What is not sent to the server is said so, and is neither recorded nor shown.
func TestAddressOf(t *testing.T) {
	for from, want := range map[string]string{
		"https://example.com/mcp":                        "https://example.com/mcp",
		"https://me:hunter2@example.com/a%2Fb?k=hunter2": "https://example.com/a%2Fb",
		"http://localhost:1/mcp?":                        "http://localhost:1/mcp",
	} {
		target, err := url.Parse(from)
		if err != nil {
			t.Fatal(err)
		}
		words := &board{wrote: make(chan struct{}, 1)}
		if got := addressOf(target, stdio{err: words}); got != want {
			t.Errorf("%s: got %s, want %s", from, got, want)
		}
		said := words.text.String()
		if strings.Contains(said, "hunter2") || strings.Contains(said, "not sent") != (from != want) {
			t.Errorf("%s: it says %q", from, said)
		}
	}
}

// Who can be reached by other machines says so, and takes every name.
func TestHostsOf(t *testing.T) {
	words := &board{wrote: make(chan struct{}, 1)}
	std := stdio{err: words}
	for listen, want := range map[string]string{
		"127.0.0.1:0": "[localhost 127.0.0.1 ::1 127.0.0.1 127.0.0.1]",
		"localhost:0": "localhost",
		"0.0.0.0:0":   "[]",
	} {
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", listen)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(hostsOf(listener.Addr(), listen, std)); !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", listen, got, want)
		}
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	}
	if !strings.Contains(words.text.String(), "other machines reach 0.0.0.0") && !strings.Contains(words.text.String(), "other machines reach [::]") {
		t.Errorf("got %q", words.text.String())
	}
}

// The record of a call that the agent's hook made, too, has the same digest and
// keeps the same texts.
func TestMCPArguments(t *testing.T) {
	kept, digest := mcpArguments("write_file", []byte(`{"path":"/a","content":"secret text"}`), hook.Recording{})
	if want := hook.InputDigest([]byte(`{"content":"secret text","path":"/a"}`)); digest != want {
		t.Errorf("got the digest %s, want %s", digest, want)
	}
	if strings.Contains(string(kept), "secret") || !strings.Contains(string(kept), `"path":"/a"`) {
		t.Errorf("got %s", kept)
	}
}
