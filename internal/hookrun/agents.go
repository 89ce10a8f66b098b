package hookrun

import (
	"slices"
	"strings"

	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/capture/hook/antigravity"
	"github.com/etch-audit/etch/capture/hook/claudecode"
	"github.com/etch-audit/etch/capture/hook/codex"
	"github.com/etch-audit/etch/capture/hook/copilot"
	"github.com/etch-audit/etch/capture/hook/cursor"
	"github.com/etch-audit/etch/capture/hook/droid"
	"github.com/etch-audit/etch/capture/hook/gemini"
	"github.com/etch-audit/etch/capture/hook/goose"
	"github.com/etch-audit/etch/capture/hook/opencode"
	"github.com/etch-audit/etch/capture/hook/qwen"
	"github.com/etch-audit/etch/capture/hook/vscode"
	"github.com/etch-audit/etch/capture/hook/windsurf"
)

// Agents returns every agent whose hooks are understood.
func Agents() []*hook.Agent {
	return []*hook.Agent{
		claudecode.Agent(), codex.Agent(), gemini.Agent(), qwen.Agent(), copilot.Agent(), cursor.Agent(),
		opencode.Agent(), vscode.Agent(), windsurf.Agent(), droid.Agent(), goose.Agent(), antigravity.Agent(),
	}
}

// AgentNamed returns the agent of a name, or of another name that people give
// it; nil where there is none.
func AgentNamed(name string) *hook.Agent {
	for _, a := range Agents() {
		if strings.EqualFold(a.Name, name) || slices.ContainsFunc(a.Aliases, func(s string) bool { return strings.EqualFold(s, name) }) {
			return a
		}
	}
	return nil
}
