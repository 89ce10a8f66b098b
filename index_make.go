package etch

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/index"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/vfs"
)

// makeIndex makes the index of a rotated segment and puts it in its place, and
// returns what is to be put on record of it. The order is: a file aside, synced;
// renamed; the directory synced. read is told of bytes that were read.
func (r *Reader) makeIndex(v *view, p part, read func(int64)) (on control.IndexedLog, err error) {
	f, end, err := r.open(v, p)
	if err != nil {
		return on, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b, lines, err := readRows(f, end, read)
	if err != nil {
		return on, fmt.Errorf("index segment %d: %w", p.Number, err)
	}
	digest, err := r.placeIndex(p.Number, b)
	if err != nil {
		return on, fmt.Errorf("write index of segment %d: %w", p.Number, err)
	}
	return control.IndexedLog{Segment: p.Number, Lines: lines, Bytes: end, Digest: hex.EncodeToString(digest[:])}, nil
}

// readRows reads all lines of a segment into a builder.
func readRows(f io.ReaderAt, end int64, read func(int64)) (*index.Builder, uint64, error) {
	head, err := readBeginning(f, end)
	if err != nil {
		return nil, 0, err
	}
	b := index.NewBuilder(indexSpec, head.opened.Segment, head.opened.Size)
	x := newIndexer()
	lines := segment.NewLines(f, 0, end)
	for n, told := uint64(0), int64(0); ; n++ {
		offset := lines.Offset()
		line, err := lines.Next()
		if offset-told >= tellEvery || err != nil {
			read(offset - told)
			told = offset
		}
		if errors.Is(err, io.EOF) {
			return b, n, nil
		}
		if err != nil {
			return nil, 0, fmt.Errorf("offset %d: %w", offset, err)
		}
		row, err := x.read(line)
		if err != nil {
			return nil, 0, fmt.Errorf("offset %d: %w", offset, err)
		}
		if err := b.Add(line, row); err != nil {
			return nil, 0, err
		}
	}
}

// tellEvery is after how many bytes progress is told of.
const tellEvery = 1 << 20

// placeIndex writes an index aside and renames it into its place.
func (r *Reader) placeIndex(number uint32, b *index.Builder) (digest [32]byte, err error) {
	if err := r.openIndexDir(); err != nil {
		return digest, err
	}
	err = r.place(r.layout.IndexOf(number), func(w io.Writer) (err error) {
		digest, err = b.Finish(w)
		return err
	})
	return digest, err
}

// openIndexDir makes the directory of indexes, and takes away what writers that
// were killed have left there.
func (r *Reader) openIndexDir() error {
	dir := r.layout.Path(r.layout.Index())
	if err := r.fs.Mkdir(dir, 0o700); err == nil {
		return r.fs.SyncDir(r.layout.Dir)
	} else if !errors.Is(err, fs.ErrExist) {
		return err
	}
	entries, err := r.fs.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && strings.Contains(e.Name(), asideMark) && time.Since(info.ModTime()) > abandoned {
			_ = r.fs.Remove(filepath.Join(dir, e.Name())) // another may have taken it away
		}
	}
	return nil
}

const (
	// asideMark is in the names of files that are being written.
	asideMark = ".new-"
	// abandoned is how old such a file is when nobody is writing it any more.
	abandoned = time.Hour
)

// place writes a file of the index whole or not at all. Each writer has a file
// of its own aside; the last to rename wins, and all write the same.
func (r *Reader) place(name string, write func(io.Writer) error) (err error) {
	path := r.layout.Path(name)
	aside := fmt.Sprintf("%s%s%d", path, asideMark, os.Getpid())
	f, err := r.fs.OpenFile(aside, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(writeAll(f, write), f.Close())
	if err == nil {
		err = r.fs.Rename(aside, path)
	}
	if err != nil {
		return errors.Join(err, r.fs.Remove(aside))
	}
	return r.fs.SyncDir(filepath.Dir(path))
}

func writeAll(f vfs.File, write func(io.Writer) error) error {
	if err := write(io.NewOffsetWriter(f, 0)); err != nil {
		return err
	}
	return f.Sync()
}

// noteRecord writes where the log has an index on record.
func (r *Reader) noteRecord(number, segment uint32, offset int64) error {
	return r.place(r.layout.RecordOf(number), func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%d %d\n", segment, offset)
		return err
	})
}
