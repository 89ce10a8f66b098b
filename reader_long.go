package etch

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/etch-audit/etch/internal/archive"
	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/scan"
	"github.com/etch-audit/etch/internal/segment"
)

// skipChunk is how much is read at once of what is no line.
const skipChunk = 128 << 10

// noLineBehind returns what is left of a stretch in which a scan has met bytes
// that are no line: they, up to a line feed, and what follows. Where the file ends
// before it should that is the error.
func (s *search) noLineBehind(f io.ReaderAt, of stretch, at *scan.Error) ([]stretch, error) {
	next, found, err := s.feedBehind(f, at.Offset, of.to)
	if damage, ok := errors.AsType[*archive.DamageError](err); ok && damage.Offset > at.Offset {
		next, found, err = damage.Offset, false, nil
	}
	if err != nil {
		return nil, s.unskipped(at, err)
	}
	if found && next-at.Offset-1 <= record.MaxLine {
		return nil, at // it is a line by now: somebody is writing there
	}
	return []stretch{noLine(at.Offset, next, found), {from: next, to: of.to}}, nil
}

// noLineBefore is noLineBehind for a scan from the end.
func (s *search) noLineBefore(f io.ReaderAt, of stretch, at *scan.Error) ([]stretch, error) {
	fed, err := s.chunk(f, at.Offset-1, at.Offset)
	if err != nil {
		return nil, s.unskipped(at, err)
	}
	end, found := at.Offset, fed[0] == '\n'
	if found {
		end--
	}
	start, err := s.feedBefore(f, of.from, end)
	if damage, ok := errors.AsType[*archive.DamageError](err); ok && damage.Next >= 0 && damage.Next < end {
		start, err = damage.Next, nil
	}
	if err != nil {
		return nil, s.unskipped(at, err)
	}
	if found && end-start <= record.MaxLine {
		return nil, at // likewise
	}
	return []stretch{{from: of.from, to: start}, noLine(start, at.Offset, found)}, nil
}

// noLine is what stands for bytes that are no line. It does not depend on the
// direction in which they were met.
func noLine(from, to int64, fed bool) stretch {
	err := fmt.Errorf("%w: over %d bytes", segment.ErrPartial, record.MaxLine)
	if !fed {
		err = fmt.Errorf("%w: no line feed in its last %d bytes", segment.ErrPartial, to-from)
	}
	return stretch{from: from, to: to, damage: err}
}

// unskipped returns why a scan that has ended cannot go on behind what is no line.
func (s *search) unskipped(at *scan.Error, err error) error {
	if stopped := s.ctx.Err(); stopped != nil {
		return stopped
	}
	if errors.Is(err, io.EOF) || errors.Is(err, archive.ErrDamaged) {
		return at // which says that the file has become shorter
	}
	return &scan.Error{Offset: at.Offset, Err: fmt.Errorf("%w: %w", segment.ErrRead, err)}
}

// feedBehind returns the offset behind the first line feed from ≤ offset < to, and
// to where there is none.
func (s *search) feedBehind(f io.ReaderAt, from, to int64) (next int64, found bool, err error) {
	for at := from; at < to; at += skipChunk {
		b, err := s.chunk(f, at, min(to, at+skipChunk))
		if err != nil {
			return 0, false, err
		}
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			return at + int64(i) + 1, true, nil
		}
	}
	return to, false, nil
}

// feedBefore returns the offset behind the last line feed from ≤ offset < to, and
// from where there is none.
func (s *search) feedBefore(f io.ReaderAt, from, to int64) (int64, error) {
	for at := to; at > from; at -= skipChunk {
		start := max(from, at-skipChunk)
		b, err := s.chunk(f, start, at)
		if err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
			return start + int64(i) + 1, nil
		}
	}
	return from, nil
}

// chunk reads what lies between two places, which is valid until the next call.
func (s *search) chunk(f io.ReaderAt, from, to int64) ([]byte, error) {
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	if s.skipped == nil {
		s.skipped = make([]byte, skipChunk)
	}
	b := s.skipped[:to-from]
	return b, readWhole(f, b, from)
}
