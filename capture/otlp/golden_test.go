package otlp_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/capture/otlp"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// envelope is what differs from log to log.
var envelope = regexp.MustCompile(`"seq":\d+,|"event_id":"evt_[0-9a-z]{26}",|,"signature":"[^"]*"`)

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
			for _, line := range linesOf(t, batch.Events) {
				got.Write(line)
			}
			fmt.Fprintf(&got, "# %q\n", batch.Response(encoding))
			compare(t, name+".golden", got.Bytes())
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
			got[i] += string(bytes.Join(linesOf(t, batch.Events), nil))
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

func compare(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", name, d)
	}
}

// linesOf returns the lines of a log in which the events are, without what
// belongs to the log.
func linesOf(t *testing.T, events []*etch.Event) [][]byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log", "audit.jsonl")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	log, err := etch.Create(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if _, err := log.Append(t.Context(), e); err != nil {
			t.Fatalf("append %+v: %v", e, err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for line := range bytes.Lines(file) {
		if !bytes.Contains(line, []byte(`"event_type":"log_`)) {
			out = append(out, envelope.ReplaceAll(line, nil))
		}
	}
	if len(out) != len(events) {
		t.Fatalf("%d events gave %d lines", len(events), len(out))
	}
	return out
}
