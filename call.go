package etch

import (
	"bytes"
	"crypto/sha256"
)

// SameCall reports whether two records are of one call, an attempt and what came of
// it for instance: they have the same call id, and agree in whose it was, what
// was to be done, and who has sent them to the daemon.
func (r *Record) SameCall(other *Record) bool {
	x, y := row{eventValues{r}}, row{eventValues{other}}
	a, b := appendCall(nil, x), appendCall(nil, y)
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	return bytes.Equal(a, b) || r.Event.Phase == Completion && bytes.Equal(appendBefore(nil, a, x), b) ||
		other.Event.Phase == Completion && bytes.Equal(appendBefore(nil, b, y), a)
}

// A call is told by its id and by callMembers, which are what records of one call agree in, besides its id: whose it is,
// what was to be done, and how that was judged. A completion repeats them. Call ids
// are short, each session counts them anew, and an agent may choose them: one that
// says anything else is no completion of that attempt, and must not hide it. Nor may
// what another sender of the daemon says, or one where the attempt has none: the
// kernel's word tells them apart (see appendSender), all else is what they claim.
// Who approved it is left out, as that may come behind the attempt. So may a
// refusal: a completion that tells of one stands also for an attempt without
// (see milder), and never one without for an attempt that was refused. One with
// another input stands for the attempt whose input it tells besides (see asked).
//
// Their numbers are in indexes: where the format gets another member, the version
// of indexSpec changes.

// callID is the first thing that they agree in.
var callID = []memberID{memberCallID}

// How a call was judged: the last byte of what tells it apart.
const (
	callRefused   byte = 1 << iota // it has an action, and that was not allowed
	callViolation                  // it violated a policy
)

// appendBefore appends what tells the attempt apart that a completion ends, where
// it is told apart by something else than the completion's call; nothing where it
// is not.
func appendBefore(dst, call []byte, r row) []byte {
	if len(call) == 0 {
		return dst
	}
	if a := askedOf(r); a != nil {
		return a.appendCall(dst, r)
	}
	before := len(dst)
	if dst = append(dst, call...); !milder(dst[before:]) {
		dst = dst[:before]
	}
	return dst
}

// milder makes of what tells a call apart that of the same call before it was
// refused, and reports whether that is another one.
func milder(call []byte) bool {
	verdict := &call[len(call)-1]
	refused := *verdict != 0
	*verdict = 0
	return refused
}

// appendCall appends what is the same in all records of a call, and in those of
// no other; nothing where the row has no call id.
func appendCall(dst []byte, r row) []byte {
	before := len(dst)
	if dst = r.appendParts(dst, callID); len(dst) == before {
		return dst
	}
	dst = appendSender(r.appendParts(dst, callMembers), r)
	var verdict byte
	if r.has(memberAction) {
		dst = appendPart(dst, memberAction, nil)
		if !r.boolean(memberAllowed) {
			verdict |= callRefused
		}
	}
	if r.boolean(memberViolation) {
		verdict |= callViolation
	}
	return append(dst, verdict)
}

// appendSender appends who has sent the row to a daemon; nothing where nobody has.
func appendSender(dst []byte, r row) []byte {
	if !r.has(memberLabels) {
		return dst
	}
	for _, name := range [...]string{LabelSenderUID, LabelSenderToken} {
		r.texts(memberLabels, name, func(who string) bool {
			dst = appendPart(appendPart(dst, memberLabels, []byte(name)), memberLabels, []byte(who))
			return true
		})
	}
	return dst
}

// mostPart is how long a value may be to be a part of a call as it is. Longer ones
// are their hashes, as what was cut is known by that alone.
const mostPart = 1 << 10

// appendPart appends a value of a member to what tells calls apart: its number
// stands before it, and its length.
func appendPart(dst []byte, id memberID, value []byte) []byte {
	n := len(value)
	if n > mostPart {
		return appendSum(dst, id, sha256.Sum256(value))
	}
	return append(append(dst, byte(id), byte(n>>8), byte(n)), value...)
}

// appendSum is appendPart for a value whose hash is known. No length is like what
// stands before that.
func appendSum(dst []byte, id memberID, sum [sha256.Size]byte) []byte {
	return append(append(dst, byte(id), 0xff, 0xff), sum[:]...)
}
