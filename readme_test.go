package etch_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/etch-audit/etch"
)

// record makes a log and records one event.
func record(ctx context.Context, path string) (etch.Receipt, error) {
	l, err := etch.Create(path, nil) // once; then etch.Open
	if err != nil {
		return etch.Receipt{}, err
	}
	receipt, err := l.Append(ctx, &etch.Event{
		Type:   etch.CommandExecution,
		Actor:  &etch.Actor{Username: "@alice", Agent: "helper"},
		Action: &etch.Action{Tool: "shell", Command: "ls -la", Risk: etch.RiskLow, Allowed: true},
	}) // nil: it is on disk; anything else: not recorded, so do not act
	return receipt, errors.Join(err, l.Close()) // Close seals it
}

// The library as the README shows it.
func Example_readme() {
	dir, err := os.MkdirTemp("", "etch-example")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // an example's own directory
	receipt, err := record(context.Background(), filepath.Join(dir, "audit.log"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("recorded as number", receipt.Seq)
	// Output: recorded as number 2
}

// What the README shows as Go is what runs above.
func TestReadmeCode(t *testing.T) {
	here := read(t, "readme_test.go")
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(read(t, "README.md"), -1)
	if len(blocks) == 0 {
		t.Fatal("README.md shows no Go")
	}
	for _, b := range blocks {
		if !strings.Contains(here, b[1]) {
			t.Errorf("this Go of README.md is not in readme_test.go, byte for byte:\n%s", b[1])
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
