package etch

import (
	"slices"
	"strings"
	"time"

	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/filter"
)

// A field is what a query can ask for: a member, several of them, or what
// follows from some.
type field struct {
	filter.Field
	members []memberID // those that hold its values, if it is no more than them
}

// The fields that are not just a member, and those that the flags name. The
// others have their numbers behind these.
const (
	fieldSeq = iota
	fieldTime
	fieldType
	fieldRisk
	fieldUser
	fieldAgent
	fieldText
	fieldLabel
	fieldViolation
	fieldFailed
	fieldDenied
	fieldControl
	derivedFields
)

// fields are all fields, by their numbers.
var fields = makeFields()

// schema is what an expression can ask for.
var schema = schemaOf(fields)

func makeFields() []field {
	fields := []field{
		fieldSeq:   {Field: filter.Field{Name: "seq", Kind: filter.Number}},
		fieldTime:  {Field: filter.Field{Name: "time", Also: []string{"timestamp"}, Kind: filter.Time}},
		fieldType:  of(filter.Field{Name: "type", Also: []string{"event_type"}, Values: typeNames(), Plain: true}, "event_type"),
		fieldRisk:  of(filter.Field{Name: "risk", Also: []string{"risk_level", "action.risk_level"}, Kind: filter.Level, Values: namesOf(risks), Plain: true}, "action.risk_level"),
		fieldUser:  of(filter.Field{Name: "user", Fold: handle, Plain: true}, "actor.username", "actor.user_id"),
		fieldAgent: of(filter.Field{Name: "agent", Plain: true}, "actor.agent", "actor.agent_id"),
		fieldText: of(filter.Field{Name: "text", Plain: true},
			"action.tool", "action.command", "action.arguments", "action.resource", "action.cwd", "action.risk_reasons",
			"result.reason", "result.message", "egress.url", "egress.block_reason"),
		fieldLabel:     of(filter.Field{Name: "label", Also: []string{"labels"}, Keyed: true, Plain: true}, "labels"),
		fieldViolation: {Field: filter.Field{Name: "violation", Kind: filter.Flag}},
		fieldFailed:    {Field: filter.Field{Name: "failed", Kind: filter.Flag}},
		fieldDenied:    {Field: filter.Field{Name: "denied", Kind: filter.Flag}},
		fieldControl:   {Field: filter.Field{Name: "control", Kind: filter.Flag}},
	}
	fields = slices.Grow(fields, memberCount)
	for _, m := range formMembers {
		if f, ok := memberField(m); ok {
			fields = append(fields, f)
		}
	}
	return fields
}

// fieldOf returns the number of the field of that name.
func fieldOf(name string) int {
	id, ok := schema.ID(name)
	if !ok {
		panic("etch: no field " + name)
	}
	return id
}

// of makes the field whose values are those of the members.
func of(f filter.Field, paths ...string) field {
	made := field{Field: f}
	for _, path := range paths {
		made.members = append(made.members, memberOf(path))
	}
	return made
}

// handle takes away what a handle has before its name.
func handle(name string) string { return strings.TrimPrefix(name, "@") }

// otherNames are the names of fields whose member's own name says too little or
// too much. Those that would clash are not also known by it.
var otherNames = map[string]string{
	"event_id": "id", "call_id": "call", "session_id": "session", "turn_id": "turn", "trace_id": "trace",
	"actor.caller_id": "caller", "action.risk_reasons": "risk_reason", "action.mcp_server_id": "mcp_server",
	"result.type": "result", "security.sandbox_backend": "sandbox", "egress.host": "egress_host",
}

var clashing = map[string]bool{"result.type": true, "egress.host": true}

// covered are the members that the fields above stand for.
var covered = map[string]bool{"timestamp": true, "event_type": true, "action.risk_level": true, "labels": true, "actor.agent": true}

// memberField returns the field of one member.
func memberField(m *formMember) (field, bool) {
	if covered[m.path] || m.kind == kindObject {
		return field{}, false
	}
	base := m.path[strings.IndexByte(m.path, '.')+1:]
	f := filter.Field{Name: base, Kind: filterKinds[m.kind], Values: listed[m.path]}
	f.Plain = f.Kind == filter.Text
	if m.path == "result.duration_ms" {
		f.Name, f.Also, f.Unit = "duration", []string{base}, time.Millisecond
	}
	if other, ok := otherNames[m.path]; ok {
		f.Name = other
		if !clashing[m.path] {
			f.Also = append(f.Also, base)
		}
	}
	if m.path != base {
		f.Also = append(f.Also, m.path)
	}
	return field{Field: f, members: []memberID{m.id}}, true
}

// listed are the values of members whose names the format lists.
var listed = map[string][]string{
	"phase": namesOf(phases), "result.type": namesOf(outcomes), "action.claim_source": namesOf(claimSources),
}

var filterKinds = [...]filter.Kind{
	kindText: filter.Text, kindFlag: filter.Flag, kindNumber: filter.Number, kindSigned: filter.Number, kindTime: filter.Time,
	kindJSON: filter.Text, kindTexts: filter.Text, kindTextMap: filter.Text,
}

func namesOf[T ~string](known []T) []string {
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = string(k)
	}
	return names
}

// controlTypes are the types of the log's records about itself.
var controlTypes = []string{control.Opened, control.Sealed, control.Epoch, control.EpochBroken, control.Recovered, control.Gap, control.Indexed}

func typeNames() []string { return append(namesOf(eventTypes), controlTypes...) }

func schemaOf(fields []field) *filter.Schema {
	list := make([]filter.Field, len(fields))
	for i, f := range fields {
		list[i] = f.Field
	}
	return filter.NewSchema(list...)
}
