package main

import (
	"fmt"
	"os"
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
	"github.com/spf13/cobra"
)

// agents returns every agent whose hooks are understood.
func agents() []*hook.Agent {
	return []*hook.Agent{
		claudecode.Agent(), codex.Agent(), gemini.Agent(), qwen.Agent(), copilot.Agent(), cursor.Agent(),
		opencode.Agent(), vscode.Agent(), windsurf.Agent(), droid.Agent(), goose.Agent(), antigravity.Agent(),
	}
}

// agentNamed returns the agent of a name, or of another name that people give
// it; nil where there is none.
func agentNamed(name string) *hook.Agent {
	for _, a := range agents() {
		if strings.EqualFold(a.Name, name) || slices.ContainsFunc(a.Aliases, func(s string) bool { return strings.EqualFold(s, name) }) {
			return a
		}
	}
	return nil
}

// A hookCommand is what a command line of "etch hook" says.
type hookCommand struct {
	place
	agent string
	event string // "" where the payload names it
	guard bool   // refuse settings that switch hooks off
	noEnv bool   // heed nothing of the environment that says where or what to record
	// strange are arguments that nothing is known of: settings that a later etch
	// has written may have them.
	strange []string
}

// parseHook reads the command line of a hook, and reports whether it is one: any
// other is left to the command tree, whose making takes longer than all that a
// hook does. What names an agent is one, whatever else there is: the command tree
// answers wrong use with exit code 2, which agents take for a refusal.
func parseHook(args []string) (hookCommand, bool) {
	var c hookCommand
	if len(args) == 0 || args[0] != "hook" {
		return c, false
	}
	var words []string
	for args = args[1:]; len(args) > 0; args = args[1:] {
		name, value, given := strings.Cut(args[0], "=")
		var to *string
		switch name {
		case "--log":
			to = &c.log
		case "--config":
			to = &c.config
		case "--guard":
			c.guard = value != "false"
			continue
		case "--no-env":
			c.noEnv = value != "false"
			continue
		case "-h", "--help":
			return c, false
		default:
			if strings.HasPrefix(name, "-") {
				c.strange = append(c.strange, args[0])
			} else {
				words = append(words, args[0])
			}
			continue
		}
		if !given {
			if len(args) == 1 {
				c.strange = append(c.strange, args[0])
				continue
			}
			value, args = args[1], args[1:]
		}
		*to = value
	}
	return c, c.name(words)
}

// name takes the words of the command line, and reports whether they are a
// hook's. A word before an agent's name may be the value of a flag that is not
// known.
func (c *hookCommand) name(words []string) bool {
	if len(words) == 0 {
		return false
	}
	at := slices.IndexFunc(words, func(word string) bool { return agentNamed(word) != nil })
	at = max(at, 0)
	c.strange = append(c.strange, words[:at]...)
	c.agent, words = words[at], words[at+1:]
	if len(words) > 0 {
		c.event, words = words[0], words[1:]
	}
	c.strange = append(c.strange, words...)
	return true
}

func newHook(at *place, std stdio) *cobra.Command {
	var names []string
	for _, a := range agents() {
		names = append(names, a.Name)
	}
	guard, noEnv := false, false
	cmd := &cobra.Command{
		Use:   "hook AGENT [EVENT]",
		Short: "Record what a coding agent tells its hooks; agents start it",
		Example: `  etch hook claude-code PreToolUse < payload.json  # as Claude Code starts it
  etch install claude-code                         # tells it to`,
		Long: fmt.Sprintf(`Reads the payload of one hook of AGENT from stdin, records it, and answers what the
agent takes for "go on". EVENT names the event where the payload does not. It
never stops the agent: whatever goes wrong, the answer is the same, within 200 ms
but for a disk that hangs; what the log cannot take waits in the spool, which
"etch status" shows and the next writer empties. Words go to errors.log in the
directory .hooks beside the log.

A call is refused only where [policy] deny_risk says so, or where it cannot be
recorded and [hooks] on_error is "block".

Agents: %s.`, strings.Join(names, ", ")),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) > 2 {
				return usagef("see \"etch hook --help\"", "etch hook wants AGENT and perhaps EVENT")
			}
			return nil
		},
		ValidArgs: names,
		RunE: func(_ *cobra.Command, args []string) error {
			c := hookCommand{place: *at, guard: guard, noEnv: noEnv}
			c.name(args)
			if code := runHook(c, std, os.Exit); code != 0 {
				return exitWith(code)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&guard, "guard", false, "refuse a change of settings that switches hooks off, where the agent lets a hook do so")
	cmd.Flags().BoolVar(&noEnv, "no-env", false, "heed no variable that says where or what to record: a project's settings may set them")
	return cmd
}
