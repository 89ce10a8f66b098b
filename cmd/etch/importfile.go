package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/etch-audit/etch/capture/source"
	"github.com/etch-audit/etch/importer"
	"github.com/etch-audit/etch/internal/vfs"
)

// A tail is a file that is being read, and may still grow.
type tail struct {
	run     *importRun
	path    string // under which it was opened
	file    *os.File
	group   *importGroup
	parser  source.Parser
	into    *importer.File // nil: what is in it is not recorded
	pos     source.Position
	mark    []byte // what stood before pos
	rotated bool   // another file has its name now
	hitch          // of what has its name now
}

// markSize is how many bytes before the position are looked at again: where they
// have changed the file is another one, although it is long enough.
const markSize = 64

// begin begins to read a file.
func (r *importRun) begin(path string, file *os.File, g *importGroup, p source.Parser) *tail {
	t := &tail{run: r, path: path, file: file, group: g, parser: p}
	if r.into != nil {
		t.into = r.into.File()
	}
	p.Begin(filepath.Base(path))
	return t
}

// read reads what has come: whole lines, and where the file is final also what
// no line feed ends.
func (t *tail) read(ctx context.Context, final bool) error {
	rest := io.NewSectionReader(t.file, t.pos.Offset, math.MaxInt64-t.pos.Offset)
	lines := source.NewLines(rest, t.pos)
	for {
		l, err := lines.Next()
		if errors.Is(err, io.EOF) || err == nil && l.Torn && !final {
			return t.settle(lines.Position())
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", t.path, err)
		}
		t.run.advance(l.Size)
		err = t.parser.Line(&l, func(e *source.Entry) error {
			if t.into == nil {
				return nil
			}
			return t.into.Add(ctx, e, len(l.Bytes))
		})
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}

// settle takes note of where the file was read to.
func (t *tail) settle(pos source.Position) error {
	if pos == t.pos {
		return nil
	}
	t.pos = pos
	mark := make([]byte, min(markSize, pos.Offset))
	_, err := t.file.ReadAt(mark, pos.Offset-int64(len(mark)))
	if err != nil && !errors.Is(err, io.EOF) { // it was truncated meanwhile: the next look finds it so
		return fmt.Errorf("read %s: %w", t.path, err)
	}
	t.mark = mark
	return nil
}

// replaced reports whether what was read is no longer what the file begins with:
// it was truncated, or overwritten.
func (t *tail) replaced() (bool, error) {
	now := make([]byte, len(t.mark))
	_, err := t.file.ReadAt(now, t.pos.Offset-int64(len(now)))
	if errors.Is(err, io.EOF) {
		return true, nil
	}
	return err == nil && !bytes.Equal(now, t.mark), err
}

// finish reads what is left and closes the file.
func (t *tail) finish(ctx context.Context) error {
	err := t.read(ctx, true)
	t.parser.End()
	return errors.Join(err, t.file.Close())
}

// read reads all files of a group. Those that are followed stay open, as tails
// of the run.
func (g *importGroup) read(ctx context.Context, r *importRun, p source.Parser) error {
	if g.database {
		return r.readDatabase(ctx, g.paths[0], p)
	}
	paths, files, err := g.open()
	if err != nil {
		return err
	}
	for i, file := range files {
		t := r.begin(paths[i], file, g, p)
		if r.into != nil && r.opts.follow && i == len(files)-1 {
			r.tails = append(r.tails, t)
			return t.read(ctx, false)
		}
		if err := t.finish(ctx); err != nil {
			return errors.Join(err, closeAll(files[i+1:]))
		}
	}
	return nil
}

// openTries bounds how often a family is opened again because it was rotated
// meanwhile.
const openTries = 10

// open opens the files of a group, the oldest first. Those of a family are
// opened as it was at one moment: names shift when it is rotated, and a file
// might be missed or met twice.
func (g *importGroup) open() (paths []string, files []*os.File, err error) {
	for range openTries {
		if g.active != "" {
			// Files that were named go on belonging to it under their new names.
			g.paths = []string{g.active}
			g.settle()
		}
		files, err = openAll(g.paths)
		if err == nil && (g.active == "" || same(g.paths, files)) {
			return g.paths, files, nil
		}
		if err := closeAll(files); err != nil {
			return nil, nil, err
		}
		if err != nil && (g.active == "" || !errors.Is(err, fs.ErrNotExist)) {
			return nil, nil, err
		}
	}
	return nil, nil, fmt.Errorf("%w: %s", errMoving, g.active)
}

// errMoving says that a family could not be opened as it was at one moment.
var errMoving = errors.New("files are gone, or are rotated again and again while they are opened")

func openAll(paths []string) (files []*os.File, err error) {
	for _, path := range paths {
		file, err := vfs.OpenRegular(path)
		if err != nil {
			return files, err
		}
		files = append(files, file)
	}
	return files, nil
}

// same reports whether the names are still those of the files.
func same(paths []string, files []*os.File) bool {
	for i, path := range paths {
		if !isAt(path, files[i]) {
			return false
		}
	}
	return true
}

// isAt reports whether a path names the file that is open.
func isAt(path string, file *os.File) bool {
	now, err := os.Stat(path)
	if err != nil {
		return false
	}
	held, err := file.Stat()
	return err == nil && os.SameFile(now, held)
}

func closeAll(files []*os.File) error {
	var errs []error
	for _, f := range files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// indexOf returns the index of the file that is open among others, -1 where it
// is none of them.
func indexOf(files []*os.File, file *os.File) int {
	held, err := file.Stat()
	if err != nil {
		return -1
	}
	return slices.IndexFunc(files, func(f *os.File) bool {
		info, err := f.Stat()
		return err == nil && os.SameFile(info, held)
	})
}
