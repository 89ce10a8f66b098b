package question

import (
	"context"
	_ "embed" // of the script and of the list of modules
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// DuckDB is asked through its module for node, by a script that stands beside
// the module.
var (
	//go:embed duckdb.mjs
	duckScript []byte
	//go:embed duckdb.json
	duckPackage []byte
)

const duckScriptName = "ask.mjs"

// Install installs DuckDB's module for node with npm, in dir. What Debian
// packages is the system's business.
func Install(ctx context.Context, dir string) error {
	dir, err := filepath.Abs(filepath.Join(dir, duckModules))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "package.json"), duckPackage, 0o600); err != nil {
		return err
	}
	npm := command{Args: []string{"npm", "install", "--no-package-lock", "--no-audit", "--no-fund"}, Dir: dir}
	if err := npm.installed(); err != nil {
		return errors.New("there is no npm")
	}
	// npm gets its own settings: they say where modules come from.
	npm.Env = os.Environ()
	if _, _, err := npm.run(ctx); err != nil {
		return fmt.Errorf("npm install: %w", err)
	}
	return nil
}

// duckReady returns an error where DuckDB's module is missing, and puts the
// script beside it.
func (e *env) duckReady() error {
	return e.once("duckdb", func() error {
		dir := filepath.Join(e.Options.Dir, duckModules)
		text, err := os.ReadFile(filepath.Join(dir, "node_modules", "@duckdb", "node-api", "package.json"))
		if errors.Is(err, fs.ErrNotExist) {
			return errors.New("skipped: there is no @duckdb/node-api (make peers)")
		}
		if err != nil {
			return err
		}
		var module struct{ Version string }
		if err := json.Unmarshal(text, &module); err != nil {
			return fmt.Errorf("@duckdb/node-api: %w", err)
		}
		e.note("duckdb is @duckdb/node-api %s", module.Version)
		return os.WriteFile(filepath.Join(dir, duckScriptName), duckScript, 0o600)
	})
}

// duck returns a run of the script.
func (e *env) duck(args ...string) command {
	script := filepath.Join(e.Options.Dir, duckModules, duckScriptName)
	return command{Args: append([]string{"node", script}, args...), Dir: e.path("home")}
}

// makeDuck fills a table of DuckDB's own with the members that a question may
// be about.
func (e *env) makeDuck(ctx context.Context, path string) error {
	c := e.duck("make", path, e.plain())
	if err := c.installed(); err != nil {
		return err
	}
	_, _, err := c.run(ctx)
	return err
}

// duckdb asks the table; a mode of the script is a question.
func duckdb(mode, question string) side {
	return side{
		unit: "ms", asks: question, read: tabCounts, unordered: true, of: part(duckName),
		prepare: func(ctx context.Context, e *env) error {
			if err := e.duckReady(); err != nil {
				return err
			}
			return e.have(ctx, duckName)
		},
		command: func(e *env) command { return e.duck(mode, e.path(duckName)) },
	}
}
