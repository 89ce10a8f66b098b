// Package hookenv knows what of its environment a hook of this program goes by.
// An agent's settings may set it, and those of a project come with the project.
package hookenv

import (
	"os"
	"os/user"
	"path/filepath"
	"strings"
)

// Bends reports whether a variable of the environment decides where a hook of this
// program records, as whom, what it records, or what code it runs.
func Bends(variable string) bool {
	switch variable {
	case "HOME", "USERPROFILE", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "AppData", "APPDATA", "CLAUDE_CONFIG_DIR",
		"LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "DYLD_INSERT_LIBRARIES", "DYLD_LIBRARY_PATH", "BASH_ENV":
		return true
	}
	return strings.HasPrefix(variable, "ETCH_")
}

// Runs reports whether a variable that bends hooks decides what code runs in their
// process, or in that of the shell that starts them: no program can leave it
// unheeded.
func Runs(variable string) bool {
	return strings.HasPrefix(variable, "LD_") || strings.HasPrefix(variable, "DYLD_") || variable == "BASH_ENV"
}

// Settled returns what finds variables for a hook that heeds no environment: none
// that bends it, and as the home directory the one that the system has for the
// user. Where the system knows of no user, that of lookup stands.
func Settled(lookup func(string) (string, bool)) func(string) (string, bool) {
	return func(name string) (string, bool) {
		switch {
		case name == Home:
			if u, err := user.Current(); err == nil && filepath.IsAbs(u.HomeDir) {
				return u.HomeDir, true
			}
			return lookup(name)
		case Bends(name):
			return "", false
		}
		return lookup(name)
	}
}

// Assigned returns the variables that bend hooks or silence those of the agent, of those
// that a file such as .env assigns: "NAME=value" or "export NAME=value" a line, each
// time with the number of its line, from 1.
func Assigned(agent, text string) []Assignment {
	var found []Assignment
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(strings.TrimPrefix(line, "\ufeff"))
		if rest, ok := strings.CutPrefix(line, "export"); ok && strings.TrimLeft(rest, " \t") != rest {
			line = strings.TrimLeft(rest, " \t")
		}
		at := strings.IndexAny(line, "=:") // dotenv takes "NAME: value" as well
		if at <= 0 {
			continue
		}
		a := Assignment{Name: strings.TrimSpace(line[:at]), Line: number}
		a.Silences = Silences(agent, a.Name, assigned(line[at+1:]))
		if a.Silences || Bends(a.Name) {
			found = append(found, a)
		}
	}
	return found
}

// assigned returns the value that a line assigns, without its quotes and what is noted
// behind it.
func assigned(text string) string {
	text = strings.TrimSpace(text)
	if text != "" && strings.IndexByte("\"'`", text[0]) >= 0 {
		if end := strings.IndexByte(text[1:], text[0]); end >= 0 {
			return text[1 : 1+end]
		}
	}
	text, _, _ = strings.Cut(text, "#")
	return strings.TrimSpace(text)
}

// An Assignment is a variable that a file assigns.
type Assignment struct {
	Name     string
	Line     int
	Silences bool // the agent runs no hooks
}

// Files returns the files of assignments that agents of Gemini's family look for in a
// project: .env in its directory and those above it, and in the directory of settings
// of each, the nearest first. Those of the home directory are the person's own.
func Files(project, home, settings string) []string {
	if !filepath.IsAbs(project) {
		return nil
	}
	var found []string
	for dir := filepath.Clean(project); dir != filepath.Clean(home); dir = filepath.Dir(dir) {
		for _, path := range [...]string{filepath.Join(dir, settings, ".env"), filepath.Join(dir, ".env")} {
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				found = append(found, path)
			}
		}
		if filepath.Dir(dir) == dir {
			break
		}
	}
	return found
}
