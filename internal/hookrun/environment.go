package hookrun

import (
	"os/user"
	"path/filepath"

	"github.com/etch-audit/etch/internal/hookenv"
)

// weakens reports whether a variable is one by which less would be recorded, or more
// than should be. A hook does not heed them: an agent's settings may set the
// environment of its hooks, and those of a project come with the project.
func weakens(variable string) bool {
	switch variable {
	case "ETCH_ENABLED", "ETCH_TOOLS_AUDIT_ENABLED", "ETCH_DESTINATION",
		"ETCH_LOG_COMMANDS", "ETCH_LOG_FILE_ACCESS", "ETCH_LOG_AUTH_EVENTS", "ETCH_LOG_POLICY_VIOLATIONS",
		"ETCH_REDACT", "ETCH_REDACT_ALLOW", "ETCH_SIGN_EVENTS":
		return true
	}
	return false
}

// environment is the one from which a hook takes its configuration. Without a
// home the user's own is meant: some agents start hooks with an environment that
// is all but empty.
func (r *run) environment(name string) (string, bool) {
	if r.NoEnv {
		return hookenv.Settled(r.process.Env)(name)
	}
	if weakens(name) {
		return "", false
	}
	value, ok := r.process.Env(name)
	if name != hookenv.Home || filepath.IsAbs(value) {
		return value, ok
	}
	u, err := user.Current()
	if err != nil {
		return value, ok
	}
	return u.HomeDir, true
}
