package etch

import (
	"encoding/json"
	"time"
)

// A memberID numbers the members of all objects of an event, in the order of
// the format.
type memberID uint8

// memberCount is how many members there are; a test holds it to the schema.
const memberCount = 68

// longestMember is about how long a member's name is at most.
const longestMember = 20

// A valueKind is how a member's value looks in JSON.
type valueKind uint8

const (
	kindText valueKind = iota
	kindFlag
	kindNumber // whole, not below 0
	kindSigned // whole
	kindTime
	kindJSON
	kindTexts
	kindTextMap
	kindObject
)

// A form is how an object is written.
type form struct {
	name    string
	members []formMember
}

type formMember struct {
	id     memberID
	path   string // "action.command"
	key    []byte // as it stands in a line: the name in quotation marks, and the colon
	start  uint64 // its first eight bytes, little-endian, and which of them there are
	mask   uint64
	end    uint64 // its last eight bytes, where it has more
	kind   valueKind
	inner  *form    // of an object
	parent memberID // the object that it is in; of a member of the line, itself
	at     func(*Event) any
	has    func(*Event) bool // whether the object is there
}

// forms are those of the objects of the schema.
var forms = makeForms()

// formMembers are the members of all forms, by their ids.
var formMembers = membersOf(forms)

// The members that have a meaning beyond their value.
var (
	memberTimestamp = memberOf("timestamp")
	memberEventType = memberOf("event_type")
	memberPhase     = memberOf("phase")
	memberCallID    = memberOf("call_id")
	memberAction    = memberOf("action")
	memberResult    = memberOf("result")
	memberLabels    = memberOf("labels")
	memberCommand   = memberOf("action.command")
	memberArguments = memberOf("action.arguments")
	memberResource  = memberOf("action.resource")
	memberCwd       = memberOf("action.cwd")
	memberRisk      = memberOf("action.risk_level")
	memberReasons   = memberOf("action.risk_reasons")
	memberAllowed   = memberOf("action.allowed")
	memberSuccess   = memberOf("result.success")
	memberOutcome   = memberOf("result.type")
	memberViolation = memberOf("security.policy_violation")
)

func makeForms() []form {
	forms := make([]form, len(objects))
	id, full := memberID(0), sample()
	keys := make([]byte, 0, memberCount*(longestMember+len(`"":`))) // of all, as every process makes them
	members := make([]formMember, 0, memberCount)
	for i, o := range objects {
		first := len(members)
		for _, m := range o.members {
			from := len(keys)
			keys = append(append(append(keys, '"'), m.name...), '"', ':')
			members = append(members, formMember{
				id: id, path: o.name + m.name, key: keys[from:len(keys):len(keys)], kind: kindOf(m.at(full)),
				parent: id, at: m.at, has: o.has,
			})
			members[len(members)-1].words()
			id++
		}
		forms[i] = form{name: o.name, members: members[first:len(members):len(members)]}
	}
	for i := range forms[0].members {
		m := &forms[0].members[i]
		for j := range forms {
			if m.kind == kindObject && forms[j].name == m.path+"." {
				m.inner = &forms[j]
				m.inner.belongsTo(m.id)
			}
		}
	}
	return forms
}

// belongsTo says which member the object is the value of.
func (f *form) belongsTo(id memberID) {
	for i := range f.members {
		f.members[i].parent = id
	}
}

// sample returns an event that has every object.
func sample() *Event {
	return &Event{Actor: new(Actor), Action: new(Action), Result: new(Result), Security: new(Security), Egress: new(Egress)}
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

func membersOf(forms []form) []*formMember {
	all := make([]*formMember, 0, memberCount)
	for _, f := range forms {
		for i := range f.members {
			all = append(all, &f.members[i])
		}
	}
	return all
}

// memberOf returns the id of the member of that path.
func memberOf(path string) memberID {
	for _, m := range formMembers {
		if m.path == path {
			return m.id
		}
	}
	panic("etch: no member " + path)
}
