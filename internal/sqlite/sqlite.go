// Package sqlite reads the rows of a table out of an SQLite database and the
// write-ahead log beside it, and never writes: it takes no lock, makes no -shm
// file, and needs nothing but to read bytes at an offset. So it can read a database
// of another program that is running, in a directory that cannot be written to.
//
// It knows what that takes of the format (sqlite.org/fileformat2.html): the
// header, table b-trees, overflow pages, records, and committed frames of a log in
// WAL mode. It refuses what it does not know, among it texts in UTF-16 and tables
// without a rowid. It does not look at indexes, and not at a rollback journal: a
// database not in WAL mode must have none.
//
// Nothing that stands in a file can make it loop, panic, read a page of a table
// twice, or hold more than a few pages, one row (MaxRow) and one declaration in
// memory, beside some 16 bytes for each page that the log holds and a bit for each
// that was read.
//
// Because it takes no lock, a checkpoint may change the database under it. A page
// of the log that is overwritten is noticed; that the main file changes is for the
// caller to notice, by its time of modification, who then reads again.
package sqlite

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrChanged says that the log was overwritten while it was read. Reading again helps.
var ErrChanged = errors.New("the database changed while it was read")

// A Contents is the bytes of a file.
type Contents struct {
	io.ReaderAt
	Size int64
}

// A Database is an open database. It is safe for concurrent use if its contents
// are.
type Database struct {
	main     Contents
	wal      *wal // nil where there is none
	pageSize int
	usable   int    // of a page: what is not reserved
	pages    uint32 // how many the newest commit says there are; a page that is in no file cannot be read
}

const (
	magic      = "SQLite format 3\x00"
	headerSize = 100 // of the first page
	utf8Text   = 1
)

// Open opens a database. log is its write-ahead log, nil where there is none; only
// what was committed in it counts.
func Open(main Contents, log *Contents) (*Database, error) {
	d := &Database{main: main}
	var header [headerSize]byte
	n, err := main.ReadAt(header[:], 0)
	if n < headerSize {
		return nil, fmt.Errorf("read the header: %w", orShort(err))
	}
	if err := d.header(header[:]); err != nil {
		return nil, err
	}
	d.pages = uint32(min(main.Size/int64(d.pageSize), 1<<32-2))
	if log != nil {
		if d.wal, err = openWAL(log, d.pageSize); err != nil {
			return nil, err
		}
		if d.wal.pages > 0 {
			d.pages = d.wal.pages
		}
	}
	first, err := d.page(1)
	if err != nil {
		return nil, err
	}
	return d, d.header(first)
}

// header reads the header of the database.
func (d *Database) header(b []byte) error {
	if !bytes.HasPrefix(b, []byte(magic)) {
		return errors.New("no SQLite database")
	}
	size := int(binary.BigEndian.Uint16(b[16:]))
	if size == 1 {
		size = 1 << 16
	}
	if size < 512 || size&(size-1) != 0 || d.pageSize != 0 && size != d.pageSize {
		return fmt.Errorf("bad page size %d", size)
	}
	d.pageSize, d.usable = size, size-int(b[20])
	if d.usable < 480 {
		return fmt.Errorf("bad reserved size %d", b[20])
	}
	if b[19] > 2 {
		return fmt.Errorf("format version %d is newer than what can be read", b[19])
	}
	if e := binary.BigEndian.Uint32(b[56:]); e != utf8Text && e != 0 { // 0: nothing was ever written
		return fmt.Errorf("texts are not in UTF-8 (encoding %d)", e)
	}
	return nil
}

// page returns a page as it was last committed.
func (d *Database) page(number uint32) ([]byte, error) {
	if number == 0 || number > d.pages {
		return nil, fmt.Errorf("page %d of %d", number, d.pages)
	}
	buf := make([]byte, d.pageSize)
	if d.wal != nil {
		found, err := d.wal.read(buf, number)
		if err != nil || found {
			return buf, err
		}
	}
	n, err := d.main.ReadAt(buf, int64(number-1)*int64(d.pageSize))
	if n < len(buf) {
		return nil, fmt.Errorf("read page %d: %w", number, orShort(err))
	}
	return buf, nil
}

// orShort returns an error for a file that ended too early.
func orShort(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
