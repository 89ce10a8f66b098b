package etch

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// How an event that is too long is cut.
//
// The members of cutPaths are gone through in that order until the line fits.
// One that takes at most cutFrom bytes of the line is not touched. The others
// are cut just as far as is needed then, but never below keepBytes. All
// members at these sizes make less than a line: every event fits.
//
//   - A text keeps its beginning, up to a character's boundary.
//   - labels and risk_reasons keep, in their order, whole entries for as long
//     as each fits in what is left; labels of provenance come first.
//   - arguments becomes a text: the beginning of the JSON text.
//
// Behind a cut member stand "<name>_bytes", the length of the whole, and
// "<name>_sha256", its hash in hexadecimal: of a text's own bytes, and of the
// JSON text that would have been stored for the other kinds. The line ends in
// "truncated":true. Lengths and hashes are of what is left after redaction.

// Part of the format. What lies between the two is more than the marks of a
// cut ever take.
const (
	cutFrom   = 1300 // with name and marks
	keepBytes = 1024 // of the value, as stored
)

const truncatedMark = `"truncated":true,`

// A Cut says that a member of an event was too long to be stored whole.
type Cut struct {
	Member string            // its path, for instance "action.command"
	Bytes  uint64            // the length of the whole
	SHA256 [sha256.Size]byte // the hash of the whole
}

// appendCutBody is appendBody for an event that does not fit.
func appendCutBody(dst []byte, ev *Event, id []byte) []byte {
	c := newCutter(ev)
	c.fit(id)
	b := body{id: id, end: len(dst) + maxBody, cuts: c.cuts, rawArguments: c.rawArguments}
	dst = b.event(dst, &c.event)
	if b.over || len(dst) > b.end {
		panic("etch: bad cut of an event: the line does not fit")
	}
	return dst
}

// A cutter holds a copy of an event, whose values it cuts.
type cutter struct {
	event        Event
	rawArguments bool // the arguments are not valid JSON
	cuts         []Cut
}

// newCutter copies what may be cut, and drops what is not stored anyway.
func newCutter(ev *Event) *cutter {
	c := &cutter{event: *ev}
	e := &c.event
	e.Actor = clone(e.Actor)
	e.Action = clone(e.Action)
	e.Result = clone(e.Result)
	e.Security = clone(e.Security)
	e.Egress = clone(e.Egress)
	if r := e.Result; r != nil {
		if r.Type != Blocked {
			r.Reason = ""
		}
		if r.Type != Error {
			r.Message = ""
		}
	}
	if a := e.Action; a != nil && len(a.Arguments) > 0 {
		spaced, err := checkArguments(a.Arguments)
		c.rawArguments = err != nil
		if err == nil && spaced {
			a.Arguments = appendCompact(nil, a.Arguments, math.MaxInt)
		}
	}
	return c
}

func clone[T any](p *T) *T {
	if p == nil {
		return nil
	}
	return new(*p)
}

// A piece is one member that is long enough to be cut.
type piece struct {
	cuttable
	at      any
	size    int // with its name and marks, when stored whole
	whole   int // the length that cutMarks tells
	escaped bool
}

// fit cuts until the event fits.
func (c *cutter) fit(id []byte) {
	pieces := c.pieces()
	excess := c.rest(id, pieces) + len(truncatedMark) - maxBody
	for _, p := range pieces {
		excess += p.size
	}
	for _, p := range pieces {
		if excess <= 0 {
			return
		}
		marks := c.overhead(p)
		target := max(keepBytes, p.size-marks-excess)
		c.cut(p, target)
		excess -= p.size - marks - target
	}
}

// pieces returns the members that are long enough, in the order of cutting.
func (c *cutter) pieces() []piece {
	var pieces []piece
	for _, m := range cutOrder.Get() {
		if !m.object.has(&c.event) {
			continue
		}
		p := piece{cuttable: m, at: m.member.at(&c.event)}
		c.measure(&p)
		if p.size > cutFrom {
			pieces = append(pieces, p)
		}
	}
	return pieces
}

// overhead returns what a cut member takes besides what is left of its value.
func (c *cutter) overhead(p piece) int {
	n := len(p.member.name)
	size := n + len(`"":"",`)
	size += n + len(`"_bytes":,`) + len(strconv.Itoa(p.whole))
	size += n + len(`"_sha256":"",`) + 2*sha256.Size
	if p.escaped {
		size += n + len(`"_escaped":true,`)
	}
	if p.isRaw(c) {
		size += n + len(`"_raw":true,`)
	}
	return size
}

// isRaw reports whether p is the arguments and they are not valid JSON.
func (p piece) isRaw(c *cutter) bool {
	_, ok := p.at.(*json.RawMessage)
	return ok && c.rawArguments
}

// rest returns the length of the body without the pieces.
func (c *cutter) rest(id []byte, pieces []piece) int {
	bare := cutter{event: c.event}
	e := &bare.event
	e.Actor = clone(e.Actor)
	e.Action = clone(e.Action)
	e.Result = clone(e.Result)
	e.Security = clone(e.Security)
	e.Egress = clone(e.Egress)
	for _, p := range pieces {
		clearField(p.member.at(e))
	}
	b := body{id: id, end: math.MaxInt}
	return len(b.event(nil, e))
}

func clearField(at any) {
	switch p := at.(type) {
	case *json.RawMessage:
		*p = nil
	case *[]string:
		*p = nil
	case *map[string]string:
		*p = nil
	default:
		*textAt(p) = ""
	}
}

// measure finds the sizes of p when it is stored whole.
func (c *cutter) measure(p *piece) {
	n := len(p.member.name)
	switch at := p.at.(type) {
	case *json.RawMessage:
		p.whole, p.size = len(*at), len(*at)
		if c.rawArguments {
			p.size, p.escaped = storedSize(string(*at))
			p.size += n + len(`"_raw":true,`)
		}
	case *[]string, *map[string]string:
		text, escaped := listText(at)
		p.whole, p.size, p.escaped = len(text), len(text), escaped
	default:
		text := *textAt(at)
		p.whole = len(text)
		p.size, p.escaped = storedSize(text)
	}
	p.size += n + len(`"":"",`)
	if p.escaped {
		p.size += n + len(`"_escaped":true,`)
	}
}

// listText returns the JSON text that is stored for labels or risk_reasons,
// and whether it is in the reversible escape; "" where there are none.
func listText(at any) (text []byte, escaped bool) {
	var dst []byte
	b := body{end: math.MaxInt}
	name := "labels"
	switch p := at.(type) {
	case *[]string:
		name = "risk_reasons"
		dst = b.reasons(nil, *p)
	case *map[string]string:
		dst = b.labels(nil, *p)
	}
	if len(dst) == 0 {
		return nil, false
	}
	mark := appendMark(nil, name, "_escaped")
	end := len(dst) - 1
	if dst[end-1] != ']' && dst[end-1] != '}' {
		escaped = true
		end -= len(mark)
	}
	return dst[len(name)+len(`"":`) : end], escaped
}

// cut cuts one piece to at most target bytes, as stored, and notes the whole.
func (c *cutter) cut(p piece, target int) {
	switch at := p.at.(type) {
	case *json.RawMessage:
		whole := *at
		c.note(p, whole)
		*at = whole[:len(headOf(string(whole), p.escaped, target))]
	case *[]string:
		text, _ := listText(at)
		c.note(p, text)
		*at = fitReasons(*at, p.escaped, target)
	case *map[string]string:
		text, _ := listText(at)
		c.note(p, text)
		*at = fitLabels(*at, p.escaped, target)
	default:
		text := textAt(at)
		c.note(p, []byte(*text))
		*text = headOf(*text, p.escaped, target)
	}
}

func (c *cutter) note(p piece, whole []byte) {
	c.cuts = append(c.cuts, Cut{Member: p.path, Bytes: uint64(len(whole)), SHA256: sha256.Sum256(whole)})
}

// headOf returns the longest beginning of s that takes at most size bytes when
// stored and ends between two characters.
func headOf(s string, escaped bool, size int) string {
	end := 0
	for end < len(s) {
		n, width := charSize(s[end:], escaped)
		if size -= n; size < 0 {
			break
		}
		end += width
	}
	return s[:end]
}

// fitReasons returns those reasons that fit, one after the other, in size
// bytes.
func fitReasons(reasons []string, escaped bool, size int) []string {
	var kept []string
	size -= len(`[]`)
	for _, s := range reasons {
		n := sizeAs(s, escaped) + len(`"",`)
		if n <= size {
			size -= n
			kept = append(kept, s)
		}
	}
	return kept
}

// provenance are what the names of labels begin with that say where an event is
// from, as whoever took it in knows and not as its sender says. What is kept of
// others must not be for the sender to choose by sending very many of them.
var provenance = []string{"sender_", "spool", "import_"}

// fitLabels is to labels what fitReasons is to reasons, after those of provenance.
func fitLabels(labels map[string]string, escaped bool, size int) map[string]string {
	kept := make(map[string]string)
	size -= len(`{}`)
	for _, name := range byProvenance(labels) {
		n := sizeAs(name, escaped) + sizeAs(labels[name], escaped) + len(`"":"",`)
		if n <= size {
			size -= n
			kept[name] = labels[name]
		}
	}
	return kept
}

// byProvenance returns the names of labels, sorted among those of one rank.
func byProvenance(labels map[string]string) []string {
	names := slices.Sorted(maps.Keys(labels))
	rank := func(name string) int {
		i := slices.IndexFunc(provenance, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
		if i < 0 {
			return len(provenance)
		}
		return i
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	return names
}

// isCut reports whether a member of the present object was cut.
func (b *body) isCut(name string) bool {
	return b.cuts != nil && b.cutOf(name) != nil
}

// cutOf returns the cut of a member of the present object, nil where there is
// none.
func (b *body) cutOf(name string) *Cut {
	for i := range b.cuts {
		if b.cuts[i].Member == b.object+name {
			return &b.cuts[i]
		}
	}
	return nil
}

// cutMarks writes the length and the hash of a member that was cut.
func (b *body) cutMarks(dst []byte, name string) []byte {
	if b.cuts == nil {
		return dst
	}
	cut := b.cutOf(name)
	if cut == nil {
		return dst
	}
	dst = append(dst, '"')
	dst = append(dst, name...)
	dst = append(dst, `_bytes":`...)
	dst = strconv.AppendUint(dst, cut.Bytes, 10)
	dst = append(dst, `,"`...)
	dst = append(dst, name...)
	dst = append(dst, `_sha256":"`...)
	dst = hex.AppendEncode(dst, cut.SHA256[:])
	return append(dst, `",`...)
}
