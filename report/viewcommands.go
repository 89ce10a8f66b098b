package report

import (
	"strconv"
	"strings"

	"github.com/etch-audit/etch/internal/terminal"
)

// commands are the sections about what was done.
func (r *Report) commands() []section {
	return []section{
		r.riskiest(), r.entries("denied", "Denied", "Nothing was denied.", r.Denied, r.Totals.Denied, refused),
		r.entries("failed", "Failed", "Nothing failed.", r.Failed, r.Totals.Failed, caution), r.newPrograms(), r.newCommands(),
	}
}

// newest says how much of a list is shown.
func newest(shown int, all uint64) string {
	if uint64(shown) >= all {
		return ""
	}
	return "the newest " + number(uint64(shown)) + " of " + number(all)
}

func (r *Report) riskiest() section {
	s := section{id: "riskiest", title: "Riskiest commands", because: "why"}
	if len(r.Riskiest) == 0 {
		s.intro = "No command was of medium risk or above."
		return s
	}
	s.intro = "each once, the riskiest first, then the newest"
	s.columns = []column{{title: "seq", right: true, least: 80}, {title: "risk"}, {title: "times", right: true, least: 60}, {title: "user", log: true, least: 50}, {title: "agent", log: true, least: 110}, {title: "outcome", least: 70}, {title: "command", log: true, wide: true}}
	for i := range r.Riskiest {
		c := &r.Riskiest[i]
		s.rows = append(s.rows, row{note: reasons(&c.Entry), cells: []cell{
			seqCell(&c.Entry), riskCell(&c.Entry), {text: number(c.Count)}, {text: terminal.Text(c.User)}, {text: terminal.Text(c.Agent)}, {text: c.Outcome}, {text: shown(c.What)},
		}})
	}
	return s
}

// mostShown is how many columns of a text people are shown: a report is no
// place to read a script.
const mostShown = 400

func shown(text string) string { return terminal.Cut(terminal.Text(text), mostShown) }

// seqCell holds the number as "etch show" takes it.
func seqCell(e *Entry) cell { return cell{text: strconv.FormatUint(e.Seq, 10), tone: faint} }

// riskCell marks a violation with "!", as the tables of etch audit do.
func riskCell(e *Entry) cell {
	c := cell{text: terminal.Text(e.Risk), tone: toneOfRisk(e.Risk)}
	if c.tone == low || c.tone == unrated {
		c.tone = faint
	}
	if e.Violation {
		c.text += "!"
		if c.tone != alarm {
			c.tone = bad
		}
	}
	return c
}

func reasons(e *Entry) string { return shown(strings.Join(e.Reasons, "; ")) }

// entries is a list of events that went wrong.
func (r *Report) entries(id, title, none string, list []Entry, all uint64, t tone) section {
	s := section{id: id, title: title, because: "reason"}
	if len(list) == 0 {
		s.intro = none
		return s
	}
	s.intro = newest(len(list), all)
	s.columns = []column{{title: "seq", right: true, least: 80}, {title: "time"}, {title: "user", log: true, least: 40}, {title: "agent", log: true, least: 110}, {title: "risk", least: 60}, {title: "outcome", least: 50}, {title: "tool", log: true, least: 120}, {title: "what", log: true, wide: true}}
	for i := range list {
		e := &list[i]
		tool, text := terminal.Text(e.Tool), shown(e.What)
		if text == "" {
			text = terminal.Text(e.Type)
		}
		s.rows = append(s.rows, row{note: shown(e.Reason), cells: []cell{
			seqCell(e),
			{text: e.Timestamp.In(r.zone).Format(moment)},
			{text: terminal.Text(e.User)},
			{text: terminal.Text(e.Agent)},
			riskCell(e),
			{text: e.Outcome, tone: t},
			{text: tool},
			{text: text},
		}})
	}
	return s
}

// unlike says what new things are, and how many.
func (r *Report) unlike(known bool, shown int, all uint64, what string) string {
	switch {
	case !known:
		return "Not told: the log has more different commands than are told apart."
	case all == 0:
		return "No " + what + " that was not in the log before this period."
	}
	text := "not in the log before this period"
	if r.User != "" || r.Agent != "" {
		text = "not by them in the log before this period"
	}
	if r.begins() {
		text = "all of them: the log begins in this period"
	}
	if uint64(shown) < all {
		text = number(all) + " in all, " + text
	}
	return text
}

func (r *Report) newPrograms() section {
	n := &r.Programs
	s := section{id: "programs", title: "New programs", intro: r.unlike(n.Known, len(n.List), n.Distinct, "program")}
	if len(n.List) == 0 {
		return s
	}
	s.columns = []column{{title: "seq", right: true, least: 80}, {title: "program", log: true}, {title: "times", right: true, least: 60}, {title: "risk", least: 50}, {title: "user", log: true, least: 60}, {title: "agent", log: true, least: 110}, {title: "first called by", log: true, wide: true}}
	for i := range n.List {
		c := &n.List[i]
		s.rows = append(s.rows, row{cells: []cell{
			seqCell(&c.Entry), {text: terminal.Text(c.Program)}, {text: number(c.Count)}, riskCell(&c.Entry), {text: terminal.Text(c.User)}, {text: terminal.Text(c.Agent)}, {text: shown(c.What)},
		}})
	}
	return s
}

func (r *Report) newCommands() section {
	n := &r.Commands
	s := section{id: "commands", title: "New commands", intro: r.unlike(n.Known, len(n.List), n.Distinct, "command")}
	if len(n.List) == 0 {
		return s
	}
	s.columns = []column{{title: "seq", right: true, least: 80}, {title: "first run", least: 70}, {title: "times", right: true, least: 60}, {title: "risk", least: 40}, {title: "user", log: true, least: 50}, {title: "agent", log: true, least: 110}, {title: "command", log: true, wide: true}}
	for i := range n.List {
		c := &n.List[i]
		s.rows = append(s.rows, row{cells: []cell{
			seqCell(&c.Entry), {text: c.Timestamp.In(r.zone).Format(moment)}, {text: number(c.Count)}, riskCell(&c.Entry), {text: terminal.Text(c.User)}, {text: terminal.Text(c.Agent)}, {text: shown(c.What)},
		}})
	}
	return s
}
