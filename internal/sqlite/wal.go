package sqlite

import (
	"encoding/binary"
	"fmt"
	"maps"
)

// A wal is a write-ahead log:
//
//	header, 32 bytes: magic, version, page size, checkpoint number, two salts,
//	                  two checksums
//	frame:            page number, pages of the database if it commits, else 0,
//	                  two salts, two checksums; then the page
//
// all of them 32-bit big-endian numbers. A frame counts if its salts are those of
// the header, its checksum, which goes on from the frame before, is right, and a
// frame that commits follows or it is one.
type wal struct {
	contents Contents
	pageSize int
	salts    [8]byte
	frames   map[uint32]int64 // where the newest committed frame of a page is
	pages    uint32           // of the database after the last commit; 0 where there was none
}

const (
	walHeader   = 32
	frameHeader = 24
	walMagic    = 0x377f0682 // the lowest bit says that checksums are of big-endian words
	walVersion  = 3007000
)

// openWAL reads the frames of a log. An empty log, and one whose header was not
// finished, has none.
func openWAL(c *Contents, pageSize int) (*wal, error) {
	w := &wal{contents: *c, pageSize: pageSize, frames: make(map[uint32]int64)}
	var h [walHeader]byte
	if n, err := c.ReadAt(h[:], 0); n < walHeader {
		if c.Size < walHeader {
			return w, nil
		}
		return nil, fmt.Errorf("read the write-ahead log: %w", orShort(err))
	}
	m := binary.BigEndian.Uint32(h[:])
	if m&^1 != walMagic {
		return nil, fmt.Errorf("the write-ahead log begins with %#x", m)
	}
	if v := binary.BigEndian.Uint32(h[4:]); v != walVersion {
		return nil, fmt.Errorf("version %d of the write-ahead log", v)
	}
	var order binary.ByteOrder = binary.LittleEndian
	if m&1 == 1 {
		order = binary.BigEndian
	}
	sum := checksum{}.add(order, h[:24])
	if !sum.is(h[24:]) {
		return w, nil // as SQLite does: whoever wrote it had not finished
	}
	if size := binary.BigEndian.Uint32(h[8:]); size != uint32(pageSize) {
		return nil, fmt.Errorf("the write-ahead log has pages of %d bytes, the database of %d", size, pageSize)
	}
	copy(w.salts[:], h[16:24])
	return w, w.index(order, sum)
}

// index finds the newest committed frame of each page.
func (w *wal) index(order binary.ByteOrder, sum checksum) error {
	buf := make([]byte, frameHeader+w.pageSize)
	fresh := make(map[uint32]int64) // since the last commit
	for at := int64(walHeader); at+int64(len(buf)) <= w.contents.Size; at += int64(len(buf)) {
		if n, err := w.contents.ReadAt(buf, at); n < len(buf) {
			return fmt.Errorf("read the write-ahead log: %w", orShort(err))
		}
		number := binary.BigEndian.Uint32(buf)
		sum = sum.add(order, buf[:8]).add(order, buf[frameHeader:])
		if number == 0 || [8]byte(buf[8:16]) != w.salts || !sum.is(buf[16:]) {
			return nil // what follows is of an earlier round, or was not finished
		}
		fresh[number] = at
		if pages := binary.BigEndian.Uint32(buf[4:]); pages != 0 {
			w.pages = pages
			maps.Copy(w.frames, fresh)
			// Not clear: that takes as long as the greatest commit before was.
			fresh = make(map[uint32]int64)
		}
	}
	return nil
}

// read reads a page into buf and reports whether the log has it.
func (w *wal) read(buf []byte, number uint32) (bool, error) {
	at, ok := w.frames[number]
	if !ok {
		return false, nil
	}
	frame := make([]byte, frameHeader+w.pageSize)
	if n, err := w.contents.ReadAt(frame, at); n < len(frame) {
		return false, fmt.Errorf("read page %d from the write-ahead log: %w", number, orShort(err))
	}
	if binary.BigEndian.Uint32(frame) != number || [8]byte(frame[8:16]) != w.salts {
		return false, ErrChanged
	}
	copy(buf, frame[frameHeader:])
	return true, nil
}

// A checksum is that of a log so far.
type checksum [2]uint32

// add returns the checksum over b as well, which is a whole number of word pairs.
func (s checksum) add(order binary.ByteOrder, b []byte) checksum {
	for ; len(b) >= 8; b = b[8:] {
		s[0] += order.Uint32(b) + s[1]
		s[1] += order.Uint32(b[4:]) + s[0]
	}
	return s
}

// is reports whether the checksum is the stored one that b begins with.
func (s checksum) is(b []byte) bool {
	return s[0] == binary.BigEndian.Uint32(b) && s[1] == binary.BigEndian.Uint32(b[4:])
}
