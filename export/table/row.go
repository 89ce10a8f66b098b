package table

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/terminal"
)

// A cell is a harmless text and its style.
type cell struct {
	text  string
	style style
}

// A row is one record, ready to be laid out.
type row struct {
	time  time.Time
	cells [kinds]cell
	shell bool // the tool is a shell: its command says enough
}

func (o *Options) row(r *etch.Record) row {
	out := row{time: r.Event.Timestamp}
	set := func(k kind, text string, s style) { out.cells[k] = cell{text, s} }
	set(seqColumn, strconv.FormatUint(r.Seq, 10), faint)
	if o.Sealed != nil {
		text, s := "no", caution
		if o.Sealed(r.Seq) {
			text, s = "yes", good
		}
		set(sealedColumn, text, s)
	}
	if r.IsControl() {
		set(toolColumn, terminal.Text(string(r.Control.Type)), faint)
		set(actionColumn, terminal.Text(controlText(r.Control)), faint)
		return out
	}
	ev := &r.Event
	if a := ev.Actor; a != nil {
		set(userColumn, terminal.Text(cmp.Or(a.Username, a.UserID)), plain)
		set(agentColumn, terminal.Text(cmp.Or(a.Agent, a.AgentID)), plain)
	}
	text, s := outcome(ev, o.AllPhases)
	set(resultColumn, terminal.Text(text), s)
	if ev.Result != nil {
		set(tookColumn, Took(ev.Result.Duration), plain)
	}
	out.cells[riskColumn] = riskCell(ev)
	tool, detail := what(ev)
	set(toolColumn, tool, plain)
	if ev.Action == nil || ev.Action.Tool == "" {
		out.cells[toolColumn].style = faint
	}
	set(actionColumn, detail, plain)
	out.shell = ev.Action != nil && ev.Action.Command != ""
	return out
}

// withTool returns the action of a row in a table that has no column for tools.
func (r *row) withTool() cell {
	action, tool := r.cells[actionColumn], r.cells[toolColumn].text
	if r.shell || tool == "" {
		return action
	}
	action.text = strings.TrimSpace(tool + " " + action.text)
	return action
}

// riskCell marks a violation with "!".
func riskCell(ev *etch.Event) cell {
	var c cell
	if ev.Action != nil {
		c.text = terminal.Text(string(ev.Action.Risk))
		switch ev.Action.Risk {
		case etch.RiskLow:
			c.style = faint
		case etch.RiskMedium:
			c.style = caution
		case etch.RiskHigh:
			c.style = bad
		case etch.RiskCritical:
			c.style = alarm
		}
	}
	if violation(ev) {
		c.text += "!"
		if c.style != alarm {
			c.style = bad
		}
	}
	return c
}

func violation(ev *etch.Event) bool {
	return ev.Type == etch.PolicyViolation || ev.Security != nil && ev.Security.PolicyViolation
}

// Outcome returns in a word or two how an event ended, for instance "exit 3".
// It is empty where nothing is known of an end.
func Outcome(ev *etch.Event) string {
	text, _ := outcome(ev, true)
	return terminal.Text(text)
}

// outcome calls an attempt "open" where its completion would have stood in its
// place.
func outcome(ev *etch.Event, allPhases bool) (string, style) {
	if ev.Result != nil {
		return resultText(ev.Result)
	}
	switch {
	case ev.Phase == etch.Attempt && allPhases:
		return "attempt", faint
	case ev.Phase == etch.Attempt:
		return "open", caution
	case ev.Type == etch.ApprovalRequest:
		return "asked", plain
	case ev.Type == etch.AuthFailure:
		return "failed", bad
	case ev.Type == etch.AuthSuccess:
		return "ok", good
	case ev.Type == etch.ApprovalDecision && ev.Action != nil && ev.Action.Approved:
		return "approved", good
	case ev.Type == etch.ApprovalDecision && ev.Action != nil, ev.Type == etch.PolicyViolation && ev.Action != nil && !ev.Action.Allowed:
		return "denied", refused
	}
	return "", plain
}

func resultText(r *etch.Result) (string, style) {
	code, known := r.ExitCode.Get()
	switch r.Type {
	case etch.Success:
		return "ok", good
	case etch.Blocked:
		return "blocked", refused
	case etch.Timeout, etch.Rollback:
		return string(r.Type), caution
	case etch.Error, "":
		switch {
		case known && code != 0:
			return "exit " + strconv.FormatInt(code, 10), bad
		case r.Type == "":
			return "failed", bad
		}
		return "error", bad
	}
	return string(r.Type), plain
}

// Took returns a duration in at most six columns up to a thousand hours.
func Took(d time.Duration) string {
	switch {
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Truncate(100*time.Millisecond).Seconds(), 'f', 1, 64) + "s"
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + "s"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + "m" + twoDigits(int(d.Seconds())%60) + "s"
	}
	return strconv.Itoa(int(d.Hours())) + "h" + twoDigits(int(d.Minutes())%60) + "m"
}

func twoDigits(n int) string { return string([]byte{byte('0' + n/10), byte('0' + n%10)}) }

// what returns the tool, or the type of an event that has none, and what was
// done; where something else was asked for, that too.
func what(ev *etch.Event) (tool, detail string) {
	tool, detail = done(ev)
	if asked := ev.AskedFor(); asked != nil {
		if _, before := done(&etch.Event{Action: asked}); before != detail {
			detail += " (asked for: " + before + ")"
		}
	}
	return tool, detail
}

func done(ev *etch.Event) (tool, detail string) {
	a := ev.Action
	if a == nil {
		a = &etch.Action{}
	}
	tool = terminal.Text(cmp.Or(a.Tool, string(ev.Type)))
	switch {
	case a.Command != "":
		return tool, terminal.Text(a.Command)
	case ev.Egress != nil:
		e := ev.Egress
		return tool, terminal.Text(strings.TrimSpace(e.Method + " " + cmp.Or(e.URL, e.Host)))
	case a.Resource != "" && ev.Type == etch.SecurityEvent && len(a.RiskReasons) > 0:
		_, why, _ := strings.Cut(a.RiskReasons[0], ": ") // behind the rule's name
		return tool, terminal.Text(a.Resource + ": " + cmp.Or(why, a.RiskReasons[0]))
	case a.Resource != "":
		return tool, terminal.Text(a.Resource)
	case ev.Type == etch.UserPrompt:
		return tool, terminal.Text(prompt(a.Arguments))
	}
	return tool, terminal.Text(string(a.Arguments))
}

// prompt returns what was said, or how long it was where that is all that is on record.
func prompt(arguments json.RawMessage) string {
	var said struct {
		Prompt string `json:"prompt"`
	}
	if json.Unmarshal(arguments, &said) == nil && said.Prompt != "" {
		return said.Prompt
	}
	var measured struct {
		Prompt struct {
			Bytes  *uint64 `json:"bytes"`
			SHA256 string  `json:"sha256"`
		} `json:"prompt"`
	}
	if json.Unmarshal(arguments, &measured) == nil && measured.Prompt.Bytes != nil && measured.Prompt.SHA256 != "" {
		return strconv.FormatUint(*measured.Prompt.Bytes, 10) + " bytes"
	}
	return string(arguments)
}

// controlText says in short what a control record tells.
func controlText(c *etch.Control) string {
	var log struct {
		Segment *uint64 `json:"segment"`
		Epoch   *uint64 `json:"epoch"`
		Lost    *uint64 `json:"lost"`
		Reason  string  `json:"reason"`
		Found   string  `json:"found"`
		Cause   string  `json:"cause"`
		Detail  string  `json:"detail"`
	}
	if json.Unmarshal(c.Log, &log) != nil {
		return string(c.Log) // of a version that nobody knows yet
	}
	var parts []string
	for _, n := range [...]struct {
		name  string
		value *uint64
	}{{"segment", log.Segment}, {"epoch", log.Epoch}, {"lost", log.Lost}} {
		if n.value != nil {
			parts = append(parts, n.name+" "+strconv.FormatUint(*n.value, 10))
		}
	}
	for _, s := range []string{log.Reason, log.Found, log.Cause, log.Detail} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if len(parts) == 0 {
		return string(c.Log)
	}
	return strings.Join(parts, ", ")
}
