package zeroclaw

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Parse reads a line, without its line feed, as strictly as ZeroClaw's own
// reader: what must be there is, every known member is of its type and stands
// once, nothing follows the object. Members that are not known, at any level, are
// passed over and named in Uncovered. Two things are read that ZeroClaw refuses:
// texts that are not UTF-8, which come out as the bytes that they are, and any
// event_type.
//
// The record keeps no part of line.
func Parse(line []byte) (*Record, error) {
	p := parser{cursor: cursor{data: line}, rec: new(Record)}
	if err := p.object(topMembers, ""); err != nil {
		return nil, err
	}
	if p.space(); p.pos < len(p.data) {
		return nil, p.fail("unexpected text after the object")
	}
	if err := p.finish(); err != nil {
		return nil, err
	}
	return p.rec, nil
}

// A parser reads one line into rec.
type parser struct {
	cursor
	rec *Record
}

// A field is one member that is known: need says that it must be there, read
// that it is not null.
type field struct {
	name string
	need bool
	read func(p *parser) error
}

var topMembers = []field{
	{"timestamp", true, func(p *parser) error { return p.time() }},
	{"event_id", true, func(p *parser) error { return p.text(&p.rec.EventID) }},
	{"event_type", true, func(p *parser) error { return p.text(&p.rec.EventType) }},
	{"actor", false, func(p *parser) error { p.rec.Actor = new(Actor); return p.object(actorMembers, "actor.") }},
	{"action", false, func(p *parser) error { p.rec.Action = new(Action); return p.object(actionMembers, "action.") }},
	{"result", false, func(p *parser) error { p.rec.Result = new(Result); return p.object(resultMembers, "result.") }},
	{"security", true, func(p *parser) error { return p.object(securityMembers, "security.") }},
	{"agent_alias", false, func(p *parser) error { return p.nullable(&p.rec.AgentAlias) }},
	{"sequence", false, func(p *parser) (err error) { p.rec.Sequence, err = p.unsigned(64); return err }},
	{"prev_hash", false, func(p *parser) error { return p.text(&p.rec.PrevHash) }},
	{"entry_hash", false, func(p *parser) error { return p.text(&p.rec.EntryHash) }},
	{"signature", false, func(p *parser) error { return p.nullable(&p.rec.Signature) }},
}

var actorMembers = []field{
	{"channel", true, func(p *parser) error { return p.text(&p.rec.Actor.Channel) }},
	{"user_id", false, func(p *parser) error { return p.nullable(&p.rec.Actor.UserID) }},
	{"username", false, func(p *parser) error { return p.nullable(&p.rec.Actor.Username) }},
}

var actionMembers = []field{
	{"command", false, func(p *parser) error { return p.nullable(&p.rec.Action.Command) }},
	{"risk_level", false, func(p *parser) error { return p.nullable(&p.rec.Action.RiskLevel) }},
	{"approved", true, func(p *parser) error { return p.boolean(&p.rec.Action.Approved) }},
	{"allowed", true, func(p *parser) error { return p.boolean(&p.rec.Action.Allowed) }},
}

var resultMembers = []field{
	{"success", true, func(p *parser) error { return p.boolean(&p.rec.Result.Success) }},
	{"exit_code", false, func(p *parser) error { return p.exitCode() }},
	{"duration_ms", false, func(p *parser) error {
		ms, err := p.unsigned(64)
		p.rec.Result.DurationMS = &ms
		return err
	}},
	{"error", false, func(p *parser) error { return p.nullable(&p.rec.Result.Error) }},
}

var securityMembers = []field{
	{"policy_violation", true, func(p *parser) error { return p.boolean(&p.rec.Security.PolicyViolation) }},
	{"rate_limit_remaining", false, func(p *parser) error {
		n, err := p.unsigned(32)
		p.rec.Security.RateLimitRemaining = new(uint32(n))
		return err
	}},
	{"sandbox_backend", false, func(p *parser) error { return p.nullable(&p.rec.Security.SandboxBackend) }},
}

// notNullable are members that may be absent, which is their zero, but not null.
var notNullable = []string{"sequence", "prev_hash", "entry_hash"}

// object reads an object of known members.
func (p *parser) object(fields []field, path string) error {
	if err := p.open('{'); err != nil {
		return err
	}
	var seen uint16
	next := 0 // where a writer of the schema would go on
	for first := true; ; first = false {
		start := p.pos
		name, ok, err := p.member(first)
		if err != nil {
			return err
		}
		if !ok {
			return missing(fields, seen, path)
		}
		i := find(fields, name, next)
		if i < 0 {
			p.uncovered(path + name)
			if err := p.skip(); err != nil {
				return err
			}
			continue
		}
		next = i + 1
		if seen&(1<<i) != 0 {
			p.pos = start
			return p.fail("duplicate member " + path + name)
		}
		seen |= 1 << i
		if err := p.field(&fields[i], path); err != nil {
			return err
		}
	}
}

func (p *parser) field(f *field, path string) error {
	if p.space() == 'n' && !f.need && !slices.Contains(notNullable, f.name) {
		return p.literal("null")
	}
	if err := f.read(p); err != nil {
		return fmt.Errorf("%s%s: %w", path, f.name, err)
	}
	return nil
}

func find(fields []field, name string, next int) int {
	if next < len(fields) && fields[next].name == name {
		return next
	}
	return slices.IndexFunc(fields, func(f field) bool { return f.name == name })
}

func missing(fields []field, seen uint16, path string) error {
	for i, f := range fields {
		if f.need && seen&(1<<i) == 0 {
			return fmt.Errorf("member %s%s is missing", path, f.name)
		}
	}
	return nil
}

// maxUncovered is how many names of unknown members are kept of one line.
const maxUncovered = 16

func (p *parser) uncovered(path string) {
	path = strings.ToValidUTF8(path, "\ufffd")
	if len(path) > 64 {
		path = strings.ToValidUTF8(path[:64], "") + "…"
	}
	if len(p.rec.Uncovered) < maxUncovered && !slices.Contains(p.rec.Uncovered, path) {
		p.rec.Uncovered = append(p.rec.Uncovered, path)
	}
}

// finish does what only the whole line shows.
func (p *parser) finish() error {
	t, err := ParseTime(p.rec.Timestamp)
	if err != nil {
		return fmt.Errorf("timestamp: %w", err)
	}
	p.rec.Time = t
	return nil
}

func (p *parser) time() error { return p.text(&p.rec.Timestamp) }

func (p *parser) text(into *string) (err error) {
	*into, err = p.str()
	return err
}

func (p *parser) nullable(into **string) error {
	s, err := p.str()
	*into = &s
	return err
}

func (p *parser) boolean(into *bool) error {
	switch p.space() {
	case 't':
		*into = true
		return p.literal("true")
	case 'f':
		*into = false
		return p.literal("false")
	}
	return p.fail("expected true or false")
}

func (p *parser) unsigned(bits int) (uint64, error) {
	text, err := p.number()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(text, 10, bits)
	if err != nil {
		return 0, p.fail("expected a whole number of " + strconv.Itoa(bits) + " bits, not " + clip(text))
	}
	return n, nil
}

func (p *parser) exitCode() error {
	text, err := p.number()
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || text == "-0" { // which is a float to ZeroClaw's reader
		return p.fail("expected a whole number of 32 bits, not " + clip(text))
	}
	p.rec.Result.ExitCode = new(int32(n))
	return nil
}

func clip(s string) string {
	if len(s) > 24 {
		return s[:24] + "…"
	}
	return s
}
