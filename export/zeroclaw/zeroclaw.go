// Package zeroclaw writes records as ZeroClaw's audit log has them.
//
// What is written is a log of its own: a chain from sequence 0, in which each
// record follows the one written before, so that upstream's verifier accepts it
// whatever was chosen for it. An event that was imported comes back with all that
// the schema can hold. Where the records of a whole chain are written in their
// order, from its first on, sequences and hashes come out as they were, because
// they follow from the content; then, and only then, a signature still fits, and is
// written as well. No signature is made.
package zeroclaw

import (
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/zeroclaw"
)

// A Writer writes records, one a line. It is not safe for concurrent use.
type Writer struct {
	w       io.Writer
	buf     []byte
	prev    string
	next    uint64
	skipped int
}

// NewWriter returns a writer of a new chain.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w, prev: zeroclaw.Genesis} }

// Add writes a record. Those that the log wrote about itself have no place in the
// schema: they are counted, and not written.
func (w *Writer) Add(r *etch.Record) error {
	if r.IsControl() {
		w.skipped++
		return nil
	}
	rec := newRecord(&r.Event)
	signature := rec.Signature
	rec.Sequence, rec.PrevHash, rec.Signature = w.next, w.prev, nil
	rec.EntryHash = rec.Hash()
	if rec.EntryHash == r.Event.Labels[zeroclaw.LabelEntryHash] {
		rec.Signature = signature
	}
	w.buf = append(rec.AppendLine(w.buf[:0]), '\n')
	if _, err := w.w.Write(w.buf); err != nil {
		return err
	}
	w.prev = rec.EntryHash
	w.next++
	return nil
}

// Flush has nothing to do: nothing is held back.
func (w *Writer) Flush() error { return nil }

// Close has nothing to do: nothing belongs behind the last record.
func (w *Writer) Close() error { return nil }

// Skipped returns how many records were not written.
func (w *Writer) Skipped() int { return w.skipped }

// newRecord returns an event as a record without its place in a chain.
func newRecord(ev *etch.Event) *zeroclaw.Record {
	m := mapping{ev: ev, labels: ev.Labels}
	m.nulls = m.list(zeroclaw.LabelNull)
	m.blanks = m.list(zeroclaw.LabelBlank)
	rec := &zeroclaw.Record{
		Time: ev.Timestamp.UTC().Truncate(time.Microsecond), EventID: valid(m.label(zeroclaw.LabelEventID, ev.ID)), EventType: m.eventType(),
		Actor: m.actor(), Action: m.action(), Result: m.result(), Security: m.security(),
		AgentAlias: m.alias(),
	}
	if text, ok := m.labels[zeroclaw.LabelTimestamp]; ok {
		if t, err := zeroclaw.ParseTime(text); err == nil {
			rec.Time, rec.Timestamp = t, text
		}
	}
	if s, ok := m.labels[zeroclaw.LabelSignature]; ok {
		rec.Signature = &s
	}
	return rec
}

// A mapping makes the record of one event.
type mapping struct {
	ev            *etch.Event
	labels        map[string]string
	nulls, blanks []string
}

func (m *mapping) list(label string) []string {
	if text := m.labels[label]; text != "" {
		return strings.Split(text, ",")
	}
	return nil
}

func (m *mapping) label(name, other string) string {
	if s, ok := m.labels[name]; ok {
		return s
	}
	return other
}

// imported reports whether the event was a record of this schema once.
func (m *mapping) imported() bool {
	_, chained := m.labels[zeroclaw.LabelEntryHash]
	program := m.labels["import_source"]
	return chained || program == zeroclaw.ProgramZeroClaw || program == zeroclaw.ProgramDaemonClaw
}

// text returns a text that may be null. The empty text is null unless a label says
// that it was not.
func (m *mapping) text(path, s string) *string {
	if slices.Contains(m.nulls, path) || s == "" && !slices.Contains(m.blanks, path) {
		return nil
	}
	s = valid(s)
	return &s
}

// valid returns a text as a file of JSON can have it.
func valid(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

// nameOf returns the name of a type that the schema has. Others are what comes nearest
// in it.
func nameOf(t etch.EventType) string {
	switch t {
	case etch.CommandExecution, etch.ToolCall:
		return "command_execution"
	case etch.FileAccess:
		return "file_access"
	case etch.ConfigurationChange:
		return "config_change"
	case etch.AuthSuccess:
		return "auth_success"
	case etch.AuthFailure:
		return "auth_failure"
	case etch.PolicyViolation:
		return "policy_violation"
	}
	return "security_event"
}

func (m *mapping) eventType() string {
	return valid(m.label(zeroclaw.LabelEventType, nameOf(m.ev.Type)))
}

func (m *mapping) actor() *zeroclaw.Actor {
	a := m.ev.Actor
	if a == nil || slices.Contains(m.nulls, "actor") {
		return nil
	}
	return &zeroclaw.Actor{
		Channel:  valid(a.Channel),
		UserID:   m.text("actor.user_id", a.UserID),
		Username: m.text("actor.username", a.Username),
	}
}

// alias returns the agent: of an imported record its alias, else its name.
func (m *mapping) alias() *string {
	switch a := m.ev.Actor; {
	case a == nil:
		return nil
	case m.imported():
		return m.text("agent_alias", a.AgentID)
	default:
		return m.text("agent_alias", a.Agent)
	}
}

func (m *mapping) action() *zeroclaw.Action {
	a := m.ev.Action
	if a == nil {
		return nil
	}
	command := a.Command
	if command == "" && !m.imported() {
		command = a.Tool // as DaemonClaw does
	}
	return &zeroclaw.Action{
		Command:   m.text("action.command", command),
		RiskLevel: m.text("action.risk_level", m.label(zeroclaw.LabelRisk, string(a.Risk))),
		Approved:  a.Approved, Allowed: a.Allowed,
	}
}

func (m *mapping) result() *zeroclaw.Result {
	r := m.ev.Result
	if r == nil {
		return nil
	}
	result := &zeroclaw.Result{Success: r.Type == etch.Success, DurationMS: m.duration(r), Error: m.errorText(r)}
	if code, ok := r.ExitCode.Get(); ok && code >= math.MinInt32 && code <= math.MaxInt32 {
		result.ExitCode = new(int32(code))
	}
	return result
}

func (m *mapping) duration(r *etch.Result) *uint64 {
	if slices.Contains(m.nulls, "result.duration_ms") {
		return nil
	}
	if n, err := strconv.ParseUint(m.labels[zeroclaw.LabelDuration], 10, 64); err == nil {
		return &n
	}
	return new(uint64(max(r.Duration.Milliseconds(), 0)))
}

// errorText returns what went wrong. An outcome that has no text of its own is
// named.
func (m *mapping) errorText(r *etch.Result) *string {
	text := m.label(zeroclaw.LabelError, r.Message+r.Reason)
	if text == "" && !m.imported() && (r.Type == etch.Timeout || r.Type == etch.Rollback) {
		text = string(r.Type)
	}
	return m.text("result.error", text)
}

func (m *mapping) security() zeroclaw.Security {
	s := m.ev.Security
	if s == nil {
		return zeroclaw.Security{}
	}
	security := zeroclaw.Security{
		PolicyViolation: s.PolicyViolation,
		SandboxBackend:  m.text("security.sandbox_backend", s.SandboxBackend),
	}
	if n, ok := s.RateLimitRemaining.Get(); ok && n <= math.MaxUint32 {
		security.RateLimitRemaining = new(uint32(n))
	}
	return security
}
