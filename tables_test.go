package etch

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	flags "flag"
	"fmt"
	"go/format"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/filter"
)

var update = flags.Bool("update", false, "write the tables of members and fields anew")

// TestTables: the tables that are a part of the program are those of the schema.
func TestTables(t *testing.T) {
	want, err := format.Source(newTables().source())
	if err != nil {
		t.Fatal(err)
	}
	const name = "tables.go"
	if *update {
		if err := os.WriteFile(name, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not of the present schema (%v): write it anew: go test . -run TestTables -update", name, err)
	}
}

// tables are what a program would otherwise make out of the schema each time it starts.
type tables struct {
	forms   []form
	members []formMember
	fields  []tableField
}

// A tableField is what a query can ask for.
type tableField struct {
	name    string // of its constant
	field   filter.Field
	members []string // the paths of those that hold its values, if it is no more than them
}

// objectNames are those of the variables of schema.go.
var objectNames = [...]string{"eventObject", "actorObject", "actionObject", "resultObject", "securityObject", "egressObject"}

func newTables() *tables {
	t := &tables{}
	t.makeMembers()
	t.makeFields()
	return t
}

func (t *tables) makeMembers() {
	full := &Event{Actor: new(Actor), Action: new(Action), Result: new(Result), Security: new(Security), Egress: new(Egress)}
	for _, o := range objects {
		first := memberID(len(t.members))
		for place, m := range o.members {
			id := memberID(len(t.members))
			made := formMember{
				id: id, path: o.name + m.name, key: []byte(`"` + m.name + `":`), kind: kindOf(m.at(full)),
				parent: id, place: uint8(place), object: o,
			}
			made.words()
			t.members = append(t.members, made)
		}
		t.forms = append(t.forms, form{name: o.name, first: first, last: memberID(len(t.members) - 1)})
	}
	for i := range t.members {
		for n, f := range t.forms {
			if m := &t.members[i]; m.kind == kindObject && f.name == m.path+"." {
				m.inner = uint8(n)
				for id := f.first; id <= f.last; id++ {
					t.members[id].parent = m.id
				}
			}
		}
	}
}

// words fills in what begins compares.
func (m *formMember) words() {
	var first [8]byte
	n := copy(first[:], m.key)
	m.start, m.mask = binary.LittleEndian.Uint64(first[:]), 1<<(8*n)-1
	if n := len(m.key); n > 8 {
		m.end, m.endMask, m.endAt = binary.LittleEndian.Uint64(m.key[n-8:]), 1<<64-1, uint8(n-8)
	}
	if len(m.key) > keyRoom {
		panic("a member's key is longer than keyRoom: " + m.path)
	}
}

// kindOf returns the kind of the field that at points to.
func kindOf(at any) valueKind {
	if textAt(at) != nil {
		return kindText
	}
	switch at.(type) {
	case *bool, successMember:
		return kindFlag
	case *uint64, *Optional[uint64], *time.Duration:
		return kindNumber
	case *Optional[int64]:
		return kindSigned
	case *time.Time:
		return kindTime
	case *json.RawMessage:
		return kindJSON
	case *[]string:
		return kindTexts
	case *map[string]string:
		return kindTextMap
	}
	return kindObject
}

func (t *tables) makeFields() {
	of := func(f filter.Field, paths ...string) {
		t.fields = append(t.fields, tableField{constant("field", f.Name), f, paths})
	}
	of(filter.Field{Name: "seq", Kind: filter.Number})
	of(filter.Field{Name: "time", Also: []string{"timestamp"}, Kind: filter.Time})
	of(filter.Field{Name: "type", Also: []string{"event_type"}, Values: typeNames(), Plain: true}, "event_type")
	of(filter.Field{Name: "risk", Also: []string{"risk_level", "action.risk_level"}, Kind: filter.Level, Values: namesOf(risks), Plain: true}, "action.risk_level")
	of(filter.Field{Name: "user", Fold: handle, Plain: true}, "actor.username", "actor.user_id")
	of(filter.Field{Name: "agent", Plain: true}, "actor.agent", "actor.agent_id")
	of(filter.Field{Name: "text", Plain: true},
		"action.tool", "action.command", "action.arguments", "action.resource", "action.cwd", "action.risk_reasons",
		"result.reason", "result.message", "egress.url", "egress.block_reason")
	of(filter.Field{Name: "label", Also: []string{"labels"}, Keyed: true, Plain: true}, "labels")
	for _, name := range []string{"violation", "failed", "denied", "control"} {
		of(filter.Field{Name: name, Kind: filter.Flag})
	}
	for i := range t.members {
		if f, ok := memberField(&t.members[i]); ok {
			of(f, t.members[i].path)
		}
	}
}

// typeNames are those of events, and of the log's records about itself.
func typeNames() []string {
	return append(namesOf(eventTypes), controlTypes...)
}

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

// memberField returns the field of one member, and whether it has its own.
func memberField(m *formMember) (filter.Field, bool) {
	if covered(m.path) || m.kind == kindObject {
		return filter.Field{}, false
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
	return f, true
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

// source returns the tables as Go.
func (t *tables) source() []byte {
	var b bytes.Buffer
	b.WriteString("// Code generated by TestTables. DO NOT EDIT.\n\npackage etch\n\n" +
		"import (\n\"time\"\n\n\"github.com/etch-audit/etch/internal/filter\"\n)\n\n")
	t.writeMembers(&b)
	t.writeFields(&b)
	t.writeIndex(&b)
	return b.Bytes()
}

func (t *tables) writeMembers(b *bytes.Buffer) {
	fmt.Fprintf(b, "// memberCount is how many members there are.\nconst memberCount = %d\n\n// The members, by their paths.\nconst (\n", len(t.members))
	for i := range t.members {
		m := &t.members[i]
		if name := t.memberConstant(m.path); slices.Contains(named[:], name) {
			fmt.Fprintf(b, "%s memberID = %d // %s\n", name, m.id, m.path)
		}
	}
	b.WriteString(")\n\n// forms are those of the objects of the schema.\nvar forms = [...]form{\n")
	for _, f := range t.forms {
		fmt.Fprintf(b, "{%q, %d, %d},\n", f.name, f.first, f.last)
	}
	b.WriteString("}\n\n// formMembers are the members of all forms, by their ids.\nvar formMembers = [memberCount]formMember{\n")
	for i := range t.members {
		m := &t.members[i]
		fmt.Fprintf(b, "{%d, %q, []byte(%q), %#x, %#x, %#x, %#x, %d, %s, %d, %d, %d, &%s},\n", m.id, m.path, m.key, m.start, m.mask, m.end, m.endMask, m.endAt,
			kindConstants[m.kind], m.inner, m.parent, m.place, objectNames[slices.Index(objects[:], m.object)])
	}
	b.WriteString("}\n\n// callMembers are what records of one call agree in: see call.go.\nvar callMembers = []memberID{\n")
	for _, m := range t.callMembers() {
		fmt.Fprintf(b, "%d, // %s\n", m.id, m.path)
	}
	b.WriteString("}\n\n")
}

// named are the members that have a meaning beyond their value.
var named = [...]string{
	"memberTimestamp", "memberEventType", "memberPhase", "memberCallID", "memberAction", "memberResult", "memberLabels", "memberCommand", "memberArguments",
	"memberResource", "memberCwd", "memberRisk", "memberReasons", "memberAllowed", "memberSuccess", "memberOutcome", "memberViolation",
}

// memberConstant returns the name of a member's constant, if it has one.
func (t *tables) memberConstant(path string) string {
	switch path {
	case "action.risk_level":
		return "memberRisk"
	case "action.risk_reasons":
		return "memberReasons"
	case "result.type":
		return "memberOutcome"
	case "security.policy_violation":
		return "memberViolation"
	case "result.reason":
		return ""
	}
	return constant("member", path[strings.IndexByte(path, '.')+1:])
}

var kindConstants = [...]string{
	kindText: "kindText", kindFlag: "kindFlag", kindNumber: "kindNumber", kindSigned: "kindSigned", kindTime: "kindTime",
	kindJSON: "kindJSON", kindTexts: "kindTexts", kindTextMap: "kindTextMap", kindObject: "kindObject",
}

// constant returns the name of a constant: field and call_id make fieldCallID.
func constant(prefix, name string) string {
	var b strings.Builder
	b.WriteString(prefix)
	for word := range strings.SplitSeq(name, "_") {
		if word == "id" || word == "mcp" || word == "acp" || word == "url" || word == "sha256" {
			b.WriteString(strings.ToUpper(word))
			continue
		}
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

// callMembers are those that callMembers is said to be.
func (t *tables) callMembers() []*formMember {
	list := []*formMember{t.member("event_type"), t.member("session_id")}
	for i := range t.members {
		m := &t.members[i]
		if (m.object == &actorObject || m.object == &actionObject) && m.path != "action.approved" && m.path != "action.approved_by" && m.path != "action.allowed" {
			list = append(list, m)
		}
	}
	return list
}

// member returns the member of that path.
func (t *tables) member(path string) *formMember {
	for i := range t.members {
		if t.members[i].path == path {
			return &t.members[i]
		}
	}
	panic("no member " + path)
}

func (t *tables) writeFields(b *bytes.Buffer) {
	b.WriteString("// The fields, by their names.\nconst (\n")
	for id, f := range t.fields {
		fmt.Fprintf(b, "%s = %d\n", f.name, id)
	}
	b.WriteString(")\n\n// fields are all fields, by their numbers.\nvar fields = []filter.Field{\n")
	for _, f := range t.fields {
		writeField(b, &f.field)
	}
	b.WriteString("}\n\n// fieldMembers are the members that hold a field's values, if it is no more than them.\nvar fieldMembers = [...][]memberID{\n")
	for _, f := range t.fields {
		b.WriteString("{")
		for _, path := range f.members {
			fmt.Fprintf(b, "%d,", t.member(path).id)
		}
		fmt.Fprintf(b, "}, // %s\n", f.field.Name)
	}
	b.WriteString("}\n\n")
}

func writeField(b *bytes.Buffer, f *filter.Field) {
	fmt.Fprintf(b, "{Name: %q, Kind: %s", f.Name, [...]string{"filter.Text", "filter.Level", "filter.Number", "filter.Time", "filter.Flag"}[f.Kind])
	if f.Also != nil {
		fmt.Fprintf(b, ", Also: %#v", f.Also)
	}
	if f.Values != nil {
		fmt.Fprintf(b, ", Values: %#v", f.Values)
	}
	if f.Keyed {
		b.WriteString(", Keyed: true")
	}
	if f.Plain {
		b.WriteString(", Plain: true")
	}
	if f.Fold != nil {
		b.WriteString(", Fold: handle")
	}
	if f.Unit == time.Millisecond {
		b.WriteString(", Unit: time.Millisecond")
	}
	b.WriteString("},\n")
}

// writeIndex writes, of each column of an index, the members that decide what its
// fields say.
func (t *tables) writeIndex(b *bytes.Buffer) {
	b.WriteString("// indexForms are, of each column of indexSpec, the members that decide what its fields say.\nvar indexForms = [...]columnForm{\n")
	for _, c := range indexSpec.Columns {
		var ids []memberID
		for _, id := range c.Fields {
			ids = append(ids, deciding(id)...)
		}
		slices.Sort(ids)
		ids = slices.Compact(ids)
		if whole, ok := t.whole(ids); ok {
			fmt.Fprintf(b, "{whole: %d},\n", whole)
			continue
		}
		b.WriteString("{members: []memberID{")
		for _, id := range ids {
			fmt.Fprintf(b, "%d,", id)
		}
		b.WriteString("}},\n")
	}
	b.WriteString("}\n")
}

// whole returns the member whose value is all of some members, and nothing else: the
// only one, or the object that has them.
func (t *tables) whole(ids []memberID) (memberID, bool) {
	if len(ids) == 1 {
		return ids[0], true
	}
	for _, m := range t.members {
		if m.kind != kindObject {
			continue
		}
		f := t.forms[m.inner]
		if len(ids) == int(f.last-f.first)+1 && ids[0] == f.first && ids[len(ids)-1] == f.last {
			return m.id, true
		}
	}
	return 0, false
}
