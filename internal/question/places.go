package question

import "github.com/etch-audit/etch"

// places is a set of places of lines, by their segments: a bit for each placeStep
// bytes of a segment. No record is as short.
type places map[int][]uint64

const placeStep = 16

// bitOf returns which bit a place has in its segment.
func bitOf(at etch.Place) (word int, mask uint64) {
	n := at.Offset / placeStep
	return int(n / 64), 1 << (n % 64)
}

func (p places) add(at etch.Place) {
	word, mask := bitOf(at)
	words := p[at.Segment]
	if need := word + 1 - len(words); need > 0 { // the first place of a segment is its last one
		words = append(words, make([]uint64, need)...)
		p[at.Segment] = words
	}
	words[word] |= mask
}

func (p places) has(at etch.Place) bool {
	word, mask := bitOf(at)
	words := p[at.Segment]
	return word < len(words) && words[word]&mask != 0
}
