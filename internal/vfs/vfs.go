// Package vfs is the file system seam of a log: the one place that opens,
// renames, syncs or removes a file of it.
//
// The real file system is [OS]. Tests stack others on the same interfaces: a
// crashable one in memory ([github.com/etch-audit/etch/internal/memfs]) and a
// fault injector ([github.com/etch-audit/etch/internal/errorfs]).
package vfs

import (
	"errors"
	"io"
	"io/fs"
	"time"
)

// ErrLocked is returned by [Lock.Acquire] when somebody else held the lock for
// the whole of the wait.
var ErrLocked = errors.New("lock is held by another process")

// ErrNotFile is returned for a name under which there is a directory or a pipe,
// where the system tells.
var ErrNotFile = errors.New("it is not a file")

// ErrLink is returned for the name of a symbolic link where none is followed.
var ErrLink = errors.New("it is a symbolic link, which is not followed")

// NoLink is a flag of [FS.OpenFile] beside those of package os: a symbolic link is not
// followed, where the system has a flag for that. It is for what a log makes for itself
// and writes to again: whoever can write its directory, and not the files of its user,
// can put a link there that leads to any of them.
const NoLink = 1 << 30

// An FS opens and arranges files by path. Paths are native to the system.
//
// A name becomes durable only by [FS.SyncDir] on its directory, bytes only by
// [File.Sync]: an implementation may lose either at a crash until then.
// Implementations are safe for concurrent use.
type FS interface {
	// OpenFile opens a file with the flags of package os. Only O_RDONLY,
	// O_RDWR, O_CREATE, O_EXCL and O_TRUNC are used, and [NoLink], which O_TRUNC
	// implies: of a symbolic link the error is [ErrLink] then.
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	// Rename replaces newName by oldName atomically.
	Rename(oldName, newName string) error
	Remove(name string) error
	Mkdir(name string, perm fs.FileMode) error
	ReadDir(name string) ([]fs.DirEntry, error)
	Stat(name string) (fs.FileInfo, error)
	// SyncDir makes the names in a directory durable.
	SyncDir(name string) error
	// OpenLock opens the lock file name, creating it if absent. It does not
	// acquire the lock.
	OpenLock(name string) (Lock, error)
}

// A File is an open file. Writes are positional, so that a log decides where
// its bytes go. A File is safe for concurrent use as *os.File is.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Size returns the file's present size in bytes. It does not allocate.
	Size() (int64, error)
	Truncate(size int64) error
	// Sync returns nil only when every byte written to the file so far, and
	// the size that makes them readable, are on stable storage. After an
	// error the file's unsynced bytes are of unknown fate and the file must
	// not be synced again (LWN 752063; Rebello et al., ATC 2020).
	Sync() error
	// Linked reports whether the path the file was opened under still names
	// this very file. It does not allocate.
	Linked() (bool, error)
}

// A Lock is an advisory lock between processes, and between two Locks on one
// path within a process. Waiters are served in turn: a process that releases
// and acquires again at once does not overtake one that waits.
//
// A Lock itself is not safe for concurrent use.
type Lock interface {
	// Acquire takes the lock, waiting for at most wait, and returns an error
	// that is [ErrLocked] when the wait was in vain. The lock taken is the
	// one that the path names now, also when the file was replaced.
	Acquire(wait time.Duration) error
	// Join is Acquire for one of several who come again and again, and do not
	// come back at once: where nobody is waiting by Acquire it may wait beside
	// the others, without an order, which costs less.
	Join(wait time.Duration) error
	// Overtake is Acquire without a turn, for what others are waiting for to be
	// done under the lock.
	Overtake(wait time.Duration) error
	Release() error
	// Close releases the lock, where it is held, and the file.
	Close() error
}
