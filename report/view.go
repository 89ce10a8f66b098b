package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/etch-audit/etch/internal/terminal"
	"github.com/etch-audit/etch/verify"
)

// A document is a report in the order in which it is read, for every form that
// people look at. All its texts are harmless: see package terminal.
type document struct {
	title    string
	facts    []fact
	verdict  verdict
	sections []section
}

// A fact is a name and a value about the report as a whole.
type fact struct{ name, value string }

// A verdict is what was said of the log, and how grave that is.
type verdict struct {
	word  string
	text  string
	tone  tone
	lines []string
}

// A tone says how something is to be taken.
type tone string

// The tones; each form has its own way to show them.
const (
	neutral  tone = ""
	faint    tone = "faint"
	good     tone = "good"
	caution  tone = "caution"
	bad      tone = "bad"
	alarm    tone = "alarm"
	refused  tone = "refused"
	low      tone = "low"
	unrated  tone = "none"
	ordinary tone = "bar"
)

// A section is a table with its title.
type section struct {
	id      string
	title   string
	intro   string
	columns []column
	rows    []row
	because string // title of the notes of rows
	half    bool   // two of them stand beside each other where there is room
}

// A column is one of a table.
type column struct {
	title string
	right bool // numbers end at one place
	log   bool // texts of the log, not of this program
	wide  bool // takes what room there is
	least int  // columns of the screen below which it is left out
}

// A row is one of a table. The note stands below it, or behind it.
type row struct {
	cells []cell
	note  string
}

// A cell is a text or a bar.
type cell struct {
	text string
	tone tone
	bar  []part // nil: it is no bar
}

// A part is a piece of a bar, as long as its share of the longest.
type part struct {
	share float64
	tone  tone
}

const (
	minute = "2006-01-02 15:04"
	moment = "01-02 15:04:05"
)

// view makes the document of a report.
func (r *Report) view() *document {
	d := &document{title: "Audit report", verdict: r.judgement()}
	from, until := r.From.In(r.zone), r.Until.In(r.zone)
	d.facts = append(d.facts, fact{"period", fmt.Sprintf("%s to %s (%s), %s", from.Format("Mon "+minute), until.Format("Mon "+minute), r.Zone, lengthOf(from, until))})
	if r.Origin != "" {
		d.facts = append(d.facts, fact{"log", terminal.Text(r.Origin)})
	}
	var only []string
	if r.User != "" {
		only = append(only, "user "+terminal.Text(r.User))
	}
	if r.Agent != "" {
		only = append(only, "agent "+terminal.Text(r.Agent))
	}
	if only != nil {
		d.facts = append(d.facts, fact{"only", strings.Join(only, ", ")})
	}
	if r.Before == nil {
		d.facts = append(d.facts, fact{"compared", r.uncompared()})
	} else {
		d.facts = append(d.facts, fact{"compared", "with the " + lengthOf(from, until) + " before"})
	}
	d.facts = append(d.facts, fact{"made", r.Made.In(r.zone).Format("Mon " + minute)})
	d.sections = []section{r.totals(), r.times()}
	d.sections = append(d.sections, r.names()...)
	d.sections = append(d.sections, r.commands()...)
	d.sections = append(d.sections, r.logSections()...)
	return d
}

func (r *Report) uncompared() string {
	if r.LogFrom == nil {
		return "with nothing: the log is empty"
	}
	return "with nothing: the log begins " + r.LogFrom.In(r.zone).Format("Mon "+minute)
}

// judgement says what was found out about the log.
func (r *Report) judgement() verdict {
	var v verdict
	switch c := r.Verification; {
	case c == nil && r.Log.Unreadable > 0:
		v = verdict{word: "damaged", text: count(r.Log.Unreadable, "place") + " of the log cannot be read; it was not verified", tone: bad}
	case c == nil:
		v = verdict{word: "not verified", text: "the log was not checked", tone: caution}
	case c.Verdict == verify.Intact:
		v = verdict{word: "intact", text: c.reach(), tone: good}
	case c.Verdict == verify.Damaged:
		v = verdict{word: "damaged", text: count(c.FaultCount, "fault") + " in " + c.reach(), tone: bad}
	default:
		v = verdict{word: "undecided", text: "the log could not be judged", tone: caution}
		for _, why := range c.Undecided {
			v.lines = append(v.lines, terminal.Text(why))
		}
	}
	l := &r.Log
	for _, n := range []struct {
		count uint64
		what  string
	}{{l.Gaps, "gap"}, {l.Recoveries, "recovery"}, {l.EpochsBroken, "broken epoch"}} {
		if n.count > 0 {
			v.lines = append(v.lines, count(n.count, n.what)+" on record in this period")
		}
	}
	if l.LostEvents > 0 {
		v.lines = append(v.lines, count(l.LostEvents, "event")+" lost in gaps")
	}
	if l.Claims.Gaps > 0 {
		v.lines = append(v.lines, "besides, senders claim to have lost "+count(l.Claims.LostEvents, "event")+": nothing proves it")
	}
	return v
}

// reach says how far the proof goes.
func (v *Verification) reach() string {
	text := count(v.Records, "record")
	switch {
	case v.Records == 0:
		return text
	case v.Proven == 0:
		return text + ", none of them proved by a seal"
	case v.Verdict == verify.Intact && v.UnsealedTail == 0:
		return text + ", all of them sealed"
	case v.Verdict == verify.Intact:
		return text + ", the last " + number(v.UnsealedTail) + " not sealed yet"
	}
	return text + ", proved up to record " + strconv.FormatUint(v.Proven-1, 10)
}

// totals compares the numbers with those of the period before.
func (r *Report) totals() section {
	s := section{id: "totals", title: "Totals", half: r.Timeline.short(), columns: []column{{title: ""}, {title: "this period", right: true}}}
	if r.Before != nil {
		s.columns = append(s.columns, column{title: "before", right: true, least: 50}, column{title: "change", right: true})
	}
	t, b := &r.Totals, r.Before
	if b == nil {
		b = &Totals{}
	}
	for _, n := range []struct {
		name        string
		now, before uint64
		tone        tone
	}{
		{"events", t.Events, b.Events, neutral},
		{"commands", t.Commands, b.Commands, neutral},
		{"high or critical", t.Risky, b.Risky, bad},
		{"violations", t.Violations, b.Violations, bad},
		{"denied", t.Denied, b.Denied, refused},
		{"failed", t.Failed, b.Failed, caution},
		{"open", t.Open, b.Open, caution},
		{"secrets masked", t.Redactions, b.Redactions, neutral},
		{"users", t.Users, b.Users, neutral},
		{"agents", t.Agents, b.Agents, neutral},
		{"tools", t.Tools, b.Tools, neutral},
	} {
		if n.now == 0 {
			n.tone = faint
		}
		cells := []cell{{text: n.name}, {text: number(n.now), tone: n.tone}}
		if r.Before != nil {
			cells = append(cells, cell{text: number(n.before), tone: faint}, cell{text: change(n.now, n.before)})
		}
		s.rows = append(s.rows, row{cells: cells})
	}
	return s
}

// times is a bar for each hour, day, month or year.
func (r *Report) times() section {
	titles := map[Unit]string{Hour: "By the hour", Day: "By the day", Month: "By the month", Year: "By the year"}
	s := section{id: "time", title: titles[r.Timeline.Unit], half: r.Timeline.short(), columns: []column{
		{title: ""},
		{title: "events", right: true},
		{title: "", wide: true},
		{title: "high+", right: true, least: 50},
		{title: "denied", right: true, least: 58},
		{title: "failed", right: true, least: 66},
	}}
	most := r.Timeline.most()
	for i := 0; i < len(r.Timeline.Bars); i++ {
		if empty := r.Timeline.emptyFrom(i); empty > mostEmpty {
			s.rows = append(s.rows, row{cells: []cell{{text: "…"}, {}, {}, {}, {}, {}}})
			i += empty - 1
			continue
		}
		b := &r.Timeline.Bars[i]
		s.rows = append(s.rows, row{cells: []cell{
			{text: r.Timeline.label(b.From.In(r.zone))},
			{text: number(b.Events)},
			{bar: b.parts(most)},
			{text: zero(b.High + b.Critical), tone: bad},
			{text: zero(b.Denied), tone: refused},
			{text: zero(b.Failed), tone: caution},
		}})
	}
	return s
}

// mostEmpty is how many bars in a row without an event are shown as what they are. More
// of them are one line: an event's time may be any.
const mostEmpty = 24

// emptyFrom returns how many bars from one on have no event.
func (t *Timeline) emptyFrom(i int) (n int) {
	for i+n < len(t.Bars) && t.Bars[i+n].Events == 0 {
		n++
	}
	return n
}

// short reports whether the table of the bars is no longer than that of the
// totals.
func (t *Timeline) short() bool { return len(t.Bars) <= 14 }

// most returns the events of the longest bar.
func (t *Timeline) most() uint64 {
	var most uint64
	for _, b := range t.Bars {
		most = max(most, b.Events)
	}
	return most
}

func (t *Timeline) label(at time.Time) string {
	switch t.Unit {
	case Hour:
		return at.Format("Mon 15:04")
	case Month:
		return at.Format("2006-01")
	case Year:
		return at.Format("2006")
	}
	return at.Format("Mon 01-02")
}

// parts are those of a bar, from harmless to critical.
func (b *Bar) parts(most uint64) []part {
	return []part{
		{fraction(b.unrated(), most), unrated},
		{fraction(b.Low, most), low},
		{fraction(b.Medium, most), caution},
		{fraction(b.High, most), bad},
		{fraction(b.Critical, most), alarm},
	}
}
