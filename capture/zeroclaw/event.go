package zeroclaw

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/source"
	"github.com/etch-audit/etch/internal/zeroclaw"
)

// eventType returns one of upstream's types that etch has, too. Others are security
// events, and keep their name in a label.
func eventType(name string) (t etch.EventType, known bool) {
	switch name {
	case "command_execution":
		return etch.CommandExecution, true
	case "file_access":
		return etch.FileAccess, true
	case "config_change", "configuration_change": // the latter of the first proposal
		return etch.ConfigurationChange, true
	case "auth_success":
		return etch.AuthSuccess, true
	case "auth_failure":
		return etch.AuthFailure, true
	case "policy_violation":
		return etch.PolicyViolation, true
	case "security_event":
		return etch.SecurityEvent, true
	}
	return "", false
}

// newEvent returns a record's event. What an event has no member for stands in its
// labels, so that export/zeroclaw can write the record back.
func newEvent(r *zeroclaw.Record, program string) *etch.Event {
	m := mapping{rec: r, labels: make(map[string]string), program: program}
	ev := &etch.Event{
		Timestamp: r.Time, ID: m.eventID(), Type: m.eventType(),
		Actor: m.actor(), Action: m.action(), Result: m.result(), Security: m.security(),
		Labels: m.labels,
	}
	keepTime(ev, r.Timestamp)
	m.chain()
	m.list(zeroclaw.LabelNull, m.nulls)
	m.list(zeroclaw.LabelBlank, m.blanks)
	return ev
}

// keepTime keeps a time that the event's own does not give back: the zero time, too,
// which an event cannot have.
func keepTime(ev *etch.Event, text string) {
	if ev.Timestamp.IsZero() || zeroclaw.FormatTime(ev.Timestamp.Truncate(time.Microsecond)) != text {
		ev.Labels[zeroclaw.LabelTimestamp] = text
	}
}

// keepLine keeps a line whose bytes its members do not give back: written by
// another program, with members that are not known, with white space.
func keepLine(ev *etch.Event, r *zeroclaw.Record, text []byte) {
	if !bytes.Equal(r.AppendLine(nil), text) {
		ev.Labels[source.LabelText] = source.Head(string(text), source.MaxText)
	}
}

// A mapping makes the event of one record.
type mapping struct {
	rec           *zeroclaw.Record
	program       string
	labels        map[string]string
	nulls, blanks []string
}

func (m *mapping) list(label string, names []string) {
	if len(names) > 0 {
		m.labels[label] = strings.Join(names, ",")
	}
}

// text returns a text that may be null. An event does not tell the empty text from
// none.
func (m *mapping) text(path string, s *string) string {
	if s == nil {
		return ""
	}
	if *s == "" {
		m.blanks = append(m.blanks, path)
	}
	return *s
}

// maxEventID is the longest id that becomes the event's own.
const maxEventID = 64

// eventID returns upstream's id where it can be the event's own: a word that is
// none of etch's ids, so that nothing brought in can be taken for a record that
// etch made.
func (m *mapping) eventID() string {
	id := m.rec.EventID
	own := len(id) == len("evt_")+26 && strings.HasPrefix(id, "evt_")
	if id != "" && len(id) <= maxEventID && !own && !strings.ContainsFunc(id, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return id
	}
	m.labels[zeroclaw.LabelEventID] = id
	return ""
}

func (m *mapping) eventType() etch.EventType {
	t, known := eventType(snakeCase(m.rec.EventType))
	if !known {
		t = etch.SecurityEvent
	}
	if string(t) != m.rec.EventType && (t != etch.ConfigurationChange || m.rec.EventType != "config_change") {
		m.labels[zeroclaw.LabelEventType] = m.rec.EventType
	}
	return t
}

func (m *mapping) actor() *etch.Actor {
	a := &etch.Actor{Agent: m.program}
	a.AgentID = m.text("agent_alias", m.rec.AgentAlias)
	from := m.rec.Actor
	if from == nil {
		m.nulls = append(m.nulls, "actor")
		return a
	}
	a.Channel = from.Channel
	a.UserID = m.text("actor.user_id", from.UserID)
	a.Username = m.text("actor.username", from.Username)
	return a
}

func (m *mapping) action() *etch.Action {
	from := m.rec.Action
	if from == nil {
		return nil
	}
	a := &etch.Action{Approved: from.Approved, Allowed: from.Allowed}
	a.Command = m.text("action.command", from.Command)
	switch risk := m.text("action.risk_level", from.RiskLevel); etch.Risk(risk) {
	case etch.RiskLow, etch.RiskMedium, etch.RiskHigh, etch.RiskCritical:
		a.Risk = etch.Risk(risk)
	default: // the empty one, too: the log may find one
		if from.RiskLevel == nil {
			m.nulls = append(m.nulls, "action.risk_level")
			break
		}
		m.labels[zeroclaw.LabelRisk] = risk
	}
	if m.program == zeroclaw.ProgramDaemonClaw && m.rec.EventType == "command_execution" {
		a.Tool = a.Command // DaemonClaw writes the tool's name, not the command
	}
	return a
}

// maxMillis is the longest time that a duration can be.
const maxMillis = uint64(math.MaxInt64 / int64(time.Millisecond))

func (m *mapping) result() *etch.Result {
	from := m.rec.Result
	if from == nil {
		return nil
	}
	r := &etch.Result{}
	if from.ExitCode != nil {
		r.ExitCode = etch.Some(int64(*from.ExitCode))
	}
	switch {
	case from.DurationMS == nil:
		m.nulls = append(m.nulls, "result.duration_ms")
	case *from.DurationMS > maxMillis:
		m.labels[zeroclaw.LabelDuration] = strconv.FormatUint(*from.DurationMS, 10)
		r.Duration = math.MaxInt64
	default:
		r.Duration = time.Duration(*from.DurationMS) * time.Millisecond
	}
	text := m.text("result.error", from.Error)
	switch {
	case from.Success:
		r.Type = etch.Success
		if text != "" {
			m.labels[zeroclaw.LabelError] = text
		}
	case m.rec.Action != nil && !m.rec.Action.Allowed:
		r.Type, r.Reason = etch.Blocked, text
	default:
		r.Type, r.Message = etch.Error, text
	}
	return r
}

func (m *mapping) security() *etch.Security {
	from := m.rec.Security
	s := &etch.Security{PolicyViolation: from.PolicyViolation}
	if from.RateLimitRemaining != nil {
		s.RateLimitRemaining = etch.Some(uint64(*from.RateLimitRemaining))
	}
	s.SandboxBackend = m.text("security.sandbox_backend", from.SandboxBackend)
	return s
}

// chain keeps the members of the chain. They prove nothing of the event in etch's
// log; they are for who has the source's other records beside it.
func (m *mapping) chain() {
	if m.rec.Chained() {
		m.labels[zeroclaw.LabelSequence] = strconv.FormatUint(m.rec.Sequence, 10)
		m.labels[zeroclaw.LabelPrevHash] = source.Head(m.rec.PrevHash, maxHash)
		m.labels[zeroclaw.LabelEntryHash] = source.Head(m.rec.EntryHash, maxHash)
	}
	if m.rec.Signature != nil {
		m.labels[zeroclaw.LabelSignature] = source.Head(*m.rec.Signature, maxHash)
	}
}

// maxHash is the longest text that is kept of what should be 64 digits.
const maxHash = 128
