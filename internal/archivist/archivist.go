// Package archivist turns rotated segments into archives.
//
// At every moment, whatever fails and whenever a process dies or power is lost,
// the log has one whole copy of each segment under a name that readers look
// for. The order of the steps that see to it stands above [keeper.archive].
//
// Several processes may archive one log at the same time: a lock of their own,
// which writers of the log do not know, lets one of them at a time do it. Readers and
// verifiers need no lock. They find a segment in its old form or in its new
// one, or, for a moment, in both.
package archivist

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/vfs"
)

// ErrTwins is returned where a segment has an archive that does not hold what
// the segment holds. Neither is touched: which of them is right is for
// verification to say.
var ErrTwins = errors.New("segment and archive differ")

// Options are the settings of [Run].
type Options struct {
	FS     vfs.FS
	Layout segment.Layout
	// Before is the time before which a segment must have been written last to
	// be archived.
	Before time.Time
	// Workers is how many segments are archived at a time, each of which takes
	// one processor and some 30 MiB. Zero means one.
	Workers int
	// Progress, where not nil, is told how many bytes of how many were read. It
	// is called by several goroutines.
	Progress func(done, total int64)
}

// A Done is one segment that was archived.
type Done struct {
	Number uint32
	Plain  int64 // bytes of the segment
	Packed int64 // bytes of the archive
}

// Run archives the rotated segments that are due, the oldest first, and returns
// those that it has archived, also with an error. The newest rotated segment
// is never due: it is where a writer looks when a rotation was cut short.
//
// The error is [vfs.ErrLocked] where another process is at it, [ErrTwins] of
// each such segment; any other ends it. A segment of which there is an error is
// there in one form or in both, and the next run goes on with it.
func Run(ctx context.Context, opt Options) (done []Done, err error) {
	due, err := opt.due()
	if err != nil || len(due) == 0 {
		return nil, err
	}
	lock, err := opt.FS.OpenLock(opt.Layout.Path(opt.Layout.ArchiveLock()))
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := lock.Acquire(0); err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	k := keeper{Options: opt}
	if due, err = k.begin(); err != nil {
		return nil, err
	}
	return k.all(ctx, due)
}

// A candidate is a segment that is due.
type candidate struct {
	number uint32
	size   int64
	perm   fs.FileMode
}

// due returns the segments that are to be archived. One that is not regular is
// not the log's.
func (opt *Options) due() ([]candidate, error) {
	files, _, err := opt.list()
	if err != nil {
		return nil, err
	}
	var newest uint32
	for _, f := range files {
		newest = max(newest, f.Number)
	}
	var due []candidate
	for _, f := range files {
		if f.Number == 0 || f.Archived || f.Number == newest {
			continue
		}
		info, err := opt.FS.Stat(opt.Layout.Path(f.Name))
		if errors.Is(err, fs.ErrNotExist) { // somebody else was faster
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("archive: %w", err)
		}
		if info.Mode().IsRegular() && info.ModTime().Before(opt.Before) {
			due = append(due, candidate{f.Number, info.Size(), info.Mode().Perm()})
		}
	}
	return due, nil
}

// list returns the segments, and what was left of archives in the making.
func (opt *Options) list() (files []segment.File, left []string, err error) {
	entries, err := opt.FS.ReadDir(opt.Layout.Dir)
	if err != nil {
		return nil, nil, fmt.Errorf("archive: list segments: %w", err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		name, aside := strings.CutSuffix(e.Name(), asideExt)
		if f, err := opt.Layout.Parse(name); aside && err == nil && f.Archived {
			left = append(left, e.Name())
		}
	}
	files, _ = opt.Layout.Select(names)
	return files, left, nil
}

// asideExt ends the name of an archive in the making, which is no segment's.
const asideExt = ".new"

// A keeper is one run of [Run], under the lock.
type keeper struct {
	Options
	mu    sync.Mutex
	read  int64
	total int64
}

// begin removes what others have left who died, and looks again for what is
// due: they may have done it.
func (k *keeper) begin() ([]candidate, error) {
	_, left, err := k.list()
	if err != nil {
		return nil, err
	}
	for _, name := range left {
		if err := k.FS.Remove(k.Layout.Path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("archive: %w", err)
		}
	}
	due, err := k.due()
	for _, c := range due {
		k.total += 2 * c.size // to write the archive, and to compare it
	}
	return due, err
}

// all archives segments with as many workers as there may be.
func (k *keeper) all(ctx context.Context, due []candidate) ([]Done, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var (
		tasks   = make(chan candidate)
		workers sync.WaitGroup
		mu      sync.Mutex
		done    []Done
		errs    []error
	)
	for range min(max(1, k.Workers), len(due)) {
		workers.Go(func() {
			for c := range tasks {
				d, err := k.archive(ctx, c)
				mu.Lock()
				if d != nil {
					done = append(done, *d)
				}
				if err != nil {
					errs = append(errs, fmt.Errorf("archive segment %d: %w", c.number, err))
				}
				mu.Unlock()
				if err != nil && !errors.Is(err, ErrTwins) {
					stop(err)
				}
			}
		})
	}
	for _, c := range due {
		if ctx.Err() != nil {
			break
		}
		tasks <- c
	}
	close(tasks)
	workers.Wait()
	if err := ctx.Err(); err != nil && len(errs) == 0 {
		errs = append(errs, fmt.Errorf("archive: %w", err))
	}
	slices.SortFunc(done, func(a, b Done) int { return cmp.Compare(a.Number, b.Number) })
	return done, errors.Join(errs...)
}

// progress tells of bytes that were read.
func (k *keeper) progress(n int) {
	if k.Progress == nil {
		return
	}
	k.mu.Lock()
	k.read += int64(n)
	read := k.read
	k.mu.Unlock()
	k.Progress(min(read, k.total), k.total)
}
