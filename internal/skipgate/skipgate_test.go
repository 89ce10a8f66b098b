package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const stream = `go: downloading something
{"Action":"start","Package":"m/p"}
{"Action":"run","Package":"m/p","Test":"TestA"}
{"Action":"output","Package":"m/p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"pass","Package":"m/p","Test":"TestA","Elapsed":0.1}
{"Action":"run","Package":"m/p","Test":"TestB"}
{"Action":"output","Package":"m/p","Test":"TestB","Output":"=== RUN   TestB\n"}
{"Action":"output","Package":"m/p","Test":"TestB","Output":"    p_test.go:9: no vectors here\n"}
{"Action":"output","Package":"m/p","Test":"TestB","Output":"--- SKIP: TestB (0.00s)\n"}
{"Action":"skip","Package":"m/p","Test":"TestB","Elapsed":0}
{"Action":"pass","Package":"m/p","Elapsed":0.2}
{"Action":"skip","Package":"m/untested","Elapsed":0}
`

// gate runs the gate over a stream with an allowed list.
func gate(t *testing.T, allowed, stream string) (out string, err error) {
	t.Helper()
	list := filepath.Join(t.TempDir(), "allowed")
	if err := os.WriteFile(list, []byte(allowed), 0o600); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	err = run(list, strings.NewReader(stream), &b)
	return b.String(), err
}

func TestGate(t *testing.T) {
	const ends = `{"Action":"output","Package":"m/p","Test":"TestC","Output":"detail of C\n"}
{"Action":"fail","Package":"m/p","Test":"TestC"}
{"Action":"fail","Package":"m/p"}
`
	for _, test := range []struct {
		name, allowed, stream string
		want                  string // of the error; "": none
		out                   string
	}{
		{"allowed skip", "# why\n\n^m/p\\.TestB: .*no vectors\n", stream, "", "1 tests passed, 1 skipped, 0 failed"},
		{"skip without a reason on the list", "# no vectors\n", stream, "m/p.TestB: p_test.go:9: no vectors here", "pass     0.2s  m/p"},
		{"the list is about another test", "TestC: .*no vectors\n", stream, "not allowed: m/p.TestB", ""},
		{"other lines stay", ".\n", stream, "", "go: downloading something"},
		{"what a test shows", ".\n", stream + `{"Action":"attr","Package":"m/p","Test":"TestE","Key":"load","Value":"3 kills"}`, "", "load  m/p.TestE: 3 kills\n"},
		{"failure", ".\n", stream + ends, "m/p.TestC failed", "detail of C"},
		{"broken build", ".\n", stream + `{"ImportPath":"m/q","Action":"build-fail"}`, "m/q does not build", ""},
		{"cut off", ".\n", stream + `{"Action":"output","Package":"m/p","Test":"TestD","Output":"x"}`, "m/p.TestD did not end", ""},
		{"nothing ran", ".\n", "", "no test passed", ""},
		{"bad list", "(\n", stream, "missing closing )", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, err := gate(t, test.allowed, test.stream)
			if !strings.Contains(out, test.out) {
				t.Errorf("output %q lacks %q", out, test.out)
			}
			switch {
			case test.want == "" && err != nil:
				t.Errorf("error %v, want none", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestRunWithoutList(t *testing.T) {
	if err := run(filepath.Join(t.TempDir(), "none"), strings.NewReader(stream), t.Output()); err == nil {
		t.Error("no error for a missing list")
	}
}
