package claudecode_test

import (
	"testing"

	"github.com/etch-audit/etch/transcript/claudecode"
	"github.com/etch-audit/etch/transcript/transcripttest"
)

func TestCaptured(t *testing.T) {
	transcripttest.Golden(t, claudecode.Format(), "claude-code", "*/projects/*/*.jsonl")
}

func TestSuite(t *testing.T) {
	for _, path := range append(
		transcripttest.Captured(t, "claude-code", "basic/projects/*/*.jsonl"),
		transcripttest.Captured(t, "claude-code", "[st][uty]*/projects/*/*.jsonl")...) {
		t.Run(path, func(t *testing.T) { transcripttest.Suite(t, claudecode.Format(), path) })
	}
}

func FuzzLines(f *testing.F) {
	transcripttest.Fuzz(f, claudecode.Format(), transcripttest.Captured(f, "claude-code", "basic/projects/*/*.jsonl")...)
}
