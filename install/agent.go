package install

import (
	"cmp"
	"path/filepath"
	"slices"

	"github.com/etch-audit/etch/internal/settings"
)

// An Agent is a coding agent as far as its settings go.
type Agent struct {
	Name    string   // as records name it
	Aliases []string // other names that people give it
	Title   string   // as people call it
	Seen    bool     // its hooks were seen at work on the real program; else its maker's pages were read
	Events  []string // those that its hooks are put at, in the order of its life
	Restart bool     // it reads its hooks at the start of a session only

	programs []string
	folder   func(m Machine) string // of its settings
	places   func(a *Agent, m Machine, scope Scope) []target
	sources  func(a *Agent, m Machine) []source // other files that it reads, the most powerful first
	dotEnv   func(m Machine) []string           // files of the project that it reads into its environment
	// ownEnv is the same of the person's own, for agents that can be silenced by it
	ownEnv func(m Machine) []string
	// shadows returns the files for which, where they are there, the agent may leave out
	// the hooks of those that an installation writes
	shadows  func(m Machine) []string
	switches []offSwitch
	trusts   bool   // it runs hooks that it was told to trust
	guards   string // the event whose hook can refuse a change of settings
	blocks   string // the event whose hook can be made to refuse when it fails
	notes    func(m Machine, scope Scope) []string
}

// A target is a file that hooks are put into.
type target struct {
	path     string
	form     form
	optional bool // it is not made where it is missing
	shared   bool // other users read it
}

// names returns every name of the agent.
func (a *Agent) names() []string { return append([]string{a.Name}, a.Aliases...) }

// Guards reports whether a hook of the agent can refuse a change of its settings.
func (a *Agent) Guards() bool { return a.guards != "" }

// Notes returns what else there is to do, or to know, after hooks were put into
// a scope.
func (a *Agent) Notes(m Machine, scope Scope) []string {
	var notes []string
	if a.notes != nil {
		notes = a.notes(m, scope)
	}
	program := cmp.Or(m.Hooks, m.Binary)
	if at := replaceable(program); scope == Managed && at != "" {
		notes = append(notes, "the managed hooks start "+program+", and others than the administrator can replace "+at+": put etch where only root writes, and install it from there")
	}
	if scope == Project {
		notes = append(notes, "the settings name "+program+": whoever shares this directory needs etch there too")
	}
	return notes
}

// Agents returns all agents that hooks can be put into.
func Agents() []*Agent { return slices.Clone(agents) }

var agents = []*Agent{claudeCode, codex, gemini, qwen, copilot, cursor, openCode, windsurf, goose, droid, antigravity}

// Named returns the agent of a name or alias, nil where there is none.
func Named(name string) *Agent {
	for _, a := range agents {
		if slices.Contains(a.names(), name) {
			return a
		}
	}
	return nil
}

// perMachine returns a place of the machine's administrator.
func (m Machine) perMachine(linux, darwin, windows string, below ...string) string {
	dir := linux
	switch m.GOOS {
	case "darwin":
		dir = darwin
	case "windows":
		dir = windows
	}
	return filepath.Join(append([]string{m.Root, dir}, below...)...)
}

// dirOf returns a directory that a variable names, else one below the home.
func (m Machine) dirOf(variable string, below ...string) string {
	if dir := m.Getenv(variable); dir != "" && filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(append([]string{m.Home}, below...)...)
}

// shell returns what an agent gives command lines to that uses the system's own.
func (m Machine) shell(windows shell) shell {
	if m.GOOS == "windows" {
		return windows
	}
	return posix
}

// file returns a target in one of the shapes that most agents share.
func (f hookFile) file(m Machine, scope Scope, path string) []target {
	f.own = filepath.Base(m.Binary)
	if f.root == "" {
		f.root = "hooks"
	}
	if scope == Managed {
		f.misfits = nil
	}
	return []target{{path: path, form: f, shared: scope != User}}
}

// strict is a reader of strict JSON.
var strict = settings.Dialect{}
