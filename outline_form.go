package etch

// A memberID numbers the members of all objects of an event, in the order of
// the format.
type memberID uint8

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

// A form is how an object is written: which of formMembers it has.
type form struct {
	name        string // as a prefix of its members
	first, last memberID
}

// members are those of the object, in their order.
func (f *form) members() []formMember { return formMembers[f.first : f.last+1] }

type formMember struct {
	id    memberID
	path  string // "action.command"
	key   []byte // as it stands in a line: the name in quotation marks, and the colon
	start uint64 // its first eight bytes, little-endian, and which of them there are
	mask  uint64
	end   uint64 // its last eight bytes, where it has more
	// endMask is of which bytes of end there are: all of them or, of a short key,
	// none. endAt is where they begin.
	endMask uint64
	endAt   uint8
	kind    valueKind
	inner   uint8    // of an object: which of forms it is
	parent  memberID // the object that it is in; of a member of the line, itself
	place   uint8    // which of the object's members it is
	object  *object
}

// keyRoom is a length that no key has more than, which fewer than a line's last
// members have not behind them.
const keyRoom = 40

// at returns a pointer to the member's field. Its object must be there.
func (m *formMember) at(e *Event) any { return m.object.members[m.place].at(e) }
