package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/etch-audit/etch/capture/source"
	"github.com/etch-audit/etch/capture/zeroclaw"
	"github.com/etch-audit/etch/importer"
	"github.com/etch-audit/etch/internal/vfs"
)

// A database is DaemonClaw's, as it was at one moment: a copy of its file and of
// the write-ahead log beside it, which has the newest rows.
type database struct {
	path   string
	stamp  [2]stamp // of both, when they were copied
	main   *os.File
	log    *os.File // nil: there was none
	parser *zeroclaw.Parser
	into   *importer.File // nil: what is in it is not recorded
	last   int64          // the id of the last row
	hitch                 // of what has its name now
}

// A stamp tells whether a file was written to.
type stamp struct {
	size int64
	time time.Time
}

// stampsOf returns the stamps of a database and of its write-ahead log; zero for
// a log that is not there.
func stampsOf(path string) ([2]stamp, error) {
	var stamps [2]stamp
	for i, name := range []string{path, path + "-wal"} {
		info, err := os.Stat(name)
		if i > 0 && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return stamps, err
		}
		stamps[i] = stamp{info.Size(), info.ModTime()}
	}
	return stamps, nil
}

// copyTries bounds how often a database is copied again because it was written
// to meanwhile.
const copyTries = 10

// copyDatabase copies a database as it was at one moment. The log only grows, or
// begins anew once all of it is in the main file: where that was not written to,
// the two belong together.
func copyDatabase(path string) (*database, error) {
	for range copyTries {
		before, err := stampsOf(path)
		if err != nil {
			return nil, err
		}
		d := &database{path: path, stamp: before, last: math.MinInt64}
		if d.main, err = copyFile(path); err != nil {
			return nil, err
		}
		d.log, err = copyFile(path + "-wal")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, errors.Join(err, d.close())
		}
		after, err := stampsOf(path)
		if err == nil && after[0] == before[0] {
			return d, nil
		}
		if err := errors.Join(err, d.close()); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s is written to again and again while it is copied", path)
}

// copyFile returns a copy of a file, which nobody else can read.
func copyFile(path string) (copied *os.File, err error) {
	in, err := vfs.OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }() // it was only read
	out, err := os.CreateTemp("", "etch-import-*")
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(out, in); err != nil {
		return nil, errors.Join(fmt.Errorf("copy %s: %w", path, err), remove(out))
	}
	return out, nil
}

func remove(f *os.File) error { return errors.Join(f.Close(), os.Remove(f.Name())) }

// close removes the copies.
func (d *database) close() error {
	var errs []error
	for _, f := range []*os.File{d.main, d.log} {
		if f != nil {
			errs = append(errs, remove(f))
		}
	}
	return errors.Join(errs...)
}

// rowSize is about what a row takes.
const rowSize = 1024

// read reads the rows behind the last.
func (d *database) read(ctx context.Context) error {
	main, err := contents(d.main)
	if err != nil {
		return err
	}
	log, err := contents(d.log)
	if err != nil {
		return err
	}
	var failed error
	d.last, err = zeroclaw.ReadDatabase(*main, log, d.parser, d.last, func(e *source.Entry) error {
		if failed = ctx.Err(); failed == nil && d.into != nil {
			failed = d.into.Add(ctx, e, rowSize)
		}
		return failed
	})
	switch {
	case failed != nil:
		return fmt.Errorf("%s: %w", d.path, failed)
	case err != nil:
		return fmt.Errorf("%s: %w", d.path, &badDatabase{err})
	}
	return nil
}

// A badDatabase says that a database cannot be read as one.
type badDatabase struct{ error }

// Unwrap returns why.
func (e *badDatabase) Unwrap() error { return e.error }

// contents returns the bytes of a copy, nil where there is none.
func contents(f *os.File) (*zeroclaw.Contents, error) {
	if f == nil {
		return nil, nil
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return &zeroclaw.Contents{ReaderAt: f, Size: info.Size()}, nil
}

// readDatabase reads a database once. One that is followed stays with the run.
func (r *importRun) readDatabase(ctx context.Context, path string, p source.Parser) error {
	d, err := copyDatabase(path)
	if err != nil {
		return err
	}
	d.parser = p.(*zeroclaw.Parser)
	d.parser.Begin(filepath.Base(path))
	if r.into != nil {
		d.into = r.into.File()
	}
	if err := errors.Join(d.read(ctx), d.close()); err != nil {
		return err
	}
	if r.into != nil && r.opts.follow {
		r.databases = append(r.databases, d)
		return nil
	}
	d.parser.End()
	return nil
}

// pollDatabases reads the rows that have come.
func (r *importRun) pollDatabases(ctx context.Context) error {
	for _, d := range r.databases {
		if err := d.poll(ctx, r.std); err != nil {
			return err
		}
	}
	return nil
}

// poll reads the rows that have come.
func (d *database) poll(ctx context.Context, std stdio) error {
	now, err := stampsOf(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && now == d.stamp {
		if _, bad := errors.AsType[*badDatabase](d.told); !bad { // which it still is
			d.over()
		}
		return nil
	}
	var next *database
	if err == nil {
		next, err = copyDatabase(d.path)
	}
	if err != nil {
		d.tell(std, d.path, err)
		return nil
	}
	d.stamp, d.main, d.log = next.stamp, next.main, next.log
	err = d.read(ctx)
	if err := d.close(); err != nil {
		return err
	}
	if bad, ok := errors.AsType[*badDatabase](err); ok {
		d.tell(std, d.path, bad)
		return nil
	}
	d.over()
	return err
}
