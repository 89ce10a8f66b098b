package report

import (
	"crypto/sha256"
	_ "embed" // the page and its style
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/etch-audit/etch/internal/later"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

// page is the template of the HTML page. Package html/template escapes every
// text for the place where it stands.
//
// It is parsed when a page is written: most processes write none.
var page = later.Value[*template.Template]{Make: func() *template.Template {
	return template.Must(template.New("page").Parse(pageText))
}}

// A sheet is what the page shows.
type sheet struct {
	Title    string
	Policy   string
	Style    template.CSS
	Facts    []webFact
	Verdict  webVerdict
	Tiles    []tile
	Chart    *chart
	Sections []webSection
}

type webFact struct{ Name, Value string }

type webVerdict struct {
	Word, Text string
	Tone       tone
	Lines      []string
}

// A tile is one number of the totals.
type tile struct {
	Name, Count, Change string
	Tone                tone
}

type webSection struct {
	ID, Title, Intro string
	Half             bool
	Columns          []webColumn
	Rows             []webRow
}

type webColumn struct {
	Title       string
	Right, Wide bool
}

type webRow struct {
	Cells []webCell
	Note  string
}

type webCell struct {
	Text             string
	Tone             tone
	Right, Log, Wide bool
	Own              bool // short words of this program: never folded
	Bar              []webPart
	Note             string // of the row, below the text of its wide cell
}

// A webPart is a piece of a bar, in thousandths of its length.
type webPart struct {
	X, Width int
	Tone     tone
}

// WriteHTML writes the report as one page that loads nothing, runs nothing and
// is read by screen readers and on paper. A policy in it forbids all but its own
// style, whatever the log holds.
func (r *Report) WriteHTML(w io.Writer) error {
	d := r.view()
	sum := sha256.Sum256([]byte(pageStyle))
	s := sheet{
		Title:   d.title,
		Policy:  "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'",
		Style:   template.CSS(pageStyle),
		Verdict: webVerdict{d.verdict.word, d.verdict.text, d.verdict.tone, d.verdict.lines},
		Tiles:   r.tiles(),
		Chart:   r.chart(),
	}
	for _, f := range d.facts {
		s.Facts = append(s.Facts, webFact{f.name, f.value})
	}
	for i := range d.sections {
		s.Sections = append(s.Sections, d.sections[i].web())
	}
	if err := page.Get().Execute(w, s); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// tiles are the totals that are looked at first.
func (r *Report) tiles() []tile {
	t, b := &r.Totals, r.Before
	compared := b != nil
	if !compared {
		b = &Totals{}
	}
	var tiles []tile
	for _, n := range []struct {
		name        string
		now, before uint64
		tone        tone
	}{
		{"events", t.Events, b.Events, neutral},
		{"high or critical", t.Risky, b.Risky, bad},
		{"violations", t.Violations, b.Violations, bad},
		{"denied", t.Denied, b.Denied, refused},
		{"failed", t.Failed, b.Failed, caution},
		{"new commands", r.Commands.Distinct, 0, neutral},
	} {
		one := tile{Name: n.name, Count: number(n.now), Tone: n.tone}
		if n.now == 0 {
			one.Tone = faint
		}
		switch {
		case n.name == "new commands" && !r.Commands.Known:
			one.Count = "?"
		case n.name == "new commands":
			one.Change = count(r.Programs.Distinct, "new program")
		case compared:
			one.Change = change(n.now, n.before) + " (" + number(n.before) + ")"
		}
		tiles = append(tiles, one)
	}
	return tiles
}

func (s *section) web() webSection {
	out := webSection{ID: s.id, Title: s.title, Intro: s.intro, Half: s.half}
	for _, c := range s.columns {
		out.Columns = append(out.Columns, webColumn{strings.TrimSpace(c.title), c.right, c.wide})
	}
	for i := range s.rows {
		r := webRow{}
		for j, c := range s.rows[i].cells {
			of := &s.columns[j]
			content := webCell{Text: c.text, Tone: c.tone, Right: of.right, Log: of.log && c.tone != faint, Wide: of.wide, Own: !of.log && !of.wide, Bar: webBar(c.bar)}
			if of.wide {
				content.Note = s.rows[i].note
			}
			r.Cells = append(r.Cells, content)
		}
		out.Rows = append(out.Rows, r)
	}
	return out
}

func webBar(parts []part) []webPart {
	var bar []webPart
	sum, x := 0.0, 0
	for _, p := range parts {
		sum += p.share
		end := max(int(sum*1000+0.5), x)
		if p.share > 0 {
			end = max(end, x+4) // what is not nothing is seen
			bar = append(bar, webPart{x, end - x, p.tone})
		}
		x = end
	}
	if parts != nil && bar == nil {
		return []webPart{}
	}
	return bar
}
