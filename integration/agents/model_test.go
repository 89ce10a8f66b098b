package agents

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

// post sends a request and returns what comes back.
func post(t *testing.T, url, body string) string {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // only read from
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSpace(text))
}

// TestScripts shows of each wire format that the scenario comes from the newest
// prompt, the step from what was answered since, and that a request that is
// repeated gets the same step.
func TestScripts(t *testing.T) {
	script := Script{
		"old": {Say("the wrong scenario")},
		"new": {{Use("tool_a", map[string]int{"n": 1})}, {Use("tool_b", map[string]int{"n": 2})}, Say("the end")},
	}
	for _, c := range []struct {
		name  string
		start func(Script) *Server
		path  string
		first string // a request for the first step
		later string // one for the second
	}{
		{
			"anthropic", NewAnthropic, "/v1/messages?beta=true",
			`{"stream":true,"tools":[{}],"messages":[{"role":"user","content":"[[scenario:old]]"},{"role":"assistant","content":"x"},{"role":"user","content":[{"type":"text","text":"[[scenario:new]]"}]}]}`,
			`{"stream":true,"tools":[{}],"messages":[{"role":"user","content":"[[scenario:new]]"},{"role":"assistant","content":[]},{"role":"user","content":[{"type":"tool_result"}]}]}`,
		},
		{
			"responses", NewResponses, "/v1/responses",
			`{"input":[{"role":"user","content":"[[scenario:old]]"},{"type":"function_call","call_id":"call_s00_0_1"},{"type":"message","role":"user","content":[{"type":"input_text","text":"[[scenario:new]]"}]}]}`,
			`{"input":[{"role":"user","content":"[[scenario:new]]"},{"type":"function_call","call_id":"call_s00_0_1"},{"type":"function_call_output","call_id":"call_s00_0_1"}]}`,
		},
		{
			"gemini", NewGemini, "/v1beta/models/m:streamGenerateContent?alt=sse",
			`{"tools":[{}],"contents":[{"role":"user","parts":[{"text":"[[scenario:old]]"}]},{"role":"model","parts":[]},{"role":"user","parts":[{"text":"[[scenario:new]]"}]}]}`,
			`{"tools":[{}],"contents":[{"role":"user","parts":[{"text":"[[scenario:new]]"}]},{"role":"model","parts":[]},{"role":"user","parts":[{}]}]}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.start(script)
			defer s.Close()
			for request, want := range map[string]string{c.first: "tool_a", c.later: "tool_b"} {
				for range 2 {
					if got := post(t, s.URL+c.path, request); !strings.Contains(got, want) || strings.Contains(got, "wrong") {
						t.Errorf("%s\ngot  %s\nwant a call of %s", request, got, want)
					}
				}
			}
		})
	}
}
