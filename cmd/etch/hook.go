package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/etch-audit/etch/internal/hookrun"
	"github.com/etch-audit/etch/internal/site"
	"github.com/spf13/cobra"
)

func newHook(at *place, _ stdio) *cobra.Command {
	var names []string
	for _, a := range hookrun.Agents() {
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
			c := hookrun.Command{Site: site.Site{Log: at.log, Config: at.config}, Guard: guard, NoEnv: noEnv}
			c.Name(args)
			if code := hookrun.Run(c, hookProcess()); code != 0 {
				return exitWith(code)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&guard, "guard", false, "refuse a change of settings that switches hooks off, where the agent lets a hook do so")
	cmd.Flags().BoolVar(&noEnv, "no-env", false, "heed no variable that says where or what to record: a project's settings may set them")
	return cmd
}

// hookPatience is how long a hook takes at most; nil is the usual. Only tests have
// another.
var hookPatience *hookrun.Patience

// hookProcess returns this process as a hook's.
func hookProcess() hookrun.Process {
	p := hookrun.Of(os.Executable)
	p.Patience = hookPatience
	return p
}
