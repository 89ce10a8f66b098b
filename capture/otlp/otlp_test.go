package otlp_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
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

// TestTimedOutRequest shows that a request which timed out is an event that a log
// takes: one that it does not keeps all others of its batch out.
func TestTimedOutRequest(t *testing.T) {
	const body = `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174","kind":3,
"attributes":[{"key":"http.request.method","value":{"stringValue":"GET"}},{"key":"url.full","value":{"stringValue":"https://x.example/"}},
{"key":"error.type","value":{"stringValue":"timeout"}}],"status":{"code":2,"message":"no answer"}}]}]}]}`
	batch, err := otlp.Traces([]byte(body), otlp.JSON, nil)
	if err != nil || len(batch.Events) != 1 {
		t.Fatalf("%d events, %v", len(batch.Events), err)
	}
	if err := batch.Events[0].Validate(); err != nil || batch.Events[0].Result.Type != etch.Timeout {
		t.Errorf("got %+v: %v", batch.Events[0].Result, err)
	}
}

func TestMalformedBody(t *testing.T) {
	for _, body := range []string{"", "x", "[]", "null", `"{}"`, `{"resourceLogs":[]}`, `{"resourceSpans":{}}`, `{"resourceSpans":[1]}`} {
		if _, err := otlp.Traces([]byte(body), otlp.JSON, nil); !errors.Is(err, otlp.ErrMalformed) {
			t.Errorf("%s: got %v, want ErrMalformed", body, err)
		}
	}
}

func TestProtobufBodies(t *testing.T) {
	if b, err := otlp.Logs(nil, otlp.Protobuf, nil); err != nil || len(b.Events) != 0 || b.Ignored != 0 {
		t.Errorf("the empty request: got %+v, %v", b, err)
	}
	for _, body := range []string{"x", "\x0a", "\x0a\x05ab", "\x08\x01", "\x0a\x02\x08\x01", "\x0a\x04\x0a\x02\x08\x01", "{}", `{"resourceLogs":[]}`} {
		if b, err := otlp.Logs([]byte(body), otlp.Protobuf, nil); !errors.Is(err, otlp.ErrMalformed) {
			t.Errorf("%q: got %+v, %v, want ErrMalformed", body, b, err)
		}
	}
}

// TestWrongPlace sends traces to where logs are taken, and the other way round:
// nothing may seem received.
func TestWrongPlace(t *testing.T) {
	for _, name := range requests(t) {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		other := strings.NewReplacer("-logs.", "-traces.", "-traces.", "-logs.").Replace(name)
		b, _, err := read(other, body, nil)
		if err == nil && (b.Rejected == 0 || b.Ignored > 0 || len(b.Events) > 0) {
			t.Errorf("%s: got %d events, %d ignored, %d rejected", name, len(b.Events), b.Ignored, b.Rejected)
		}
	}
}

func TestTooManyItems(t *testing.T) {
	const n = 1<<16 + 3
	body := `{"resourceSpans":[{"scopeSpans":[{"spans":[` + strings.Repeat(`{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"},`, n-1) + `{}]}]}]}`
	b, err := otlp.Traces([]byte(body), otlp.JSON, nil)
	if err != nil || b.Ignored != 1<<16 || b.Rejected != 3 || !strings.Contains(b.Reason, "more than 65536") {
		t.Errorf("got %d ignored, %d rejected (%s), %v, want %d and 3", b.Ignored, b.Rejected, b.Reason, err, 1<<16)
	}
}

func TestTimes(t *testing.T) {
	now := time.Date(2026, 2, 3, 10, 0, 0, 0, time.UTC)
	record := func(members string) string {
		return `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{` + members + `"attributes":[
			{"key":"event.name","value":{"stringValue":"codex.tool_result"}},{"key":"duration_ms","value":{"stringValue":"2000"}}]}]}]}]}`
	}
	for name, c := range map[string]struct {
		members string
		now     time.Time
		want    time.Time
		claimed string
	}{
		"told":             {`"timeUnixNano":"1770112790000000000",`, now, now.Add(-12 * time.Second), ""},
		"observed":         {`"observedTimeUnixNano":"1770112790000000000",`, now, now.Add(-12 * time.Second), ""},
		"a little ahead":   {`"timeUnixNano":"1770112830000000000",`, now, now.Add(28 * time.Second), ""},
		"far ahead":        {`"timeUnixNano":"1770112930000000000",`, now, time.Time{}, "2026-02-03T10:02:08Z"},
		"ahead, no clock":  {`"timeUnixNano":"1770112930000000000",`, time.Time{}, now.Add(128 * time.Second), ""},
		"past all numbers": {`"timeUnixNano":"18446744073709551615",`, time.Time{}, time.Time{}, "2554-07-21T23:34:31.709551615Z"},
		"none":             {``, now, time.Time{}, ""},
		"none at all":      {``, time.Time{}, time.Time{}, ""},
	} {
		b, err := otlp.Logs([]byte(record(c.members)), otlp.JSON, &otlp.Options{Now: c.now})
		if err != nil || len(b.Events) != 1 {
			t.Fatalf("%s: %d events, %v", name, len(b.Events), err)
		}
		if e := b.Events[0]; !e.Timestamp.Equal(c.want) || e.Labels["claimed_time"] != c.claimed {
			t.Errorf("%s: got %s, claimed %q, want %s, %q", name, e.Timestamp, e.Labels["claimed_time"], c.want, c.claimed)
		}
	}
}

func TestEncodingOf(t *testing.T) {
	for header, want := range map[string]otlp.Encoding{
		"application/json": otlp.JSON, "Application/JSON; charset=utf-8": otlp.JSON, "application/x-protobuf": otlp.Protobuf, "application/x-protobuf ;a=b": otlp.Protobuf,
	} {
		if got, ok := otlp.EncodingOf(header); !ok || got != want {
			t.Errorf("%q: got %v, %v, want %v", header, got, ok, want)
		}
	}
	for _, header := range []string{"", "text/plain", "json", "application/x-protobuffer", "application/grpc"} {
		if got, ok := otlp.EncodingOf(header); ok {
			t.Errorf("%q: got %v, want none", header, got)
		}
	}
}

func TestFailure(t *testing.T) {
	if got, want := string(otlp.Failure(otlp.JSON, "no \"way\"\xff")), `{"message":"no \"way\"`+"\uFFFD"+`"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := string(otlp.Failure(otlp.Protobuf, "no")), "\x12\x02no"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestNoTrace wants a record whose ids are none to belong to no trace: unlike
// those of a span they are not required.
func TestNoTrace(t *testing.T) {
	for _, id := range []string{"", "00000000000000000000000000000000", "5b8efff798038103d269b633813fc6"} {
		body := `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"eventName":"session.end","traceId":"` + id + `","spanId":"` + id + `"}]}]}]}`
		b, err := otlp.Logs([]byte(body), otlp.JSON, nil)
		if err != nil || len(b.Events) != 1 || b.Events[0].TraceID != "" || b.Events[0].Labels["span_id"] != "" {
			t.Errorf("id %q: got %+v, %v", id, b, err)
		}
	}
}

// TestInvalidUTF8 wants what is no character to become U+FFFD, in both encodings.
func TestInvalidUTF8(t *testing.T) {
	const name = "\x62\x11codex.tool_result" // event_name
	record := "\x32\x10\x0a\x09tool_name\x12\x03\x0a\x01\xff" + name
	scope := "\x12" + string(rune(len(record))) + record
	logs := "\x12" + string(rune(len(scope))) + scope
	proto := "\x0a" + string(rune(len(logs))) + logs
	json := "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"eventName\":\"codex.tool_result\",\"attributes\":[{\"key\":\"tool_name\",\"value\":{\"stringValue\":\"\xff\"}}]}]}]}]}"
	for encoding, body := range map[otlp.Encoding]string{otlp.Protobuf: proto, otlp.JSON: json} {
		b, err := otlp.Logs([]byte(body), encoding, nil)
		if err != nil || len(b.Events) != 1 || b.Events[0].Action.Tool != "\uFFFD" {
			t.Errorf("%s: got %d events, %v, want one of the tool U+FFFD", encoding.ContentType(), len(b.Events), err)
		}
	}
}

// TestInvalidIDs wants spans to be rejected whose ids are none, in both encodings,
// and the answer to say so.
func TestInvalidIDs(t *testing.T) {
	trace, span := strings.Repeat("\x01", 16), strings.Repeat("\x02", 8)
	for _, ids := range [][2]string{
		{"", span},
		{trace[1:], span},
		{trace + "\x01", span},
		{strings.Repeat("\x00", 16), span},
		{trace, ""},
		{trace, span[1:]},
		{trace, span + "\x02"},
		{trace, strings.Repeat("\x00", 8)},
	} {
		inner := "\x0a" + string(rune(len(ids[0]))) + ids[0] + "\x12" + string(rune(len(ids[1]))) + ids[1]
		for _, number := range []string{"\x12", "\x12", "\x0a"} { // spans, scope_spans, resource_spans
			inner = number + string(rune(len(inner))) + inner
		}
		json := fmt.Sprintf(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%x","spanId":"%x"}]}]}]}`, ids[0], ids[1])
		for encoding, body := range map[otlp.Encoding]string{otlp.Protobuf: inner, otlp.JSON: json} {
			b, err := otlp.Traces([]byte(body), encoding, nil)
			if err != nil || b.Rejected != 1 || b.Ignored != 0 {
				t.Errorf("%x as %s: got %d rejected, %d ignored, %v, want 1 and 0", ids, encoding.ContentType(), b.Rejected, b.Ignored, err)
			}
		}
	}
	b, err := otlp.Traces([]byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{},{}]}]}]}`), otlp.JSON, nil)
	if err != nil {
		t.Fatal(err)
	}
	message := b.Reason
	want := "\x0a" + string(rune(len(message)+4)) + "\x08\x02\x12" + string(rune(len(message))) + message
	if got := string(b.Response(otlp.Protobuf)); got != want {
		t.Errorf("got answer %q, want %q", got, want)
	}
}

// TestTake shows that events which the caller does not take are rejected, each for
// itself, and that the sender is told why.
func TestTake(t *testing.T) {
	record := `{"attributes":[{"key":"event.name","value":{"stringValue":"session.start"}}]}`
	body := `{"resourceLogs":[{"scopeLogs":[{"logRecords":[` + record + "," + record + "," + record + `]}]}]}`
	asked := 0
	batch, err := otlp.Logs([]byte(body), otlp.JSON, &otlp.Options{Take: func(*etch.Event) error {
		if asked++; asked == 2 {
			return errors.New("no room")
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if asked != 3 || len(batch.Events) != 2 || batch.Rejected != 1 || batch.Reason != "item 2: no room" {
		t.Errorf("asked %d times, %d events, %d rejected for %q", asked, len(batch.Events), batch.Rejected, batch.Reason)
	}
}
