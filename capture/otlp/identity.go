package otlp

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/etch-audit/etch"
)

// How an item is known again.
//
// An exporter that got no answer sends its request again, the same bytes of each
// item, alone or among others. So an event's id is a digest of them, and of those of
// the resource and the scope that they are of. The ids of the span alone would do
// for spans, but are told to whoever the agent calls, who could send a span of that
// id first, with other content, and the agent's own would be taken for a second
// delivery of it. Items of the same bytes in one request are numbered: they are as
// many events, and the same ones when the request comes again.

// A digest is one of bytes that were sent.
type digest [sha256.Size]byte

// digestOf returns the digest of texts. No two lists of texts have the same.
func digestOf(texts ...[]byte) (d digest) {
	h := sha256.New()
	var length [8]byte
	for _, text := range texts {
		binary.BigEndian.PutUint64(length[:], uint64(len(text)))
		_, _ = h.Write(length[:]) // a hash never fails
		_, _ = h.Write(text)
	}
	h.Sum(d[:0])
	return d
}

// idLength is how many bytes of a digest an id has.
const idLength = 16

// known reports whether an event would be known again by what its item says: by when it
// was, or by which call or span. Items of which none is told, as logs may be, can be of
// the same bytes and as many events, in one request or in several: they have no id.
func known(e *etch.Event) bool {
	return !e.Timestamp.IsZero() || e.CallID != "" || e.Labels["span_id"] != "" || e.Labels["claimed_time"] != ""
}

// id returns the id of the event that an item is made into.
func (m *mapper) id(from *origin, raw []byte) string {
	d := digestOf([]byte(m.made.signal.items), from.digest[:], raw)
	m.seen[d]++
	if n := m.seen[d]; n > 1 {
		d = digestOf(d[:], binary.BigEndian.AppendUint64(nil, uint64(n)))
	}
	return "otlp_" + hex.EncodeToString(d[:idLength])
}
