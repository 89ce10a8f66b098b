// Package state is the log's own checkpoint: where the log ends and what is
// known to be on disk, in a file of two slots that are written in place.
//
// It serves two ends: opening a log of any size at the same cost, and noticing
// that its tail was cut. The file, slot i at offset i × 4096, numbers big-endian:
//
//	  0  8  magic "etchst\x00\x00"
//	  8  8  counter: the slot with the greater one is newer
//	 16  4  flags: bit 0, lines carry a MAC; bit 1, no event in the active segment yet
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
//	160     origin, then the frontier's hashes, the largest subtree first
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
	fixed    = 160
	sumSize  = 8
	macSize  = sha256.Size

	// maxOrigin leaves room in a slot for the longest frontier.
	maxOrigin = 1024
)

const (
	flagSigned = 1 << iota
	flagFresh
)

// A State is a log's checkpoint of itself.
type State struct {
	Counter      uint64
	Signed       bool   // lines of the active segment carry a MAC
	Fresh        bool   // the active segment holds no event yet
	Promise      uint32 // the most records between two seals of the active segment
	Segment      uint32
	Synced       int64
	Sealed       uint64
	SealedRoot   merkle.Hash
	Epoch        uint64
	EpochFrom    uint64 // size at which the epoch began
	EpochKey     [32]byte
	EpochBegun   time.Time
	SegmentBegun time.Time
	SealMade     time.Time
	Origin       string
	Frontier     merkle.Frontier
}

// Size returns the number of records so far.
func (s *State) Size() uint64 { return s.Frontier.Size() }

// Unsealed returns the number of records that no seal covers, not counting
// the last seal itself.
func (s *State) Unsealed() uint64 {
	if s.Sealed == 0 { // a log begins with log_opened: no seal has number 0
		return s.Size()
	}
	return s.Size() - s.Sealed - 1
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
	dst = append(dst, magic...)
	dst = be.AppendUint64(dst, s.Counter)
	dst = be.AppendUint32(dst, flags)
	dst = be.AppendUint32(dst, s.Segment)
	dst = be.AppendUint64(dst, uint64(s.Synced))
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
	dst = append(dst, s.Origin...)
	for i := range hashes {
		dst = append(dst, hashes[i][:]...)
	}
	sum := sha256.Sum256(dst[start:])
	dst = append(dst, sum[:sumSize]...)
	return append(dst, mac.Sum(dst[start:])...)
}

// Errors of a slot.
var (
	errEmpty = errors.New("slot is empty")
	// ErrUnusable is returned where no slot can be used.
	ErrUnusable = errors.New("state cannot be used")
	// ErrForged is returned for a slot whose MAC is not by the log's key.
	ErrForged = errors.New("state does not carry the log's MAC")
)

// parseSlot reads a slot. Without a MAC it checks only that the slot is whole.
func parseSlot(b []byte, mac *record.MAC) (State, error) {
	var s State
	if len(b) < fixed || bytes.Equal(b[:len(magic)], make([]byte, len(magic))) {
		return s, errEmpty
	}
	if string(b[:len(magic)]) != magic {
		return s, errors.New("slot is not a log's state")
	}
	be := binary.BigEndian
	origin, hashes := int(be.Uint16(b[144:])), int(be.Uint16(b[146:]))
	end := fixed + origin + hashes*len(merkle.Hash{})
	if origin > maxOrigin || hashes > merkle.MaxFrontier || end+sumSize+macSize > len(b) {
		return s, errors.New("slot has impossible lengths")
	}
	sum := sha256.Sum256(b[:end])
	if !bytes.Equal(sum[:sumSize], b[end:end+sumSize]) {
		return s, errors.New("slot is torn")
	}
	if end += sumSize; mac != nil && !hmac.Equal(mac.Sum(b[:end]), b[end:end+macSize]) {
		return s, ErrForged
	}
	s.Counter = be.Uint64(b[8:])
	s.Signed = be.Uint32(b[16:])&flagSigned != 0
	s.Fresh = be.Uint32(b[16:])&flagFresh != 0
	s.Promise = be.Uint32(b[148:])
	s.EpochFrom = be.Uint64(b[152:])
	s.Segment = be.Uint32(b[20:])
	s.Synced = int64(be.Uint64(b[24:]))
	s.Sealed = be.Uint64(b[40:])
	s.Epoch = be.Uint64(b[48:])
	s.EpochBegun = unixTime(be.Uint64(b[56:]))
	s.SegmentBegun = unixTime(be.Uint64(b[64:]))
	s.SealMade = unixTime(be.Uint64(b[72:]))
	copy(s.SealedRoot[:], b[80:])
	copy(s.EpochKey[:], b[112:])
	s.Origin = string(b[fixed : fixed+origin])
	frontier, err := parseFrontier(be.Uint64(b[32:]), b[fixed+origin:], hashes)
	if err != nil {
		return State{}, err
	}
	s.Frontier = frontier
	return s, s.check()
}

func parseFrontier(size uint64, b []byte, n int) (merkle.Frontier, error) {
	var hashes [merkle.MaxFrontier]merkle.Hash
	for i := range n {
		copy(hashes[i][:], b[i*len(merkle.Hash{}):])
	}
	return merkle.NewFrontier(size, hashes[:n])
}

func (s *State) check() error {
	if s.Synced < 0 || s.Segment == 0 || s.Sealed > s.Size() {
		return fmt.Errorf("state contradicts itself: segment %d, %d bytes, sealed %d of %d", s.Segment, s.Synced, s.Sealed, s.Size())
	}
	return nil
}

func unixTime(ns uint64) time.Time { return time.Unix(0, int64(ns)).UTC() }
