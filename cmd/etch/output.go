package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/internal/keys"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/vfs"
)

// An output is where data goes: stdout, or a file that appears whole or not at
// all.
type output struct {
	io.Writer
	screen bool     // a terminal shows it
	file   *os.File // nil: stdout
	path   string   // where the file will be
}

// toFile reports whether --output names a file.
func (o *auditOptions) toFile() bool { return o.output != "" && o.output != "-" }

// openOutput returns the output, which must not be a file of the log.
func (o *auditOptions) openOutput(resolved *config.Resolved, std stdio) (*output, error) {
	if !o.toFile() {
		return &output{Writer: std.out, screen: isTerminal(std.out)}, nil
	}
	held, err := keysOf(resolved)
	if err != nil {
		return nil, err
	}
	if sameFile(o.output, resolved.Path) {
		return nil, fmt.Errorf("--output: %w", usagef("name another file", "%s is the configuration", o.output))
	}
	out, err := newOutputFile(o.output, resolved.LogPath(), held)
	if err != nil {
		return nil, fmt.Errorf("--output: %w", err)
	}
	return out, nil
}

// newOutputFile opens a new file beside path: 0600, as [os.CreateTemp] makes it.
func newOutputFile(path, log string, held *keys.Dir) (*output, error) {
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, usagef("name a file in it", "%s is a directory", path)
	case !info.Mode().IsRegular():
		// A rename would put a file in the place of the device or pipe.
		return nil, usagef("redirect stdout to it: > "+path, "%s is not a regular file", path)
	}
	if err := sparesLog(path, log, held); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return nil, err
	}
	return &output{Writer: f, file: f, path: path}, nil
}

// sparesLog returns an error where path is a file of the log or of its keys, or
// would be taken for one.
func sparesLog(path, log string, held *keys.Dir) error {
	layout, err := segment.LayoutOf(log)
	if err != nil {
		return err
	}
	dir, name := filepath.Dir(path), filepath.Base(path)
	refused := usagef("name another file", "%s is a file of the log", path)
	inKeys := sameFile(dir, filepath.Dir(held.Path(keys.IdentityFile))) || sameFile(dir, layout.Path(layout.Keys()))
	if inKeys || sameFile(path, held.Path(keys.MACFile)) || sameFile(path, log) {
		return refused
	}
	for _, own := range layout.Directories() {
		if liesIn(dir, layout.Path(own)) {
			return refused
		}
	}
	if !sameFile(dir, layout.Dir) {
		return nil
	}
	if _, notSegment := layout.Parse(name); notSegment == nil || layout.Owns(name) {
		return refused
	}
	return nil
}

// liesIn reports whether a directory is another one, or lies in it.
func liesIn(dir, other string) bool {
	for {
		if sameFile(dir, other) {
			return true
		}
		above := filepath.Dir(dir)
		if above == dir || above == "." {
			return false
		}
		dir = above
	}
}

// sameFile reports whether two paths name one file that is there.
func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

// commit makes the file appear: sync, close, rename, sync the directory. A
// crash leaves the one that was there before, or the whole new one.
func (o *output) commit() error {
	if o.file == nil {
		return nil
	}
	if err := errors.Join(o.file.Sync(), o.file.Close()); err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	if err := os.Rename(o.file.Name(), o.path); err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	o.file = nil
	if err := vfs.OS().SyncDir(filepath.Dir(o.path)); err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	return nil
}

// discard removes a file that was not committed.
func (o *output) discard() error {
	if o.file == nil {
		return nil
	}
	// It may have been closed by a commit that failed, whose error is known.
	_ = o.file.Close()
	return os.Remove(o.file.Name())
}
