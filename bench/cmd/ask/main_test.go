package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etch-audit/etch/bench/question"
	"github.com/etch-audit/etch/bench/table"
)

func TestMain(m *testing.M) {
	if question.Child() {
		return
	}
	os.Exit(m.Run())
}

// TestRows asks the program of this tree, which it builds.
func TestRows(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: a race run need not build programs")
	}
	dir := t.TempDir()
	out, markdown := filepath.Join(dir, "ask.json"), filepath.Join(dir, "ask.md")
	var stdout, stderr bytes.Buffer
	args := []string{"-quick", "-rows", "newest,q1", "-events", "8000", "-rounds", "1", "-dir", dir, "-json", out, "-markdown", markdown, "-v"}
	if err := run(t.Context(), args, &stdout, &stderr); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	for _, want := range []string{"newest", "etch/version", "log of 8000 events"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("the table does not show %s:\n%s", want, stdout.String())
		}
	}
	if text, err := os.ReadFile(markdown); err != nil || !strings.Contains(string(text), "| `newest`: ") {
		t.Errorf("the Markdown is %q, %v", text, err)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var report table.Report
	if err := json.Unmarshal(b, &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Outcomes) != 2 || report.Outcomes[0].Row != "newest" || report.Outcomes[0].Value <= 0 {
		t.Errorf("the JSON has %+v, want the two rows in their order", report.Outcomes)
	}
}

func TestBadUse(t *testing.T) {
	for _, args := range [][]string{{"-rows", "nothing"}, {"-rounds", "-1"}, {"-events", "3"}, {"extra"}, {"-unknown"}} {
		var stdout, stderr bytes.Buffer
		if err := run(t.Context(), append([]string{"-dir", t.TempDir()}, args...), &stdout, &stderr); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
}
