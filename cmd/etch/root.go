package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// A command is a subcommand and what makes it.
type command struct {
	name string
	make func(*place, stdio) *cobra.Command
}

// commands lists every subcommand in the order of the help.
//
// To add one: write xxx.go with
//
//	func newXxx(at *place, std stdio) *cobra.Command
//
// whose Use, Short, Example (a real command line: the help opens with it) and
// Args (noArgs, exactArgs and the like: they name what is wrong) are set, whose
// flags fill an xxxOptions, and whose RunE is
// return runXxx(cmd.Context(), opts, std); and list it here.
var commands = []command{
	{"demo", newDemo},
	{"init", newInit},
	{"install", newInstall},
	{"doctor", newDoctor},
	{"exec", newExec},
	{"log", newLog},
	{"hook", newHook},
	{"serve", newServe},
	{"mcp", newMCP},
	{"audit", newAudit},
	{"report", newReport},
	{"show", newShow},
	{"status", newStatus},
	{"verify", newVerify},
	{"reconcile", newReconcile},
	{"import", newImport},
	{"rotate", newRotate},
	{"index", newIndex},
	{"archive", newArchive},
	{"risk", newRisk},
	{"redact", newRedact},
	{"config", newConfig},
	{"completion", newCompletion},
	{"version", newVersion},
}

// needed returns the commands that a command line is about: the one that it
// begins with, else all of them. To make all takes longer than many of them run.
func needed(args []string) []command {
	if len(args) > 0 {
		if i := slices.IndexFunc(commands, func(c command) bool { return c.name == args[0] }); i >= 0 {
			return commands[i : i+1]
		}
	}
	return commands
}

// newRoot returns the command tree with these subcommands.
func newRoot(list []command, std stdio) *cobra.Command {
	cobra.EnableCommandSorting = false // the list's order is that of use
	at := new(place)
	root := &cobra.Command{
		Use:               "etch",
		Short:             "A tamper-evident audit trail for AI agents",
		Example:           "  etch demo                          # see it work, in a fresh directory\n  etch exec -- git push origin main  # record a command\n  etch audit --since 1h              # ask\n  etch verify                        # trust",
		Version:           version().Version,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetVersionTemplate("etch {{.Version}}\n")
	root.SetIn(std.in)
	root.SetOut(helpWriter{std.out})
	root.SetErr(std.err)
	root.SetHelpTemplate(helpTemplate)
	root.SetFlagErrorFunc(flagError)
	root.PersistentFlags().StringVar(&at.log, "log", "", "the log: `PATH` of its active segment (env ETCH_LOG_PATH)")
	root.PersistentFlags().StringVar(&at.config, "config", "", "the configuration `FILE` (env ETCH_CONFIG)")
	for _, c := range list {
		root.AddCommand(c.make(at, std))
	}
	root.SetHelpCommand(newHelp(std))
	return group(root, std)
}

// group makes a command that only has others below it: without one of them, or
// with an unknown one, it is wrong use.
func group(cmd *cobra.Command, std stdio) *cobra.Command {
	cmd.Args = cobra.ArbitraryArgs // an unknown command gets to RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		hint := fmt.Sprintf("see %q", cmd.CommandPath()+" --help")
		if len(args) > 0 {
			return unknown("command", args[0], commandNames(cmd), hint)
		}
		cmd.SetOut(std.err)
		if err := cmd.Help(); err != nil {
			return err
		}
		return usagef("name one of the commands above", "no command given")
	}
	return cmd
}

// newHelp returns the help command: that of the library ends the process by
// itself where it cannot write.
func newHelp(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Say more of a command",
		Example: "  etch help exec",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return unknown("command", strings.Join(args, " "), commandNames(cmd.Root()), "see \"etch --help\"")
			}
			return found.Help()
		},
	}
}

// A helpWriter is where the library writes help to: it tells of a closed pipe,
// and people who page help close it.
type helpWriter struct{ w io.Writer }

// Write drops what nobody reads.
func (h helpWriter) Write(p []byte) (int, error) {
	n, err := h.w.Write(p)
	if brokenPipe(err) {
		return len(p), nil
	}
	return n, err
}

// execute runs the command line.
func execute(ctx context.Context, args []string, std stdio) error {
	root := newRoot(needed(args), std)
	if args == nil {
		args = []string{} // nil means os.Args to cobra
	}
	root.SetArgs(args)
	return root.ExecuteContext(ctx)
}

func commandNames(root *cobra.Command) []string {
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return names
}

// aloneToo marks a command that has others below it and does something without them.
const aloneToo = "alone"

// helpTemplate opens with the example: it is what people look for.
var helpTemplate = strings.TrimLeft(`
{{with .Example}}{{.}}

{{end}}{{with or .Long .Short}}{{. | trimTrailingWhitespaces}}

{{end}}Usage:
  {{if .HasAvailableSubCommands}}{{.CommandPath}} {{if .Annotations.`+aloneToo+`}}[COMMAND]{{else}}COMMAND{{end}} [flags]{{else}}{{.UseLine}}{{end}}
{{if .HasAvailableSubCommands}}
Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}

"{{.CommandPath}} COMMAND --help" says more of each.
{{end}}{{if .HasAvailableLocalFlags}}
Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}
{{end}}{{if .HasAvailableInheritedFlags}}
Flags of every command:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}
{{end}}`, "\n")
