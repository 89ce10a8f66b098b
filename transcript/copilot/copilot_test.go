package copilot_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/etch-audit/etch/transcript/copilot"
	"github.com/etch-audit/etch/transcript/transcripttest"
)

func TestCaptured(t *testing.T) {
	transcripttest.Golden(t, copilot.Format(), "copilot", "*/session-state/*/*.jsonl")
}

// TestRefusals: who refused stands in words alone.
func TestRefusals(t *testing.T) {
	for message, want := range map[string]string{
		"Denied by preToolUse hook: hook exited with code 2":                                            "denied_by=hook unseen=yes",
		"Denied by preToolUse hook: no":                                                                 "denied_by=hook unseen=yes",
		"Denied by preToolUse hook: etch refuses this call: risk high is at or above the limit high":    "denied_by=hook",
		"Permission denied by a PermissionRequest hook: no":                                             "denied_by=hook",
		"Permission to run this tool was denied due to the following rules: `shell(sudo)`":              "denied_by=rule",
		"Permission denied because no interactive user response was available. Retry in an interactive": "denied_by=mode",
		"The user rejected this tool call.":                                                             "denied_by=user",
	} {
		dir := filepath.Join(t.TempDir(), "S")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf(`{"type":"tool.execution_start","timestamp":"2026-11-22T11:00:00Z","data":{"toolCallId":"c","toolName":"bash","arguments":{"command":"ls"}}}
{"type":"tool.execution_complete","timestamp":"2026-11-22T11:00:01Z","data":{"toolCallId":"c","success":false,"error":{"message":%q,"code":"denied"}}}
`, message)
		if err := os.WriteFile(filepath.Join(dir, "events.jsonl"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		calls, _ := transcripttest.Read(t, copilot.Format(), filepath.Dir(dir))
		if got, want := transcripttest.Describe(copilot.Format(), calls), `bash {"command":"ls"} -> blocked `+want+"\n"; got != want {
			t.Errorf("%s: got %swant %s", message, got, want)
		}
	}
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
