package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/export/table"
	"github.com/etch-audit/etch/internal/terminal"
)

func outcomeOf(ev *etch.Event) string { return table.Outcome(ev) }

// showTime is a moment for people; microseconds are all that is stored.
const showTime = "2006-01-02 15:04:05.000000 -07:00"

// text is the answer for people.
func (a *showAnswer) text(zone *time.Location, colour bool) string {
	p := pretty{zone: zone, colour: colour}
	p.title(fmt.Sprintf("record %d", a.record.Seq))
	p.members(a.Record)
	p.blank()
	if a.Outcome != "" {
		outcome := a.Outcome
		if r := a.record.Event.Result; r != nil {
			outcome += ", took " + table.Took(r.Duration)
		}
		p.row(0, "outcome", outcome)
	}
	p.pairs(a)
	p.seal(a.Seal)
	p.row(0, "place", fmt.Sprintf("%s (segment %d), offset %d, %d bytes", terminal.Text(a.Segment.Name), a.Segment.Number, a.Offset, a.Bytes))
	p.row(0, "leaf", a.Leaf)
	p.row(0, "line MAC", map[bool]string{true: "present, not checked here", false: "none"}[a.Signed])
	return p.b.String()
}

// A pretty writes names and values in two columns. What comes from the log is
// made harmless first.
type pretty struct {
	b      strings.Builder
	zone   *time.Location
	colour bool
}

// prettyColumn is where the values begin.
const prettyColumn = 26

func (p *pretty) paint(code, text string) string {
	if !p.colour || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p *pretty) title(text string) { p.b.WriteString(p.paint("1", text) + "\n") }

func (p *pretty) blank() { p.b.WriteByte('\n') }

// row writes a harmless value.
func (p *pretty) row(level int, name, value string) {
	indent := strings.Repeat("  ", level+1)
	fill := strings.Repeat(" ", max(1, prettyColumn-len(indent)-terminal.Width(name)))
	if value == "" {
		fill = ""
	}
	p.b.WriteString(indent + p.paint("2", name) + fill + value + "\n")
}

// text writes a text of somebody else's: the lines of one that has several
// stand below each other.
func (p *pretty) text(level int, name, value string) {
	for i, line := range strings.Split(strings.TrimSuffix(value, "\n"), "\n") {
		if i > 0 {
			name = ""
		}
		p.row(level, name, terminal.Text(line))
	}
}

func (p *pretty) time(t time.Time) string { return t.In(p.zone).Format(showTime) }

func (p *pretty) pairs(a *showAnswer) {
	if a.record.Event.CallID == "" {
		return
	}
	if len(a.pairs) == 0 {
		p.row(0, "pair", "none")
	}
	for _, o := range a.pairs {
		is := cmp.Or(string(o.Event.Phase), string(o.Event.Type)) // a question for leave has no phase
		text := fmt.Sprintf("%s, record %d, %s", terminal.Text(is), o.Seq, p.time(o.Event.Timestamp))
		if outcome := outcomeOf(&o.Event); o.Event.Result != nil {
			text += ", " + outcome
		}
		if _, inferred := o.Event.Labels[etch.LabelInferred]; inferred {
			text += ", inferred"
		}
		p.row(0, "pair", text)
	}
}

func (p *pretty) seal(s *showSeal) {
	if s == nil {
		p.row(0, "seal", p.paint("33", "not sealed yet"))
		return
	}
	when := s.Timestamp
	if t, err := time.Parse(time.RFC3339Nano, s.Timestamp); err == nil {
		when = p.time(t)
	}
	p.row(0, "seal", fmt.Sprintf("record %d, %s, epoch %d", s.Seq, when, s.Epoch))
	p.row(0, "", "root "+terminal.Text(s.Root))
	p.row(0, "", terminal.Text(s.Origin))
}

// members writes the members of a stored line in their order, those that no
// version knows yet too. The line has been decoded before.
func (p *pretty) members(line []byte) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if _, err := d.Token(); err == nil {
		p.object(d, 0)
	}
}

// object writes the members of an object that is open, to its end.
func (p *pretty) object(d *json.Decoder, level int) {
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return
		}
		p.value(d, level, terminal.Text(fmt.Sprint(name)))
	}
	_, _ = d.Token() // its end: a stored line is well formed
}

func (p *pretty) value(d *json.Decoder, level int, name string) {
	token, err := d.Token()
	if err != nil {
		return
	}
	switch v := token.(type) {
	case json.Delim:
		p.row(level, name, "")
		if v == '{' {
			p.object(d, level+1)
			return
		}
		for i := 1; d.More(); i++ {
			p.value(d, level+1, strconv.Itoa(i))
		}
		_, _ = d.Token() // the end of the array
	case string:
		p.text(level, name, v)
		if t, err := time.Parse(time.RFC3339Nano, v); err == nil && level == 0 && name == "timestamp" {
			p.row(level, "", p.time(t))
		}
	default:
		p.row(level, name, terminal.Text(fmt.Sprint(v)))
	}
}
