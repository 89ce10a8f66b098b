// Package install puts the hooks of this program into the settings of coding
// agents, takes them out again, and finds out whether they are in effect.
//
// The settings are the user's. Nothing of them is changed but the entries of
// this program ([github.com/etch-audit/etch/internal/settings] keeps the rest
// to the byte), what they were is kept beside them as a backup, and a file is
// replaced whole or not at all. Taking the hooks out restores the file that was
// there where nobody has changed it since, and otherwise removes the entries of
// this program and nothing else.
//
// An entry is known by its command line: a program of this one's name whose
// arguments begin with "hook" and the agent's name, or [HookProgram], whose
// arguments begin with the agent's name.
package install

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/etch-audit/etch/internal/vfs"
)

// A Scope says whose settings are edited.
type Scope string

// The scopes. Not every agent has each of them.
const (
	User    Scope = "user"    // of whoever runs the agent, in every directory
	Project Scope = "project" // of one directory, whoever works in it
	Managed Scope = "managed" // of the machine: its administrator's
)

// Scopes lists them as their names are written.
var Scopes = []string{string(User), string(Project), string(Managed)}

// A Machine is where agents and their settings are looked for.
type Machine struct {
	Home     string                       // the user's home directory
	Project  string                       // the directory of the project scope
	GOOS     string                       // the system, as [runtime.GOOS] has it
	Getenv   func(string) string          // the environment
	LookPath func(string) (string, error) // finds a program, as [os/exec.LookPath] does
	Binary   string                       // the running program
	Hooks    string                       // the program beside it that does nothing but hooks; empty where there is none
	Root     string                       // put in front of the places of the managed scope; empty but in tests
	Now      time.Time                    // the time in the names of backups
	Configs  []string                     // the places where a configuration may be or not, by whatever environment

	// Steps, where it is not nil, is called with a name before each step of a
	// change: tests stop there.
	Steps func(step string)
}

// A Hook is what the entries of one installation say.
type Hook struct {
	// Binary is the absolute path of this program, or of [Machine].Hooks.
	Binary string
	// Log and Config are passed on to it; nil keeps what an earlier
	// installation wrote, which is nothing where there was none.
	Log, Config *string
	// OwnLog and OwnConfig are passed on where neither Log and Config nor an earlier
	// installation say anything: where this user's environment has them, if that is
	// not where hooks, which heed no environment, find them; else "".
	OwnLog, OwnConfig string
	// Guard makes the hook of a change of settings refuse those that would
	// switch hooks off, where the agent lets it; nil as above.
	Guard *bool
	// Block asks the agent to refuse a call whose hook failed, where it can.
	Block bool
}

var (
	// ErrNoScope is returned where an agent has no settings of a scope.
	ErrNoScope = errors.New("it has no settings of that scope")
	// ErrForeign is returned where settings, or their directory, are another
	// user's.
	ErrForeign = errors.New("it is another user's")
	// ErrUnread is returned for a file that its own agent does not read as it
	// stands: hooks in it would have no effect.
	ErrUnread = errors.New("the agent does not read the file as it stands")
	// ErrNotOurs is returned where a file that this program would write whole
	// is there and is somebody else's.
	ErrNotOurs = errors.New("the file is there, and not of this program")
)

// A Change is what becomes of one file.
type Change struct {
	Path   string
	Before []byte
	After  []byte
	Made   bool // there is no such file before
	Gone   bool // there is none after
	Backup string
	Notes  []string // what whoever asked for it should know
}

// None reports whether the file stays as it is.
func (c *Change) None() bool { return !c.Made && !c.Gone && string(c.Before) == string(c.After) }

// Install puts the hooks of an agent into its settings of a scope, and returns
// what was changed; with dry, what would be. It is safe to be called at the
// same time by several processes, and again after one of them was killed. Where
// an agent has several files, an error leaves those before it changed: they
// are returned too.
func (a *Agent) Install(m Machine, scope Scope, hook Hook, dry bool) ([]Change, error) {
	return a.each(m, scope, dry, func(t target) edit {
		return func(before []byte) ([]byte, error) { return t.form.put(before, hook) }
	})
}

// Uninstall takes them out, and returns what was changed; with dry, what would
// be.
func (a *Agent) Uninstall(m Machine, scope Scope, dry bool) ([]Change, error) {
	targets, err := a.targets(m, scope)
	if err != nil {
		return nil, err
	}
	slices.Reverse(targets)
	var changes []Change
	for _, t := range targets {
		c, err := takeOut(m, t, dry)
		if err != nil {
			return changes, fmt.Errorf("%s: %w", t.path, err)
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// An edit makes new content of a file, whose present one is nil where there is
// no file.
type edit func(before []byte) ([]byte, error)

func (a *Agent) each(m Machine, scope Scope, dry bool, of func(target) edit) ([]Change, error) {
	targets, err := a.targets(m, scope)
	if err != nil {
		return nil, err
	}
	var changes []Change
	for _, t := range targets {
		c, err := t.putIn(m, of(t), dry)
		if err != nil {
			return changes, fmt.Errorf("%s: %w", t.path, err)
		}
		if c != nil {
			changes = append(changes, *c)
		}
	}
	return changes, nil
}

// putIn changes one file, or says what would become of it; nil: there is no
// file, and it needs none.
func (t target) putIn(m Machine, change edit, dry bool) (*Change, error) {
	if dry {
		c, err := plan(t, change)
		return c, err
	}
	if before, err := read(t.path); err != nil {
		return nil, err
	} else if before == nil && t.optional {
		return nil, nil
	}
	f, err := open(m, t)
	if err != nil {
		return nil, err
	}
	c, err := f.replace(change)
	return c, errors.Join(err, f.close())
}

// plan is putIn that writes nothing.
func plan(t target, change edit) (*Change, error) {
	before, err := read(t.path)
	if err != nil || before == nil && t.optional {
		return nil, err
	}
	if err := mine(t.path); err != nil {
		return nil, err
	}
	after, err := change(before)
	if err != nil {
		return nil, err
	}
	return &Change{Path: t.path, Before: before, After: after, Made: before == nil}, nil
}

// read returns a file, nil where there is none, empty where it is.
func read(path string) ([]byte, error) {
	text, err := vfs.ReadRegular(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.Is(err, vfs.ErrNotRegular):
		return nil, vfs.ErrNotRegular // the caller knows the path
	}
	return text, err
}

// Found reports whether an agent seems to be in use: its program is there, or
// the directory of its settings with anything but what installations have made.
func (a *Agent) Found(m Machine) bool {
	if a.Program(m) != "" {
		return true
	}
	info, err := os.Stat(a.folder(m))
	return err == nil && info.IsDir() && !onlyMade(a.folder(m))
}

// onlyMade reports whether a directory was made to install hooks beforehand, and has
// nothing in it but what installations have made.
func onlyMade(dir string) bool {
	made, others := false, false
	// What cannot be looked at is the agent's.
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		name := filepath.Base(path)
		switch {
		case err != nil:
			return err
		case entry.IsDir(), strings.Contains(name, backupMark), len(backups(path, madeMark)) > 0:
			return nil
		case strings.Contains(name, madeMark):
			text, err := vfs.ReadRegular(path)
			made = made || slices.Contains(strings.Split(string(text), "\n"), dir)
			return err
		}
		others = true
		return fs.SkipAll
	})
	return err == nil && made && !others
}

// Program returns the path of the agent's program, empty where there is none.
func (a *Agent) Program(m Machine) string {
	for _, name := range a.programs {
		if path, err := m.LookPath(name); err == nil {
			if abs, err := filepath.Abs(path); err == nil {
				return abs
			}
		}
	}
	return ""
}

// targets returns the files of a scope.
func (a *Agent) targets(m Machine, scope Scope) ([]target, error) {
	targets := a.places(a, m, scope)
	if len(targets) == 0 {
		return nil, ErrNoScope
	}
	return targets, nil
}
