// Package goose knows what is special of the hooks of Goose: tools are named
// extension__tool, of extensions that are MCP servers, some built in.
package goose

import (
	"strings"

	"github.com/etch-audit/etch/capture/hook"
)

var agent = hook.Agent{Name: "goose", Adapt: adapt, Settings: settings}

// plugin is where this program's plugin has its hooks, in the home and in a project.
const plugin = ".agents/plugins/etch/hooks"

// Agent returns what is special of Goose. All callers share it.
func Agent() *hook.Agent { return &agent }

// settings finds the files of Goose's settings.
func settings(cwd string, getenv func(string) (string, bool)) []string {
	return hook.SettingsIn("", plugin, plugin, "hooks.json")(cwd, getenv)
}

func adapt(m *hook.Message) {
	c := &m.Call
	if c.Tool == "" && (m.Kind == hook.AttemptEvent || m.Kind == hook.ResultEvent || m.Kind == hook.FailureEvent) {
		c.Tool = m.Body.Text("matcher_context")
	}
	extension, tool, ok := strings.Cut(c.Tool, "__")
	if !ok || c.Server != "" || extension == "" || tool == "" {
		return
	}
	if extension == "developer" {
		return // its own shell and editor are known by their whole names
	}
	c.Server, c.Tool = extension, tool
}
