package install

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/etch-audit/etch/internal/vfs"
)

const (
	// lockName is beside the settings while somebody changes them, and gone
	// afterwards.
	lockName = ".etch-install.lock"
	lockWait = 10 * time.Second

	backupMark = ".etch-backup-" // then the time, and the hash of what replaced it
	madeMark   = ".etch-made-"   // likewise, of a file that there was not; in it, the directories that were made

	temporary = ".etch-install-*.tmp"
)

// A file is one of settings while it is changed: its directory is there, and
// locked.
type file struct {
	m    Machine
	path string
	made []string // directories, the outermost first
	perm fs.FileMode
	lock vfs.Lock

	linked bool // what was replaced has another name
}

// open makes the directory of a file and locks it.
func open(m Machine, t target) (*file, error) {
	f := &file{m: m, path: t.path, perm: 0o600}
	if t.shared {
		f.perm = 0o644
	}
	if err := mine(t.path); err != nil {
		return nil, err
	}
	if err := f.makeDirectory(filepath.Dir(t.path), t.shared); err != nil {
		return nil, err
	}
	var err error
	if f.lock, err = vfs.OS().OpenLock(f.lockPath()); err != nil {
		return nil, err
	}
	if err := f.lock.Acquire(lockWait); err != nil {
		return nil, errors.Join(err, f.lock.Close())
	}
	return f, nil
}

func (f *file) lockPath() string { return filepath.Join(filepath.Dir(f.path), lockName) }

// close gives the lock back and leaves no trace of it. Whoever waits for the
// lock finds out that its file is gone, and takes the next one.
func (f *file) close() error {
	for _, path := range vfs.LockFiles(f.lockPath()) {
		// One that stays behind locks nobody out.
		_ = os.Remove(path)
	}
	return f.lock.Close()
}

func (f *file) step(name string) {
	if f.m.Steps != nil {
		f.m.Steps(name)
	}
}

// makeDirectory makes a directory and those above it, of which it remembers the
// ones that it made.
func (f *file) makeDirectory(dir string, shared bool) error {
	if _, err := os.Stat(dir); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if parent := filepath.Dir(dir); parent != dir {
		if err := f.makeDirectory(parent, shared); err != nil {
			return err
		}
	}
	perm := fs.FileMode(0o700)
	if shared {
		perm = 0o755
	}
	if err := os.Mkdir(dir, perm); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	} else if err == nil {
		f.made = append(f.made, dir)
	}
	return nil
}

// replace changes the file: backup, temporary file, fsync, rename, fsync of the
// directory. Killed at any moment, it leaves the old file or the new one, and
// whatever it left beside them is used or removed by the next.
func (f *file) replace(change edit) (*Change, error) {
	f.sweep()
	for range 5 {
		before, err := read(f.path)
		if err != nil {
			return nil, err
		}
		if err := mine(f.path); err != nil {
			return nil, err
		}
		after, err := change(before)
		if err != nil {
			return nil, err
		}
		c := &Change{Path: f.path, Before: before, After: after, Made: before == nil}
		if c.None() {
			return c, nil
		}
		f.step("backup")
		if c.Backup, err = f.keep(before, after); err != nil {
			return nil, err
		}
		f.step("write")
		written, err := f.write(before, after)
		if err != nil && !written {
			// It is one of nothing that was replaced, and would be taken for one.
			err = errors.Join(err, os.Remove(c.Backup))
		}
		if err != nil {
			return nil, err
		}
		if written {
			if f.linked {
				c.Notes = append(c.Notes, "it had another name too (a hard link), which still leads to what it was")
			}
			return c, nil
		}
		// The agent wrote the file meanwhile: its backup is not one of anything
		// that was replaced.
		if err := os.Remove(c.Backup); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("it is changed again and again by somebody else: end the agent, and try again")
}

// stamp names what replaced a file.
func stamp(after []byte) string {
	sum := sha256.Sum256(after)
	return hex.EncodeToString(sum[:8])
}

// keep writes what a file was beside it, or that there was none. It never
// replaces anything.
func (f *file) keep(before, after []byte) (string, error) {
	mark, content := backupMark, before
	if before == nil {
		mark, content = madeMark, []byte(strings.Join(f.made, "\n"))
	}
	if path := f.kept(mark, content, stamp(after)); path != "" {
		return path, nil // of one that was killed before it could go on
	}
	path, out, err := f.fresh(mark, stamp(after))
	if err != nil {
		return "", err
	}
	if _, err = out.Write(content); err == nil {
		err = out.Sync()
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return "", errors.Join(err, os.Remove(path))
	}
	return path, vfs.OS().SyncDir(filepath.Dir(path))
}

// fresh makes a new file for a backup.
func (f *file) fresh(mark, stamp string) (string, *os.File, error) {
	for n := 1; ; n++ {
		moment := f.m.Now.UTC().Format("20060102T150405Z")
		if n > 1 {
			moment += fmt.Sprintf(".%d", n)
		}
		path := f.path + mark + moment + "-" + stamp
		out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if !errors.Is(err, fs.ErrExist) || n == 100 {
			return path, out, err
		}
	}
}

// kept returns the path of a backup that has this very content. The mark of a
// file that was not there has always said enough: of directories that are there
// now, it knows which were made.
func (f *file) kept(mark string, content []byte, stamp string) string {
	for _, b := range backups(f.path, mark) {
		if !strings.HasSuffix(b, "-"+stamp) {
			continue
		}
		if text, err := vfs.ReadRegular(b); err == nil && (mark == madeMark || bytes.Equal(text, content)) {
			return b
		}
	}
	return ""
}

// backups returns the backups of a file, the newest first.
func backups(path, mark string) []string {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil
	}
	var found []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), filepath.Base(path)+mark) {
			found = append(found, filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
	slices.Reverse(found)
	return found
}

// write puts a whole file in the place of another, or of none, and reports
// whether it did: not where the other is no longer what it was. What the path
// leads to is replaced, so that a symbolic link stays one.
func (f *file) write(before, after []byte) (bool, error) {
	place, err := destination(f.path)
	if err != nil {
		return false, err
	}
	out, err := os.CreateTemp(filepath.Dir(place), temporary)
	if err != nil {
		return false, err
	}
	_, err = out.Write(after)
	if err == nil {
		err = f.likeness(out, place)
	}
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return false, errors.Join(err, os.Remove(out.Name()))
	}
	f.step("rename")
	now, err := read(f.path)
	if err != nil || (now == nil) != (before == nil) || !bytes.Equal(now, before) {
		return false, errors.Join(err, os.Remove(out.Name()))
	}
	if err := os.Rename(out.Name(), place); err != nil {
		return false, errors.Join(err, os.Remove(out.Name()))
	}
	f.step("sync")
	return true, vfs.OS().SyncDir(filepath.Dir(place))
}

// likeness gives a file the mode and the owner of the one that it replaces.
func (f *file) likeness(out *os.File, place string) error {
	info, err := os.Stat(place)
	if errors.Is(err, fs.ErrNotExist) {
		return out.Chmod(f.perm)
	}
	if err != nil {
		return err
	}
	f.linked = links(info) > 1
	return errors.Join(sameOwner(out, info), out.Chmod(info.Mode().Perm()))
}

// destination returns what a path leads to, through every symbolic link. The
// last may lead to nothing yet.
func destination(path string) (string, error) {
	place, err := filepath.EvalSymlinks(path)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return place, err
	}
	next, err := os.Readlink(path)
	if err != nil {
		return path, nil // there is nothing at all
	}
	if !filepath.IsAbs(next) {
		next = filepath.Join(filepath.Dir(path), next)
	}
	if _, err := os.Stat(filepath.Dir(next)); err != nil {
		return "", fmt.Errorf("it is a symbolic link to nowhere: %w", err)
	}
	return next, nil
}

// sweep removes temporary files of those that were killed: nobody else is at
// work while the lock is held.
func (f *file) sweep() {
	place, err := destination(f.path)
	if err != nil {
		return // write tells
	}
	left, _ := filepath.Glob(filepath.Join(escapeGlob(filepath.Dir(place)), temporary)) // the pattern is a good one
	for _, path := range left {
		_ = os.Remove(path) // one that stays is in nobody's way
	}
}

func escapeGlob(path string) string {
	if os.PathSeparator == '\\' {
		return path // no escape there; brackets in a path match too much, or nothing
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
