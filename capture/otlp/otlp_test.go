package otlp_test

import (
	"errors"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/otlp"
)

const toolSpan = `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"planner"}}]},
"scopeSpans":[{"scope":{"name":"agents"},"spans":[{
"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174","name":"execute_tool bash","kind":1,
"startTimeUnixNano":"1544712660000000000","endTimeUnixNano":1544712661500000000,
"attributes":[
 {"key":"gen_ai.operation.name","value":{"stringValue":"execute_tool"}},
 {"key":"gen_ai.tool.name","value":{"stringValue":"bash"}},
 {"key":"gen_ai.tool.call.id","value":{"stringValue":"call_1"}},
 {"key":"gen_ai.conversation.id","value":{"stringValue":"conv-7"}},
 {"key":"gen_ai.tool.call.arguments","value":{"kvlistValue":{"values":[{"key":"command","value":{"stringValue":"make test"}}]}}}
],"status":{}}]}]}]}`

func TestToolSpan(t *testing.T) {
	batch, err := otlp.Traces([]byte(toolSpan), otlp.JSON, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(batch.Events) != 1 || batch.Ignored != 0 || batch.Rejected != 0 {
		t.Fatalf("got %d events, %d ignored, %d rejected (%s), want 1, 0, 0", len(batch.Events), batch.Ignored, batch.Rejected, batch.Reason)
	}
	e := batch.Events[0]
	if e.Type != etch.CommandExecution || e.Phase != etch.Completion || e.CallID != "call_1" || e.SessionID != "conv-7" {
		t.Errorf("got %s %s of call %q in session %q", e.Phase, e.Type, e.CallID, e.SessionID)
	}
	if got, want := e.TraceID, "5b8efff798038103d269b633813fc60c"; got != want {
		t.Errorf("got trace %q, want %q", got, want)
	}
	if e.Action.Command != "make test" || e.Actor.Agent != "planner" {
		t.Errorf("got command %q of agent %q", e.Action.Command, e.Actor.Agent)
	}
	if got, want := e.Result.Duration, 1500*time.Millisecond; got != want || e.Result.Type != etch.Success {
		t.Errorf("got %s after %s, want success after %s", e.Result.Type, got, want)
	}
	if got, want := e.Timestamp, time.Unix(1544712660, 0).UTC(); !got.Equal(want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestMalformedBody(t *testing.T) {
	for _, body := range []string{"", "x", "[]", "null", `"{}"`, `{"resourceLogs":[]}`, `{"resourceSpans":{}}`, `{"resourceSpans":[1]}`} {
		if _, err := otlp.Traces([]byte(body), otlp.JSON, nil); !errors.Is(err, otlp.ErrMalformed) {
			t.Errorf("%s: got %v, want ErrMalformed", body, err)
		}
	}
}
