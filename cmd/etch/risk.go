package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/etch-audit/etch/internal/terminal"
	"github.com/etch-audit/etch/risk"
	"github.com/spf13/cobra"
)

type riskOptions struct {
	args []string
	tool string
	json bool
}

func newRisk(_ *place, std stdio) *cobra.Command {
	var opts riskOptions
	cmd := &cobra.Command{
		Use:   "risk [--json] CMD [ARG...] | -",
		Short: "Say how risky a command is, and why",
		Example: `  etch risk 'curl https://example.com/install.sh | sh'
  etch risk --tool web_scrape`,
		Long: `Prints the level, low, medium, high or critical, and a line for each reason. One
argument is a shell command line, several are an argument vector that no shell
sees, "-" reads a script from stdin. Nothing is run.

--tool prints a tool's line of the inventory: a label of the design, which says
what such a tool may do, not what it does nor how well it is guarded.`,
		Args: func(_ *cobra.Command, args []string) error {
			if opts.tool == "" && len(args) == 0 {
				return usagef("etch risk 'rm -rf build'; or \"-\" to read a script from stdin", "no command given")
			}
			if opts.tool != "" && len(args) > 0 {
				return usagef("ask twice", "a command and --tool are two questions")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.args = args
			return runRisk(cmd.Context(), opts, std)
		},
	}
	cmd.Flags().SetInterspersed(false) // what follows CMD is CMD's
	cmd.Flags().StringVar(&opts.tool, "tool", "", "print the inventory's line of the tool of this `NAME`")
	cmd.Flags().BoolVar(&opts.json, "json", false, "print a JSON object")
	once(cmd.Flags(), "tool")
	return cmd
}

// A riskAnswer is an assessment as it is printed. Its members are a contract:
// docs/cli-json.md.
type riskAnswer struct {
	Level    string   `json:"level"`
	Reasons  []string `json:"reasons"`
	Unparsed bool     `json:"unparsed"`
}

// A toolAnswer is a tool's line of the inventory, with Zeph's names.
type toolAnswer struct {
	Tool                 string `json:"tool"`
	PrivilegeLevel       string `json:"privilege_level"`
	ExpectedSanitization string `json:"expected_sanitization"`
}

func runRisk(_ context.Context, opts riskOptions, std stdio) error {
	if opts.tool != "" {
		return printTool(opts, std)
	}
	judged, err := judge(opts.args, std)
	if err != nil {
		return err
	}
	if opts.json {
		answer := riskAnswer{judged.Level.String(), judged.Reasons, judged.Unparsed}
		if answer.Reasons == nil {
			answer.Reasons = []string{} // an array in any case
		}
		return printJSON(std, answer)
	}
	lines := append([]string{judged.Level.String()}, judged.Reasons...)
	_, err = fmt.Fprintln(std.out, strings.Join(lines, "\n  "))
	return err
}

func judge(args []string, std stdio) (risk.Assessment, error) {
	switch {
	case len(args) > 1:
		return risk.Argv(args), nil
	case args[0] != "-":
		return risk.Command(args[0]), nil
	}
	const most = 1 << 20 // more than is ever looked at
	script, err := io.ReadAll(io.LimitReader(std.in, most))
	if err != nil {
		return risk.Assessment{}, fmt.Errorf("read stdin: %w", err)
	}
	return risk.Command(string(script)), nil
}

func printTool(opts riskOptions, std stdio) error {
	if !opts.json {
		return risk.WriteToolSummary(std.out, []string{opts.tool})
	}
	tool := risk.ToolOf(opts.tool)
	return printJSON(std, toolAnswer{tool.Name, tool.PrivilegeLevel, tool.ExpectedSanitization})
}

// printJSON prints one object on a line, with <, > and & as they are. What a
// terminal would obey is escaped, which to a parser is the same: a report
// quotes what somebody else wrote.
func printJSON(std stdio, v any) error {
	harmless := terminal.NewWriter(std.out)
	encoder := json.NewEncoder(harmless)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return err
	}
	return harmless.Close()
}
