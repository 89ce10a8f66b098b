package logtest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
)

// slotSize is the size of a slot of the state.
const slotSize = 4096

// State returns a state file that remembers the log as it is now, in its first
// slot.
func (l *Log) State() []byte {
	be := binary.BigEndian
	var flags uint32
	if !l.opt.Unsigned {
		flags = 1
	}
	b := []byte("etchst\x00\x00")
	b = be.AppendUint64(b, l.Size()+1) // the counter: more with every commit
	b = be.AppendUint32(b, flags)
	b = be.AppendUint32(b, l.segment)
	b = be.AppendUint64(b, uint64(l.Offset()))
	b = be.AppendUint64(b, l.Size())
	b = be.AppendUint64(b, l.sealed)
	b = be.AppendUint64(b, l.epoch)
	for range 3 {
		b = be.AppendUint64(b, uint64(l.clock.UnixNano()))
	}
	b = append(b, l.root[:]...)
	b = append(b, l.opt.Keys.Epoch(l.epoch).Public().(ed25519.PublicKey)...)
	origin, hashes := l.opt.Keys.Origin(), l.tree.perfect()
	b = be.AppendUint16(b, uint16(len(origin)))
	b = be.AppendUint16(b, uint16(len(hashes)))
	b = be.AppendUint32(b, l.opt.SealRecords)
	b = be.AppendUint64(b, l.epochFrom)
	for _, lineage := range []uint64{1, 0, 0} { // this one, the one before, from where that one is void
		b = be.AppendUint64(b, lineage)
	}
	b = append(b, origin...)
	for _, h := range hashes {
		b = append(b, h[:]...)
	}
	sum := sha256.Sum256(b)
	b = append(b, sum[:8]...)
	b = append(b, l.opt.Keys.mac("state", b)...)
	return append(b, make([]byte, slotSize-len(b))...)
}
