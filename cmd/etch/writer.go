package main

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/internal/vfs"
	"github.com/etch-audit/etch/risk"
)

// openWriter opens the configured log, or makes it where there is none and
// never was one: the first write does what init does, and says so.
func openWriter(resolved *config.Resolved, std stdio, tools ...string) (*etch.Log, error) {
	opts, err := writerOptions(resolved, std, tools)
	if err != nil {
		return nil, err
	}
	return openOrCreate(resolved, opts, std)
}

// openOrCreate is openWriter with options that are made already.
func openOrCreate(resolved *config.Resolved, opts *etch.Options, std stdio) (*etch.Log, error) {
	if err := makePlace(resolved); err != nil {
		return nil, err
	}
	log, err := etch.Open(resolved.LogPath(), opts)
	if !errors.Is(err, etch.ErrNoLog) {
		return log, err
	}
	if log, err = etch.Create(resolved.LogPath(), opts); errors.Is(err, etch.ErrExists) {
		return etch.Open(resolved.LogPath(), opts) // another process was faster
	}
	if err != nil {
		return nil, err
	}
	info := log.Info()
	std.note("created %s; public key %s; keep a copy elsewhere", info.Path, info.PublicKey)
	return log, nil
}

// makePlace makes the directories of the default place: those of any other are
// their owner's to make.
func makePlace(resolved *config.Resolved) error {
	if !resolved.DefaultPlace || resolved.Options().Disabled {
		return nil
	}
	return makeDirectories(vfs.OS(), filepath.Dir(resolved.LogPath()))
}

// makeDirectories makes a directory and those above it, for nobody but the
// owner. A log in a directory that a crash takes away again is lost too, so
// each is on disk before the next: mkdir, then sync of its parent.
func makeDirectories(files vfs.FS, dir string) error {
	_, err := files.Stat(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := makeDirectories(files, parent); err != nil {
			return err
		}
	}
	if err := files.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return files.SyncDir(parent)
}

// writerOptions returns the options that every writing command has. The
// inventory of tools goes to stderr where the configuration asks for it.
func writerOptions(resolved *config.Resolved, std stdio, tools []string) (*etch.Options, error) {
	opts := resolved.Options()
	opts.Classify = classify
	opts.Now = std.now
	opts.Notify = func(n etch.Notice) { std.warn("%s: %s", n.Type, n.Text) }
	switch resolved.Stream() {
	case "stdout":
		opts.Stream = std.out
	case "stderr":
		opts.Stream = std.err
	}
	if resolved.Tools.ToolRiskSummary {
		known := []string{"shell", "bash", "exec", "web_scrape", "scrape", "fetch", "file"}
		for _, tool := range tools {
			if tool != "" {
				known = append(known, tool)
			}
		}
		if err := risk.WriteToolSummary(std.err, known); err != nil {
			return nil, err
		}
	}
	return opts, nil
}

// closeLog closes a log and joins what goes wrong to what went wrong before.
// What was acknowledged is on disk whether or not this last seal is.
func closeLog(log io.Closer, err *error) {
	if closing := log.Close(); closing != nil {
		*err = errors.Join(*err, closing)
	}
}
