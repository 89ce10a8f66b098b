package mcp

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A slowServer answers a call by a stream, of which it says a piece whenever it is told
// one. It knows no address by GET.
func slowServer(said <-chan string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case strings.Contains(string(body), `"initialize"`):
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set(sessionHeader, "s1")
			_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":0,"result":{"serverInfo":{"name":"remote"}}}`)
		case strings.Contains(string(body), `"tools/call"`):
			w.Header().Set("Content-Type", "text/event-stream")
			_ = http.NewResponseController(w).Flush()
			for text := range said {
				_, _ = fmt.Fprintf(w, "data: %s\n\n", text)
				_ = http.NewResponseController(w).Flush()
			}
		case len(body) > 0:
			w.WriteHeader(http.StatusAccepted)
		case r.Method == http.MethodDelete:
			w.WriteHeader(http.StatusNoContent)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}
}

// What passes while a session is said to be over is on record all the same: neither a
// client nor who stands beside it can make the proxy look away.
func TestSessionOutlivesItsEnd(t *testing.T) {
	const hello = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"clientInfo":{"name":"c"}}}`
	for name, test := range map[string]struct {
		meanwhile func(t *testing.T, address string)
		reason    string
	}{
		"another address is not found": {func(t *testing.T, address string) {
			send(t, http.MethodGet, strings.TrimSuffix(address, "mcp")+"nope", "s1", "")
		}, "the proxy ended"},
		"the session is not found": {func(t *testing.T, address string) {
			send(t, http.MethodGet, address, "s1", "")
		}, "the server knows no such session"},
		"it is deleted": {func(t *testing.T, address string) {
			send(t, http.MethodDelete, address, "s1", "")
		}, "client closed"},
		"very many others begin": {func(t *testing.T, address string) {
			for i := range mostSessions {
				post(t, address, fmt.Sprint("other", i), `{"jsonrpc":"2.0","method":"notifications/initialized"}`)
			}
		}, "forgotten"},
		"its name is given away": {func(t *testing.T, address string) {
			post(t, address, "", hello)
		}, "its name was given to another"},
	} {
		t.Run(name, func(t *testing.T) {
			said := make(chan string)
			address, recorded := proxied(t, &Options{}, slowServer(said))
			post(t, address, "", hello)
			ctx, cancel := context.WithTimeout(t.Context(), hung)
			defer cancel()
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(fmt.Sprintf(toolCall, "1", "slow")))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set(sessionHeader, "s1")
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			test.meanwhile(t, address)
			stream := bufio.NewScanner(response.Body)
			for _, text := range []string{`{"jsonrpc":"2.0","id":9,"method":"sampling/createMessage","params":{}}`, fmt.Sprintf(toolEnd, "1")} {
				said <- text
				if got := nextData(t, stream); got != text {
					t.Errorf("got %s, want %s", got, text)
				}
			}
			close(said)
			if err := response.Body.Close(); err != nil {
				t.Error(err)
			}
			var got []string
			for _, line := range recorded() {
				if !strings.Contains(line, "session") || strings.Contains(line, test.reason) {
					got = append(got, line)
				}
			}
			want := []string{
				"tool_call attempt slow", "tool_call attempt server sampling/createMessage",
				"tool_call completion slow success",
				"tool_call completion server sampling/createMessage error no answer: interrupted end=interrupted",
				"session_end success reason=" + test.reason,
			}
			if d := cmp.Diff(want, got[:min(len(want), len(got))]); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}
