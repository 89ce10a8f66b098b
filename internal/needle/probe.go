package needle

import "bytes"

// A probe is one byte string to be found, and the two bytes of it that are
// looked for first.
type probe struct {
	text   []byte
	of     *chars // text begins an escape, and these are what it could be an escape of; else nil
	rarest int    // index of the byte of text that is least expected
	second int    // and of the next, the same where text is one byte
}

func newProbe(text []byte, of *chars) probe {
	p := probe{text: text, of: of}
	head := text[:min(len(text), span)]
	for i, c := range head {
		if often[c] < often[head[p.rarest]] {
			p.rarest = i
		}
	}
	if p.rarest == 0 && len(head) > 1 {
		p.second = 1
	}
	for i, c := range head {
		if i != p.rarest && often[c] < often[head[p.second]] {
			p.second = i
		}
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
	rare := p.text[p.rarest]
	for from < to {
		i := bytes.IndexByte(b[from+p.rarest:to+p.rarest], rare)
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
