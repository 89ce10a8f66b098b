package etch_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etch-audit/etch"
)

// The seeds' tests of their loggers, as tests of this one.

func toolCall(command string) *etch.Event {
	return &etch.Event{
		Type:   etch.ToolCall,
		Action: &etch.Action{Tool: "shell", Command: command, Allowed: true},
		Result: &etch.Result{Type: etch.Success},
	}
}

// Seed 002, audit_logger_stdout: a stream takes the same lines.
func TestSeedStream(t *testing.T) {
	var out bytes.Buffer
	l, err := etch.Open("", &etch.Options{Stream: &out})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r, err := l.Append(t.Context(), toolCall("echo test"))
		if err != nil {
			t.Fatal(err)
		}
		if r.Durable || r.Sealed() {
			t.Error("a stream's receipt claims durability")
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines, want 2", len(lines))
	}
	var got struct {
		Seq    uint64
		Action struct{ Command string }
	}
	if err := json.Unmarshal([]byte(lines[1]), &got); err != nil {
		t.Fatal(err)
	}
	if got.Seq != 1 || got.Action.Command != "echo test" {
		t.Errorf("second line is %+v", got)
	}
}

// Seed 002, audit_logger_file.
func TestSeedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l, err := etch.Create(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), toolCall("echo test")); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	stored, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(stored, []byte(`"tool":"shell"`)) {
		t.Errorf("the file does not hold the event: %s", stored)
	}
}

// Seed 002, audit_logger_file_write_error_logged: a path whose directory is
// missing is an error at open, and nothing is made.
func TestSeedMissingDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nonexistent", "dir", "audit.log")
	for name, open := range map[string]func(string, *etch.Options) (*etch.Log, error){"Create": etch.Create, "Open": etch.Open} {
		if _, err := open(path, nil); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s = %v, want an error that is %v", name, err, fs.ErrNotExist)
		}
	}
	if _, err := os.Stat(filepath.Dir(filepath.Dir(path))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the missing directory was made: %v", err)
	}
}

// Seed 002, audit_logger_multiple_entries: five appends, five lines. A log that
// proves itself writes lines of its own, so it is five rows in every query.
func TestSeedFiveAppendsFiveRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l, err := etch.Create(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, err := l.Append(t.Context(), toolCall("cmd")); err != nil {
			t.Fatal(err)
		}
	}
	rows := 0
	for r, err := range l.Records(t.Context(), etch.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if r.IsControl() {
			t.Errorf("a query that did not ask for control records got %s", r.Raw)
		}
		rows++
	}
	if rows != 5 {
		t.Errorf("%d rows, want 5", rows)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
