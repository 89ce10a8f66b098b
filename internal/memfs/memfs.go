// Package memfs is a file system in memory that can lose power.
//
// It keeps two states: what programs see, and what is on stable storage. The
// second follows the first only through Sync and SyncDir, and [FS.Crash] makes
// the file system that is found after a power loss out of both:
//
//   - A file's content is divided into pages of [PageSize] bytes. Each page
//     written since the file's last Sync survives or reads as it was then,
//     independently of all others. So does the file's size: a surviving page
//     beyond a size that was lost is cut off, and where a size survived but
//     a page did not, zeros are read.
//   - Names (of files made, renamed or removed, and of directories) are
//     durable after SyncDir of the directory they are in. The operations since
//     then survive up to some point of the order they were made in, as on a
//     journaling file system; [Choice] has a harsher rule too. A rename within
//     a directory is one operation. A rename between two is an addition to one
//     and a removal from the other, which survive apart.
//   - What Sync made durable is durable whether or not a name leads to it.
//
// [FS.Clone] is the other crash: a process was killed and the system lives on.
//
// Permissions are stored and not enforced.
package memfs

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/etch-audit/etch/internal/vfs"
)

// ErrFrozen is returned by every operation on a file system after
// [FS.Freeze].
var ErrFrozen = errors.New("file system is frozen")

// An FS is a [vfs.FS] in memory. Relative paths begin at the root. It is safe
// for concurrent use, also inside a bubble of testing/synctest.
type FS struct {
	mu       sync.Mutex
	root     *node
	locks    map[*node]*lockState
	frozen   bool
	used     int64 // the sum of the sizes of all files with a name or an opener
	capacity int64 // of used; negative: no limit
}

var _ vfs.FS = (*FS)(nil)

// New returns an empty file system without a limit of capacity.
func New() *FS {
	return &FS{root: newDirectory(0o755), locks: map[*node]*lockState{}, capacity: -1}
}

// SetCapacity limits the sum of all files' sizes, holes included. A write
// beyond it is short and returns [syscall.ENOSPC]. A negative capacity is no
// limit. It may be below what is in use: then nothing can grow.
func (m *FS) SetCapacity(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.capacity = bytes
}

// Freeze makes every operation on the file system and its open files fail
// with [ErrFrozen], those that wait for a lock included, as if the process
// that makes them had died. [FS.Crash] and [FS.Clone] still work.
func (m *FS) Freeze() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.frozen = true
	for _, state := range m.locks {
		for _, w := range state.queue {
			w.granted <- ErrFrozen
		}
		state.queue = nil
	}
}

// enter locks the file system for one operation; the caller unlocks it when
// there was no error.
func (m *FS) enter(op, name string) error {
	m.mu.Lock()
	if m.frozen {
		m.mu.Unlock()
		return &fs.PathError{Op: op, Path: name, Err: ErrFrozen}
	}
	return nil
}

// OpenFile implements [vfs.FS]. The file it returns has one method more:
// FailSync, by which a fault injector tells it that a Sync failed. After that
// the pages not yet durable pass for clean, as in Linux: the next Sync
// succeeds and does not make them durable, unless they are written again. Each
// other File that was open on the file then is told at its own next Sync.
func (m *FS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	if err := m.enter("open", name); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	n, err := m.open(name, flag, perm)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	if flag&os.O_TRUNC != 0 {
		m.used -= n.content.now.size
		n.content.truncate(0)
	}
	n.opens++
	return &file{fs: m, node: n, path: clean(name), writable: flag&os.O_RDWR != 0, told: n.failures}, nil
}

// open finds or makes a file.
func (m *FS) open(name string, flag int, perm fs.FileMode) (*node, error) {
	if err := vfs.CheckFlags(flag); err != nil {
		return nil, err
	}
	dir, base, err := m.parent(name)
	if err != nil {
		return nil, err
	}
	n := dir.entries[base]
	switch {
	case base == "":
		return nil, syscall.EISDIR
	case n == nil && flag&os.O_CREATE == 0:
		return nil, fs.ErrNotExist
	case n == nil:
		n = newFile(perm)
		dir.change(nameOp{add: base, node: n})
	case flag&os.O_EXCL != 0:
		return nil, fs.ErrExist
	case n.isDir():
		return nil, syscall.EISDIR
	}
	return n, nil
}

// Rename implements [vfs.FS].
func (m *FS) Rename(oldName, newName string) error {
	if err := m.enter("rename", oldName); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if err := m.rename(oldName, newName); err != nil {
		return &os.LinkError{Op: "rename", Old: oldName, New: newName, Err: err}
	}
	return nil
}

func (m *FS) rename(oldName, newName string) error {
	oldDir, oldBase, err := m.parent(oldName)
	if err != nil {
		return err
	}
	newDir, newBase, err := m.parent(newName)
	if err != nil {
		return err
	}
	n, over := oldDir.entries[oldBase], newDir.entries[newBase]
	switch {
	case n == nil:
		return fs.ErrNotExist
	case n == over:
		return nil
	case newBase == "" || over != nil && over.isDir():
		return fs.ErrExist
	case n.isDir() && over != nil:
		return syscall.ENOTDIR
	case n.isDir() && strings.HasPrefix(clean(newName)+"/", clean(oldName)+"/"):
		return fs.ErrInvalid
	}
	if oldDir == newDir {
		oldDir.change(nameOp{remove: oldBase, add: newBase, node: n})
	} else {
		newDir.change(nameOp{add: newBase, node: n})
		oldDir.change(nameOp{remove: oldBase})
	}
	if over != nil {
		m.unlinked(over)
	}
	return nil
}

// Remove implements [vfs.FS].
func (m *FS) Remove(name string) error {
	if err := m.enter("remove", name); err != nil {
		return err
	}
	defer m.mu.Unlock()
	dir, base, err := m.parent(name)
	if err == nil {
		err = m.remove(dir, base)
	}
	if err != nil {
		return &fs.PathError{Op: "remove", Path: name, Err: err}
	}
	return nil
}

func (m *FS) remove(dir *node, base string) error {
	n := dir.entries[base]
	switch {
	case base == "":
		return fs.ErrInvalid
	case n == nil:
		return fs.ErrNotExist
	case n.isDir() && len(n.entries) > 0:
		return syscall.ENOTEMPTY
	}
	dir.change(nameOp{remove: base})
	m.unlinked(n)
	return nil
}

// unlinked is called when a node lost its name.
func (m *FS) unlinked(n *node) {
	n.unlinked = true
	m.discard(n)
}

// discard gives back the space of a file that nobody can reach.
func (m *FS) discard(n *node) {
	if n.unlinked && n.opens == 0 && !n.isDir() {
		m.used -= n.content.now.size
	}
}

// Mkdir implements [vfs.FS].
func (m *FS) Mkdir(name string, perm fs.FileMode) error {
	if err := m.enter("mkdir", name); err != nil {
		return err
	}
	defer m.mu.Unlock()
	dir, base, err := m.parent(name)
	if err == nil && (base == "" || dir.entries[base] != nil) {
		err = fs.ErrExist
	}
	if err != nil {
		return &fs.PathError{Op: "mkdir", Path: name, Err: err}
	}
	dir.change(nameOp{add: base, node: newDirectory(perm)})
	return nil
}

// ReadDir implements [vfs.FS]. The entries are sorted by name.
func (m *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := m.enter("open", name); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	d, err := m.directory(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	var entries []fs.DirEntry
	for _, base := range sortedKeys(d.entries) {
		entries = append(entries, fs.FileInfoToDirEntry(d.entries[base].info(base)))
	}
	return entries, nil
}

// Stat implements [vfs.FS].
func (m *FS) Stat(name string) (fs.FileInfo, error) {
	if err := m.enter("stat", name); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	n, err := m.lookup(name)
	if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	return n.info(path.Base(clean(name))), nil
}

// SyncDir implements [vfs.FS].
func (m *FS) SyncDir(name string) error {
	if err := m.enter("sync", name); err != nil {
		return err
	}
	defer m.mu.Unlock()
	d, err := m.directory(name)
	if err != nil {
		return &fs.PathError{Op: "sync", Path: name, Err: err}
	}
	d.syncNames()
	return nil
}

// lookup finds what a path names.
func (m *FS) lookup(name string) (*node, error) {
	n := m.root
	for base := range strings.SplitSeq(clean(name), "/") {
		switch {
		case base == "":
			continue
		case !n.isDir():
			return nil, syscall.ENOTDIR
		}
		if n = n.entries[base]; n == nil {
			return nil, fs.ErrNotExist
		}
	}
	return n, nil
}

func (m *FS) directory(name string) (*node, error) {
	n, err := m.lookup(name)
	if err == nil && !n.isDir() {
		return nil, syscall.ENOTDIR
	}
	return n, err
}

// parent finds the directory that holds the last element of a path. The
// element is empty when the path is the root.
func (m *FS) parent(name string) (dir *node, base string, err error) {
	parent, base := path.Split(clean(name))
	dir, err = m.directory(parent)
	return dir, base, err
}

// clean makes a path of the system absolute and separated by slashes.
func clean(name string) string { return path.Clean("/" + filepath.ToSlash(name)) }

// sortedKeys returns a directory's names in order.
func sortedKeys(entries map[string]*node) []string {
	names := make([]string, 0, len(entries))
	for name := range entries {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// info describes a node as of now.
func (n *node) info(name string) fs.FileInfo {
	i := fileInfo{name: name, mode: n.mode, modified: n.modified}
	if !n.isDir() {
		i.size = n.content.now.size
	}
	return i
}

type fileInfo struct {
	name     string
	size     int64
	mode     fs.FileMode
	modified time.Time
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return i.size }
func (i fileInfo) Mode() fs.FileMode  { return i.mode }
func (i fileInfo) ModTime() time.Time { return i.modified }
func (i fileInfo) IsDir() bool        { return i.mode.IsDir() }
func (i fileInfo) Sys() any           { return nil }
