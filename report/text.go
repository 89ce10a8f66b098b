package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/etch-audit/etch/internal/terminal"
)

// TextOptions say how a report is shown as text. The zero value is plain text
// of any width.
type TextOptions struct {
	// Width is how many columns a line may take; columns of tables are left
	// out, and texts cut, until it fits. 0 cuts nothing.
	Width  int
	Colour bool
}

// WriteText writes the report for a terminal. Whatever the log holds, nothing
// moves the cursor.
func (r *Report) WriteText(w io.Writer, opt TextOptions) error {
	t := text{Writer: bufio.NewWriter(w), opt: opt}
	d := r.view()
	t.line(t.paint("1", d.title))
	v := d.verdict
	for _, f := range d.facts {
		t.fact(f.name, f.value, neutral)
	}
	t.fact("verified", v.word+": "+v.text, v.tone)
	for _, line := range v.lines {
		t.fact("", line, caution)
	}
	for i := range d.sections {
		t.section(&d.sections[i])
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// A text writes. Errors stay with the buffer until it is flushed.
type text struct {
	*bufio.Writer
	opt TextOptions
}

func (t *text) line(s string) { _, _ = t.WriteString(strings.TrimRight(s, " ") + "\n") }

func (t *text) fact(name, value string, tone tone) {
	t.line("  " + t.paint("2", fmt.Sprintf("%-10s", name)) + t.tone(tone, t.cut(value, 12)))
}

// cut cuts a text to what the screen has left behind some columns.
func (t *text) cut(s string, behind int) string {
	if t.opt.Width == 0 {
		return s
	}
	return terminal.Cut(s, max(leastWide, t.opt.Width-behind))
}

// graphic returns the numbers of ECMA-48's SGR.
func graphic(tone tone) string {
	switch tone {
	case faint, unrated:
		return "2"
	case good:
		return "32"
	case caution:
		return "33"
	case bad:
		return "31"
	case alarm:
		return "1;97;41"
	case refused:
		return "35"
	case low, ordinary:
		return "36"
	}
	return ""
}

func (t *text) tone(tone tone, s string) string { return t.paint(graphic(tone), s) }

func (t *text) paint(style, s string) string {
	if !t.opt.Colour || style == "" || strings.TrimSpace(s) == "" {
		return s
	}
	return "\x1b[" + style + "m" + s + "\x1b[0m"
}

const (
	indent    = 2
	gap       = 2
	leastWide = 8 // what the widest column keeps on any screen
	mostName  = 24
	mostBar   = 40
	plainBar  = 24 // where the width is not known
)

// section writes a table.
func (t *text) section(s *section) {
	title := t.paint("1;36", s.title)
	if s.intro != "" {
		title += t.paint("2", "  "+t.cut(s.intro, terminal.Width(s.title)+gap))
	}
	t.line("")
	t.line(title)
	if len(s.rows) == 0 {
		return
	}
	widths := t.fit(s)
	t.row(s, widths, func(i int) cell { return cell{text: s.columns[i].title, tone: faint} })
	for i := range s.rows {
		r := &s.rows[i]
		t.row(s, widths, func(i int) cell { return r.cells[i] })
		if r.note != "" {
			t.line(strings.Repeat(" ", 2*indent) + t.paint("2", t.cut("↳ "+r.note, 2*indent)))
		}
	}
}

// fit returns the width of each column, -1 for those that are left out.
func (t *text) fit(s *section) []int {
	widths := make([]int, len(s.columns))
	wide := -1
	for i, c := range s.columns {
		widths[i] = s.natural(i)
		switch {
		case c.wide:
			wide = i
		case t.opt.Width > 0 && c.least > t.opt.Width:
			widths[i] = -1
		case c.log:
			widths[i] = min(widths[i], t.mostName())
		}
	}
	if wide < 0 || t.opt.Width == 0 {
		return widths
	}
	want := min(widths[wide], t.opt.Width*2/5)
	for t.room(widths, wide) < want && s.leaveOut(widths) {
	}
	widths[wide] = min(widths[wide], max(leastWide, t.room(widths, wide)))
	return widths
}

// mostName is how many columns a name takes at most.
func (t *text) mostName() int {
	if t.opt.Width == 0 {
		return mostName
	}
	return min(mostName, t.opt.Width/4)
}

// room returns what is left for the wide column.
func (t *text) room(widths []int, wide int) int {
	room := t.opt.Width - indent
	for i, w := range widths {
		if i != wide && w >= 0 {
			room -= w + gap
		}
	}
	return room
}

// leaveOut leaves out the column that matters least, and reports whether there
// was one.
func (s *section) leaveOut(widths []int) bool {
	out := -1
	for i, c := range s.columns {
		if widths[i] >= 0 && c.least > 0 && (out < 0 || c.least > s.columns[out].least) {
			out = i
		}
	}
	if out >= 0 {
		widths[out] = -1
	}
	return out >= 0
}

// natural returns the width of a column's widest cell.
func (s *section) natural(i int) int {
	width := terminal.Width(s.columns[i].title)
	for _, r := range s.rows {
		if r.cells[i].bar != nil {
			return mostBar
		}
		width = max(width, terminal.Width(r.cells[i].text))
	}
	return width
}

func (t *text) row(s *section, widths []int, of func(int) cell) {
	var line strings.Builder
	line.WriteString(strings.Repeat(" ", indent-gap))
	for i, c := range s.columns {
		if widths[i] < 0 {
			continue
		}
		line.WriteString(strings.Repeat(" ", gap))
		content := of(i)
		if content.bar != nil {
			line.WriteString(t.bar(content.bar, t.barWidth(widths[i])))
			continue
		}
		shown := content.text
		if !c.right {
			shown = terminal.Cut(shown, widths[i])
		}
		blanks := strings.Repeat(" ", max(0, widths[i]-terminal.Width(shown)))
		if c.wide && s.rows[0].cells[i].bar != nil {
			blanks = strings.Repeat(" ", max(0, t.barWidth(widths[i])-terminal.Width(shown)))
		}
		if c.right {
			line.WriteString(blanks + t.tone(content.tone, shown))
		} else {
			line.WriteString(t.tone(content.tone, shown) + blanks)
		}
	}
	t.line(line.String())
}

func (t *text) barWidth(width int) int {
	if t.opt.Width == 0 {
		return plainBar
	}
	return width
}

// eighths are the blocks that fill a column from the left.
var eighths = []string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}

// bar draws a bar in some columns: whole ones for each part, and eighths of one
// at its end. What is not nothing is seen.
func (t *text) bar(parts []part, width int) string {
	var b strings.Builder
	var total float64
	last := neutral
	for _, p := range parts {
		if p.share > 0 {
			total, last = total+p.share, p.tone
		}
	}
	full := min(int(total*float64(width)*8+0.5), width*8)
	if total > 0 {
		full = max(full, 1)
	}
	drawn, sum := 0, 0.0
	for _, p := range parts {
		sum += p.share
		if n := min(int(sum*float64(width)+0.5), full/8) - drawn; n > 0 {
			_, _ = b.WriteString(t.barTone(p.tone, strings.Repeat("█", n)))
			drawn += n
		}
	}
	if rest := full - 8*drawn; rest >= 8 {
		b.WriteString(t.barTone(last, strings.Repeat("█", rest/8)))
		drawn += rest / 8
	}
	b.WriteString(t.barTone(last, eighths[full%8]))
	used := drawn + min(1, full%8)
	return b.String() + strings.Repeat(" ", max(0, width-used))
}

// barTone is tone, for what is a colour itself: a background would hide it.
func (t *text) barTone(tone tone, s string) string {
	if tone == alarm {
		return t.paint("1;31", s)
	}
	return t.tone(tone, s)
}
