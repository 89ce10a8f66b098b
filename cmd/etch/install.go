package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/install"
	"github.com/etch-audit/etch/internal/hookenv"
	"github.com/etch-audit/etch/internal/terminal"
	"github.com/spf13/cobra"
)

type installOptions struct {
	place     *place
	agents    []string
	all       bool
	scope     string
	managed   bool
	dryRun    bool
	uninstall bool
	guard     bool
	guardSet  bool
	bin       string
}

func newInstall(at *place, std stdio) *cobra.Command {
	opts := installOptions{place: at}
	cmd := &cobra.Command{
		Use:   "install [AGENT...]",
		Short: "Record coding agents: put hooks into their settings, or take them out",
		Example: `  etch install                        # every agent that is found
  etch install claude-code --dry-run  # show what would change
  etch install --uninstall
  etch install mcp .mcp.json          # MCP servers: see etch install mcp --help`,
		Long: `Puts hooks into the settings of coding agents, so that every tool call of theirs
is recorded. Without a name: into those of every agent that is found.

The change is shown as a diff, what the file was is kept beside it, and nothing
else in it is touched. To run it again changes nothing, or brings entries of an
older etch up to date. --uninstall restores the file to the byte where nobody
has changed it since, and otherwise takes out these entries and nothing else.

--log and --config are passed on to the hooks. These heed nothing of their
environment that says where or what to record (--no-env), as a project's settings
may set it; where this user's environment names a log or a configuration of its
own, those are written into their commands. --guard lets the hook of Claude
Code refuse a change of settings that would switch hooks off while a session
runs; hooks of --managed, which an administrator installs, cannot be switched off
at all.

Agents: ` + strings.Join(agentNames(), ", ") + `.

Exit codes: 0 done, or nothing to do; 1 some agent's settings could not be
changed, those of the others were; 2 wrong use.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.agents = args
			opts.guardSet = cmd.Flags().Changed("guard")
			return runInstall(cmd.Context(), opts, std)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return agentNames(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	f := cmd.Flags()
	f.BoolVar(&opts.all, "all", false, "every agent that etch knows, found or not")
	f.StringVar(&opts.scope, "scope", string(install.User), "whose settings: `user`, project (this directory) or managed (the machine)")
	f.BoolVar(&opts.managed, "managed", false, "the same as --scope managed")
	f.BoolVarP(&opts.dryRun, "dry-run", "n", false, "show what would change, and change nothing")
	f.BoolVar(&opts.uninstall, "uninstall", false, "take the hooks out")
	f.BoolVar(&opts.guard, "guard", false, "refuse changes that would switch hooks off, where the agent lets a hook do so")
	f.StringVar(&opts.bin, "bin", "", "the `PATH` of etch that the hooks shall name; default: where this one is; "+install.HookProgram+" beside it is named in its stead")
	wrap := newInstallMCP(at, std)
	wrap.Hidden = true // the list of commands in the help would hide the agents
	cmd.AddCommand(wrap)
	return cmd
}

func agentNames() []string {
	var names []string
	for _, a := range install.Agents() {
		names = append(names, a.Name)
	}
	return names
}

func runInstall(ctx context.Context, opts installOptions, std stdio) error {
	if opts.managed {
		opts.scope = string(install.Managed)
	}
	if err := oneOf("scope", opts.scope, install.Scopes); err != nil {
		return err
	}
	m, err := opts.machine(std)
	if err != nil {
		return err
	}
	agents, err := opts.chosen(m)
	if err != nil {
		return err
	}
	hook, err := opts.hook(m, std)
	if err != nil {
		return err
	}
	if err := opts.makeLogs(m, agents, std); err != nil {
		return err
	}
	run := installing{opts: opts, m: m, hook: hook, scope: install.Scope(opts.scope), std: std, screen: isTerminal(std.out)}
	for _, a := range agents {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := run.one(a); err != nil {
			return err
		}
	}
	return run.conclude()
}

// machine returns what is known of this one.
func (o *installOptions) machine(std stdio) (install.Machine, error) {
	m, err := newMachine(std)
	if err != nil {
		return m, err
	}
	m.Binary, err = hookBinary(o.bin, m)
	switch {
	case err != nil && o.uninstall:
		m.Binary, err = "", nil // nothing will name it
	case err == nil && !o.uninstall:
		var why string
		if m.Hooks, why = hookProgram(m.Binary); why != "" {
			std.note("%s", why)
		}
	}
	return m, err
}

func newMachine(std stdio) (install.Machine, error) {
	home := std.getenv(map[bool]string{true: "USERPROFILE", false: "HOME"}[runtime.GOOS == "windows"])
	if !filepath.IsAbs(home) {
		return install.Machine{}, errors.New("the home directory is not known: $HOME is not set to an absolute path")
	}
	project, err := os.Getwd()
	if err != nil {
		return install.Machine{}, err
	}
	return install.Machine{
		Home: filepath.Clean(home), Project: project, GOOS: runtime.GOOS, Getenv: std.getenv, LookPath: exec.LookPath, Now: std.now(),
		Configs: config.Places(std.env),
	}, nil
}

// hookBinary returns the path by which hooks shall start this program: that in
// the search path, if it leads here, as it outlives an update; else where the
// program is. One that will be gone tomorrow is refused.
func hookBinary(given string, m install.Machine) (string, error) {
	if given != "" {
		return givenBinary(given)
	}
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("where this program is: %w", err)
	}
	if found, err := m.LookPath("etch"); err == nil && sameFile(found, path) {
		if abs, err := filepath.Abs(found); err == nil {
			path = abs
		}
	}
	if isTemporary(path) {
		return "", usagef("install etch where it stays, or name where it will be: --bin PATH", "this program is at %s, which will be gone: hooks cannot name it", path)
	}
	return path, nil
}

func givenBinary(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(abs)
	switch {
	case err != nil:
		return "", usagef("", "--bin: %w", err)
	case !info.Mode().IsRegular() || runtime.GOOS != "windows" && info.Mode()&0o111 == 0:
		return "", usagef("", "--bin: %s is not a program", abs)
	}
	return abs, nil
}

// isTemporary reports whether a program is one of go run or go test, or lies
// where files are removed without asking.
func isTemporary(path string) bool {
	path = withoutLinks(path)
	for _, dir := range []string{os.TempDir(), "/tmp", "/var/tmp", "/dev/shm"} {
		if rest, err := filepath.Rel(withoutLinks(dir), path); err == nil && filepath.IsLocal(rest) {
			return true
		}
	}
	return strings.Contains(filepath.ToSlash(path), "/go-build")
}

// withoutLinks returns a path without symbolic links, as far as it can be
// followed.
func withoutLinks(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// chosen returns the agents that are meant.
func (o *installOptions) chosen(m install.Machine) ([]*install.Agent, error) {
	if len(o.agents) > 0 && o.all {
		return nil, usagef("leave out one of the two", "--all and names of agents")
	}
	var chosen []*install.Agent
	for _, name := range o.agents {
		a := install.Named(name)
		if a == nil {
			return nil, unknown("agent", name, agentNames(), "known are "+strings.Join(agentNames(), ", "))
		}
		if !slices.Contains(chosen, a) {
			chosen = append(chosen, a)
		}
	}
	if len(chosen) > 0 {
		return chosen, nil
	}
	for _, a := range install.Agents() {
		if o.all || o.uninstall || a.Found(m) || a.Hooked(m) {
			chosen = append(chosen, a)
		}
	}
	if len(chosen) == 0 {
		return nil, fail(exitFailed, "name one to install its hooks beforehand: "+strings.Join(agentNames(), ", "), errors.New("no coding agent was found"))
	}
	return chosen, nil
}

// hook returns what the hooks shall say.
func (o *installOptions) hook(m install.Machine, std stdio) (install.Hook, error) {
	hook := install.Hook{Binary: cmp.Or(m.Hooks, m.Binary)}
	if o.uninstall {
		return hook, nil
	}
	// What is wrong with the configuration would be wrong with every hook.
	resolved, err := o.place.load(std)
	if err != nil {
		return hook, err
	}
	hook.Block = resolved.Hooks.Block
	if o.guardSet {
		hook.Guard = &o.guard
	}
	for _, f := range []struct {
		given string
		to    **string
	}{{o.place.log, &hook.Log}, {o.place.config, &hook.Config}} {
		if f.given == "" {
			continue
		}
		abs, err := filepath.Abs(f.given)
		if err != nil {
			return hook, err
		}
		*f.to = &abs
	}
	if o.scope == string(install.Managed) {
		return hook, nil // other people's, each of whom has places of their own
	}
	return hook, o.ownPlaces(&hook, resolved, std)
}

// ownPlaces says to the hooks, which heed no environment, where this user has the
// configuration and the log, as far as they would not find them.
func (o *installOptions) ownPlaces(hook *install.Hook, resolved *config.Resolved, std stdio) error {
	std.env, std.err = hookenv.Settled(std.env), io.Discard // what is to be said was said
	at := *o.place
	at.mayMiss = true
	found, err := at.load(std)
	if err != nil || found.Path != resolved.Path {
		// What hooks would read is another file, which may be anything.
		if hook.OwnConfig, err = filepath.Abs(resolved.Path); err != nil {
			return err
		}
		at.config = hook.OwnConfig
		if found, err = at.load(std); err != nil {
			return err
		}
	}
	if resolved.Stream() == "" && found.LogPath() != resolved.LogPath() {
		hook.OwnLog = resolved.LogPath()
	}
	return nil
}

// An installing is one run over several agents.
type installing struct {
	opts  installOptions
	m     install.Machine
	hook  install.Hook
	scope install.Scope
	std   stdio

	screen  bool // a terminal shows it
	failed  []string
	changed bool
	notes   []string
	restart []string // agents that read their hooks at their start
}

// one does what is asked with one agent. What fails is told, and the next one's
// turn comes; the error is that of writing.
func (r *installing) one(a *install.Agent) error {
	var changes []install.Change
	var err error
	if r.opts.uninstall {
		changes, err = a.Uninstall(r.m, r.scope, r.opts.dryRun)
	} else {
		changes, err = a.Install(r.m, r.scope, r.hook, r.opts.dryRun)
	}
	named := len(r.opts.agents) > 0
	if errors.Is(err, install.ErrNoScope) && !named {
		return nil // of those that were not asked for, the ones that have it do
	}
	if err != nil {
		r.failed = append(r.failed, a.Name)
		r.std.note("error: %s: %v", a.Name, err)
		if hint := r.hint(err); hint != "" {
			r.std.hint("%s", hint)
		}
	}
	any := false
	for _, c := range changes {
		if !c.None() {
			any = true
			if err := r.show(a.Name, c); err != nil {
				return err
			}
		}
	}
	r.changed = r.changed || any
	if !any && err == nil && (named || !r.opts.uninstall) {
		word := map[bool]string{true: "no hook of etch", false: "the hooks are there"}[r.opts.uninstall]
		return r.print(fmt.Sprintf("%s: nothing to do, %s (%s)\n", a.Name, word, changes[0].Path))
	}
	if any && !r.opts.uninstall {
		r.notes = append(r.notes, a.Notes(r.m, r.scope)...)
		if a.Restart {
			r.restart = append(r.restart, a.Title)
		}
	}
	if r.opts.guard && named && !a.Guards() {
		r.notes = append(r.notes, "--guard changes nothing for "+a.Title+": no hook of it can refuse a change of settings")
	}
	return nil
}

// show writes what became of a file.
func (r *installing) show(name string, c install.Change) error {
	verb := map[bool]string{false: "installed", true: "removed"}[r.opts.uninstall]
	if r.opts.dryRun {
		verb = "not " + verb + ", as this is a dry run"
	}
	text := c.Diff() + fmt.Sprintf("%s: %s: %s\n", name, verb, c.Path)
	if c.Backup != "" && !c.Made {
		text += fmt.Sprintf("%s: backup: %s\n", name, c.Backup)
	}
	for _, note := range c.Notes {
		r.notes = append(r.notes, c.Path+": "+note)
	}
	return r.print(text)
}

// print writes text, which is harmless where a terminal shows it, but for its
// tabs: settings are somebody else's.
func (r *installing) print(text string) error {
	if r.screen {
		var b strings.Builder
		for line := range strings.Lines(text) {
			for i, part := range strings.Split(strings.TrimSuffix(line, "\n"), "\t") {
				if i > 0 {
					b.WriteByte('\t')
				}
				b.WriteString(terminal.Text(part))
			}
			b.WriteByte('\n')
		}
		text = b.String()
	}
	_, err := io.WriteString(r.std.out, text)
	return err
}

// hint returns what can be done about an error.
func (r *installing) hint(err error) string {
	switch {
	case errors.Is(err, install.ErrForeign) || errors.Is(err, os.ErrPermission):
		if r.scope == install.Managed {
			return "these are the administrator's: run it with sudo"
		}
		return "run it as the user whose settings they are, without sudo"
	case errors.Is(err, install.ErrNoScope):
		return "see \"etch install --help\""
	case errors.Is(err, install.ErrUnread):
		return "put it right, or move the file away; nothing was changed"
	}
	return ""
}

// conclude tells what is to be known at the end.
func (r *installing) conclude() error {
	if err := r.tell(); err != nil {
		return err
	}
	switch {
	case r.opts.uninstall && !r.changed && len(r.opts.agents) == 0:
		r.std.note("no hook of etch in any agent's settings of scope %s", cmp.Or(r.opts.scope, "user"))
	case r.changed && !r.opts.uninstall && !r.opts.dryRun:
		r.std.hint("\"etch doctor\" says whether their calls arrive")
	}
	return nil
}

// tell tells the notes, each once, and what failed.
func (r *installing) tell() error {
	seen := map[string]bool{}
	for _, note := range r.notes {
		if !seen[note] {
			r.std.hint("%s", note)
		}
		seen[note] = true
	}
	if len(r.restart) > 0 {
		r.std.hint("sessions that are running now read their hooks when they start again: %s", strings.Join(r.restart, ", "))
	}
	if len(r.failed) > 0 {
		return fail(exitFailed, "", fmt.Errorf("not done: %s", strings.Join(r.failed, ", ")))
	}
	return nil
}
