package copilot_test

import (
	"testing"

	"github.com/etch-audit/etch/transcript/copilot"
	"github.com/etch-audit/etch/transcript/transcripttest"
)

func TestCaptured(t *testing.T) {
	transcripttest.Golden(t, copilot.Format(), "copilot", "*/session-state/*/*.jsonl")
}

func TestSuite(t *testing.T) {
	for _, path := range append(
		transcripttest.Captured(t, "copilot", "basic/session-state/*/*.jsonl"),
		transcripttest.Captured(t, "copilot", "perm/session-state/*/*.jsonl")...) {
		t.Run(path, func(t *testing.T) { transcripttest.Suite(t, copilot.Format(), path) })
	}
}

func FuzzLines(f *testing.F) {
	transcripttest.Fuzz(f, copilot.Format(), transcripttest.Captured(f, "copilot", "basic/session-state/*/*.jsonl")...)
}
