package table

import (
	"cmp"
	"io"
	"strconv"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/terminal"
)

// A Short writes one line a record, each of which says all by itself, so that
// lines can be searched and sorted:
//
//	17 2026-02-16T13:34:56.123456+01:00 alice claude-code high! blocked 12ms shell rm -rf build
//
// Whatever is not known is "-". Nothing is cut unless there is a width.
type Short struct {
	w   io.Writer
	opt Options
	buf []byte
}

// NewShort returns a Short that writes to w.
func NewShort(w io.Writer, opt Options) *Short {
	if opt.Zone == nil {
		opt.Zone = time.UTC
	}
	return &Short{w: w, opt: opt}
}

// mostName is how wide what stands before the action may be where there is a width.
const mostName = 24

// shortTime has always as many digits, so that lines sort by it.
const shortTime = "2006-01-02T15:04:05.000000Z07:00"

// shortColumns are what follows the number and the time.
var shortColumns = []kind{userColumn, agentColumn, riskColumn, resultColumn, tookColumn, sealedColumn, toolColumn, actionColumn}

// Add writes a record.
func (s *Short) Add(r *etch.Record) error {
	row := s.opt.row(r)
	s.buf = strconv.AppendUint(s.buf[:0], r.Seq, 10)
	s.buf = row.time.In(s.opt.Zone).AppendFormat(append(s.buf, ' '), shortTime)
	used := len(s.buf)
	for _, k := range shortColumns {
		content, ok := s.cell(&row, k)
		if !ok {
			continue
		}
		used++ // the blank
		switch {
		case s.opt.Width <= 0:
		case k == actionColumn:
			content.text = terminal.Cut(content.text, max(leastAction, s.opt.Width-used))
		default: // a name of any length would take the action's room
			content.text = terminal.Cut(content.text, mostName)
		}
		used += terminal.Width(content.text)
		s.buf = paint(append(s.buf, ' '), content.style, content.text, s.opt.Colour)
	}
	_, err := s.w.Write(append(s.buf, '\n'))
	return err
}

func (s *Short) cell(r *row, k kind) (cell, bool) {
	content := r.cells[k]
	switch {
	case k != sealedColumn:
		content.text = cmp.Or(content.text, "-")
	case s.opt.Sealed == nil:
		return cell{}, false
	case content.text == "yes":
		content.text = "sealed"
	default:
		content.text = "unsealed"
	}
	return content, true
}
