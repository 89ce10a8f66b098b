package index

import (
	"encoding/binary"

	"github.com/etch-audit/etch/internal/filter"
)

// required returns sets of texts, of each of which one must stand in a value
// of which the leaf holds.
func (x *Reader) required(leaf filter.Leaf) [][]string {
	fold := func(v filter.Value) string {
		field, _ := leaf.On()
		if f := x.spec.Schema.Field(field).Fold; f != nil {
			return f(v.Text) // a part of any value that is equal to it
		}
		return v.Text
	}
	switch leaf := leaf.(type) {
	case *filter.Match:
		sets, _ := leaf.Literals() // folded or not, they are folded here
		return sets
	case *filter.Compare:
		return [][]string{{fold(leaf.Value)}}
	case *filter.In:
		var set []string
		for _, v := range leaf.Values {
			set = append(set, fold(v))
		}
		return [][]string{set}
	}
	return nil
}

// A bitmap is a set of blocks.
type bitmap []uint64

func (b bitmap) and(o bitmap) (empty bool) {
	var any uint64
	for i := range b {
		b[i] &= o[i]
		any |= b[i]
	}
	return any == 0
}

// texts returns the rows of the blocks that may have one text of each set. No
// row is sure.
func (x *Reader) texts(sets [][]string) (*Rows, error) {
	g, err := x.grams()
	if g == nil || err != nil {
		return x.memory.unknown(x.rows), err
	}
	found := g.all()
	for _, set := range sets {
		if found, err = g.anyOf(set, found); err != nil {
			return nil, err
		}
	}
	r := x.memory.newUnsure(x.rows)
	for i := range g.blocks {
		if found[i/64]>>(i%64)&1 == 1 {
			r.fill(r.may, i*BlockRows, min((i+1)*BlockRows, x.rows))
		}
	}
	return r.settle(), nil
}

// grams are the slices of a segment's texts.
type grams struct {
	x      *Reader
	blocks int
	slices int
	stride int
	at     int64  // where the first begins in the section
	common []byte // a bitmap of the hashes that are in none of them
}

// grams returns the slices, nil where they are not held.
func (x *Reader) grams() (*grams, error) {
	size := x.size(sectionText)
	if size == 0 {
		return nil, nil
	}
	if size < textHead {
		return nil, damaged("its slices contradict themselves")
	}
	b, err := x.read(sectionText, 0, textHead)
	if err != nil {
		return nil, err
	}
	n, common := binary.LittleEndian.Uint32(b), int64(binary.LittleEndian.Uint32(b[4:]))
	stride := (blocks(x.rows) + 7) / 8
	if n < 1 || n > gramBits || common != 0 && common != gramBits/8 || size != textHead+common+int64(n)*int64(stride) {
		return nil, damaged("its slices contradict themselves")
	}
	g := &grams{x: x, blocks: blocks(x.rows), slices: int(n), stride: stride, at: textHead + common}
	g.common, err = x.read(sectionText, textHead, common)
	return g, err
}

// isCommon reports whether a hash is in no slice, because most blocks have it.
func (g *grams) isCommon(h uint32) bool {
	return len(g.common) > 0 && g.common[h>>3]>>(h&7)&1 == 1
}

// all returns the set of all blocks.
func (g *grams) all() bitmap {
	b := make(bitmap, (g.blocks+63)/64)
	for i := range g.blocks {
		b[i/64] |= 1 << (i % 64)
	}
	return b
}

// anyOf returns which blocks of a set may hold one of some texts.
func (g *grams) anyOf(texts []string, within bitmap) (bitmap, error) {
	any := make(bitmap, len(within))
	for _, t := range texts {
		found, err := g.holding(t, within)
		if err != nil {
			return nil, err
		}
		for i := range any {
			any[i] |= found[i]
		}
	}
	return any, nil
}

// holding returns which blocks of a set may hold a text. It stops as soon as
// none can.
func (g *grams) holding(text string, within bitmap) (bitmap, error) {
	found := make(bitmap, len(within))
	copy(found, within)
	for _, h := range gramsOf(text) {
		if g.isCommon(h) {
			continue
		}
		slice, err := g.slice(int(h) * g.slices >> 16)
		if err != nil {
			return nil, err
		}
		if found.and(slice) {
			break
		}
	}
	return found, nil
}

// slice reads the blocks of one slice.
func (g *grams) slice(i int) (bitmap, error) {
	b, err := g.x.read(sectionText, g.at+int64(i)*int64(g.stride), int64(g.stride))
	if err != nil {
		return nil, err
	}
	out := make(bitmap, (g.blocks+63)/64)
	for j, c := range b {
		out[j/8] |= uint64(c) << (j % 8 * 8)
	}
	return out, nil
}
