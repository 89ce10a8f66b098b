package qwen_test

import (
	"testing"

	"github.com/etch-audit/etch/transcript/qwen"
	"github.com/etch-audit/etch/transcript/transcripttest"
)

func TestCaptured(t *testing.T) {
	transcripttest.Golden(t, qwen.Format(), "qwen", "*/projects/*/*/*.jsonl")
}

func TestSuite(t *testing.T) {
	for _, path := range append(
		transcripttest.Captured(t, "qwen", "basic/projects/*/chats/*.jsonl"),
		transcripttest.Captured(t, "qwen", "basic/projects/*/subagents/*/*.jsonl")...) {
		t.Run(path, func(t *testing.T) { transcripttest.Suite(t, qwen.Format(), path) })
	}
}

func FuzzLines(f *testing.F) {
	transcripttest.Fuzz(f, qwen.Format(), transcripttest.Captured(f, "qwen", "basic/projects/*/chats/*.jsonl")...)
}
