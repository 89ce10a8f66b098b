package otlp_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/capture/otlp"
	"github.com/etch-audit/etch/internal/golden"
)

// read makes events of a file of test data, whose name says what it holds.
func read(name string, body []byte, opts *otlp.Options) (otlp.Batch, otlp.Encoding, error) {
	encoding := otlp.JSON
	if filepath.Ext(name) == ".pb" {
		encoding = otlp.Protobuf
	}
	made := otlp.Traces
	if strings.Contains(name, "-logs.") {
		made = otlp.Logs
	}
	batch, err := made(body, encoding, opts)
	return batch, encoding, err
}

// requests returns the names of the test data.
func requests(t testing.TB) []string {
	t.Helper()
	var names []string
	for _, pattern := range []string{"*.json", "*.pb"} {
		found, err := filepath.Glob(filepath.Join("testdata", pattern))
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, found...)
	}
	if len(names) < 10 {
		t.Fatalf("only %d requests in testdata", len(names))
	}
	return names
}

// What each request is recorded as, line by line as it stands in a log, and
// what is answered.
func TestGolden(t *testing.T) {
	for _, name := range requests(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			body, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			batch, encoding, err := read(name, body, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			fmt.Fprintf(&got, "# %d events, %d ignored, %d rejected\n", len(batch.Events), batch.Ignored, batch.Rejected)
			for _, line := range golden.Lines(t, batch.Events) {
				got.Write(line)
			}
			fmt.Fprintf(&got, "# %q\n", batch.Response(encoding))
			golden.Check(t, name+".golden", got.Bytes())
		})
	}
}

// TestRecording wants texts to be kept where the options say so, and only there.
func TestRecording(t *testing.T) {
	t.Parallel()
	var got [2]string
	for i, opts := range []*otlp.Options{nil, {Recording: hook.Recording{Output: true, Prompts: true, Content: true}}} {
		for _, name := range requests(t) {
			body, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			batch, _, err := read(name, body, opts)
			if err != nil {
				t.Fatal(err)
			}
			got[i] += string(bytes.Join(golden.Lines(t, batch.Events), nil))
		}
	}
	for _, text := range []string{"delete the old log", "list it", "words", "+b", "secret output", "Wall time", "22C"} {
		if strings.Contains(got[0], text) {
			t.Errorf("%q is kept, and nothing asked for it", text)
		}
		if !strings.Contains(got[1], text) {
			t.Errorf("%q is not kept, and that was asked for", text)
		}
	}
	if strings.Contains(got[1], `"TOKEN":"abc"`) {
		t.Error("the value of an environment variable is kept")
	}
}
