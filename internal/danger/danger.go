// Package danger says how risky an event is: what package risk says of a command or
// a tool, in the words of package etch.
package danger

import (
	"encoding/json"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/risk"
)

// Of returns the risk of an event and the reasons: that of its command, or
// else the label of its tool, which says what such a tool may do and nothing of
// what this call did. What is no action has no risk.
func Of(e *etch.Event) (etch.Risk, []string) {
	if e.Action == nil {
		return "", nil
	}
	if command := commandOf(e.Action); command != "" {
		judged := risk.Command(command)
		return etch.Risk(judged.Level.String()), judged.Reasons
	}
	if e.Action.Tool == "" {
		return etch.RiskLow, nil
	}
	tool := risk.ToolOf(e.Action.Tool)
	level := etch.Risk(tool.PrivilegeLevel)
	if level == etch.RiskLow {
		return level, nil
	}
	return level, []string{"tool-label: " + tool.ExpectedSanitization + " is expected of such a tool"}
}

// commandOf returns the command of an action. Shell tools of agents have it
// among their arguments.
func commandOf(a *etch.Action) string {
	if a.Command != "" || len(a.Arguments) == 0 || risk.ToolOf(a.Tool).PrivilegeLevel != "high" {
		return a.Command
	}
	var arguments struct {
		Command string `json:"command"`
	}
	// Arguments of another shape have no command: the tool's label decides.
	if json.Unmarshal(a.Arguments, &arguments) != nil {
		return ""
	}
	return arguments.Command
}
