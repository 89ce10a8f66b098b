package hookrun

import (
	"os/user"
	"path/filepath"

	"github.com/etch-audit/etch/internal/hookenv"
)

// weakening are the variables by which less would be recorded, or more than
// should be. A hook does not heed them: an agent's settings may set the
// environment of its hooks, and those of a project come with the project.
var weakening = map[string]bool{
	"ETCH_ENABLED": true, "ETCH_TOOLS_AUDIT_ENABLED": true, "ETCH_DESTINATION": true,
	"ETCH_LOG_COMMANDS": true, "ETCH_LOG_FILE_ACCESS": true, "ETCH_LOG_AUTH_EVENTS": true, "ETCH_LOG_POLICY_VIOLATIONS": true,
	"ETCH_REDACT": true, "ETCH_REDACT_ALLOW": true, "ETCH_SIGN_EVENTS": true,
}

// environment is the one from which a hook takes its configuration. Without a
// home the user's own is meant: some agents start hooks with an environment that
// is all but empty.
func (r *run) environment(name string) (string, bool) {
	if r.NoEnv {
		return hookenv.Settled(r.process.Env)(name)
	}
	if weakening[name] {
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
