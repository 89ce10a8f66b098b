package errorfs

import (
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
)

// An Op is one operation, before it is performed.
type Op struct {
	Kind    OpKind
	Path    string // as given to the file system, or to the opening of the file
	NewPath string // of a Rename
	Off     int64  // of a Read or Write; of a Truncate the size
	N       int    // how many bytes a Read or Write is about
}

func (op Op) failed(err error) error {
	return &fs.PathError{Op: op.Kind.String(), Path: op.Path, Err: err}
}

// An OpKind tells operations apart.
type OpKind int

// The kinds of operations. Lock is the Acquire and Unlock the Release of a
// lock; opening its file is a Create.
const (
	Open OpKind = iota
	Create
	Read
	Write
	Truncate
	Sync
	SyncDir
	Rename
	Remove
	Mkdir
	Stat
	ReadDir
	Lock
	Unlock
	Size
	Linked
	Close
	kinds // how many there are
)

// Mutating are the kinds that change what is on the disk: the places where a
// crash makes a difference.
var Mutating = []OpKind{Create, Write, Truncate, Sync, SyncDir, Rename, Remove, Mkdir}

var kindNames = [kinds]string{
	"open", "create", "read", "write", "truncate", "sync", "syncdir", "rename",
	"remove", "mkdir", "stat", "readdir", "lock", "unlock", "size", "linked", "close",
}

// String returns the kind in lower case.
func (k OpKind) String() string { return kindNames[k] }

// A Fault is what happens at an operation. The zero Fault is none.
type Fault struct {
	err    error
	effect effect
	bytes  int
	crash  bool
	hook   func()
}

// An effect is how much of a failing operation happens.
type effect int

const (
	none effect = iota
	part
	whole
)

// Fail is the fault that nothing happens and err is returned. A Sync that
// fails so leaves what was unsynced for ever so, where the file system below
// can play that, and a Close closes nevertheless.
func Fail(err error) Fault { return Fault{err: err} }

// FailAfter is the fault that everything happens and err is returned all the
// same.
func FailAfter(err error) Fault { return Fault{err: err, effect: whole} }

// Short is the fault that a Write or Read ends with err after n bytes. At any
// other operation it is as [Fail].
func Short(n int, err error) Fault { return Fault{err: err, effect: part, bytes: n} }

// Crash is the fault that the process dies before anything happens. The hook,
// if there is one, is called once, while no other operation is under way; it
// must not use the failing file system, but can crash, clone or freeze the
// one below. Locks of the process are released after that.
func Crash(hook func()) Fault { return Fault{crash: true, hook: hook} }

// CrashShort is as [Crash], after n bytes of a Write.
func CrashShort(n int, hook func()) Fault {
	return Fault{crash: true, hook: hook, effect: part, bytes: n}
}

// An injectedError is ErrInjected and the error asked for.
type injectedError struct{ err error }

func (e injectedError) Error() string   { return "injected: " + e.err.Error() }
func (e injectedError) Unwrap() []error { return []error{ErrInjected, e.err} }

// An Injector decides what happens at each operation.
type Injector interface {
	Inject(op Op) Fault
}

// An InjectorFunc is a function that is an [Injector].
type InjectorFunc func(Op) Fault

// Inject calls the function.
func (f InjectorFunc) Inject(op Op) Fault { return f(op) }

// When injects a fault at the operations that match.
func When(match Match, fault Fault) Injector {
	return InjectorFunc(func(op Op) Fault {
		if match(op) {
			return fault
		}
		return Fault{}
	})
}

// First asks injectors in turn and takes the first fault there is.
func First(injectors ...Injector) Injector {
	return InjectorFunc(func(op Op) Fault {
		for _, i := range injectors {
			if fault := i.Inject(op); fault.crash || fault.err != nil {
				return fault
			}
		}
		return Fault{}
	})
}

// A Match reports whether an operation is meant. It may remember what it was
// asked, and is safe for concurrent use.
type Match func(Op) bool

// And matches what all of them match. Those after the first that does not are
// not asked, so that an [OnIndex] at the end counts only what the others let
// through.
func And(all ...Match) Match {
	return func(op Op) bool {
		for _, match := range all {
			if !match(op) {
				return false
			}
		}
		return true
	}
}

// KindMatch matches operations of the given kinds.
func KindMatch(kinds ...OpKind) Match {
	return func(op Op) bool { return slices.Contains(kinds, op.Kind) }
}

// PathMatch matches operations on files whose name, without the directory, or
// whose whole path matches a pattern of [filepath.Match]. A Rename is matched
// by either of its paths. It panics on a pattern that is none.
func PathMatch(pattern string) Match {
	is := func(name string) bool {
		base, err := filepath.Match(pattern, filepath.Base(name))
		if err != nil {
			panic("errorfs: bad pattern: " + err.Error())
		}
		whole, err := filepath.Match(pattern, name)
		return base || whole && err == nil
	}
	return func(op Op) bool { return is(op.Path) || op.NewPath != "" && is(op.NewPath) }
}

// OnIndex matches once: when it is asked for the n-th time, counted from 0.
func OnIndex(n int) Match {
	var asked atomic.Int64
	return func(Op) bool { return asked.Add(1)-1 == int64(n) }
}

// Randomly matches with probability p, repeatably for a seed as long as the
// operations come in the same order.
func Randomly(p float64, seed uint64) Match {
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(seed, 0))
	return func(Op) bool {
		mu.Lock()
		defer mu.Unlock()
		return rng.Float64() < p
	}
}

// A Toggle matches everything while it is on. The zero Toggle is off.
type Toggle struct{ on atomic.Bool }

// Set switches it.
func (t *Toggle) Set(on bool) { t.on.Store(on) }

// Match is a [Match].
func (t *Toggle) Match(Op) bool { return t.on.Load() }

// A Counter is an [Injector] without faults that counts operations. Put it
// first in a [First] to count them all.
type Counter struct{ counts [kinds]atomic.Int64 }

// Inject counts the operation.
func (c *Counter) Inject(op Op) Fault {
	c.counts[op.Kind].Add(1)
	return Fault{}
}

// Count returns how many operations of the given kinds there were, or of any
// kind when none is given.
func (c *Counter) Count(kinds ...OpKind) int {
	var sum int64
	for kind := range c.counts {
		if len(kinds) == 0 || slices.Contains(kinds, OpKind(kind)) {
			sum += c.counts[kind].Load()
		}
	}
	return int(sum)
}
