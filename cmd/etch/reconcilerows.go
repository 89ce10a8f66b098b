package main

import (
	"bufio"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/etch-audit/etch/internal/terminal"
	"github.com/etch-audit/etch/reconcile"
	"github.com/etch-audit/etch/transcript"
)

// A reconcileRows prints what was found.
type reconcileRows interface {
	row(*reconcile.Row) error
	// end prints what it comes to; quietly where nothing is known of the agent.
	end(sum *reconcile.Summary, quietly bool) error
}

func (r *reconcileRun) rows() reconcileRows {
	if r.json {
		return jsonRows{r.std}
	}
	zone := r.std.now().Location()
	if r.utc {
		zone = time.UTC
	}
	return &textRows{w: bufio.NewWriter(r.std.out), zone: zone}
}

// A reconcileRow is a line of --json. Its members are a contract: docs/cli-json.md.
type reconcileRow struct {
	Row     string            `json:"row"` // call, prompt, finding, session or summary
	Call    *reconcileCall    `json:"call,omitempty"`
	Prompt  *reconcilePrompt  `json:"prompt,omitempty"`
	Finding *reconcileFinding `json:"finding,omitempty"`
	Session *reconcileSession `json:"session,omitempty"`
	Summary *reconcileSummary `json:"summary,omitempty"`
}

type reconcileCall struct {
	Agent       string                `json:"agent"`
	SessionID   string                `json:"session_id"`
	AgentID     string                `json:"agent_id,omitempty"`
	Status      string                `json:"status"`
	CallID      string                `json:"call_id"`
	Tool        string                `json:"tool"`
	What        string                `json:"what"`
	Timestamp   string                `json:"timestamp,omitempty"`
	Outcome     string                `json:"outcome,omitempty"`
	End         string                `json:"end,omitempty"`
	Typed       bool                  `json:"typed"`
	Unseen      string                `json:"unseen,omitempty"`
	Differences []reconcileDifference `json:"differences"`
	Seq         *uint64               `json:"seq"`
	File        string                `json:"file,omitempty"`
	Line        int                   `json:"line,omitempty"`
	Filled      bool                  `json:"filled"`
	Skipped     bool                  `json:"skipped"`
}

type reconcileDifference struct {
	What       string `json:"what"`
	Log        string `json:"log"`
	Transcript string `json:"transcript"`
}

// A reconcilePrompt is a prompt that the log has nothing of.
type reconcilePrompt struct {
	Agent     string `json:"agent"`
	SessionID string `json:"session_id"`
	TurnID    string `json:"turn_id,omitempty"`
	Status    string `json:"status"`
	Timestamp string `json:"timestamp,omitempty"`
	Bytes     int    `json:"bytes"`
	File      string `json:"file,omitempty"`
	Line      int    `json:"line,omitempty"`
	Filled    bool   `json:"filled"`
	Skipped   bool   `json:"skipped"`
}

type reconcileFinding struct {
	Agent     string `json:"agent"`
	SessionID string `json:"session_id"`
	Kind      string `json:"kind"`
	Risk      string `json:"risk_level"`
	Since     string `json:"since,omitempty"`
	Calls     int    `json:"calls"`
	Text      string `json:"text"`
	Filled    bool   `json:"filled"`
}

// A reconcileCounts is what a session or all of them come to.
type reconcileCounts struct {
	Calls      int `json:"calls"`
	Recorded   int `json:"recorded"`
	Missing    int `json:"missing"`
	Unseen     int `json:"unseen"`
	Open       int `json:"open"`
	Unfinished int `json:"unfinished"`
	Recent     int `json:"recent"`
	Guessed    int `json:"guessed"`
	Differing  int `json:"differing"`
	Twice      int `json:"twice"`
	OnlyLogged int `json:"only_logged"`
	Copied     int `json:"copied"`
	Filled     int `json:"filled"`
	Skipped    int `json:"skipped"`
	Unclear    int `json:"unclear"`

	PromptsMissing int `json:"prompts_missing"`
	PromptsFilled  int `json:"prompts_filled"`

	Lines   int `json:"lines"`
	Unknown int `json:"unknown_lines"`
	Unread  int `json:"unreadable_lines"`
}

type reconcileSession struct {
	Agent      string          `json:"agent"`
	SessionID  string          `json:"session_id"`
	Cwd        string          `json:"cwd,omitempty"`
	From       string          `json:"from,omitempty"`
	Until      string          `json:"until,omitempty"`
	Transcript bool            `json:"transcript"`
	Logged     int             `json:"logged"`
	Prompts    int             `json:"prompts"`
	Counts     reconcileCounts `json:"counts"`
}

type reconcileSummary struct {
	Agent           string          `json:"agent"`
	Sessions        int             `json:"sessions"`
	SessionsLogOnly int             `json:"sessions_log_only"`
	SessionsSilent  int             `json:"sessions_silent"`
	Files           int             `json:"files"`
	Lacking         int             `json:"lacking"`
	Uncertain       bool            `json:"uncertain"`
	Counts          reconcileCounts `json:"counts"`
}

// jsonRows prints a JSON object a line.
type jsonRows struct{ std stdio }

func (j jsonRows) row(row *reconcile.Row) error {
	switch {
	case row.Call != nil:
		return printJSON(j.std, reconcileRow{Row: "call", Call: callRow(row.Call)})
	case row.Prompt != nil:
		p := row.Prompt
		return printJSON(j.std, reconcileRow{Row: "prompt", Prompt: &reconcilePrompt{
			Agent: p.Agent, SessionID: p.Session, TurnID: p.Turn, Status: promptStatus(p), Timestamp: utcOrNone(p.Start),
			Bytes: p.Bytes, File: p.File, Line: p.Line, Filled: p.Filled, Skipped: p.Skipped,
		}})
	case row.Finding != nil:
		f := row.Finding
		return printJSON(j.std, reconcileRow{Row: "finding", Finding: &reconcileFinding{
			Agent: f.Agent, SessionID: f.Session, Kind: f.Kind, Risk: string(f.Risk), Since: utcOrNone(f.Since),
			Calls: f.Calls, Text: f.Text, Filled: f.Filled,
		}})
	}
	s := row.Session
	return printJSON(j.std, reconcileRow{Row: "session", Session: &reconcileSession{
		Agent: s.Agent, SessionID: s.ID, Cwd: s.Cwd, From: utcOrNone(s.Start), Until: utcOrNone(s.End),
		Transcript: s.Transcript, Logged: s.Logged, Prompts: s.Prompts, Counts: countsOf(s, s.Tally),
	}})
}

func (j jsonRows) end(sum *reconcile.Summary, _ bool) error {
	all := reconcile.Session{
		Calls: sum.Calls, Recorded: sum.Recorded, Missing: sum.Missing, Unseen: sum.Unseen, Open: sum.Open,
		Unfinished: sum.Unfinished, Recent: sum.Recent, Guessed: sum.Guessed, Differing: sum.Differing, Twice: sum.Twice,
		OnlyLogged: sum.OnlyLogged, Copied: sum.Copied, Filled: sum.Filled, Skipped: sum.Skipped, Unclear: sum.Unclear,
		PromptsMissing: sum.PromptsMissing, PromptsFilled: sum.PromptsFilled,
	}
	return printJSON(j.std, reconcileRow{Row: "summary", Summary: &reconcileSummary{
		Agent: sum.Agent, Sessions: sum.Sessions, SessionsLogOnly: sum.LogOnly, SessionsSilent: sum.Silent, Files: sum.Files,
		Lacking: sum.Lacking(), Uncertain: sum.Uncertain(), Counts: countsOf(&all, sum.Tally),
	}})
}

func countsOf(s *reconcile.Session, t transcript.Tally) reconcileCounts {
	return reconcileCounts{
		Calls: s.Calls, Recorded: s.Recorded, Missing: s.Missing, Unseen: s.Unseen, Open: s.Open, Unfinished: s.Unfinished,
		Recent: s.Recent, Guessed: s.Guessed, Differing: s.Differing, Twice: s.Twice, OnlyLogged: s.OnlyLogged, Copied: s.Copied,
		Filled: s.Filled, Skipped: s.Skipped, Unclear: s.Unclear, PromptsMissing: s.PromptsMissing, PromptsFilled: s.PromptsFilled, Lines: t.Lines, Unknown: t.Unknown, Unread: t.Bad + t.Overlong,
	}
}

func callRow(c *reconcile.Call) *reconcileCall {
	row := &reconcileCall{
		Agent: c.Agent, SessionID: c.Session, AgentID: c.SubAgent, Status: string(c.Status), CallID: c.ID, Tool: c.Tool,
		What: c.What, Timestamp: utcOrNone(c.Start), Outcome: string(c.Outcome), End: c.End, Typed: c.Typed, Unseen: c.Unseen,
		Differences: []reconcileDifference{}, File: c.File, Line: c.Line, Filled: c.Filled, Skipped: c.Skipped,
	}
	for _, d := range c.Difference {
		row.Differences = append(row.Differences, reconcileDifference(d))
	}
	if seq, ok := c.Seq.Get(); ok {
		row.Seq = &seq
	}
	return row
}

func promptStatus(p *reconcile.Prompt) string {
	if p.Unclear {
		return string(reconcile.Unclear)
	}
	return string(reconcile.Missing)
}

// utcOrNone is utc, and "" for the zero time.
func utcOrNone(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return utc(t)
}

// textRows prints for people: a session is a block of lines.
type textRows struct {
	w       *bufio.Writer
	zone    *time.Location
	session string // whose block is open
	calls   []*reconcile.Call
}

// heldCalls is how many of a session's calls are held to be told in the order in which they began. They are
// found in another: what has to be compared with several records is known last.
const heldCalls = 10_000

func (t *textRows) row(row *reconcile.Row) error {
	if row.Call != nil && len(t.calls) < heldCalls {
		t.calls = append(t.calls, row.Call)
		return nil
	}
	t.tellCalls()
	switch {
	case row.Call != nil:
		t.calls = append(t.calls, row.Call)
	case row.Prompt != nil:
		p := row.Prompt
		t.begin(p.Agent, p.Session)
		t.line(promptStatus(p), p.Start, "prompt of %s%s%s", count(p.Bytes, "byte"), ifTrue(p.Filled, " (recorded now)"),
			ifTrue(p.Skipped, " (not recorded: the configuration says so)"))
	case row.Finding != nil:
		f := row.Finding
		t.begin(f.Agent, f.Session)
		t.line(strings.ToUpper(string(f.Risk)), f.Since, "%s: %s; %s%s", f.Kind, count(f.Calls, "call"), f.Text, ifTrue(f.Filled, " (recorded now)"))
	default:
		t.close(row.Session)
	}
	return t.w.Flush()
}

// tellCalls tells of the calls that are held.
func (t *textRows) tellCalls() {
	slices.SortStableFunc(t.calls, func(a, b *reconcile.Call) int { return a.Start.Compare(b.Start) })
	for _, c := range t.calls {
		t.begin(c.Agent, c.Session)
		t.call(c)
	}
	clear(t.calls)
	t.calls = t.calls[:0]
}

// begin opens a session's block.
func (t *textRows) begin(agent, session string) {
	if t.session != session {
		t.session = session
		t.printf("%s %s\n", agent, terminal.Text(session))
	}
}

// printf writes; an error shows when the buffer is flushed.
func (t *textRows) printf(format string, args ...any) { _, _ = fmt.Fprintf(t.w, format, args...) }

func (t *textRows) line(status string, at time.Time, format string, args ...any) {
	when := "-"
	if !at.IsZero() {
		when = at.In(t.zone).Format(time.DateTime)
	}
	t.printf("  %-11s  %-19s  %s\n", status, when, terminal.Text(fmt.Sprintf(format, args...)))
}

func (t *textRows) call(c *reconcile.Call) {
	text := c.Tool
	if c.Typed {
		text = "!"
	}
	if c.What != "" {
		text += "  " + oneLine(c.What)
	}
	var more []string
	if seq, ok := c.Seq.Get(); ok {
		more = append(more, fmt.Sprintf("record %d", seq))
	}
	if c.Status == reconcile.Open || c.Status == reconcile.Missing {
		more = append(more, endOf(c))
	}
	for _, d := range c.Difference {
		more = append(more, fmt.Sprintf("%s: log %s, transcript %s", d.What, shown(d.Log), shown(d.Transcript)))
	}
	if c.Unseen != "" {
		more = append(more, c.Unseen)
	}
	if c.Filled {
		more = append(more, "recorded now")
	}
	if c.Skipped {
		more = append(more, "not recorded: the configuration says so")
	}
	if len(more) > 0 {
		text += "  (" + strings.Join(more, "; ") + ")"
	}
	t.line(string(c.Status), c.Start, "%s", text)
}

// endOf says how a call ended by the transcript.
func endOf(c *reconcile.Call) string {
	switch {
	case c.End != "":
		return "ended: " + c.End
	case c.Outcome != "":
		return "ended: " + string(c.Outcome)
	}
	return "no end yet"
}

// shown returns a value as people see it; of a digest its beginning.
func shown(value string) string {
	switch {
	case value == "":
		return "does not say"
	case len(value) == 64:
		return value[:8] + "…"
	}
	return value
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func ifTrue(yes bool, text string) string {
	if yes {
		return text
	}
	return ""
}

// close ends a session's block, if there was anything to say.
func (t *textRows) close(s *reconcile.Session) {
	if t.session != s.ID {
		return
	}
	t.session = ""
	t.printf("  %s\n\n", totals(countsOf(s, s.Tally)))
}

func (t *textRows) end(sum *reconcile.Summary, quietly bool) error {
	t.tellCalls()
	if quietly && sum.Sessions == 0 && sum.LogOnly == 0 {
		return nil
	}
	all := reconcile.Session{
		Calls: sum.Calls, Recorded: sum.Recorded, Missing: sum.Missing, Unseen: sum.Unseen, Open: sum.Open,
		Unfinished: sum.Unfinished, Recent: sum.Recent, Guessed: sum.Guessed, Differing: sum.Differing, Twice: sum.Twice,
		OnlyLogged: sum.OnlyLogged, Copied: sum.Copied, Filled: sum.Filled, Skipped: sum.Skipped, Unclear: sum.Unclear,
		PromptsMissing: sum.PromptsMissing, PromptsFilled: sum.PromptsFilled,
	}
	t.printf("%s: %s; %s\n", sum.Agent, count(sum.Sessions, "session"), totals(countsOf(&all, sum.Tally)))
	if sum.Silent > 0 {
		t.printf("%s: hooks were silent in %s\n", sum.Agent, count(sum.Silent, "session"))
	}
	if sum.LogOnly > 0 {
		t.printf("%s: %s in the log without a transcript\n", sum.Agent, count(sum.LogOnly, "more session"))
	}
	return t.w.Flush()
}

// totals says what the calls come to, leaving out what there is none of.
func totals(c reconcileCounts) string {
	parts := []string{fmt.Sprintf("%s: %d on record", count(c.Calls, "call"), c.Recorded)}
	for _, p := range []struct {
		n    int
		what string
	}{
		{c.Missing, "missing"},
		{c.Unseen, "of them unseen by any hook"},
		{c.Open, plural(c.Open, "without its end", "without their end")},
		{c.Unfinished, "not ended yet"},
		{c.Recent, "too recent to judge"},
		{c.Guessed, plural(c.Guessed, "with an end that was inferred and is another", "with ends that were inferred and are others")},
		{c.Differing, "differ"},
		{c.Twice, "on record twice"},
		{c.Unclear, "unclear: the log cannot be read whole"},
		{c.OnlyLogged, "only in the log"},
		{c.Copied, "copied from other sessions"},
		{c.PromptsMissing, plural(c.PromptsMissing, "prompt missing", "prompts missing")},
		{c.Filled + c.PromptsFilled, "recorded now"},
		{c.Skipped, "not recorded by configuration"},
		{c.Unread, "lines unreadable"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	return strings.Join(parts, ", ")
}
