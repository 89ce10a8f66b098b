package etch

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"github.com/etch-audit/etch/internal/filter"
	"github.com/etch-audit/etch/internal/needle"
	"github.com/etch-audit/etch/internal/scan"
	"github.com/etch-audit/etch/internal/segment"
)

// pairMarks stand in every record of a call, in whatever form it is written.
var pairMarks = [][]byte{[]byte(`"attempt"`), []byte(`"completion"`)}

// scan reads a segment. Lines that lack what the query needs are not looked at.
func (s *search) scan(p part) {
	f, end, err := s.r.open(s.v, p)
	if err != nil {
		s.unopened(p, err)
		return
	}
	if p.file == nil {
		defer func() { _ = f.Close() }() // it was only read
	}
	if limit := s.q.ends(p); limit < whole {
		end = min(end, limit)
	} else if s.cutShort(p, f, end); s.stopped {
		return
	}
	from := min(s.from(p), end)
	pairs := s.calls != nil && s.q.Reverse
	opt := scan.Options{Finder: s.finder(pairs), Reverse: s.q.Reverse, Workers: workers(), Files: &s.files}
	matchers := make([]matcher, opt.Workers)
	for i := range matchers {
		matchers[i] = matcher{s: s, pairs: pairs}
	}
	look := func(worker int, line []byte, offset int64) (hit, bool, error) {
		h, ok := matchers[worker].line(p, line, offset)
		return h, ok, nil
	}
	if pairs {
		s.calls.begin()
		defer s.calls.end()
	}
	for h, err := range s.lines(f, from, end, opt, look) {
		if err != nil {
			s.ended(p, err)
			return
		}
		s.give(p, &h)
		if h.room.leave(); s.stopped {
			return
		}
	}
}

// lastFeed returns the offset behind the last line feed before end, from where
// there is none. Where that cannot be read it returns end: who reads the lines
// meets the same error.
func lastFeed(f io.ReaderAt, from, end int64) int64 {
	var buf [4 << 10]byte
	for at := end; at > from; {
		n := min(at-from, int64(len(buf)))
		if read, _ := f.ReadAt(buf[:n], at-n); int64(read) < n { // the error will be met again
			return end
		}
		if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
			return at - n + int64(i) + 1
		}
		at -= n
	}
	return from
}

// from returns where a segment is to be read from.
func (s *search) from(p part) int64 {
	if p.Number != 0 && p.Number == s.q.beginsIn() {
		return max(s.q.Begin.Offset, 0)
	}
	return 0
}

// ended says why the lines of a segment ended before its end.
func (s *search) ended(p part, err error) {
	at, ok := errors.AsType[*scan.Error](err)
	switch {
	case ok && errors.Is(err, segment.ErrPartial):
		s.damaged(p, at.Offset, at.Err)
	case ok:
		s.fail(&CorruptionError{int(p.Number), p.Name, at.Offset, at.Err})
	default:
		s.fail(err)
	}
}

// finder returns what finds the lines that can match, nil where any can. With
// pairs it finds the records of calls, too.
func (s *search) finder(pairs bool) *needle.Finder {
	needles := needlesFor(s.expr)
	if needles == nil {
		return nil
	}
	if pairs {
		needles = append(needles, pairMarks...)
	}
	return needle.New(needles)
}

// rawMark stands in every line whose arguments are stored as a text. What is a
// text inside of that may stand there in escapes that are escaped themselves.
var rawMark = []byte(`"arguments_raw"`)

// needlesFor returns what stands in every line that an expression is true of, at
// least one of it; nil where there is no such thing.
func needlesFor(e filter.Expr) [][]byte {
	needles := filter.Needles(e)
	if needles != nil && anyLeaf(e, ofArguments) {
		needles = append(needles, rawMark)
	}
	return needles
}

// ofArguments reports whether a leaf is about texts of arguments.
func ofArguments(l filter.Leaf) bool {
	field, _ := l.On()
	return slices.Contains(fieldMembers[field], memberArguments)
}
