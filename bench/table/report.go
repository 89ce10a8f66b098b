package table

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
)

// A Report is what a run came to.
type Report struct {
	Machine  Machine   `json:"machine"`
	Options  string    `json:"options"`
	Notes    []string  `json:"notes,omitempty"` // what else is to be known of the run
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
	for i, note := range slices.Concat(r.missing(), r.Notes) {
		if i == 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintln(&b, note)
	}
	return b.String()
}

// Markdown returns the table as docs/performance.md shows it.
func (r *Report) Markdown() string {
	var b strings.Builder
	b.WriteString("| row | etch | peer | ratio or figure | at least | aim |\n|---|---|---|---|---|---|\n")
	for i := range r.Outcomes {
		b.WriteString(r.Outcomes[i].markdown() + "\n")
	}
	return b.String()
}

// missing says why rows are missing, each reason once.
func (r *Report) missing() []string {
	var reasons []string
	rows := map[string][]string{}
	for i := range r.Outcomes {
		o := &r.Outcomes[i]
		if o.Missing == "" {
			continue
		}
		if rows[o.Missing] == nil {
			reasons = append(reasons, o.Missing)
		}
		rows[o.Missing] = append(rows[o.Missing], o.Row)
	}
	for i, reason := range reasons {
		reasons[i] = fmt.Sprintf("MISSING %s: %s", strings.Join(rows[reason], ", "), reason)
	}
	return reasons
}
