package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestRun runs every side once or twice; what comes out shows that it works, and
// no more.
func TestRun(t *testing.T) {
	var out, words bytes.Buffer
	if err := run(t.Context(), []string{"-rounds", "4", "-dir", t.TempDir(), "-json", t.TempDir() + "/hook.json"}, &out, &words); err != nil {
		t.Fatalf("%v\n%s", err, &words)
	}
	for _, want := range []string{"hook ", "hook-script", "hook-program-careful", "hook-language", "hook-floor", "hook-relay", "true"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table has no %q:\n%s", want, &out)
		}
	}
	for _, args := range [][]string{{"-rounds", "0"}, {"x"}, {"-nonsense"}} {
		if err := run(t.Context(), args, &out, &words); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}
