package index

import (
	"slices"
	"sync"
)

// Places calls add for each line of rows of the segment, in their order or, where
// backward, in the opposite one, with where it stands in the plain segment and its
// length without the line feed. Of the lengths it reads only what it needs.
func (x *Reader) Places(rows *Rows, backward bool, add func(offset int64, length int)) error {
	if rows.empty() {
		return nil
	}
	kept := placesRooms.Get().(*placesRoom)
	defer placesRooms.Put(kept)
	found, err := x.blocksOf(kept.found[:0], rows)
	if err != nil {
		return err
	}
	kept.found = found
	if backward {
		slices.Reverse(found)
	}
	room := rooms.Get().(*[]byte)
	defer rooms.Put(room)
	list := kept.list
	defer func() { kept.list = list }()
	for len(found) > 0 {
		n, from, to := x.together(found)
		b, err := x.readInto(room, sectionLengths, from, to-from)
		if err != nil {
			return err
		}
		for i := range found[:n] {
			f := &found[i]
			list = f.places(list[:0], rows.ofBlock(f.number), newPacked(b[f.from-from:f.to-from], f.width))
			if err := x.give(list, backward, add); err != nil {
				return err
			}
		}
		found = found[n:]
	}
	return nil
}

// A placesRoom is memory for finding places, to be used again.
type placesRoom struct {
	found []foundBlock
	list  []linePlace
}

var placesRooms = sync.Pool{New: func() any { return new(placesRoom) }}

// A foundBlock is a block that has rows to be found.
type foundBlock struct {
	block
	number int
}

// blocksOf appends the blocks that rows are in.
func (x *Reader) blocksOf(found []foundBlock, rows *Rows) ([]foundBlock, error) {
	entries, err := x.keep(sectionBlocks)
	if err != nil {
		return nil, err
	}
	for n := range blocks(x.rows) {
		if !slices.ContainsFunc(rows.ofBlock(n), func(w uint64) bool { return w != 0 }) {
			continue
		}
		b, ok := parseBlock(entries[n*blockSize:], x.size(sectionLengths), min(BlockRows, x.rows-n*BlockRows))
		if !ok {
			return nil, damaged("block %d contradicts itself", n)
		}
		found = append(found, foundBlock{b, n})
	}
	return found, nil
}

// mostLengths bounds what is read of the lengths at once, for all of them to go through
// the same memory.
const mostLengths = 32 << 10

// together returns how many of the blocks are read at once, and from where to
// where their lengths are: those whose chunks are one another's or follow one
// another.
func (x *Reader) together(found []foundBlock) (n int, from, to int64) {
	from, to = found[0].from, found[0].to
	for n = 1; n < len(found); n++ {
		f := &found[n]
		start := x.start(sectionLengths)
		if x.chunkEnd(start+to) < (start+f.from)/chunkSize*chunkSize || x.chunkEnd(start+f.to) < (start+from)/chunkSize*chunkSize {
			break
		}
		if max(to, f.to)-min(from, f.from) > mostLengths {
			break
		}
		from, to = min(from, f.from), max(to, f.to)
	}
	return n, from, to
}

// give calls add for places, each of which must lie in the segment.
func (x *Reader) give(list []linePlace, backward bool, add func(offset int64, length int)) error {
	if backward {
		slices.Reverse(list)
	}
	for _, at := range list {
		if at.offset < 0 || at.offset > x.bytes || at.length >= x.bytes-at.offset {
			return damaged("a line stands outside of the segment")
		}
		add(at.offset, int(at.length))
	}
	return nil
}
