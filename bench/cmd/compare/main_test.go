package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etch-audit/etch/bench"
	"github.com/etch-audit/etch/bench/table"
)

func TestMain(m *testing.M) {
	if bench.Child() {
		return
	}
	os.Exit(m.Run())
}

func TestRows(t *testing.T) {
	dir := t.TempDir()
	var stdout, stderr bytes.Buffer
	out := filepath.Join(dir, "table.json")
	args := []string{"-quick", "-rows", "open,allocs", "-records", "1000", "-dir", dir, "-json", out}
	if err := run(t.Context(), args, &stdout, &stderr); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	for _, want := range []string{"open/empty", "allocs"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("the table does not show %s:\n%s", want, stdout.String())
		}
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var report table.Report
	if err := json.Unmarshal(b, &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Outcomes) != 2 || report.Outcomes[0].Row != "open" {
		t.Errorf("the JSON has %+v, want the two rows in their order", report.Outcomes)
	}
}

func TestBadUse(t *testing.T) {
	for _, args := range [][]string{{"-rows", "nothing"}, {"-rounds", "-1"}, {"extra"}, {"-unknown"}} {
		var stdout, stderr bytes.Buffer
		if err := run(t.Context(), args, &stdout, &stderr); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
}
