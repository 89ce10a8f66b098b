package etch

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/index"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/vfs"
)

// An indexMaker makes indexes, one after another, in the same memory. It is used by
// one goroutine.
type indexMaker struct {
	indexer *indexer
	builder *index.Builder // nil: there was none yet
}

// A madeIndex is the index of a segment, made and not yet in its place.
type madeIndex struct {
	on   control.IndexedLog // what is to be put on record of it
	file bytes.Buffer
}

// index makes the index of a rotated segment. read is told of bytes that were read.
func (m *indexMaker) index(r *Reader, v *view, p part, read func(int64)) (made *madeIndex, err error) {
	f, end, err := r.open(v, p)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	lines, err := m.rows(f, end, p.Number, read)
	if err != nil {
		return nil, fmt.Errorf("index segment %d: %w", p.Number, err)
	}
	made = new(madeIndex)
	digest, err := m.builder.Finish(&made.file)
	made.on = control.IndexedLog{Segment: p.Number, Lines: lines, Bytes: end, Digest: hex.EncodeToString(digest[:])}
	return made, err
}

// rows reads all lines of a segment into the builder, and returns how many there are.
// The segment has a number, 0 for the one that it says. One whose lines are not
// numbered one behind another, from the number that its first line says, gets no
// index: an index tells rows, and a question tells a row by its line's number.
func (m *indexMaker) rows(f io.ReaderAt, end int64, number uint32, read func(int64)) (rows uint64, err error) {
	head, err := readBeginning(f, end)
	if err != nil {
		return 0, err
	}
	if number != 0 && head.opened.Segment != number { // queries would not use it, and it would be made again and again
		return 0, fmt.Errorf("its first line is that of segment %d", head.opened.Segment)
	}
	m.begin(head.opened.Segment, head.opened.Size)
	lines := segment.NewLines(f, 0, end)
	for told := int64(0); ; rows++ {
		offset := lines.Offset()
		line, err := lines.Next()
		if offset-told >= tellEvery || err != nil {
			read(offset - told)
			told = offset
		}
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return 0, fmt.Errorf("offset %d: %w", offset, err)
		}
		row, err := m.indexer.read(line)
		if err != nil {
			return 0, fmt.Errorf("offset %d: %w", offset, err)
		}
		if seq, want := m.indexer.seq(), head.opened.Size+rows; seq != want {
			return 0, fmt.Errorf("offset %d: record %d stands where record %d must", offset, seq, want)
		}
		if err := m.builder.Add(line, row); err != nil {
			return 0, err
		}
	}
}

// begin begins the index of a segment.
func (m *indexMaker) begin(number uint32, firstSeq uint64) {
	if m.builder == nil {
		m.indexer, m.builder = newIndexer(), index.NewBuilder(indexSpec, number, firstSeq)
		return
	}
	m.builder.Reset(number, firstSeq)
}

// tellEvery is after how many bytes progress is told of.
const tellEvery = 1 << 20

// placeIndex puts an index in its place. The order is: a file aside, synced;
// renamed; the directory synced.
func (r *Reader) placeIndex(made *madeIndex) error {
	err := r.openIndexDir()
	if err == nil {
		err = r.place(r.layout.IndexOf(made.on.Segment), func(w io.Writer) error {
			_, err := w.Write(made.file.Bytes())
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("write index of segment %d: %w", made.on.Segment, err)
	}
	return nil
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

// place writes a file of the index whole or not at all. Each writer has a file of its own
// aside, whose name says nothing: processes in containers have the same numbers, and one may
// have the log open twice. The last to rename wins, and all write the same.
func (r *Reader) place(name string, write func(io.Writer) error) (err error) {
	path := r.layout.Path(name)
	aside := fmt.Sprintf("%s%s%016x", path, asideMark, rand.Uint64())
	f, err := r.fs.OpenFile(aside, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
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
