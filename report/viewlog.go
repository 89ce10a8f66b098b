package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/etch-audit/etch/internal/terminal"
	"github.com/etch-audit/etch/verify"
)

// logSections say what the log tells of itself, and what is wrong with it.
func (r *Report) logSections() []section {
	l := &r.Log
	s := section{id: "log", title: "The log", intro: fmt.Sprintf("In this period: %s, %s, %s begun; %s, %s, %s.",
		count(l.Seals, "seal"), count(l.Segments, "segment"), count(l.Epochs, "epoch"),
		count(l.Gaps, "gap"), count(l.Recoveries, "recovery"), count(l.EpochsBroken, "broken epoch"))}
	if len(l.Notices) > 0 {
		s.columns = []column{{title: "seq", right: true, least: 60}, {title: "time"}, {title: "record", least: 50}, {title: "what it tells", log: true, wide: true}}
	}
	for _, n := range l.Notices {
		s.rows = append(s.rows, row{cells: []cell{
			{text: strconv.FormatUint(n.Seq, 10), tone: faint}, {text: n.Timestamp.In(r.zone).Format(moment)}, {text: terminal.Text(n.Type), tone: caution}, {text: terminal.Text(n.Detail)},
		}})
	}
	all := []section{s}
	if l.Claims.Gaps > 0 {
		all = append(all, l.Claims.section(r))
	}
	if v := r.Verification; v != nil && len(v.Faults) > 0 {
		all = append(all, v.faults())
	}
	if l.Unreadable > 0 {
		all = append(all, l.unreadable())
	}
	return all
}

// section shows what is on record on somebody's word alone.
func (c *Claims) section(r *Report) section {
	s := section{
		id: "claims", title: "Claimed losses",
		intro: fmt.Sprintf("%s of %s, on the word of who sent them: nothing proves it, and it is not among the gaps above.", count(c.Gaps, "claim"), count(c.LostEvents, "lost event")),
		columns: []column{
			{title: "seq", right: true, least: 60}, {title: "time"}, {title: "claimed by", log: true}, {title: "what is claimed", log: true, wide: true},
		},
	}
	for _, n := range c.List {
		s.rows = append(s.rows, row{cells: []cell{
			{text: strconv.FormatUint(n.Seq, 10), tone: faint},
			{text: n.Timestamp.In(r.zone).Format(moment)},
			{text: terminal.Text(n.ClaimedBy), tone: caution},
			{text: terminal.Text(n.Detail)},
		}})
	}
	return s
}

func (v *Verification) faults() section {
	s := section{id: "faults", title: "Faults", because: "what is wrong", columns: []column{{title: "fault"}, {title: "place", wide: true, log: true}}}
	if len(v.Faults) < v.FaultCount {
		s.intro = "the first " + number(uint64(len(v.Faults))) + " of " + number(uint64(v.FaultCount)) + "; \"etch verify\" has more"
	}
	for i := range v.Faults {
		f := &v.Faults[i]
		s.rows = append(s.rows, row{note: terminal.Text(f.Detail), cells: []cell{{text: string(f.Kind), tone: bad}, {text: terminal.Text(placeOf(f))}}})
	}
	return s
}

// placeOf says where a fault is, as exactly as is known.
func placeOf(f *verify.Fault) string {
	var parts []string
	if f.Segment != "" {
		parts = append(parts, f.Segment)
	}
	if f.Offset != nil {
		parts = append(parts, fmt.Sprintf("offset %d", *f.Offset))
	}
	switch {
	case f.Seq != nil:
		parts = append(parts, fmt.Sprintf("seq %d", *f.Seq))
	case f.FromSeq != nil && f.ToSeq != nil && *f.ToSeq > *f.FromSeq+1:
		parts = append(parts, fmt.Sprintf("seq %d to %d", *f.FromSeq, *f.ToSeq-1))
	case f.FromSeq != nil:
		parts = append(parts, fmt.Sprintf("from seq %d", *f.FromSeq))
	}
	return strings.Join(parts, ", ")
}

func (l *LogState) unreadable() section {
	s := section{id: "unreadable", title: "Not readable", columns: []column{{title: "segment", log: true}, {title: "offset", right: true}, {title: "what is wrong", wide: true, log: true}}}
	if uint64(len(l.Damages)) < l.Unreadable {
		s.intro = "the first " + number(uint64(len(l.Damages))) + " of " + number(l.Unreadable) + " places"
	}
	for _, d := range l.Damages {
		s.rows = append(s.rows, row{cells: []cell{{text: terminal.Text(d.Segment)}, {text: fmt.Sprint(d.Offset)}, {text: terminal.Text(d.Detail)}}})
	}
	return s
}
