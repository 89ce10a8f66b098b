// Package golden compares what a test has got with a file that was looked through
// by people. It is for tests alone.
package golden

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/etch-audit/etch"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Check compares with the file at path; with the flag -update it writes it.
func Check(t testing.TB, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", path, d)
	}
}

// envelope is what differs from log to log.
var envelope = regexp.MustCompile(`"seq":\d+,|"event_id":"evt_[0-9a-z]{26}",|,"signature":"[^"]*"`)

// Lines returns the lines of a log in which the events are, one for each, without
// what belongs to the log.
func Lines(t testing.TB, events []*etch.Event) [][]byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.log")
	log, err := etch.Create(path, &etch.Options{Rotate: etch.BySize}) // one file, also at midnight
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
