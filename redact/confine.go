package redact

import (
	"slices"
	"sort"
	"strings"
)

// What the readers of values take for one value need not be one for the shell: an escaped quote opens nothing there, a
// quote within other quotes neither, and what follows is run. So what they found is confined to where the shell has one
// word, before it is masked: a mask may end too soon, and never hides a command that runs. What is known by its shape
// is one word, or the lines of a key, and stays.

// confinement is the walk of the shell's eyes over a text in which something was found.
type confinement struct {
	text  string
	spans []span // in order, and apart
	safe  []int  // the value is all of a string: from this depth on, what it says is nothing to the shell; 0 is none
	cuts  []cut
}

// cut is one place where a span was made to end sooner.
type cut struct {
	span, end int // which, and where it ended
	at        int
}

// maxConfine bounds how often a text is walked anew where values were cut.
const maxConfine = 4

// confine cuts the spans of values where a command could begin, and walks on from there.
func (c *scan) confine() {
	for round := 1; ; round++ {
		if !slices.ContainsFunc(c.spans, func(s span) bool { return s.value }) {
			return
		}
		c.spans = c.settle()
		r := confinement{text: c.s, spans: slices.Clone(c.spans), safe: make([]int, len(c.spans))}
		r.read(view{s: c.s, runs: true})
		if !c.limit(r.spans) {
			return
		}
		if round == maxConfine {
			c.spans = slices.DeleteFunc(r.spans, func(s span) bool { return c.m.maskEnd(c.s[:s.end], s.start) == s.end || s.start == s.end })
			return
		}
		// Once more: what lies behind an end is to be looked at, too.
		*c = scan{m: c.m, s: c.s, limits: c.limits}
		c.walk()
	}
}

// limit notes where spans are to end that were cut, and reports whether any was.
func (c *scan) limit(spans []span) bool {
	cut := false
	for i, s := range spans {
		if s.end == c.spans[i].end {
			continue
		}
		if c.limits == nil {
			c.limits = make(map[int]int)
		}
		c.limits[s.start] = s.end
		cut = true
	}
	return cut
}

// around returns the number of the last span that starts before a place, and whether it goes on beyond it.
func (r *confinement) around(place int) (int, bool) {
	n := sort.Search(len(r.spans), func(i int) bool { return r.spans[i].start > place }) - 1
	return n, n >= 0 && r.spans[n].value && place < r.spans[n].end
}

// end makes a span end at a place at the latest, without the blanks before it.
func (r *confinement) end(n, place int) {
	s := &r.spans[n]
	for place > s.start && isSpace(r.text[place-1]) {
		place--
	}
	r.cuts = append(r.cuts, cut{n, s.end, place})
	s.end = max(place, s.start)
}

// restore takes back the cuts at a place and behind it, of those from the given one on: nothing runs there.
func (r *confinement) restore(from, place int) {
	for i := len(r.cuts) - 1; i >= from; i-- {
		if k := r.cuts[i]; k.at >= place {
			r.spans[k.span].end = max(r.spans[k.span].end, k.end)
		}
	}
}

// view is a text as a shell gets it: all of the text, or what a word of it means, or a part.
type view struct {
	s     string
	at    []int // where each byte is written, and the end of the last; nil where that is base and on
	base  int
	depth int
	runs  bool // it is run as it stands; a word may also be only a value
}

// place returns where the byte i of the view is written.
func (v *view) place(i int) int {
	if v.at == nil {
		return v.base + i
	}
	return v.at[i]
}

// part returns a part of the view.
func (v *view) part(start, end int) view {
	p := view{s: v.s[start:end], base: v.base + start, depth: v.depth + 1, runs: true}
	if v.at != nil {
		p.at = v.at[start : end+1]
	}
	return p
}

// deepestView bounds how often what a word says is read as commands again.
const deepestView = 6

// read goes through a view as the shell does.
func (r *confinement) read(v view) {
	if v.depth > deepestView {
		r.wary(&v, 0)
		return
	}
	if !r.holds(&v, 0, len(v.s)) {
		return
	}
	l := lexer{r: r, v: v, broken: -1, logged: len(r.cuts)}
	l.stack = append(l.stack, frame{kind: inCommands, word: -1, command: v.runs, over: -1})
	last := r.spans[len(r.spans)-1].end
	for l.i < len(v.s) && !l.done {
		l.step()
		if l.i < len(v.s) && v.place(l.i) > last && len(l.stack) == 1 && l.top().word < 0 && len(r.cuts) == l.logged {
			return // nothing to cut is left, and nothing to take back
		}
	}
	l.finish()
}

// holds reports whether a value was found that begins in a part of the view.
func (r *confinement) holds(v *view, start, end int) bool {
	from, to := v.place(start), v.place(end)
	n := sort.Search(len(r.spans), func(i int) bool { return r.spans[i].start >= from })
	return n < len(r.spans) && r.spans[n].start <= to
}

// wary cuts at whatever could mean something to a shell, from i on: where it is not known what is quoted.
func (r *confinement) wary(v *view, i int) {
	for ; i < len(v.s); i++ {
		b := v.s[i]
		if !isSeparator(b) && b != '`' && (b != '$' || i+1 >= len(v.s) || v.s[i+1] != '(') {
			continue
		}
		place := v.place(i)
		if n, ok := r.around(place); ok {
			r.end(n, place)
		}
		if n, ok := r.around(place + 2); ok && isBlank(b) && r.spans[n].start > place {
			r.end(n, r.spans[n].start) // NAME= command, and "NAME= "command"
		}
	}
}

// opaqueWord reports whether a span looks like a token: a program of that name is masked as one.
func (r *confinement) opaqueWord(n int) bool {
	text := r.text[r.spans[n].start:r.spans[n].end]
	return isOpaque(text) && strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+/=") == ""
}
