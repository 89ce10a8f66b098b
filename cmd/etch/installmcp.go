package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/etch-audit/etch/install"
	"github.com/spf13/cobra"
)

func newInstallMCP(at *place, std stdio) *cobra.Command {
	opts := installOptions{place: at}
	cmd := &cobra.Command{
		Use:   "mcp [flags] FILE...",
		Short: "Put \"etch mcp\" before every MCP server of a client's configuration",
		Example: `  etch install mcp .mcp.json
  etch install mcp ~/.codex/config.toml --dry-run
  etch install mcp --uninstall .mcp.json`,
		Long: `Puts "etch mcp" before every server that FILE starts: the configuration of Claude
Code or Desktop, Cursor, Windsurf, Gemini CLI, VS Code, Zed, OpenCode or others
(JSON, with comments or without: mcpServers, servers, context_servers, mcp), or of
Codex (TOML, by its name: mcp_servers). Nothing else in it is touched, what it was
is kept beside it, and to run it again changes nothing. Servers that speak HTTP are
left alone: they need "etch mcp --url" and its address in their place.

--uninstall takes it away again: to the byte where nobody has changed the file
since, and otherwise from each command line. --log and --config are passed on.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("see \"etch install mcp --help\"", "etch install mcp wants FILE")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runInstallMCP(cmd.Context(), opts, args, std) },
	}
	f := cmd.Flags()
	f.BoolVarP(&opts.dryRun, "dry-run", "n", false, "show what would change, and change nothing")
	f.BoolVar(&opts.uninstall, "uninstall", false, "take it away")
	f.StringVar(&opts.bin, "bin", "", "the `PATH` of etch that the configuration shall name; default: where this one is")
	return cmd
}

func runInstallMCP(ctx context.Context, opts installOptions, files []string, std stdio) error {
	m, err := opts.machine(std)
	if err != nil {
		return err
	}
	hook, err := opts.hook(m, std)
	if err != nil {
		return err
	}
	run := installing{opts: opts, m: m, hook: hook, std: std, screen: isTerminal(std.out)}
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := run.wrap(file); err != nil {
			return err
		}
	}
	if run.changed && !opts.dryRun {
		run.notes = append(run.notes, "clients that are running now start their servers as before until they are restarted")
	}
	return run.tell()
}

// wrap does what is asked with one file. What fails is told, and the next one's
// turn comes; the error is that of writing.
func (r *installing) wrap(file string) error {
	var c install.Change
	var servers install.Servers
	var err error
	if r.opts.uninstall {
		c, servers, err = install.UnwrapMCP(r.m, file, r.opts.dryRun)
	} else {
		c, servers, err = install.WrapMCP(r.m, file, r.hook, r.opts.dryRun)
	}
	if err != nil {
		r.failed = append(r.failed, file)
		r.std.note("error: %v", err)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, install.ErrNoServers):
		case errors.Is(err, install.ErrForeign), errors.Is(err, os.ErrPermission):
			r.std.hint("run it as the user whose settings they are, without sudo")
		}
		return nil
	}
	if !r.opts.uninstall && len(servers.Remote) > 0 {
		r.notes = append(r.notes, "left alone, as they speak HTTP: "+strings.Join(servers.Remote, ", ")+"; see \"etch mcp --help\"")
	}
	if c.None() {
		word := map[bool]string{true: "no server is wrapped", false: "every server that can be is wrapped"}[r.opts.uninstall]
		return r.print("mcp: nothing to do, " + word + " (" + c.Path + ")\n")
	}
	r.changed = true
	return r.show("mcp", c)
}
