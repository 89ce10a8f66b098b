// Package report gathers what a person wants to know of a log on a Monday
// morning: how much was done, by whom, how risky it was, what was refused or
// failed, what was never done before, and whether the log is what was written.
//
// [Gather] goes over the log once and keeps counts, not records. What it keeps
// grows with how many different users, agents, tools, programs and commands
// there are, up to limits that it names: 65,536 names of each kind are counted
// apart, and 12,582,912 different commands are told from one another, by 8
// bytes each. Beyond a limit it says so instead of saying something wrong.
//
// A [Report] is shown as text, as Markdown, as an HTML page, or as JSON, whose
// members are a contract (docs/cli-json.md). Texts of a log are somebody
// else's: none of the forms lets them do anything but be read.
package report

import (
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/verify"
)

// Options say what a report is about.
type Options struct {
	// From and Until bound the events' own timestamps: From ≤ t < Until.
	From, Until time.Time
	// Made is when the report is made. It is told, and no bar lies behind it.
	Made time.Time
	// Zone is that of the days and hours; nil is UTC.
	Zone *time.Location
	// User, with or without "@", and Agent, name or id, narrow the report to
	// those events. They do not narrow what the log tells of itself.
	User, Agent string
	// Top is how many rows a list has at most; 0 is 10.
	Top int
	// Notify is that of [etch.Query].
	Notify func(string)
	// Progress, where set, is called with each record that is read. It must
	// not keep it.
	Progress func(*etch.Record)
}

// A Report is what was gathered.
type Report struct {
	Made   Time   `json:"made"`
	From   Time   `json:"from"`
	Until  Time   `json:"until"`
	Zone   string `json:"zone"`
	Origin string `json:"origin,omitempty"`
	User   string `json:"user,omitempty"`
	Agent  string `json:"agent,omitempty"`
	// LogFrom is the earliest time in the log; nil where the log is empty.
	LogFrom *Time `json:"log_from"`

	Totals Totals `json:"totals"`
	// Before is of the period of the same length that ends at From; nil where
	// the log does not reach back to its beginning.
	Before *Totals `json:"before"`

	Timeline Timeline `json:"timeline"`
	Users    Names    `json:"users"`
	Agents   Names    `json:"agents"`
	Tools    Names    `json:"tools"`
	Risks    Names    `json:"risks"`
	Outcomes Names    `json:"outcomes"`

	Denied   []Entry     `json:"denied"`   // the newest first
	Failed   []Entry     `json:"failed"`   // likewise
	Riskiest []Command   `json:"riskiest"` // medium and above, the riskiest first
	Programs NewPrograms `json:"new_programs"`
	Commands NewCommands `json:"new_commands"`

	Log LogState `json:"log"`
	// Verification is nil where none was asked for.
	Verification *Verification `json:"verification"`

	top  int
	zone *time.Location
}

// Totals count the events of a period. A call is one event.
type Totals struct {
	Events     uint64 `json:"events"`
	Commands   uint64 `json:"commands"`   // events that ran a command
	Risky      uint64 `json:"risky"`      // of high or critical risk
	Violations uint64 `json:"violations"` // of policy
	Denied     uint64 `json:"denied"`     // not allowed, or blocked
	Failed     uint64 `json:"failed"`     // ended, not in success, and were not denied
	Open       uint64 `json:"open"`       // begun, and no end is known
	Redactions uint64 `json:"redactions"` // secrets that were masked
	Users      uint64 `json:"users"`
	Agents     uint64 `json:"agents"`
	Tools      uint64 `json:"tools"`
}

// A Verification is what verifying the whole log came to.
type Verification struct {
	Verdict verify.Verdict `json:"verdict"`
	Records uint64         `json:"records"`
	// Proven is how many records, from the first on, good seals cover: none
	// behind a fault.
	Proven       uint64         `json:"proven"`
	UnsealedTail uint64         `json:"unsealed_tail"` // records after the last seal
	Tier         verify.Tier    `json:"tier"`
	Faults       []verify.Fault `json:"faults"` // at most Options.Top
	FaultCount   int            `json:"fault_count"`
	Undecided    []string       `json:"undecided"`
}

// SetVerification adds what a verification of the log came to. Proven is how
// many records, from the first on, good seals cover.
func (r *Report) SetVerification(v *verify.Report, proven uint64) {
	r.Verification = &Verification{
		Verdict: v.Verdict, Records: v.Summary.Records, Proven: proven, UnsealedTail: v.Summary.UnsealedTail, Tier: v.Summary.Tier,
		Faults: v.Faults[:min(len(v.Faults), r.top)], FaultCount: v.FaultCount, Undecided: v.Undecided,
	}
}

// A Time is a moment. In JSON it has the form of the log's own timestamps.
type Time struct{ time.Time }

// MarshalJSON returns the moment as RFC 3339 in UTC, with six digits of the
// second's fraction.
func (t Time) MarshalJSON() ([]byte, error) {
	return []byte(t.UTC().Format(`"` + control.TimeFormat + `"`)), nil
}

// reachesBack reports whether the log has what a comparison with the period
// before needs.
func (r *Report) reachesBack() bool {
	return r.LogFrom != nil && !r.LogFrom.After(previousTo(r.From.Time, r.Until.Time))
}

// begins reports whether the log has nothing before the period.
func (r *Report) begins() bool { return r.LogFrom == nil || !r.LogFrom.Before(r.From.Time) }
