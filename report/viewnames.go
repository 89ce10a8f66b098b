package report

import (
	"cmp"

	"github.com/etch-audit/etch/internal/terminal"
)

// names are the sections about who did how much.
func (r *Report) names() []section {
	var all []section
	for _, n := range []struct {
		id, title string
		of        *Names
		none      string // what an event without a name is
	}{
		{"users", "Users", &r.Users, "(no user)"},
		{"agents", "Agents", &r.Agents, "(no agent)"},
		{"tools", "Tools", &r.Tools, "(no tool)"},
	} {
		all = append(all, r.nameSection(n.id, n.title, n.of, n.none, true))
	}
	risks := r.nameSection("risk", "Risk", &r.Risks, "(not rated)", false)
	outcomes := r.nameSection("outcome", "Outcome", &r.Outcomes, "(no result)", false)
	for i := range risks.rows {
		risks.rows[i].tint(riskTone(r.Risks.List, i))
	}
	for i := range outcomes.rows {
		outcomes.rows[i].tint(outcomeTone(r.Outcomes.List, i))
	}
	return append(all, risks, outcomes)
}

// tint gives the bar of a row, and its name, a tone.
func (r *row) tint(t tone) {
	for i := range r.cells {
		for j := range r.cells[i].bar {
			r.cells[i].bar[j].tone = t
		}
	}
	if t != unrated && t != low {
		r.cells[0].tone = t
	}
}

func riskTone(list []Name, i int) tone {
	if i >= len(list) {
		return unrated
	}
	return toneOfRisk(list[i].Name)
}

func toneOfRisk(risk string) tone {
	switch risk {
	case "critical":
		return alarm
	case "high":
		return bad
	case "medium":
		return caution
	case "low":
		return low
	}
	return unrated
}

func outcomeTone(list []Name, i int) tone {
	if i >= len(list) {
		return unrated
	}
	switch list[i].Name {
	case "success":
		return good
	case "error":
		return bad
	case "timeout", "rollback", "open":
		return caution
	case "blocked", "denied":
		return refused
	}
	return unrated
}

// nameSection is a table of names. Full ones say how much of it was trouble.
func (r *Report) nameSection(id, title string, names *Names, none string, full bool) section {
	s := section{id: id, title: title, half: true, columns: []column{{title: "", log: true}, {title: "events", right: true}, {title: "", wide: true}, {title: "share", right: true, least: 50}}}
	if r.Before != nil {
		s.columns = append(s.columns, column{title: "change", right: true, least: 44})
	}
	if full {
		s.columns = append(s.columns, column{title: "high+", right: true, least: 56}, column{title: "denied", right: true, least: 64}, column{title: "failed", right: true, least: 72})
	}
	if names.Distinct > uint64(len(names.List)) {
		s.intro = number(names.Distinct) + " in all"
		if names.Capped {
			s.intro = "more than " + s.intro
		}
	}
	var most uint64
	for _, n := range names.List {
		most = max(most, n.Events)
	}
	for _, n := range names.List {
		s.rows = append(s.rows, r.nameRow(n, none, most, full))
	}
	if names.Rest > 0 {
		rest := row{cells: []cell{{text: "(others)", tone: faint}, {text: number(names.Rest)}, {bar: []part{{min(1, fraction(names.Rest, most)), unrated}}}, {text: share(names.Rest, r.Totals.Events)}}}
		for len(rest.cells) < len(s.columns) {
			rest.cells = append(rest.cells, cell{})
		}
		s.rows = append(s.rows, rest)
	}
	return s
}

func (r *Report) nameRow(n Name, none string, most uint64, full bool) row {
	name := cell{text: terminal.Text(n.Name)}
	if n.Name == "" {
		name = cell{text: none, tone: faint}
	}
	cells := []cell{name, {text: number(n.Events)}, {bar: []part{{fraction(n.Events, most), ordinary}}}, {text: share(n.Events, r.Totals.Events)}}
	if r.Before != nil {
		cells = append(cells, cell{text: r.changeOf(n)})
	}
	if full {
		cells = append(cells, cell{text: zero(n.Risky), tone: bad}, cell{text: zero(n.Denied), tone: refused}, cell{text: zero(n.Failed), tone: caution})
	}
	return row{cells: cells}
}

// changeOf says "first" of a name that the log has never had: "new" is one that
// was only not there in the period before.
func (r *Report) changeOf(n Name) string {
	if n.New && n.Name != "" {
		return "first"
	}
	return cmp.Or(changed(n.Events, n.Before), "")
}
