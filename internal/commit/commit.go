// Package commit is the commit file of a log: lines that were appended to the
// active segment, once more, in a file that never grows.
//
// A sync of a file that has grown waits for the file system to commit the new
// size; a sync of bytes that were there before does not. So a writer puts its
// lines into the active segment, where everybody sees them, and into the commit
// file, and syncs only that. The segment is synced later, for many of them at
// once. After a loss of power what the segment lacks is in the commit file.
//
// The file is a chain of entries from its beginning, without room between them;
// what stands behind the chain means nothing. An entry, numbers big-endian:
//
//	 0  8  magic "etchcmt\x00"
//	 8  8  chain: a random number, the same for all entries of a chain
//	16  8  offset in the segment: where the lines of the entry before end
//	24  4  number of the segment
//	28  4  bytes of the lines
//	32  4  CRC-32C of all of the entry but these four bytes
//	36     the lines
//
// The checksum finds what a crash has torn. It proves nothing of who wrote an
// entry: whoever reads a chain judges its lines as it would in the segment.
package commit

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

const (
	// Size is the size of a commit file in bytes.
	Size = 4 << 20
	// MaxLines is how many bytes of lines an entry has at most. To write more of
	// them twice costs more than a file system's commit of a size.
	MaxLines = 128 << 10

	magic  = "etchcmt\x00"
	header = 36
	sumAt  = 32
)

// An Entry is lines that were written together.
type Entry struct {
	Chain   uint64
	Segment uint32
	Offset  int64 // in the segment, of the first
	Lines   []byte
}

// EntrySize returns how many bytes an entry with so many bytes of lines has.
func EntrySize(lines int) int64 { return int64(header + lines) }

// AppendEntry appends an entry's bytes.
func AppendEntry(dst []byte, e *Entry) []byte {
	start := len(dst)
	be := binary.BigEndian
	dst = append(dst, magic...)
	dst = be.AppendUint64(dst, e.Chain)
	dst = be.AppendUint64(dst, uint64(e.Offset))
	dst = be.AppendUint32(dst, e.Segment)
	dst = be.AppendUint32(dst, uint32(len(e.Lines)))
	dst = be.AppendUint32(dst, 0)
	dst = append(dst, e.Lines...)
	be.PutUint32(dst[start+sumAt:], sum(dst[start:start+header], e.Lines))
	return dst
}

// sum returns the checksum of an entry.
func sum(head, lines []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli) // made once, when it is first asked for
	return crc32.Update(crc32.Checksum(head[:sumAt], table), table, lines)
}

// Read returns the lines of the chain that the file holds, as one entry: as far
// as entries are whole and each goes on where the one before ends. Where there is
// none the entry has no lines. An error is one of reading.
func Read(r io.ReaderAt) (Entry, error) {
	var all Entry
	in := bufio.NewReaderSize(io.NewSectionReader(r, 0, Size), 64<<10)
	for {
		e, err := next(in)
		if err != nil || e == nil {
			return all, err
		}
		first := len(all.Lines) == 0
		if !first && (e.Chain != all.Chain || e.Segment != all.Segment || e.Offset != all.End()) {
			return all, nil
		}
		if first {
			all = *e
		} else {
			all.Lines = append(all.Lines, e.Lines...)
		}
	}
}

// next returns the next entry, or nil where none that is whole follows.
func next(in io.Reader) (*Entry, error) {
	var head [header]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, ended(err)
	}
	be := binary.BigEndian
	e := &Entry{Chain: be.Uint64(head[8:]), Offset: int64(be.Uint64(head[16:])), Segment: be.Uint32(head[24:])}
	n := be.Uint32(head[28:])
	if string(head[:len(magic)]) != magic || n == 0 || n > MaxLines || e.Offset < 0 || e.Chain == 0 {
		return nil, nil
	}
	e.Lines = make([]byte, n)
	if _, err := io.ReadFull(in, e.Lines); err != nil {
		return nil, ended(err)
	}
	if sum(head[:], e.Lines) != be.Uint32(head[sumAt:]) {
		return nil, nil
	}
	return e, nil
}

// ended returns nil for the end of the file, which is the end of a chain.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// End returns the offset in the segment where the lines end.
func (e *Entry) End() int64 { return e.Offset + int64(len(e.Lines)) }

// Lacks compares a segment of the given size with the entry's lines, from an
// offset on. It returns the offset of the first byte that the segment lacks: it
// ends before it, or has NUL where the lines have not, as a file system leaves
// what it has not written; the entry's end, where it lacks nothing. It reports
// false where the segment holds anything else than the entry: then the entry
// says nothing about it.
func (e *Entry) Lacks(segment io.ReaderAt, size, from int64) (at int64, fits bool, err error) {
	from = max(from, e.Offset)
	if size < from {
		return 0, false, nil
	}
	at = e.End()
	buf := make([]byte, 32<<10)
	end := min(size, at)
	for off := from; off < end; {
		b := buf[:min(int64(len(buf)), end-off)]
		if _, err := segment.ReadAt(b, off); err != nil && !errors.Is(err, io.EOF) {
			return 0, false, err
		}
		for i, c := range e.Lines[off-e.Offset:][:len(b)] {
			switch {
			case b[i] == c:
			case b[i] != 0:
				return 0, false, nil
			default:
				at = min(at, off+int64(i))
			}
		}
		off += int64(len(b))
	}
	if size < e.End() {
		at = min(at, size)
	}
	return at, true, nil
}

// Whole reports whether a segment of the given size has all bytes from one
// offset to before another: it does not end before, and none is NUL, which no
// line has.
func Whole(segment io.ReaderAt, size, from, to int64) (bool, error) {
	if size < to {
		return false, nil
	}
	buf := make([]byte, min(max(to-from, 0), 64<<10))
	for off := from; off < to; {
		b := buf[:min(int64(len(buf)), to-off)]
		n, err := segment.ReadAt(b, off)
		if err != nil && !(n == len(b) && errors.Is(err, io.EOF)) {
			return false, err
		}
		if bytes.IndexByte(b, 0) >= 0 {
			return false, nil
		}
		off += int64(len(b))
	}
	return true, nil
}

// A Filled is a segment with what it lacks of a chain's lines: see
// [Entry.Lacks].
type Filled struct {
	io.ReaderAt
	Chain *Entry
}

// ReadAt reads as [io.ReaderAt] does. The segment ends where the chain does, or
// behind it.
func (f Filled) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.ReaderAt.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, err
	}
	from, to := max(off, f.Chain.Offset), min(off+int64(len(p)), f.Chain.End())
	if from >= to {
		return n, err
	}
	copy(p[from-off:], f.Chain.Lines[from-f.Chain.Offset:to-f.Chain.Offset])
	if n = max(n, int(to-off)); n == len(p) {
		err = nil
	}
	return n, err
}
