package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/etch-audit/etch/install"
	"github.com/etch-audit/etch/internal/terminal"
)

// print writes the answer for people.
func (d *doctoring) print() error {
	p := pretty{zone: d.now.Location(), colour: d.std.colour(d.std.out)}
	if d.opts.utc {
		p.zone = time.UTC
	}
	p.title(d.headline(&p))
	p.row(0, "log", terminal.Text(d.Log))
	d.findings(&p, d.Findings)
	var waiting []string
	for i := range d.Agents {
		if d.Agents[i].waits {
			waiting = append(waiting, d.Agents[i].title)
			continue
		}
		d.agent(&p, &d.Agents[i])
	}
	if len(waiting) > 0 {
		p.blank()
		p.title("Not found on this machine")
		p.row(0, "hooks wait for", strings.Join(waiting, ", "))
	}
	_, err := fmt.Fprint(d.std.out, p.b.String())
	return err
}

func (d *doctoring) headline(p *pretty) string {
	switch {
	case d.Verdict == doctorFine:
		return p.paint("32", "fine: nothing was found that keeps calls from being recorded")
	case d.hasProblem():
		return p.paint("31", "calls are missing, or may be: see below")
	case d.Verdict == doctorFound:
		return p.paint("33", "calls are recorded, and something should be known: see below")
	case d.noAgent():
		return p.paint("33", "no coding agent was found")
	}
	return p.paint("33", "it could not be told whether all calls are recorded")
}

func (d *doctoring) hasProblem() bool {
	is := func(f doctorFinding) bool { return f.Level == string(install.Problem) }
	return slices.ContainsFunc(d.Findings, is) || slices.ContainsFunc(d.Agents, func(a doctorAgent) bool { return slices.ContainsFunc(a.Findings, is) })
}

func (d *doctoring) agent(p *pretty, a *doctorAgent) {
	p.blank()
	p.title(a.title)
	program := "not in the search path"
	if a.Program != "" {
		program = strings.TrimSpace(d.home(a.Program) + " " + a.Version)
	}
	p.row(0, "program", terminal.Text(program))
	if !a.Observed {
		p.row(0, "how it is known", "from its maker's pages: its hooks were not seen at work")
	}
	for _, s := range a.Settings {
		p.row(0, "hooks", fmt.Sprintf("%d in %s (%s)", s.Hooks, terminal.Text(d.home(s.Path)), s.Scope))
	}
	if e := a.LastEvent; e != nil {
		p.row(0, "last record", fmt.Sprintf("record %d, %s, %s", e.Seq, d.moment(p, e.Timestamp), terminal.Text(e.EventType)))
	} else {
		p.row(0, "last record", "none")
	}
	if u := a.LastUse; u != nil {
		p.row(0, "last used", d.moment(p, u.Timestamp))
	}
	if v := a.Delivery; v != nil && v.Arrived {
		p.row(0, "delivery", fmt.Sprintf("arrived, %.0f ms", v.Milliseconds))
	}
	d.findings(p, a.Findings)
}

func (d *doctoring) moment(p *pretty, stamp string) string {
	in := inspection{now: d.now}
	return in.moment(p, stamp)
}

func (d *doctoring) findings(p *pretty, all []doctorFinding) {
	for _, f := range all {
		colour := map[string]string{string(install.Problem): "31", string(install.Warning): "33"}[f.Level]
		p.row(0, f.Level, p.paint(colour, terminal.Text(f.What)))
		if f.Where != "" && f.Where != d.Log {
			p.row(1, "where", terminal.Text(d.home(f.Where)))
		}
		if f.Mend != "" {
			p.row(1, "mend", terminal.Text(f.Mend))
		}
	}
}
