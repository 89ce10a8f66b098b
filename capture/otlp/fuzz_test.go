package otlp_test

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/capture/otlp"
)

// fuzz hands any bytes to a reader: whatever they are, it ends, every item is an
// event, ignored or rejected, and what it answers can be read.
func fuzz(f *testing.F, made func([]byte, otlp.Encoding, *otlp.Options) (otlp.Batch, error)) {
	for _, name := range requests(f) {
		body, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	for _, body := range []string{"", "{", "[]", `{"resourceLogs":[{"resource":7}]}`, `{"resourceSpans":[{"scopeSpans":[{"spans":[[]]}]}]}`, "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"} {
		f.Add([]byte(body))
	}
	all := &otlp.Options{Recording: hook.Recording{Output: true, Prompts: true, Content: true}, Now: time.Unix(1.8e9, 0)}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, encoding := range []otlp.Encoding{otlp.JSON, otlp.Protobuf} {
			for _, opts := range []*otlp.Options{nil, all} {
				batch, err := made(body, encoding, opts)
				if err != nil && (len(batch.Events) > 0 || batch.Ignored > 0 || batch.Rejected > 0) {
					t.Errorf("%v, and yet %d events", err, len(batch.Events))
				}
				if (batch.Rejected > 0) != (batch.Reason != "") {
					t.Errorf("%d rejected for %q", batch.Rejected, batch.Reason)
				}
				for _, e := range batch.Events {
					if e.Type == "" || e.Actor == nil || e.Action == nil || e.Labels["capture"] != "otlp" {
						t.Errorf("got %+v", e)
					}
					if a := e.Action.Arguments; len(a) > 0 && !json.Valid(a) {
						t.Errorf("arguments are no JSON: %q", a)
					}
				}
				if answer := batch.Response(otlp.JSON); !json.Valid(answer) {
					t.Errorf("the answer is no JSON: %q", answer)
				}
			}
		}
	})
}

func FuzzLogs(f *testing.F) { fuzz(f, otlp.Logs) }

func FuzzTraces(f *testing.F) { fuzz(f, otlp.Traces) }
