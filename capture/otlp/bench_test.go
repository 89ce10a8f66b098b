package otlp_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/etch-audit/etch/capture/otlp"
)

// BenchmarkTraces reads requests of 512 spans, as SDKs send them at most: three
// of four are calls of tools.
func BenchmarkTraces(b *testing.B) {
	one, err := os.ReadFile("testdata/collector-traces.pb")
	if err != nil {
		b.Fatal(err)
	}
	asJSON, err := os.ReadFile("testdata/collector-traces.json")
	if err != nil {
		b.Fatal(err)
	}
	inner := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(string(asJSON)), `{"resourceSpans":[`), `]}`)
	for name, c := range map[string]struct {
		encoding otlp.Encoding
		body     []byte
	}{
		"encoding=protobuf": {otlp.Protobuf, bytes.Repeat(one, 128)},
		"encoding=json":     {otlp.JSON, []byte(`{"resourceSpans":[` + strings.Repeat(inner+",", 127) + inner + `]}`)},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(c.body)))
			b.ReportAllocs()
			for b.Loop() {
				batch, err := otlp.Traces(c.body, c.encoding, nil)
				if err != nil || len(batch.Events) != 3*128 || batch.Ignored != 128 {
					b.Fatalf("%d events, %d ignored, %v", len(batch.Events), batch.Ignored, err)
				}
			}
		})
	}
}
