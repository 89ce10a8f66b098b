package bench

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
)

// A Report is what a run came to.
type Report struct {
	Machine  Machine   `json:"machine"`
	Options  string    `json:"options"`
	Outcomes []Outcome `json:"rows"`
}

// A Machine is what the figures were taken on.
type Machine struct {
	System     string `json:"system"`
	Processor  string `json:"processor,omitempty"`
	Processors int    `json:"processors"`
	Go         string `json:"go"`
	Load       string `json:"load,omitempty"` // the system's load averages before the run
}

// ThisMachine returns what there is to know of this machine without asking
// more than its kernel.
func ThisMachine() Machine {
	m := Machine{System: runtime.GOOS + "/" + runtime.GOARCH, Processors: runtime.GOMAXPROCS(0), Go: runtime.Version()}
	m.Processor = processor()
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		if fields := strings.Fields(string(b)); len(fields) >= 3 {
			m.Load = strings.Join(fields[:3], " ")
		}
	}
	return m
}

// processor returns the processor's name where the system tells it as Linux
// does on amd64, or "".
func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }() // it was only read
	for s := bufio.NewScanner(f); s.Scan(); {
		if name, value, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// String returns the options as the table shows them.
func (o Options) String() string {
	return fmt.Sprintf("%d rounds, %v a measurement, large log of %d records", o.Rounds, o.Span, o.Records)
}

// String returns the report as a table for people.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s, %d processors, %s, load %s\n%s\n\n", r.Machine.System, r.Machine.Processor, r.Machine.Processors, r.Machine.Go, r.Machine.Load, r.Options)
	// A strings.Builder takes everything: there is no error to heed.
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "row\tetch\tpeer\tvalue\tmin..max\tbound\taim\t")
	for i := range r.Outcomes {
		_, _ = fmt.Fprintln(w, r.Outcomes[i].line())
	}
	_ = w.Flush()
	return b.String()
}

func (o *Outcome) line() string {
	unit, sign := "x", ">="
	if len(o.Theirs) == 0 {
		unit = ""
	}
	if o.AtMost {
		sign = "<="
	}
	var peers []string
	for _, f := range o.Theirs {
		peers = append(peers, f.String())
	}
	aim := ""
	if o.Aim > 0 {
		aim = fmt.Sprintf("%s %g%s", sign, o.Aim, unit)
	}
	return fmt.Sprintf("%s\t%s\t%s\t%.2f%s\t%.2f..%.2f\t%s %g%s\t%s\t%s",
		o.Row, o.Ours.String(), strings.Join(peers, ", "), o.Value, unit, o.Min, o.Max, sign, o.Bound, unit, aim, o.verdict())
}

// verdict says in a word how the outcome stands to what was asked for.
func (o *Outcome) verdict() string {
	switch {
	case !o.Holds():
		return "BELOW"
	case o.Aim > 0 && o.Aimed():
		return "aim reached"
	default:
		return "holds"
	}
}

// String returns the figure with its side and unit.
func (f Figure) String() string { return fmt.Sprintf("%s %.4g %s", f.Side, f.Median, f.Unit) }
