package otel

import (
	"bytes"
	"compress/gzip"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/etch-audit/etch/capture/otlp"
)

var capture = flag.Bool("capture", false, "keep the bodies that come in as test data of capture/otlp")

// A request is what came in, and what was made of it.
type request struct {
	path        string
	contentType string
	zipped      bool
	body        []byte
	batch       otlp.Batch
}

// A receiver answers as the daemon does.
type receiver struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	requests []request
	// fail, where it is not empty, refuses every request with status 400.
	fail string
	// instead, where it is set, is what the answers are made of.
	instead *otlp.Batch
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{t: t}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	encoding, ok := otlp.EncodingOf(req.Header.Get("Content-Type"))
	if !ok {
		r.t.Errorf("%s: Content-Type %q", req.URL.Path, req.Header.Get("Content-Type"))
	}
	var in io.Reader = req.Body
	zipped := req.Header.Get("Content-Encoding") == "gzip"
	if zipped {
		z, err := gzip.NewReader(req.Body)
		if err != nil {
			r.t.Errorf("%s: %v", req.URL.Path, err)
			return
		}
		in = z
	}
	body, err := io.ReadAll(in)
	if err != nil {
		r.t.Errorf("%s: %v", req.URL.Path, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	w.Header().Set("Content-Type", encoding.ContentType())
	if r.fail != "" {
		w.WriteHeader(http.StatusBadRequest)
		r.write(w, otlp.Failure(encoding, r.fail))
		return
	}
	if req.URL.Path == "/v1/metrics" { // agents send them to the same place
		r.write(w, otlp.Batch{}.Response(encoding))
		return
	}
	read := otlp.Logs
	if req.URL.Path == "/v1/traces" {
		read = otlp.Traces
	}
	batch, err := read(body, encoding, nil)
	if err != nil {
		r.t.Errorf("%s: %v", req.URL.Path, err)
	}
	r.requests = append(r.requests, request{req.URL.Path, req.Header.Get("Content-Type"), zipped, body, batch})
	if r.instead != nil {
		batch = *r.instead
	}
	r.write(w, batch.Response(encoding))
}

func (r *receiver) write(w io.Writer, answer []byte) {
	if _, err := w.Write(answer); err != nil {
		r.t.Error(err)
	}
}

// came returns the only request that came in since the last call.
func (r *receiver) came(t *testing.T) request {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.requests) != 1 {
		t.Fatalf("%d requests came in, want 1", len(r.requests))
	}
	last := r.requests[0]
	r.requests = nil
	return last
}

// keep writes a body to the test data of capture/otlp, where the flag says so.
func (q request) keep(t *testing.T, name string) {
	t.Helper()
	if !*capture {
		return
	}
	name += ".pb"
	if q.contentType == "application/json" {
		name = strings.TrimSuffix(name, ".pb") + ".json"
	}
	path := filepath.Join("..", "..", "capture", "otlp", "testdata", name)
	if err := os.WriteFile(path, q.body, 0o644); err != nil {
		t.Fatal(err)
	}
}

// rejected returns a batch of traces, or of logs, with one item that is rejected.
func rejected(t *testing.T, traces bool) *otlp.Batch {
	t.Helper()
	read, body := otlp.Logs, `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":7}]}]}]}`
	if traces {
		read, body = otlp.Traces, `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":7}]}]}]}`
	}
	b, err := read(bytes.TrimSpace([]byte(body)), otlp.JSON, nil)
	if err != nil || b.Rejected != 1 || b.Reason == "" {
		t.Fatalf("got %d rejected (%q), %v", b.Rejected, b.Reason, err)
	}
	return &b
}
