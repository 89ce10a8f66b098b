package main

import (
	"bytes"
	"testing"
)

func TestProgressLine(t *testing.T) {
	for _, test := range []struct {
		done, total int64
		want        string
	}{
		{0, 0, "etch: verifying …"},
		{0, 10, "etch: verifying [                              ]   0%"},
		{5, 10, "etch: verifying [###############               ]  50%"},
		{10, 10, "etch: verifying [##############################] 100%"},
		{12, 10, "etch: verifying [##############################] 100%"}, // the log grew meanwhile
	} {
		p := &progress{verb: "verifying"}
		p.set(test.done, test.total)
		if got := p.line(); got != test.want {
			t.Errorf("%d of %d: got %q, want %q", test.done, test.total, got, test.want)
		}
	}
}

func TestProgressIsForTerminals(t *testing.T) {
	var stderr bytes.Buffer
	p := newProgress(stdio{err: &stderr}, "verifying")
	p.set(1, 2)
	p.stop()
	if stderr.Len() > 0 {
		t.Errorf("got %q on what is no terminal, want nothing", stderr.String())
	}
}
