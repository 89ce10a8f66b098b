package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/internal/keys"
	"github.com/etch-audit/etch/internal/site"
	"github.com/etch-audit/etch/internal/vfs"
	"github.com/spf13/cobra"
)

type initOptions struct {
	place  *place
	resume bool
	json   bool
}

func newInit(at *place, std stdio) *cobra.Command {
	opts := initOptions{place: at}
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Create the log, its keys and the configuration file",
		Example: `  etch init
  etch init --config ./etch.toml --log ./audit.log`,
		Long: `Creates the log and its keys where the configuration says, and prints where
everything is and the public log key. Keep a copy of that key where whoever can
write to this machine cannot: with it, and nothing else, anybody can verify.

A configuration file with every key is written where there is none, and never
overwritten. One that --config or ETCH_CONFIG names gets the place that --log
says.

--resume lets a log go on whose active segment is gone although its keys and
state remember it. What is lost stays reported for ever.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runInit(cmd.Context(), opts, std)
		},
	}
	cmd.Flags().BoolVar(&opts.resume, "resume", false, "go on with a log that lost its active segment")
	cmd.Flags().BoolVar(&opts.json, "json", false, "print a JSON object")
	return cmd
}

// An initAnswer says where everything is. Its members are a contract:
// docs/cli-json.md.
type initAnswer struct {
	Log           string `json:"log"`
	Keys          string `json:"keys"`
	Config        string `json:"config"`
	ConfigWritten bool   `json:"config_written"`
	Origin        string `json:"origin"`
	PublicKey     string `json:"public_key"`
}

func runInit(_ context.Context, opts initOptions, std stdio) error {
	resolved, err := loadForInit(*opts.place, std)
	if err != nil {
		return err
	}
	if stream := resolved.Stream(); stream != "" {
		return usagef("set log_path, or give --log", "the configured destination is %s: there is nothing to create", stream)
	}
	if err := refuseDisabled(resolved); err != nil {
		return err
	}
	info, err := makeLog(opts, resolved, std)
	if err != nil {
		return err
	}
	answer := initAnswer{
		Log: info.Path, Keys: info.Keys, Config: resolved.Path, ConfigWritten: !resolved.Found,
		Origin: info.Origin, PublicKey: info.PublicKey,
	}
	if !resolved.Found && resolved.Path != "" {
		if err := writeTemplate(resolved, opts.place.named(std) && opts.place.log != ""); err != nil {
			return fmt.Errorf("the log is made, but not its configuration file: %w", err)
		}
	}
	if err := printInit(answer, opts.json, std); err != nil {
		return err
	}
	std.hint("keep a copy of %s where nobody who can write here can: with it anybody can verify this log", filepath.Join(info.Keys, keys.PublicFile))
	return nil
}

// named reports whether the configuration file is named, not merely looked for.
func (p place) named(std stdio) bool { return p.config != "" || std.getenv("ETCH_CONFIG") != "" }

// loadForInit is load, but that a named configuration file may be missing: it
// will be written.
func loadForInit(p place, std stdio) (*config.Resolved, error) {
	resolved, err := p.load(std)
	if !errors.Is(err, fs.ErrNotExist) || !p.named(std) {
		return resolved, err
	}
	path := p.config
	if path == "" {
		path = std.getenv("ETCH_CONFIG")
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	p.config = os.DevNull
	if resolved, err = p.load(std); err != nil {
		return nil, err
	}
	resolved.Path, resolved.Found = path, false
	return resolved, nil
}

// makeLog creates the log, or resumes it, and closes it again.
func makeLog(opts initOptions, resolved *config.Resolved, std stdio) (etch.Info, error) {
	writing, err := writerOptions(resolved, std, nil)
	if err != nil {
		return etch.Info{}, err
	}
	var log *etch.Log
	if opts.resume {
		writing.Resume = true
		log, err = etch.Open(resolved.LogPath(), writing)
	} else if err = site.Make(resolved); err == nil {
		log, err = etch.Create(resolved.LogPath(), writing)
	}
	if errors.Is(err, etch.ErrExists) {
		return etch.Info{}, fail(exitFailed, "\"etch status\" says how it is; nothing was changed", err)
	}
	if err != nil {
		return etch.Info{}, err
	}
	info := log.Info()
	return info, log.Close()
}

// writeTemplate writes the configuration file with every key, never over one
// that is there.
func writeTemplate(resolved *config.Resolved, withLog bool) error {
	initial := config.Default()
	if withLog {
		initial.Audit.LogPath = resolved.LogPath()
	}
	if err := site.MakeDirectories(vfs.OS(), filepath.Dir(resolved.Path)); err != nil {
		return err
	}
	f, err := os.OpenFile(resolved.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(initial.Template())
	return errors.Join(err, f.Sync(), f.Close())
}

func printInit(a initAnswer, asJSON bool, std stdio) error {
	if asJSON {
		return printJSON(std, a)
	}
	configuration := a.Config
	if a.ConfigWritten && a.Config != "" {
		configuration += " (written)"
	}
	var b strings.Builder
	for _, row := range [][2]string{
		{"log", a.Log}, {"keys", a.Keys}, {"config", configuration}, {"origin", a.Origin}, {"public key", a.PublicKey},
	} {
		fmt.Fprintf(&b, "%-12s%s\n", row[0], row[1])
	}
	_, err := fmt.Fprint(std.out, b.String())
	return err
}
