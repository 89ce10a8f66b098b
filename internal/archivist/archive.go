package archivist

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/etch-audit/etch/internal/archive"
	"github.com/etch-audit/etch/internal/broken"
	"github.com/etch-audit/etch/internal/vfs"
)

// archive archives one segment. It returns nil where there is nothing to do any
// more.
//
// Order: the archive is written aside and synced; opened anew and compared,
// decompressed, with every byte of the segment; renamed to its name; the
// directory synced; only then the segment removed; the directory synced. A
// crash before the rename leaves a file that means nothing and that the next
// run removes; after it, twins that are equal, of which the next run removes
// the plain one.
func (k *keeper) archive(ctx context.Context, c candidate) (done *Done, err error) {
	plain, err := k.FS.OpenFile(k.path(c.number, false), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) { // removed since, by whoever owns the log
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, plain.Close()) }()
	size, err := plain.Size()
	if err != nil {
		return nil, err
	}
	src := &watched{ReaderAt: plain, ctx: ctx, read: k.progress}
	packed, err := k.twin(src, size, c)
	if errors.Is(err, fs.ErrNotExist) {
		packed, err = k.make(src, size, c)
	}
	if err != nil {
		return nil, err
	}
	if err := k.removePlain(plain, size, c.number); err != nil {
		return nil, err
	}
	return &Done{c.number, size, packed}, nil
}

func (k *keeper) path(n uint32, archived bool) string {
	return k.Layout.Path(k.Layout.Rotated(n, archived).Name)
}

// twin takes the archive that a segment has already, as a crash leaves it. It
// was synced before it got its name, unless it is somebody else's work.
func (k *keeper) twin(src *watched, size int64, c candidate) (packed int64, err error) {
	name := k.path(c.number, true)
	f, err := k.FS.OpenFile(name, os.O_RDWR, 0)
	if errors.Is(err, vfs.ErrNotFile) {
		err = fmt.Errorf("%w: %w", ErrTwins, err)
	}
	if err != nil {
		return 0, err
	}
	if packed, err = f.Size(); err == nil {
		err = src.equals(f, packed, size)
		for _, other := range [...]error{errDiffer, archive.ErrDamaged, archive.ErrUnsupported} {
			if errors.Is(err, other) {
				err = fmt.Errorf("%w: %w", ErrTwins, err)
				break
			}
		}
	}
	if err == nil {
		err = f.Sync()
	}
	return packed, errors.Join(err, f.Close())
}

// make makes an archive under its name, durable but for the name. Where it
// fails it leaves nothing.
func (k *keeper) make(src *watched, size int64, c candidate) (packed int64, err error) {
	aside := k.path(c.number, true) + asideExt
	packed, err = k.write(aside, src, size, c.perm)
	if err == nil && !broken.Is("archive-uncompared") {
		err = k.compare(aside, src, packed, size)
	}
	if err == nil {
		err = k.FS.Rename(aside, k.path(c.number, true))
	}
	if err != nil {
		if gone := k.FS.Remove(aside); !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
		return 0, err
	}
	return packed, nil
}

// write writes an archive aside and syncs it. Whoever may read the segment may
// read it.
func (k *keeper) write(aside string, src *watched, size int64, perm fs.FileMode) (packed int64, err error) {
	f, err := k.FS.OpenFile(aside, os.O_RDWR|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return 0, err
	}
	packed, err = archive.Write(io.NewOffsetWriter(f, 0), src, size)
	if err == nil {
		err = f.Sync()
	}
	return packed, errors.Join(err, f.Close())
}

// compare reads an archive back and compares it with the segment.
func (k *keeper) compare(aside string, src *watched, packed, size int64) error {
	f, err := k.FS.OpenFile(aside, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(src.equals(f, packed, size), f.Close())
}

// removePlain removes a segment whose archive is there, if it still is what was
// archived.
func (k *keeper) removePlain(plain vfs.File, size int64, n uint32) error {
	if !broken.Is("archive-unsynced") {
		if err := k.FS.SyncDir(k.Layout.Dir); err != nil {
			return err
		}
	}
	linked, err := plain.Linked()
	if err != nil {
		return err
	}
	now, err := plain.Size()
	if err != nil {
		return err
	}
	if !linked || now != size {
		return fmt.Errorf("%s was changed while it was archived, and stays", k.Layout.Numbered(n))
	}
	if err := k.FS.Remove(k.path(n, false)); err != nil {
		return err
	}
	return k.FS.SyncDir(k.Layout.Dir)
}

// errDiffer is returned where an archive is whole and holds something else.
var errDiffer = errors.New("the archive holds something else")

// A watched is a segment that is read until the context is done.
type watched struct {
	io.ReaderAt
	ctx  context.Context
	read func(n int)
}

// ReadAt implements io.ReaderAt.
func (w *watched) ReadAt(p []byte, off int64) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.ReaderAt.ReadAt(p, off)
	w.read(n)
	return n, err
}

// equals compares the segment with all that an archive of packed bytes holds.
func (w *watched) equals(f io.ReaderAt, packed, size int64) (err error) {
	r, err := archive.Decompress(io.NewSectionReader(f, 0, packed))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	const piece = 256 << 10
	want, got := make([]byte, piece), make([]byte, piece)
	for at := int64(0); at < size; {
		n := int(min(piece, size-at))
		if m, err := w.ReadAt(want[:n], at); m < n {
			return fmt.Errorf("read segment: %w", err)
		}
		m, err := io.ReadFull(r, got[:n])
		if m < n && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
			return fmt.Errorf("%w: it ends after %d bytes", errDiffer, at+int64(m))
		}
		if m < n {
			return err
		}
		if !bytes.Equal(want[:n], got[:n]) {
			return fmt.Errorf("%w: within %d bytes from offset %d on", errDiffer, n, at)
		}
		at += int64(n)
	}
	if n, err := io.ReadFull(r, got[:1]); n > 0 {
		return fmt.Errorf("%w: it goes on after %d bytes", errDiffer, size)
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}
