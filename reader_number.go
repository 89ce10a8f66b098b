package etch

import (
	"context"
	"errors"
	"fmt"

	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/segment"
)

// CheckNumber returns a [*CorruptionError] where what stands behind a record does not
// have the next number: one of the two is not what was recorded. It is for whoever goes
// on behind the number of a record later, as the next page does. One digit there, which
// whoever can write the files may have changed, would take out of sight all that
// lies between. Of a record only its number, its place and the length of Raw are looked at.
// Nothing is proved by it; where nothing that can be read stands behind, nothing is known.
func (r *Reader) CheckNumber(ctx context.Context, rec *Record) error {
	v, err := r.view(ctx)
	if err != nil {
		return err
	}
	next, known, name, err := r.numberBehind(v, rec)
	if err = errors.Join(err, v.close()); err != nil || !known || next == rec.Seq+1 {
		return err
	}
	return &CorruptionError{rec.Segment, name, rec.Offset, fmt.Errorf("its number is %d, and that of what stands behind it is %d", rec.Seq, next)}
}

// numberBehind returns the number of what stands behind a record, as far as it is known,
// and the name of the record's file.
func (r *Reader) numberBehind(v *view, rec *Record) (next uint64, known bool, name string, err error) {
	for _, p := range v.parts {
		if int(p.Number) != rec.Segment {
			continue
		}
		f, end, err := r.open(v, p)
		if err != nil {
			return 0, false, p.Name, err
		}
		if p.file == nil {
			defer func() { _ = f.Close() }() // it was only read
		}
		behind := rec.Offset + int64(len(rec.Raw)) + 1
		if behind >= end {
			next, known = r.numberBehindAll(v, p, behind)
			return next, known, p.Name, nil
		}
		line, err := segment.NewLines(f, behind, end).Next()
		if err != nil {
			return 0, false, p.Name, nil // who reads it is told
		}
		l, err := record.Split(line)
		return l.Seq, err == nil, p.Name, nil
	}
	return 0, false, "", nil
}

// numberBehindAll is numberBehind at the end of a segment: what the next one begins with,
// or the state is at.
func (r *Reader) numberBehindAll(v *view, p part, end int64) (next uint64, known bool) {
	if s := v.state; s != nil && s.Segment == p.Number {
		return s.Size(), s.Offset == end
	}
	s := search{r: r, v: v}
	behind := s.behind(p)
	return behind.opened.Size, behind.opened.Segment != 0 && behind.recovered == nil
}
