// Package danger says how risky an event is: what package risk says of a command or
// a tool, in the words of package etch.
package danger

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/shellword"
	"github.com/etch-audit/etch/risk"
)

// Of returns the risk of an event and the reasons: that of its command, or
// else the label of its tool, which says what such a tool may do and nothing of
// what this call did. What is no action has no risk.
func Of(e *etch.Event) (etch.Risk, []string) {
	if e.Action == nil {
		return "", nil
	}
	if judged, ok := judgeCommand(e.Action); ok {
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

// judgeCommand judges the command of an action, where it has one. Shell tools of
// agents, and those of MCP servers whatever their name, have it among their
// arguments.
func judgeCommand(a *etch.Action) (judged risk.Assessment, ok bool) {
	if a.Command != "" {
		return risk.Command(a.Command), true
	}
	if len(a.Arguments) == 0 || a.ClaimSource != etch.ClaimMCP && risk.ToolOf(a.Tool).PrivilegeLevel != "high" {
		return judged, false
	}
	for _, command := range commandsIn(a.Arguments) {
		if one := risk.Command(command); !ok || one.Level > judged.Level {
			judged, ok = one, true
		}
	}
	return judged, ok
}

// commandMembers name a command in the arguments of a tool, argumentMembers what
// follows it.
var (
	commandMembers  = []string{"command", "cmd", "command_line", "commandLine"}
	argumentMembers = []string{"args", "arguments", "argv"}
)

// commandsIn returns the commands among a tool's arguments. They are several where
// a member is given twice: which one counts is for its reader to know.
func commandsIn(arguments json.RawMessage) []string {
	var commands []string
	var rest string
	d := json.NewDecoder(bytes.NewReader(arguments))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			break
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			break // what follows is no JSON, and nobody's command
		}
		text, _ := name.(string)
		switch {
		case named(text, commandMembers):
			if command := commandIn(value); command != "" {
				commands = append(commands, command)
			}
		case named(text, argumentMembers):
			var argv []string
			if json.Unmarshal(value, &argv) == nil && len(argv) > 0 {
				rest += " " + shellword.Quote(argv)
			}
		}
	}
	for i := range commands {
		commands[i] += rest
	}
	return commands
}

// named reports whether a member has one of some names, as readers have them that
// take small letters for capitals.
func named(member string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, member) })
}

// commandIn returns the command that a text or a list of texts is, "" for others.
func commandIn(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	var argv []string
	if json.Unmarshal(value, &argv) == nil && len(argv) > 0 {
		return shellword.Quote(argv)
	}
	return ""
}
