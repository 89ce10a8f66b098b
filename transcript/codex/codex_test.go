package codex_test

import (
	"testing"

	"github.com/etch-audit/etch/transcript/codex"
	"github.com/etch-audit/etch/transcript/transcripttest"
)

func TestCaptured(t *testing.T) {
	transcripttest.Golden(t, codex.Format(), "codex", "*/sessions/*/*/*/*.jsonl")
}

func TestSuite(t *testing.T) {
	for _, path := range append(
		transcripttest.Captured(t, "codex", "basic/sessions/*/*/*/*.jsonl"),
		transcripttest.Captured(t, "codex", "tty/sessions/*/*/*/*4db4*.jsonl")...) {
		t.Run(path, func(t *testing.T) { transcripttest.Suite(t, codex.Format(), path) })
	}
}

func FuzzLines(f *testing.F) {
	transcripttest.Fuzz(f, codex.Format(), transcripttest.Captured(f, "codex", "basic/sessions/*/*/*/*.jsonl")...)
}
