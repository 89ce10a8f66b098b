package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/etch-audit/etch/internal/vfs"
)

// importEvery is how often files that are followed are looked at, and restFor
// how many times as long as that took they are left alone: to look up what is in
// a large log takes a while.
const (
	importEvery = 500 * time.Millisecond
	restFor     = 10
)

// maxRotated is how many files that were renamed are still looked at, of each
// that is followed: a program that keeps its file open writes on into it.
const maxRotated = 2

// follow records what comes, until ctx ends: that is no error.
func (r *importRun) follow(ctx context.Context) error {
	r.std.note("following; interrupt to end")
	r.tellNewFaults(true)
	timer := time.NewTimer(importEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return r.endTails()
		case <-timer.C:
		}
		began := time.Now()
		err := r.poll(ctx)
		timer.Reset(max(importEvery, restFor*time.Since(began)))
		if err != nil {
			if ctx.Err() != nil && errors.Is(err, context.Canceled) {
				return r.endTails() // what it was at the next import records
			}
			return errors.Join(err, r.endTails())
		}
		r.tellNewFaults(false)
	}
}

// endTails closes what is open. What no line feed ends is left to the next
// import.
func (r *importRun) endTails() error {
	var errs []error
	for _, t := range r.tails {
		t.parser.End()
		errs = append(errs, t.file.Close(), t.left(t.path))
	}
	for _, d := range r.databases {
		d.parser.End()
		errs = append(errs, d.left(d.path))
	}
	r.tails, r.databases = nil, nil
	return errors.Join(errs...)
}

// poll looks at all files once.
func (r *importRun) poll(ctx context.Context) error {
	tails := r.tails
	r.tails = nil
	for i, t := range tails {
		next, err := r.pollTail(ctx, t)
		r.tails = append(r.tails, next...)
		if err != nil {
			r.tails = append(r.tails, tails[i+1:]...)
			return err
		}
	}
	if err := errors.Join(r.retire(ctx), r.pollDatabases(ctx)); err != nil {
		return err
	}
	return r.into.Flush(ctx)
}

// retire finishes the eldest of those that were rotated, where there are too
// many.
func (r *importRun) retire(ctx context.Context) error {
	rotated := map[string]int{}
	for _, t := range r.tails {
		if t.rotated {
			rotated[t.path]++
		}
	}
	kept := r.tails[:0]
	var errs []error
	for _, t := range r.tails {
		if t.rotated && rotated[t.path] > maxRotated {
			rotated[t.path]--
			errs = append(errs, t.finish(ctx))
		} else {
			kept = append(kept, t)
		}
	}
	r.tails = kept
	return errors.Join(errs...)
}

// pollTail reads what has come to one file, and returns what is to be looked at
// in its place.
func (r *importRun) pollTail(ctx context.Context, t *tail) ([]*tail, error) {
	replaced, err := t.replaced()
	if err != nil {
		return []*tail{t}, err
	}
	if replaced {
		r.std.note("%s was truncated or overwritten: going on from its beginning", t.path)
		t.parser.End()
		t = r.begin(t.path, t.file, t.group, t.parser)
	}
	// Where it stands is asked before it is read: what was written before it was
	// renamed is then read here.
	renamed := t.renamed()
	if err := t.read(ctx, false); err != nil {
		return []*tail{t}, err
	}
	if !renamed {
		t.over()
		return []*tail{t}, nil
	}
	if r.source.families {
		return r.nextOfFamily(ctx, t)
	}
	return r.nextAlone(ctx, t)
}

// renamed reports whether another file has the name. Where none has, one will.
func (t *tail) renamed() bool {
	if t.rotated {
		return false
	}
	_, err := os.Stat(t.path)
	return !errors.Is(err, fs.ErrNotExist) && !isAt(t.path, t.file)
}

func (r *importRun) tellRotated(t *tail) {
	t.over()
	r.std.note("%s was rotated: going on with the new file", t.path)
}

// A hitch is why what has the name of a file that is followed cannot be read: for now,
// perhaps. It is told once and looked at again.
type hitch struct{ told error }

func (h *hitch) tell(std stdio, path string, err error) {
	if h.told == nil || h.told.Error() != err.Error() {
		std.warn("%s has become what cannot be read, and is looked at again and again: %v", path, err)
	}
	h.told = err
}

// over says that there is none any more.
func (h *hitch) over() { h.told = nil }

// left returns an error where there is still one.
func (h *hitch) left(path string) error {
	if h.told == nil {
		return nil
	}
	return fmt.Errorf("what %s has become could not be read: %w", path, h.told)
}

// nextOfFamily finishes a file that was rotated and goes on with those behind it.
// Its program opens the file for each record: nothing comes to it any more.
func (r *importRun) nextOfFamily(ctx context.Context, t *tail) ([]*tail, error) {
	paths, files, err := t.group.open()
	if errors.Is(err, errMoving) {
		return []*tail{t}, nil // its turn comes at the next look
	}
	if err != nil {
		t.tell(r.std, t.path, errors.Join(err, closeAll(files)))
		return []*tail{t}, nil
	}
	at := indexOf(files, t.file)
	if at >= 0 && at == len(files)-1 { // it has its name again
		return []*tail{t}, closeAll(files)
	}
	r.tellRotated(t)
	if at < 0 {
		r.std.warn("%s is gone: what was rotated after it is read from the oldest file on", t.path)
	}
	if err := errors.Join(t.finish(ctx), closeAll(files[:at+1])); err != nil {
		return nil, errors.Join(err, closeAll(files[at+1:]))
	}
	for i := at + 1; i < len(files); i++ {
		next := r.begin(paths[i], files[i], t.group, t.parser)
		if i == len(files)-1 {
			return []*tail{next}, next.read(ctx, false)
		}
		if err := next.finish(ctx); err != nil {
			return nil, errors.Join(err, closeAll(files[i+1:]))
		}
	}
	return nil, nil
}

// nextAlone goes on with the file that has the name now. The one that had it is
// still looked at, unless there are too many.
func (r *importRun) nextAlone(ctx context.Context, t *tail) ([]*tail, error) {
	file, err := vfs.OpenRegular(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		return []*tail{t}, nil // it has gone again
	}
	if err != nil {
		t.tell(r.std, t.path, err)
		return []*tail{t}, nil
	}
	if indexOf([]*os.File{file}, t.file) == 0 { // it has its name again
		return []*tail{t}, file.Close()
	}
	r.tellRotated(t)
	t.rotated = true
	// A report of its own: its lines may come between those of the other.
	p, err := r.parser()
	if err != nil {
		return []*tail{t}, errors.Join(err, file.Close())
	}
	next := r.begin(t.path, file, t.group, p)
	return []*tail{t, next}, next.read(ctx, false)
}
