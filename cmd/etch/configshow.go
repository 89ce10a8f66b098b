package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/internal/terminal"
	"github.com/spf13/cobra"
)

type configShowOptions struct {
	place  *place
	origin bool
}

func newConfig(at *place, std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Show the configuration in effect",
		Example: "  etch config show --origin",
	}
	cmd.AddCommand(newConfigShow(at, std))
	return group(cmd, std)
}

func newConfigShow(at *place, std stdio) *cobra.Command {
	opts := configShowOptions{place: at}
	cmd := &cobra.Command{
		Use:     "show",
		Short:   "Print every key and its value, as TOML",
		Example: "  etch config show --origin",
		Long: `Prints every key with the value in effect, in a form that --config reads back.
Flags win over the environment, the environment over the file, the file over the
defaults; --origin says for each key which it was.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runConfigShow(cmd.Context(), opts, std)
		},
	}
	cmd.Flags().BoolVar(&opts.origin, "origin", false, "say where each value comes from, as a comment")
	return cmd
}

func runConfigShow(_ context.Context, opts configShowOptions, std stdio) error {
	resolved, err := opts.place.load(std)
	if err != nil {
		return err
	}
	if !resolved.Found && resolved.Path != "" {
		std.note("there is no %s; \"etch init\" writes it", resolved.Path)
	}
	if opts.origin {
		return writeOrigins(resolved, std)
	}
	return resolved.WriteTOML(std.out)
}

// writeOrigins writes what WriteTOML does, and the origins beside.
func writeOrigins(resolved *config.Resolved, std stdio) error {
	var b strings.Builder
	table := ""
	values := resolved.Values()
	column := 0
	for _, v := range values {
		column = max(column, len(assignment(v)))
	}
	for _, v := range values {
		if t, _ := cutKey(v.Key); t != table {
			if table != "" {
				b.WriteByte('\n')
			}
			table = t
			fmt.Fprintf(&b, "[%s]\n", table)
		}
		fmt.Fprintf(&b, "%-*s  # %s\n", column, assignment(v), terminal.Text(v.Origin))
	}
	_, err := fmt.Fprint(std.out, b.String())
	return err
}

func assignment(v config.Value) string {
	_, name := cutKey(v.Key)
	return name + " = " + v.Text
}

// cutKey cuts a full name into its table and its name there.
func cutKey(key string) (table, name string) {
	i := strings.LastIndexByte(key, '.')
	return key[:i], key[i+1:]
}
