package mcp

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A client that is sent to another address of the server asks there through the proxy,
// and each call says what is known of it.
func TestProxyRedirectsHere(t *testing.T) {
	for name, location := range map[string]func(r *http.Request) string{
		"a path":     func(*http.Request) string { return "/other?a=b" },
		"an address": func(r *http.Request) string { return "http://" + r.Host + "/other?a=b" },
		"no scheme":  func(r *http.Request) string { return "//" + r.Host + "/other?a=b" },
		"backslashes": func(r *http.Request) string {
			return "http:\\\\localhost:" + r.Host[strings.Index(r.Host, ":")+1:] + "/other?a=b"
		},
	} {
		t.Run(name, func(t *testing.T) {
			address, recorded := proxied(t, &Options{}, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/other" {
					w.Header().Set("Location", location(r))
					w.WriteHeader(http.StatusTemporaryRedirect)
					return
				}
				w.Header().Set("Content-Type", "application/json")
				_, _ = fmt.Fprintf(w, toolEnd, "1")
			})
			response, body := post(t, address, "", fmt.Sprintf(toolCall, "1", "a"))
			if to := response.Request.URL; response.StatusCode != http.StatusOK || to.Host != strings.Split(address, "/")[2] || to.RequestURI() != "/other?a=b" {
				t.Errorf("the client has gone to %s: %s %s", to, response.Status, body)
			}
			want := []string{
				"session_start success", "tool_call attempt a",
				"tool_call completion a error HTTP 307: the client is sent to another address of the server, and asks again there end=redirected",
				"tool_call attempt a", "tool_call completion a success", "session_end success reason=the proxy ended",
			}
			if d := cmp.Diff(want, recorded()); d != "" {
				t.Errorf("events (-want +got):\n%s", d)
			}
		})
	}
}

// A client that is sent to another server is not followed, and that is on record.
func TestProxyRedirectsAway(t *testing.T) {
	for location, place := range map[string]string{
		"https://other.example:1/mcp?key=x": "https://other.example:1",
		"//other.example/mcp":               "//other.example",
		`\\other.example/mcp`:               "//other.example",
		"http://other.exa\tmple/mcp":        "http://other.example",
		"///other.example/mcp?x":            "///other.example/mcp",
	} {
		t.Run(location, func(t *testing.T) {
			address, recorded := proxied(t, &Options{}, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", location)
				w.WriteHeader(http.StatusPermanentRedirect)
			})
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(fmt.Sprintf(toolCall, "1", "a")))
			if err != nil {
				t.Fatal(err)
			}
			response, err := http.DefaultTransport.RoundTrip(r) // which follows nobody
			if err != nil {
				t.Fatal(err)
			}
			if err := response.Body.Close(); err != nil || response.Header.Get("Location") != location {
				t.Errorf("Location is %q, %v, want it as it was", response.Header.Get("Location"), err)
			}
			want := []string{
				"session_start success", "tool_call attempt a", "security_event server " + place + " payload=redirect",
				"tool_call completion a error HTTP 308: the client is sent to " + place + ", and what became of the call is not seen end=redirected",
				"session_end success reason=the proxy ended",
			}
			if d := cmp.Diff(want, recorded()); d != "" {
				t.Errorf("events (-want +got):\n%s", d)
			}
		})
	}
}

// A stream that is sent away is missed, too; where somebody only visits, as for OAuth,
// nothing is.
func TestProxyRedirectsStreams(t *testing.T) {
	address, recorded := proxied(t, &Options{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://other.example/")
		w.WriteHeader(http.StatusFound)
	})
	for _, accept := range []string{"text/html", "text/event-stream"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", accept)
		response, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
	}
	want := []string{"session_start success", "security_event server https://other.example payload=redirect", "session_end success reason=the proxy ended"}
	if d := cmp.Diff(want, recorded()); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
}

// What a server says of the type of an answer is read as widely as clients do.
func TestKindOfAnswer(t *testing.T) {
	for _, test := range []struct {
		header http.Header
		kind   string
		fails  error
	}{
		{http.Header{}, "", nil},
		{http.Header{"Content-Type": {"text/html"}}, "", nil},
		{http.Header{"Content-Type": {"Text/Event-Stream;charset=utf-8"}}, eventStream, nil},
		{http.Header{"Content-Type": {"application/json, x"}}, jsonType, nil},
		{http.Header{"Content-Type": {"x; a=text/event-stream"}}, eventStream, nil},
		{http.Header{"Content-Type": {"text/plain", "application/json"}}, jsonType, nil},
		{http.Header{"Content-Type": {"application/json;a=text/event-stream"}}, "", errKind},
		{http.Header{"Content-Type": {jsonType}, "Content-Encoding": {"Identity", ""}}, jsonType, nil},
		{http.Header{"Content-Type": {jsonType}, "Content-Encoding": {"identity", "gzip"}}, "", errCoding},
	} {
		if kind, err := kindOfAnswer(test.header); kind != test.kind || err != test.fails {
			t.Errorf("%v: got %q, %v, want %q, %v", test.header, kind, err, test.kind, test.fails)
		}
	}
}
