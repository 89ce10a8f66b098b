package needle

import (
	"bytes"
	"cmp"
	"slices"
)

// A probe is one byte string to be found, and the bytes of it that are looked
// for first.
type probe struct {
	text   []byte
	of     *chars // text begins an escape, and these are what it could be an escape of; else nil
	rarest [4]int // indexes of the bytes of text that are least expected, those least of all first; of a short text again and again
}

func newProbe(text []byte, of *chars) probe {
	p := probe{text: text, of: of}
	order := make([]int, min(len(text), span))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(often[text[a]], often[text[b]]) })
	for i := range p.rarest {
		p.rarest[i] = order[i%len(order)]
	}
	return p
}

// stands reports whether the probe's text stands at an index.
func (p *probe) stands(b []byte, at int) bool {
	return bytes.HasPrefix(b[at:], p.text) && (p.of == nil || p.of.escaped(b, at))
}

// search returns the first index of [from, to) where the text stands, -1 if
// there is none. It goes from one place of the rarest byte to the next.
func (p *probe) search(b []byte, from, to int) int {
	to = min(to, len(b)-len(p.text)+1)
	rarest := p.rarest[0]
	rare := p.text[rarest]
	for from < to {
		i := bytes.IndexByte(b[from+rarest:to+rarest], rare)
		if i < 0 {
			return -1
		}
		if p.stands(b, from+i) {
			return from + i
		}
		from += i + 1
	}
	return -1
}
