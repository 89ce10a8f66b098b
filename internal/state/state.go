// Package state is the log's own checkpoint: how far the log is written and how
// far it is known to be on disk, in a file of two slots that are written in place.
//
// It serves three ends: opening a log of any size at the same cost, noticing
// that its tail was cut, and letting several writers sync at once. The file,
// slot i at offset i × 4096, numbers big-endian:
//
//	  0  8  magic "etchst\x00\x00"
//	  8  8  counter: the slot with the greater one is newer
//	 16  4  flags: bit 0, lines carry a MAC; bit 1, no event in the active segment yet;
//	        bit 2, lines are in flight: the written position stands behind the frontier;
//	        bit 3, as bit 1 at the written position; bit 4, lines are in the commit file
//	 20  4  segment: number of the active segment
//	 24  8  synced: bytes of the active segment known to be on disk
//	 32  8  size: records so far, the sequence number of the next
//	 40  8  sealed: size of the last seal's tree, the seal's own sequence number
//	 48  8  epoch: number of the current epoch
//	 56  8  epoch begun, Unix nanoseconds
//	 64  8  segment begun, Unix nanoseconds
//	 72  8  last seal made in its time, Unix nanoseconds
//	 80 32  root of the last seal
//	112 32  public key of the current epoch
//	144  2  length of the origin
//	146  2  number of frontier hashes
//	148  4  promise: the most records between two seals of the active segment
//	152  8  size at which the current epoch began
//	160  8  lineage: another number whenever lines in flight are given up
//	168  8  the lineage before, 0 where it is not known
//	176  8  size from which lines of the lineage before are void
//	184     origin, then the frontier's hashes, the largest subtree first
//	  …     where bit 2 is set, of the written position:
//	     8  bytes of the active segment
//	     8  size
//	     8  size of the last seal's tree
//	     8  segment begun, Unix nanoseconds
//	     8  last seal made in its time, Unix nanoseconds
//	    32  root of the last seal
//	     2  number of leading hashes that its frontier shares with the one above
//	     2  number of its other hashes
//	        those
//	  …     where bit 4 is set:
//	     8  number of the commit file's chain
//	     8  bytes of the commit file that the chain takes
//	     8  settled: bytes of the active segment that are on disk in the segment itself
//	  …  8  first bytes of the SHA-256 of all before: found torn without a key
//	  … 32  HMAC-SHA256 of all before: found forged with it
//
// A slot fits one page. Between two syncs one slot, the newer, is written again
// and again while the other stays as it was last synced, so that a crash can
// tear only the one being written. After a sync the roles change.
package state

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/etch-audit/etch/internal/merkle"
	"github.com/etch-audit/etch/internal/record"
)

const (
	magic    = "etchst\x00\x00"
	slotSize = 4096
	fixed    = 184
	written  = 76 // of the written position, but its hashes
	chained  = 24 // of the commit file
	hashSize = len(merkle.Hash{})
	sumSize  = 8
	macSize  = sha256.Size

	// maxOrigin leaves room in a slot for the longest frontier, and for that of
	// a written position as far ahead of it as writers ever are.
	maxOrigin = 256
)

const (
	flagSigned = 1 << iota
	flagFresh
	flagFlight
	flagWrittenFresh
	flagChain
)

// A Position is a place between two lines of the active segment, and what is
// known there.
type Position struct {
	Offset       int64 // bytes of the active segment before it
	Fresh        bool  // the active segment holds no event yet
	Sealed       uint64
	SealedRoot   merkle.Hash
	SegmentBegun time.Time
	SealMade     time.Time
	Frontier     merkle.Frontier
}

// Size returns the number of records so far.
func (p *Position) Size() uint64 { return p.Frontier.Size() }

// Unsealed returns the number of records that no seal covers, not counting
// the last seal itself.
func (p *Position) Unsealed() uint64 {
	if p.Sealed == 0 { // a log begins with log_opened: no seal has number 0
		return p.Size()
	}
	return p.Size() - p.Sealed - 1
}

// A State is a log's checkpoint of itself.
type State struct {
	Counter    uint64
	Signed     bool   // lines of the active segment carry a MAC
	Promise    uint32 // the most records between two seals of the active segment
	Segment    uint32
	Epoch      uint64
	EpochFrom  uint64 // size at which the epoch began
	EpochKey   [32]byte
	EpochBegun time.Time
	Origin     string

	Position          // the synced one: what lies before it is on disk and counts
	Written  Position // how far lines are written; lines between the two are in flight

	// Lineage is another number whenever lines in flight are given up, so that
	// whoever comes back from its sync sees whether its lines still stand.
	Lineage  uint64
	Previous uint64 // the lineage before, 0 where lines of it may stand or not
	VoidFrom uint64 // the size from which lines of Previous are void

	// Where Chain is not 0, the lines of the active segment from the offset
	// Settled on, up to the written position, are the entries of the chain of
	// that number, which takes the first ChainEnd bytes of the commit file: to be
	// on disk it is enough for them to be so there. Where it is 0, the synced
	// position is that of the segment itself.
	Chain    uint64
	ChainEnd int64
	Settled  int64
}

// BeginChain says that lines will go into the commit file, in a new chain. All
// that is written must be on disk in the segment.
func (s *State) BeginChain() { s.Chain, s.ChainEnd, s.Settled = newNumber(), 0, s.Offset }

// EndChain says that all lines before the synced position are on disk in their
// segments.
func (s *State) EndChain() { s.Chain, s.ChainEnd, s.Settled = 0, 0, 0 }

// InSegment returns how far the active segment is on disk itself.
func (s *State) InSegment() int64 {
	if s.Chain == 0 {
		return s.Offset
	}
	return s.Settled
}

// NewLineage returns a lineage that no state ever had.
func NewLineage() uint64 { return newNumber() }

// newNumber returns a random number that is not 0.
func newNumber() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:])                   // never fails
	return binary.BigEndian.Uint64(b[:]) | 1 // 0 means none
}

// InFlight reports whether lines are written that are not known to be on disk.
func (s *State) InFlight() bool { return s.Written.Size() > s.Size() }

// Tip returns the state as it will be once what is written is on disk.
func (s *State) Tip() State {
	t := *s
	t.Position = s.Written
	return t
}

// Settle says that all that is written is on disk.
func (s *State) Settle() { s.Written = s.Position }

// GiveUp says that the lines in flight, where there are any, are void.
func (s *State) GiveUp() {
	if s.InFlight() {
		s.Previous, s.VoidFrom, s.Lineage = s.Lineage, s.Size(), NewLineage()
	}
	s.Settle()
}

// Diverge says that of lines in flight some may stand and some not.
func (s *State) Diverge() { s.Previous, s.VoidFrom, s.Lineage = 0, 0, NewLineage() }

// Fits reports whether the state has room in a slot. One without lines in
// flight always has.
func (s *State) Fits() bool {
	n := fixed + len(s.Origin) + chained + sumSize + macSize
	var synced, tip [merkle.MaxFrontier]merkle.Hash
	a := s.Frontier.AppendHashes(synced[:0])
	n += len(a) * hashSize
	if s.InFlight() {
		b := s.Written.Frontier.AppendHashes(tip[:0])
		n += written + (len(b)-common(a, b))*hashSize
	}
	return n <= slotSize
}

// common returns how many leading hashes two frontiers share.
func common(a, b []merkle.Hash) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// appendSlot appends the slot's bytes.
func (s *State) appendSlot(dst []byte, mac *record.MAC) []byte {
	start := len(dst)
	be := binary.BigEndian
	var flags uint32
	if s.Signed {
		flags |= flagSigned
	}
	if s.Fresh {
		flags |= flagFresh
	}
	if s.InFlight() {
		flags |= flagFlight
	}
	if s.Written.Fresh {
		flags |= flagWrittenFresh
	}
	if s.Chain != 0 {
		flags |= flagChain
	}
	dst = append(dst, magic...)
	dst = be.AppendUint64(dst, s.Counter)
	dst = be.AppendUint32(dst, flags)
	dst = be.AppendUint32(dst, s.Segment)
	dst = be.AppendUint64(dst, uint64(s.Offset))
	dst = be.AppendUint64(dst, s.Frontier.Size())
	dst = be.AppendUint64(dst, s.Sealed)
	dst = be.AppendUint64(dst, s.Epoch)
	for _, t := range [...]time.Time{s.EpochBegun, s.SegmentBegun, s.SealMade} {
		dst = be.AppendUint64(dst, uint64(t.UnixNano()))
	}
	dst = append(dst, s.SealedRoot[:]...)
	dst = append(dst, s.EpochKey[:]...)
	var room [merkle.MaxFrontier]merkle.Hash
	hashes := s.Frontier.AppendHashes(room[:0])
	dst = be.AppendUint16(dst, uint16(len(s.Origin)))
	dst = be.AppendUint16(dst, uint16(len(hashes)))
	dst = be.AppendUint32(dst, s.Promise)
	dst = be.AppendUint64(dst, s.EpochFrom)
	dst = be.AppendUint64(dst, s.Lineage)
	dst = be.AppendUint64(dst, s.Previous)
	dst = be.AppendUint64(dst, s.VoidFrom)
	dst = append(dst, s.Origin...)
	for i := range hashes {
		dst = append(dst, hashes[i][:]...)
	}
	if s.InFlight() {
		dst = s.Written.appendWritten(dst, hashes)
	}
	if s.Chain != 0 {
		dst = be.AppendUint64(dst, s.Chain)
		dst = be.AppendUint64(dst, uint64(s.ChainEnd))
		dst = be.AppendUint64(dst, uint64(s.Settled))
	}
	sum := sha256.Sum256(dst[start:])
	dst = append(dst, sum[:sumSize]...)
	return append(dst, mac.Sum(dst[start:])...)
}

// appendWritten appends what a slot has of the written position; synced are the
// hashes of the synced one's frontier.
func (p *Position) appendWritten(dst []byte, synced []merkle.Hash) []byte {
	be := binary.BigEndian
	dst = be.AppendUint64(dst, uint64(p.Offset))
	dst = be.AppendUint64(dst, p.Size())
	dst = be.AppendUint64(dst, p.Sealed)
	dst = be.AppendUint64(dst, uint64(p.SegmentBegun.UnixNano()))
	dst = be.AppendUint64(dst, uint64(p.SealMade.UnixNano()))
	dst = append(dst, p.SealedRoot[:]...)
	var room [merkle.MaxFrontier]merkle.Hash
	hashes := p.Frontier.AppendHashes(room[:0])
	shared := common(synced, hashes)
	dst = be.AppendUint16(dst, uint16(shared))
	dst = be.AppendUint16(dst, uint16(len(hashes)-shared))
	for i := range hashes[shared:] {
		dst = append(dst, hashes[shared+i][:]...)
	}
	return dst
}

// Errors of a slot.
var (
	errEmpty = errors.New("slot is empty")
	// ErrUnusable is returned where no slot can be used.
	ErrUnusable = errors.New("state cannot be used")
	// ErrForged is returned for a slot whose MAC is not by the log's key.
	ErrForged = errors.New("state does not carry the log's MAC")
)

var errLengths = errors.New("slot has impossible lengths")

// parseSlot reads a slot into s, which is of no use after an error. Without a MAC it
// checks only that the slot is whole.
//
// A state is large, and so are the frames of functions that return one: those that
// read it share one, because a process that appends once pays for each page of its stack.
func (s *State) parseSlot(b []byte, mac *record.MAC) error {
	if len(b) < fixed || bytes.Equal(b[:len(magic)], make([]byte, len(magic))) {
		return errEmpty
	}
	if string(b[:len(magic)]) != magic {
		return errors.New("slot is not a log's state")
	}
	end, err := endOf(b)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(b[:end])
	if !bytes.Equal(sum[:sumSize], b[end:end+sumSize]) {
		return errors.New("slot is torn")
	}
	if end += sumSize; mac != nil && !hmac.Equal(mac.Sum(b[:end]), b[end:end+macSize]) {
		return ErrForged
	}
	if err := s.parse(b, end-sumSize); err != nil {
		return err
	}
	return s.check()
}

// endOf returns where the checksum of a slot stands.
func endOf(b []byte) (int, error) {
	be := binary.BigEndian
	origin, hashes := int(be.Uint16(b[144:])), int(be.Uint16(b[146:]))
	if origin > maxOrigin || hashes > merkle.MaxFrontier {
		return 0, errLengths
	}
	end := fixed + origin + hashes*hashSize
	if be.Uint32(b[16:])&flagFlight != 0 {
		if end += written; end > len(b) {
			return 0, errLengths
		}
		shared, others := int(be.Uint16(b[end-4:])), int(be.Uint16(b[end-2:]))
		if shared > hashes || shared+others > merkle.MaxFrontier {
			return 0, errLengths
		}
		end += others * hashSize
	}
	if be.Uint32(b[16:])&flagChain != 0 {
		end += chained
	}
	if end+sumSize+macSize > len(b) {
		return 0, errLengths
	}
	return end, nil
}

// parse reads a slot whose lengths were checked; end is where its checksum stands.
func (s *State) parse(b []byte, end int) (err error) {
	*s = State{}
	be := binary.BigEndian
	flags := be.Uint32(b[16:])
	s.Counter = be.Uint64(b[8:])
	s.Signed = flags&flagSigned != 0
	s.Fresh = flags&flagFresh != 0
	s.Promise = be.Uint32(b[148:])
	s.EpochFrom = be.Uint64(b[152:])
	s.Segment = be.Uint32(b[20:])
	s.Offset = int64(be.Uint64(b[24:]))
	s.Sealed = be.Uint64(b[40:])
	s.Epoch = be.Uint64(b[48:])
	s.EpochBegun = unixTime(be.Uint64(b[56:]))
	s.SegmentBegun = unixTime(be.Uint64(b[64:]))
	s.SealMade = unixTime(be.Uint64(b[72:]))
	copy(s.SealedRoot[:], b[80:])
	copy(s.EpochKey[:], b[112:])
	s.Lineage, s.Previous, s.VoidFrom = be.Uint64(b[160:]), be.Uint64(b[168:]), be.Uint64(b[176:])
	n := fixed + int(be.Uint16(b[144:]))
	s.Origin = string(b[fixed:n])
	var room [merkle.MaxFrontier]merkle.Hash
	hashes := parseHashes(room[:0], b[n:], int(be.Uint16(b[146:])))
	if s.Frontier, err = merkle.NewFrontier(be.Uint64(b[32:]), hashes); err != nil {
		return err
	}
	if flags&flagChain != 0 {
		c := b[end-chained:]
		s.Chain, s.ChainEnd, s.Settled = be.Uint64(c), int64(be.Uint64(c[8:])), int64(be.Uint64(c[16:]))
	}
	if flags&flagFlight == 0 {
		s.Settle()
		return nil
	}
	s.Written.Fresh = flags&flagWrittenFresh != 0
	return s.Written.parseWritten(b[n+len(hashes)*hashSize:], hashes)
}

// parseWritten reads what a slot has of the written position.
func (p *Position) parseWritten(b []byte, synced []merkle.Hash) (err error) {
	be := binary.BigEndian
	p.Offset = int64(be.Uint64(b))
	p.Sealed = be.Uint64(b[16:])
	p.SegmentBegun = unixTime(be.Uint64(b[24:]))
	p.SealMade = unixTime(be.Uint64(b[32:]))
	copy(p.SealedRoot[:], b[40:])
	var room [merkle.MaxFrontier]merkle.Hash
	hashes := append(room[:0], synced[:be.Uint16(b[72:])]...)
	hashes = parseHashes(hashes, b[written:], int(be.Uint16(b[74:])))
	p.Frontier, err = merkle.NewFrontier(be.Uint64(b[8:]), hashes)
	return err
}

// parseHashes appends n hashes.
func parseHashes(dst []merkle.Hash, b []byte, n int) []merkle.Hash {
	for i := range n {
		dst = append(dst, merkle.Hash(b[i*hashSize:]))
	}
	return dst
}

func (s *State) check() error {
	w := &s.Written
	ahead := w.Size() > s.Size() && w.Offset > s.Offset
	if s.Settled < 0 || s.Settled > s.Offset || s.ChainEnd < 0 {
		return fmt.Errorf("state contradicts itself: %d bytes, %d of them settled, %d of the commit file", s.Offset, s.Settled, s.ChainEnd)
	}
	if s.Offset < 0 || s.Segment == 0 || s.Sealed > s.Size() ||
		w.Sealed > w.Size() || !ahead && (w.Size() != s.Size() || w.Offset != s.Offset) {
		return fmt.Errorf("state contradicts itself: segment %d, %d bytes, sealed %d of %d; written %d bytes, sealed %d of %d",
			s.Segment, s.Offset, s.Sealed, s.Size(), w.Offset, w.Sealed, w.Size())
	}
	return nil
}

func unixTime(ns uint64) time.Time { return time.Unix(0, int64(ns)).UTC() }
