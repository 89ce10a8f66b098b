// Package servers puts "etch mcp" between real clients and real servers: those of
// the protocol's own project, from the npm registry, and its Go SDK.
package servers

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// A Server is a package of the npm registry.
type Server struct {
	Package string
	Version string
	Main    string // below node_modules/Package
}

// The servers that are put to the test.
var (
	Everything = Server{"@modelcontextprotocol/server-everything", "2026.8.31", "dist/index.js"}
	Filesystem = Server{"@modelcontextprotocol/server-filesystem", "2026.8.31", "dist/index.js"}
)

// Install installs the server below dir with npm, unless it is there, and returns
// the path of its program. Scripts of the packages are not run.
func (s Server) Install(ctx context.Context, dir string) (string, error) {
	at := filepath.Join(dir, filepath.Base(s.Package)+"@"+s.Version)
	program := filepath.Join(at, "node_modules", filepath.FromSlash(s.Package), filepath.FromSlash(s.Main))
	done := filepath.Join(at, "installed")
	if _, err := os.Stat(done); err == nil {
		return program, nil
	}
	if err := os.MkdirAll(at, 0o700); err != nil {
		return "", err
	}
	npm := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", at, s.Package+"@"+s.Version)
	if out, err := npm.CombinedOutput(); err != nil {
		return "", fmt.Errorf("install %s: %w\n%s", s.Package, err, out)
	}
	return program, os.WriteFile(done, nil, 0o600)
}
