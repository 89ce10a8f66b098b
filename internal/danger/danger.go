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
// what this call did. A riskier command that stands deeper in the arguments of an MCP
// tool counts. What is no action has no risk.
func Of(e *etch.Event) (etch.Risk, []string) {
	if e.Action == nil {
		return "", nil
	}
	level, reasons := ofOutermost(e)
	if within, ok := judgeWithin(e.Action); ok {
		if risk := etch.Risk(within.Level.String()); risk.Rank() > level.Rank() {
			return risk, within.Reasons
		}
	}
	return level, reasons
}

func ofOutermost(e *etch.Event) (etch.Risk, []string) {
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
// arguments. What such a tool has there beside its command, under a name that is one
// for a command too, may be what it runs: the worst counts.
func judgeCommand(a *etch.Action) (judged risk.Assessment, ok bool) {
	if a.Command != "" {
		judged, ok = risk.Command(a.Command), true
	}
	switch {
	case len(a.Arguments) == 0, ok && a.ClaimSource != etch.ClaimShell,
		!ok && a.ClaimSource != etch.ClaimMCP && risk.ToolOf(a.Tool).PrivilegeLevel != "high":
		return judged, ok
	}
	names := commandMembers
	if ok {
		names = shellMembers
	}
	commands, unread := commandsIn(a.Arguments, names)
	for _, command := range commands {
		if one := risk.Command(command); !ok || one.Level > judged.Level {
			judged, ok = one, true
		}
	}
	if unread && (!ok || judged.Level < risk.High) {
		return unreadCommand(judged), true
	}
	return judged, ok
}

// unreadCommand returns the risk of a command that cannot be read, beside those that were
// judged.
func unreadCommand(judged risk.Assessment) risk.Assessment {
	reasons := append([]string{"unparsed: its command cannot be read"}, judged.Reasons...)
	return risk.Assessment{Level: risk.High, Reasons: reasons, Unparsed: true}
}

// commandMembers name a command in the arguments of a tool, argumentMembers what
// follows it. In those of a shell, shellMembers do.
var (
	commandMembers  = []string{"command", "cmd", "command_line", "commandLine"}
	shellMembers    = []string{"command", "cmd", "command_line", "commandLine", "script"}
	argumentMembers = []string{"args", "arguments", "argv"}
)

// commandsIn returns the commands among a tool's arguments, which names name, and whether there is
// one, or what follows one, that cannot be read as words. They are several where a
// member is given twice, or can be read in several ways: which one counts is for its
// reader to know.
func commandsIn(arguments json.RawMessage, names []string) (commands []string, unread bool) {
	var rest following
	var heads []string
	d := json.NewDecoder(bytes.NewReader(arguments))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, false
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			break
		}
		text, _ := name.(string)
		isCommand, isRest := named(text, names), named(text, argumentMembers)
		var value json.RawMessage
		if d.Decode(&value) != nil {
			unread = unread || isCommand
			rest.unread = rest.unread || isRest
			break // what follows is no JSON, and nobody's command
		}
		switch {
		case isCommand:
			words, ok := wordsIn(value)
			if words != "" {
				heads = append(heads, words)
			}
			unread = unread || !ok
		case isRest:
			rest.add(value)
		}
	}
	for _, head := range heads {
		commands = append(commands, rest.behind(head)...)
	}
	return commands, unread || rest.unread && len(commands) > 0
}

// named reports whether a member has one of some names, as readers have them that
// take small letters for capitals.
func named(member string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, member) })
}

// wordsIn returns the words that a text, another scalar or a list of them is, as a
// shell is given them, and whether it is one. None are null, and what is empty.
func wordsIn(value json.RawMessage) (words string, ok bool) {
	if string(value) == "null" {
		return "", true
	}
	if value[0] != '[' {
		return scalar(value)
	}
	var list []json.RawMessage
	if json.Unmarshal(value, &list) != nil {
		return "", false
	}
	argv := make([]string, len(list))
	for i, element := range list {
		if argv[i], ok = scalar(element); !ok {
			return "", false
		}
	}
	return shellword.Quote(argv), true
}

// scalar returns what a text says, and any other scalar as it is written.
func scalar(value json.RawMessage) (text string, ok bool) {
	switch value[0] {
	case '{', '[':
		return "", false
	case '"':
		return text, json.Unmarshal(value, &text) == nil
	}
	return string(value), true
}
