package otel

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/etch-audit/etch/capture/otlp"
	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// texts are some that encoders get wrong.
var texts = []string{"", "a", "\x00", "\"\\\n", "\u2028é😀", "</script>", "0123456789012345678901234567890123456789"}

// fill sets a value to anything, nested up to a depth, and returns what it is in
// Go's terms, as JSON has it.
func fill(rng *rand.Rand, v pcommon.Value, depth int) any {
	n := 8
	if depth == 0 {
		n = 6
	}
	switch rng.IntN(n) {
	case 0:
		s := texts[rng.IntN(len(texts))]
		v.SetStr(s)
		return s
	case 1:
		b := rng.IntN(2) == 0
		v.SetBool(b)
		return b
	case 2:
		i := rng.Int64N(1<<53) - 1<<52 // JSON's readers know no more
		v.SetInt(i)
		return float64(i)
	case 3:
		f := rng.NormFloat64() * 1e10
		v.SetDouble(f)
		return f
	case 4:
		b := make([]byte, rng.IntN(5))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		v.SetEmptyBytes().FromRaw(b)
		text, err := json.Marshal(b)
		if err != nil {
			panic(err)
		}
		return string(text[1 : len(text)-1])
	case 5:
		return nil // empty
	case 6:
		s, out := v.SetEmptySlice(), []any{}
		for range rng.IntN(4) {
			out = append(out, fill(rng, s.AppendEmpty(), depth-1))
		}
		return out
	}
	return fillMap(rng, v.SetEmptyMap(), depth-1)
}

func fillMap(rng *rand.Rand, m pcommon.Map, depth int) map[string]any {
	out := make(map[string]any)
	for i := range rng.IntN(4) {
		key := fmt.Sprintf("k%d", i)
		out[key] = fill(rng, m.PutEmpty(key), depth)
	}
	return out
}

// TestRandomTraces compares what is read of random requests, in both encodings,
// with what the collector's own encoders were given.
func TestRandomTraces(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		td := ptrace.NewTraces()
		var want []any
		var ids []string
		for range 1 + rng.IntN(3) {
			spans := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
			for range rng.IntN(4) {
				s := spans.AppendEmpty()
				id := pcommon.SpanID{1, byte(rng.Uint32()), byte(rng.Uint32())}
				s.SetSpanID(id)
				s.SetTraceID(pcommon.TraceID{3: 7})
				s.SetName("execute_tool x")
				s.Events().AppendEmpty().SetName("note")
				s.Links().AppendEmpty().SetSpanID(id)
				s.Attributes().PutStr("gen_ai.operation.name", "execute_tool")
				want = append(want, fillMap(rng, s.Attributes().PutEmptyMap("gen_ai.tool.call.arguments"), 4))
				ids = append(ids, id.String())
			}
		}
		proto, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
		if err != nil {
			t.Fatal(err)
		}
		text, err := (&ptrace.JSONMarshaler{}).MarshalTraces(td)
		if err != nil {
			t.Fatal(err)
		}
		for encoding, body := range map[otlp.Encoding][]byte{otlp.Protobuf: proto, otlp.JSON: text} {
			b, err := otlp.Traces(body, encoding, nil)
			if err != nil || b.Rejected != 0 || len(b.Events) != len(want) {
				t.Fatalf("%s: %d events, %d rejected (%s), %v, want %d events", encoding.ContentType(), len(b.Events), b.Rejected, b.Reason, err, len(want))
			}
			for i, e := range b.Events {
				var got any = map[string]any{}
				if len(e.Action.Arguments) > 0 {
					if err := json.Unmarshal(e.Action.Arguments, &got); err != nil {
						t.Fatal(err)
					}
				}
				if d := cmp.Diff(want[i], got); d != "" || e.CallID != ids[i] {
					t.Errorf("%s: call %s, want %s; arguments (-want +got):\n%s", encoding.ContentType(), e.CallID, ids[i], d)
				}
			}
		}
	}
}

// TestRandomLogs does the same for bodies and attributes of log records: the
// prompt of a user stands for them.
func TestRandomLogs(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		ld := plog.NewLogs()
		records := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
		var want []string
		for range rng.IntN(5) {
			r := records.AppendEmpty()
			r.SetEventName("gemini_cli.tool_call")
			fill(rng, r.Body(), 3)
			fill(rng, r.Attributes().PutEmpty("other"), 4)
			text := texts[rng.IntN(len(texts))]
			r.Attributes().PutStr("function_name", text)
			want = append(want, text)
		}
		proto, err := (&plog.ProtoMarshaler{}).MarshalLogs(ld)
		if err != nil {
			t.Fatal(err)
		}
		text, err := (&plog.JSONMarshaler{}).MarshalLogs(ld)
		if err != nil {
			t.Fatal(err)
		}
		for encoding, body := range map[otlp.Encoding][]byte{otlp.Protobuf: proto, otlp.JSON: text} {
			b, err := otlp.Logs(body, encoding, nil)
			if err != nil || b.Rejected != 0 {
				t.Fatalf("%s: %d rejected (%s), %v", encoding.ContentType(), b.Rejected, b.Reason, err)
			}
			var got []string
			for _, e := range b.Events {
				got = append(got, e.Action.Tool)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: got tools %q, want %q", encoding.ContentType(), got, want)
			}
		}
	}
}
