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

// fieldOf returns the number of the field of that name, which is its first.
func fieldOf(name string) int {
	for id := range fields {
		if fields[id].Name == name {
			return id
		}
	}
	panic("etch: no field " + name)
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

// otherName returns the name of a field whose member's own says too little or too
// much; "" for the others.
func otherName(path string) string {
	switch path {
	case "event_id", "call_id", "session_id", "turn_id", "trace_id":
		name := strings.TrimSuffix(path, "_id")
		if name == "event" {
			return "id"
		}
		return name
	case "actor.caller_id":
		return "caller"
	case "action.risk_reasons":
		return "risk_reason"
	case "action.mcp_server_id":
		return "mcp_server"
	case "result.type":
		return "result"
	case "security.sandbox_backend":
		return "sandbox"
	case "egress.host":
		return "egress_host"
	}
	return ""
}

// clashes reports whether a member's own name would clash: the field is not also known
// by it.
func clashes(path string) bool { return path == "result.type" || path == "egress.host" }

// covered reports whether one of the fields above stands for a member.
func covered(path string) bool {
	switch path {
	case "timestamp", "event_type", "action.risk_level", "labels", "actor.agent":
		return true
	}
	return false
}

// memberField returns the field of one member.
func memberField(m *formMember) (field, bool) {
	if covered(m.path) || m.kind == kindObject {
		return field{}, false
	}
	base := m.path[strings.IndexByte(m.path, '.')+1:]
	f := filter.Field{Name: base, Kind: filterKinds[m.kind], Values: listed(m.path)}
	f.Plain = f.Kind == filter.Text
	if m.path == "result.duration_ms" {
		f.Name, f.Also, f.Unit = "duration", []string{base}, time.Millisecond
	}
	if other := otherName(m.path); other != "" {
		f.Name = other
		if !clashes(m.path) {
			f.Also = append(f.Also, base)
		}
		if other == "result" {
			f.Also = append(f.Also, "outcome") // as people call it
		}
	}
	if m.path != base {
		f.Also = append(f.Also, m.path)
	}
	return field{Field: f, members: []memberID{m.id}}, true
}

// listed returns the values of a member whose names the format lists.
func listed(path string) []string {
	switch path {
	case "phase":
		return namesOf(phases)
	case "result.type":
		return namesOf(outcomes)
	case "action.claim_source":
		return namesOf(claimSources)
	}
	return nil
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
