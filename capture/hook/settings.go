package hook

import (
	"path/filepath"
	"slices"

	"github.com/etch-audit/etch/internal/hookenv"
)

// SettingsIn returns what finds the settings files of an agent: in the directory of
// the user's that a variable names ("" where none does), else in the one below the
// home; and in the one below the project.
func SettingsIn(variable, user, project string, names ...string) func(string, func(string) (string, bool)) []string {
	return func(cwd string, getenv func(string) (string, bool)) []string {
		var dirs, files []string
		if dir, ok := getenv(variable); ok && filepath.IsAbs(dir) {
			dirs = append(dirs, dir)
		} else if home, ok := getenv(hookenv.Home); ok && filepath.IsAbs(home) {
			dirs = append(dirs, filepath.Join(home, user))
		}
		if filepath.IsAbs(cwd) {
			dirs = append(dirs, filepath.Join(cwd, project))
		}
		for _, dir := range slices.Compact(dirs) {
			for _, name := range names {
				files = append(files, filepath.Join(dir, name))
			}
		}
		return files
	}
}

// WithVariables returns what finds, besides the files that settings finds, those by
// which a project sets variables of the agent's environment, and so of its hooks'.
func WithVariables(dir string, settings func(string, func(string) (string, bool)) []string) func(string, func(string) (string, bool)) []string {
	return func(cwd string, getenv func(string) (string, bool)) []string {
		home, _ := getenv(hookenv.Home)
		return append(settings(cwd, getenv), hookenv.Files(cwd, home, dir)...)
	}
}
