package table

import (
	"cmp"
	"io"
	"strconv"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/instant"
	"github.com/etch-audit/etch/internal/terminal"
)

// A Short writes one line a record, each of which says all by itself, so that
// lines can be searched and sorted:
//
//	17 2026-02-16T13:34:56.123456+01:00 alice claude-code high! blocked 12ms shell rm -rf build
//
// Whatever is not known is "-". Nothing is cut unless there is a width.
type Short struct {
	w     io.Writer
	opt   Options
	buf   []byte
	cells []cell
}

// NewShort returns a Short that writes to w.
func NewShort(w io.Writer, opt Options) *Short {
	if opt.Zone == nil {
		opt.Zone = time.UTC
	}
	return &Short{w: w, opt: opt}
}

const (
	// mostName is how wide what stands before the action may be where there is a width,
	// and leastName what it keeps where the action has not enough.
	mostName  = 24
	leastName = 3
)

// shortTime has always as many digits, so that lines sort by it.
const shortTime = "2006-01-02T15:04:05.000000Z07:00"

// shortColumns are what follows the number and the time.
var shortColumns = []kind{userColumn, agentColumn, riskColumn, resultColumn, tookColumn, sealedColumn, toolColumn, actionColumn}

// Add writes a record.
func (s *Short) Add(r *etch.Record) error {
	row := s.opt.row(r)
	s.buf = strconv.AppendUint(s.buf[:0], r.Seq, 10)
	s.buf = instant.Written(row.time, s.opt.Zone).AppendFormat(append(s.buf, ' '), shortTime)
	s.cells = s.cells[:0]
	for _, k := range shortColumns {
		if content, ok := s.cell(&row, k); ok {
			s.cells = append(s.cells, content)
		}
	}
	if s.opt.Width > 0 {
		s.fit(s.opt.Width - len(s.buf))
	}
	for _, content := range s.cells {
		s.buf = paint(append(s.buf, ' '), content.style, content.text, s.opt.Colour)
	}
	_, err := s.w.Write(append(s.buf, '\n'))
	return err
}

// fit cuts the texts of a line to the room that they have with a blank before each. A
// name of any length would take the action's, which is the last: where that has too
// little, the widest of them give way, but for the time it took, which is a number.
func (s *Short) fit(room int) {
	last := len(s.cells) - 1
	var widths [kinds]int
	room-- // the blank before the action
	for i, content := range s.cells[:last] {
		widths[i] = min(terminal.Width(content.text), mostName)
		room -= 1 + widths[i]
	}
	for least := min(leastAction, terminal.Width(s.cells[last].text)); room < least; room++ {
		widest := 0
		for i, width := range widths[:last] {
			if shortColumns[i] != tookColumn && width > widths[widest] { // no column is left out before that
				widest = i
			}
		}
		if widths[widest] <= leastName {
			break
		}
		widths[widest]--
	}
	for i := range s.cells[:last] {
		s.cells[i].text = terminal.Cut(s.cells[i].text, widths[i])
	}
	s.cells[last].text = terminal.Cut(s.cells[last].text, max(leastAction, room))
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
