package agents

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Install installs an agent below dir with npm, unless it is there, and
// returns its directory. Scripts of the packages are not run.
func (a *Agent) Install(ctx context.Context, dir string) (string, error) {
	at := filepath.Join(dir, a.Name+"@"+a.Version)
	done := filepath.Join(at, "installed")
	if _, err := os.Stat(done); err == nil {
		return at, nil
	}
	if err := os.MkdirAll(at, 0o700); err != nil {
		return "", err
	}
	npm := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", at, a.Package+"@"+a.Version)
	if out, err := npm.CombinedOutput(); err != nil {
		return "", fmt.Errorf("install %s: %w\n%s", a.Package, err, out)
	}
	return at, os.WriteFile(done, nil, 0o600)
}

// Session prepares a home for the agent and gives it a model that follows the
// script. The caller closes the server.
func (a *Agent) Session(h *Home, script Script) (*Server, error) {
	s := a.serve(script)
	if err := a.setup(h, s); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Argv returns the command line that gives the agent, installed at dir, one prompt.
func (a *Agent) Argv(dir, prompt string) []string { return append(a.argv(dir), prompt) }
