// Package hookenv knows what of its environment a hook of this program goes by.
// An agent's settings may set it, and those of a project come with the project.
package hookenv

import "strings"

// Bends reports whether a variable of the environment decides where a hook of this
// program records, what it records, or what code it runs.
func Bends(variable string) bool {
	switch variable {
	case "HOME", "USERPROFILE", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "CLAUDE_CONFIG_DIR",
		"LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "DYLD_INSERT_LIBRARIES", "DYLD_LIBRARY_PATH":
		return true
	}
	return strings.HasPrefix(variable, "ETCH_")
}
