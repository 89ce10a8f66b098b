// Package site says where what a command is told goes: the configuration in
// effect, the log that it names, the directories that are made for it, and the
// daemon that records in its stead.
package site

import (
	"os"
	"strings"

	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/internal/segment"
)

// A Site says where the log and its configuration are, as the flags of a command
// line do.
type Site struct {
	Log      string // "": as configured
	Config   string // "": where it is looked for
	MayMiss  bool   // the file that Config names need not be there
	Settings []Setting
}

// A Setting is a key of the configuration that a flag sets.
type Setting struct{ Key, Value, Origin string }

// Load returns the configuration in effect in an environment.
func (s Site) Load(env func(name string) (string, bool)) (*config.Resolved, error) {
	opts := config.LoadOptions{Path: s.Config, MayMiss: s.MayMiss, LookupEnv: env}
	if s.Log != "" {
		opts.Set("security.audit.log_path", s.Log, "flag --log")
	}
	for _, set := range s.Settings {
		opts.Set(set.Key, set.Value, set.Origin)
	}
	return config.Load(opts)
}

// LoadWithout returns what is in effect where neither file nor environment can be
// read, but for the flags, the log's path and where homes are.
func (s Site) LoadWithout(env func(name string) (string, bool)) (*config.Resolved, error) {
	return Site{Log: s.Log, Config: os.DevNull}.Load(func(name string) (string, bool) {
		if strings.HasPrefix(name, "ETCH_") && name != "ETCH_LOG_PATH" {
			return "", false
		}
		return env(name)
	})
}

// own returns the configuration of a user who has none, with the default place of
// a log.
func own(env func(name string) (string, bool)) (*config.Resolved, error) {
	return Site{Config: os.DevNull}.Load(func(name string) (string, bool) {
		if strings.HasPrefix(name, "ETCH_") {
			return "", false
		}
		return env(name)
	})
}

// Hooks returns where hooks of a log remember what they need.
func Hooks(log string) string {
	layout, err := segment.LayoutOf(log)
	if err != nil {
		return log + ".hooks" // the path is wrong, and the spool says so
	}
	return layout.Path(layout.Hooks())
}
