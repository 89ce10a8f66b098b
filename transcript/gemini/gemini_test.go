package gemini_test

import (
	"testing"

	"github.com/etch-audit/etch/transcript/gemini"
	"github.com/etch-audit/etch/transcript/transcripttest"
)

func TestCaptured(t *testing.T) {
	transcripttest.Golden(t, gemini.Format(), "gemini", "*/.gemini/tmp/*/chats/*.jsonl")
}

func TestSuite(t *testing.T) {
	for _, path := range append(
		transcripttest.Captured(t, "gemini", "basic/.gemini/tmp/*/chats/*.jsonl"),
		transcripttest.Captured(t, "gemini", "tty/.gemini/tmp/*/chats/*f889*.jsonl")...) {
		t.Run(path, func(t *testing.T) { transcripttest.Suite(t, gemini.Format(), path) })
	}
}

func FuzzLines(f *testing.F) {
	transcripttest.Fuzz(f, gemini.Format(), transcripttest.Captured(f, "gemini", "basic/.gemini/tmp/*/chats/*.jsonl")...)
}
