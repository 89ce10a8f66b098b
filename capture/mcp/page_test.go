package mcp

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/etch-audit/etch"
)

// Nothing that a web page of another machine sends reaches the server, whatever it is,
// and each is on record; pages of this machine, and what no browser sends, do.
func TestProxyForeignPages(t *testing.T) {
	const evil = "https://evil.example"
	for name, test := range map[string]struct {
		method string
		header http.Header
		passes bool
	}{
		"no browser":              {method: "POST", passes: true},
		"this machine":            {method: "POST", header: http.Header{"Origin": {"http://localhost:6274"}}, passes: true},
		"its address":             {method: "POST", header: http.Header{"Origin": {"http://127.0.0.1:1"}, "Sec-Fetch-Site": {"cross-site"}}, passes: true},
		"IPv6":                    {method: "POST", header: http.Header{"Origin": {"http://[::1]:6274"}}, passes: true},
		"its preflight":           {method: "OPTIONS", header: http.Header{"Origin": {"http://localhost:6274"}}, passes: true},
		"a visit":                 {method: "GET", header: http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}}, passes: true},
		"a page":                  {method: "POST", header: http.Header{"Origin": {evil}}},
		"no preflight":            {method: "POST", header: http.Header{"Origin": {evil}, "Content-Type": {"text/plain"}}},
		"a preflight":             {method: "OPTIONS", header: http.Header{"Origin": {evil}, "Access-Control-Request-Method": {"POST"}}},
		"a stream":                {method: "GET", header: http.Header{"Origin": {evil}}},
		"the end":                 {method: "DELETE", header: http.Header{"Origin": {evil}}},
		"a sandbox":               {method: "POST", header: http.Header{"Origin": {"null"}}},
		"an empty line":           {method: "POST", header: http.Header{"Origin": {"", evil}}},
		"the second":              {method: "POST", header: http.Header{"Origin": {"http://localhost", evil}}},
		"two in a line":           {method: "POST", header: http.Header{"Origin": {"http://localhost, " + evil}}},
		"a name that begins so":   {method: "POST", header: http.Header{"Origin": {"http://localhost.evil.example"}}},
		"a user":                  {method: "POST", header: http.Header{"Origin": {"http://localhost@evil.example"}}},
		"a picture":               {method: "GET", header: http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"no-cors"}}},
		"a form without Origin":   {method: "POST", header: http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}}},
		"a form of another's":     {method: "POST", header: http.Header{"Origin": {evil}, "Sec-Fetch-Mode": {"navigate"}}},
		"an extension of Chrome":  {method: "POST", header: http.Header{"Origin": {"chrome-extension://abc"}}},
		"an Origin of no meaning": {method: "POST", header: http.Header{"Origin": {"::"}}},
	} {
		t.Run(name, func(t *testing.T) {
			var reached atomic.Int64
			address, recorded := proxied(t, &Options{}, func(http.ResponseWriter, *http.Request) { reached.Add(1) })
			r, err := http.NewRequestWithContext(t.Context(), test.method, address, strings.NewReader(fmt.Sprintf(toolCall, "1", "a")))
			if err != nil {
				t.Fatal(err)
			}
			r.Header = test.header.Clone()
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if err := response.Body.Close(); err != nil {
				t.Error(err)
			}
			status, tells := http.StatusForbidden, int64(1)
			if test.passes {
				status, tells = http.StatusOK, 0
			}
			events := recorded()
			var n int64
			for _, text := range events {
				if strings.HasPrefix(text, "security_event client") && strings.HasSuffix(text, "payload=foreign") {
					n++
				}
			}
			if response.StatusCode != status || reached.Load() != 1-tells || n != tells {
				t.Errorf("status %d, reached %d times, %d records, want %d, %d, %d: %q", response.StatusCode, reached.Load(), n, status, 1-tells, tells, events)
			}
		})
	}
}

// Of a proxy that any name may call, pages of that name may, too.
func TestProxyForeignAnyHost(t *testing.T) {
	target, err := url.Parse("http://127.0.0.1:1/mcp")
	if err != nil {
		t.Fatal(err)
	}
	p := NewProxy(new(notebook), target, nil, &Options{})
	defer func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}()
	for origin, passes := range map[string]bool{
		"http://box.example:3000": true, "http://BOX.example": true, "http://localhost": true, "https://evil.example": false, "null": false,
	} {
		r := httptest.NewRequest(http.MethodPost, "http://box.example:7801/mcp", http.NoBody)
		r.Header.Set("Origin", origin)
		if why, _ := p.foreign(r); (why == "") != passes {
			t.Errorf("%s: %q, passes: want %t", origin, why, passes)
		}
	}
}

// A page that never stops asking fills no log.
func TestProxyForeignIsBounded(t *testing.T) {
	var events []*etch.Event
	s := newSession(&Options{}, "s", start, func(e *etch.Event) { events = append(events, e) })
	for range 3 * eachOdd {
		s.noteForeign("https://evil.example", start)
	}
	s.finish(success(), "over", start)
	got := told(events)
	i := slices.IndexFunc(got, func(text string) bool { return strings.Contains(text, fmt.Sprintf("messages=%d", 2*eachOdd)) })
	if len(got) != eachOdd+3 || i < 0 {
		t.Errorf("%d events, the rest is the %dth: %q", len(got), i, got)
	}
}
