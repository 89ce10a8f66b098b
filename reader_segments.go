package etch

import (
	"context"
	"errors"

	"github.com/etch-audit/etch/internal/segment"
)

// CheckSegments returns what shows at a glance of the segments' files: which have no
// file, cannot be opened, or do not begin with the first line of their number, as those
// that were emptied or cut from their front. A question tells it too, as far as it
// comes. Only their first lines are read, nothing is proved by it.
func (r *Reader) CheckSegments(ctx context.Context) (damages []*CorruptionError, err error) {
	v, err := r.view(ctx)
	if err != nil {
		return nil, err
	}
	s := search{r: r, v: v, q: &Query{}, ctx: ctx, yield: func(_ Record, told error) bool {
		damage, ok := errors.AsType[*CorruptionError](told)
		if ok {
			damages = append(damages, damage)
		}
		return true
	}}
	s.missing()
	for _, p := range v.parts {
		if ctx.Err() != nil {
			break
		}
		s.checkFront(p)
	}
	return damages, errors.Join(ctx.Err(), v.close())
}

// checkFront tells of a segment that does not begin as it must, or cannot be read.
func (s *search) checkFront(p part) {
	head := s.begins(p)
	if head.err == nil && (p.Number == 0 || head.opened.Segment == p.Number) {
		return
	}
	f, err := p.file, error(nil)
	if f == nil {
		if f, err = s.r.openSegment(p.File); err == nil {
			defer func() { _ = f.Close() }() // it was only read
		}
	}
	end := p.end
	if err == nil && end < 0 {
		end, err = f.Size()
	}
	if err == nil && errors.Is(head.err, segment.ErrRead) {
		err = head.err
	}
	if err != nil {
		s.damaged(p, 0, err)
		return
	}
	s.beheaded(p, f, end, s.behind(p))
}
