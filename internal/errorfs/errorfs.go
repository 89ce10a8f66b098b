// Package errorfs makes a file system fail on demand.
//
// [Wrap] puts an [Injector] in front of every operation. What it answers, a
// [Fault], says whether the operation fails before it had any effect, after
// it had all of it, or in the middle, and whether the process dies at it. A
// test that wants to see each failure once counts up:
//
//	for k := 0; ; k++ {
//		fsys := errorfs.Wrap(mem, errorfs.When(
//			errorfs.And(errorfs.KindMatch(errorfs.Write), errorfs.OnIndex(k)),
//			errorfs.Fail(syscall.EIO)))
//		… use fsys …
//		if fsys.Faults() == 0 {
//			break // there is no k-th write
//		}
//	}
package errorfs

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"

	"github.com/etch-audit/etch/internal/vfs"
)

var (
	// ErrInjected is what every injected error is, besides the one asked
	// for.
	ErrInjected = errors.New("injected error")
	// ErrCrashed is what the operation at which the process died returns,
	// and every later one.
	ErrCrashed = errors.New("process has crashed")
)

// An FS is a file system with faults, as one process sees it.
type FS struct {
	under    vfs.FS
	injector Injector
	faults   atomic.Int64

	// mu is held for reading during an operation, and for writing by a
	// crash: none is half done when it happens, and none that is done
	// after it is reported as done.
	mu      sync.RWMutex
	crashed bool

	locksMu sync.Mutex
	locks   map[*lock]bool
}

var _ vfs.FS = (*FS)(nil)

// Wrap returns under with the faults of an injector. A nil injector makes
// none. The injector is called by many goroutines at once if the file system
// is, and may sleep to make an operation slow.
func Wrap(under vfs.FS, injector Injector) *FS {
	if injector == nil {
		injector = InjectorFunc(func(Op) Fault { return Fault{} })
	}
	return &FS{under: under, injector: injector, locks: map[*lock]bool{}}
}

// Faults returns how many faults were injected, a crash included.
func (e *FS) Faults() int { return int(e.faults.Load()) }

// Crashed reports whether the process has died.
func (e *FS) Crashed() bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.crashed
}

// An action is an operation on the file system below.
type action struct {
	run    func() error
	part   func(n int) error // does the first n bytes of a read or write
	failed func()            // is told that the operation fails undone
}

// do performs an operation, or the fault that the injector wants instead. The
// injector is asked without mu, so that it may take its time.
func (e *FS) do(op Op, a action) error {
	if e.Crashed() {
		return op.failed(ErrCrashed)
	}
	fault := e.injector.Inject(op)
	if fault.crash {
		return e.crash(op, fault, a)
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.crashed {
		return op.failed(ErrCrashed)
	}
	if fault.err == nil {
		return a.run()
	}
	e.faults.Add(1)
	if fault.effect == none && a.failed != nil {
		a.failed()
	}
	return errors.Join(a.affect(op, fault), op.failed(injectedError{fault.err}))
}

// affect does as much of an operation as a fault lets happen.
func (a action) affect(op Op, fault Fault) error {
	switch {
	case fault.effect == whole:
		return a.run()
	case fault.effect == part && a.part != nil:
		return a.part(min(fault.bytes, op.N))
	}
	return nil
}

// crash lets the process die at an operation. Its locks are released, as a
// kernel would do.
func (e *FS) crash(op Op, fault Fault, a action) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.crashed {
		return op.failed(ErrCrashed)
	}
	e.faults.Add(1)
	err := a.affect(op, fault)
	e.crashed = true
	if fault.hook != nil {
		fault.hook()
	}
	e.locksMu.Lock()
	defer e.locksMu.Unlock()
	for l := range e.locks {
		l.abandon()
	}
	return errors.Join(err, op.failed(ErrCrashed))
}

// OpenFile implements [vfs.FS]. It is a [Create] if the flags allow it to be
// one, else an [Open].
func (e *FS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	kind := Open
	if flag&os.O_CREATE != 0 {
		kind = Create
	}
	var f vfs.File
	err := e.do(Op{Kind: kind, Path: name}, action{run: func() (err error) {
		f, err = e.under.OpenFile(name, flag, perm)
		return err
	}})
	if err != nil {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
		return nil, err
	}
	return &file{fs: e, under: f, path: name}, nil
}

// Rename implements [vfs.FS].
func (e *FS) Rename(oldName, newName string) error {
	return e.do(Op{Kind: Rename, Path: oldName, NewPath: newName}, action{run: func() error {
		return e.under.Rename(oldName, newName)
	}})
}

// Remove implements [vfs.FS].
func (e *FS) Remove(name string) error {
	return e.do(Op{Kind: Remove, Path: name}, action{run: func() error { return e.under.Remove(name) }})
}

// Mkdir implements [vfs.FS].
func (e *FS) Mkdir(name string, perm fs.FileMode) error {
	return e.do(Op{Kind: Mkdir, Path: name}, action{run: func() error { return e.under.Mkdir(name, perm) }})
}

// ReadDir implements [vfs.FS].
func (e *FS) ReadDir(name string) (entries []fs.DirEntry, err error) {
	err = e.do(Op{Kind: ReadDir, Path: name}, action{run: func() (err error) {
		entries, err = e.under.ReadDir(name)
		return err
	}})
	if err != nil {
		return nil, err
	}
	return entries, nil
}

// Stat implements [vfs.FS].
func (e *FS) Stat(name string) (info fs.FileInfo, err error) {
	err = e.do(Op{Kind: Stat, Path: name}, action{run: func() (err error) {
		info, err = e.under.Stat(name)
		return err
	}})
	if err != nil {
		return nil, err
	}
	return info, nil
}

// SyncDir implements [vfs.FS].
func (e *FS) SyncDir(name string) error {
	return e.do(Op{Kind: SyncDir, Path: name}, action{run: func() error { return e.under.SyncDir(name) }})
}
