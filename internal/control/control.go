// Package control is the control records: what a log writes about itself.
//
//	{"seq":0,"timestamp":"…","event_type":"log_opened","log":{…},"signature":"…"}
//
// A control record has no event id, so that its type stands where no event's
// does. Format: docs/spec/log-format.md, section "Control records".
package control

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/etch-audit/etch/internal/merkle"
)

// Version is the version of the log format that this program writes.
const Version = 0

// The types of control records.
const (
	Opened      = "log_opened"
	Sealed      = "log_sealed"
	Epoch       = "log_epoch"
	EpochBroken = "log_epoch_broken"
	Recovered   = "log_recovered"
	Gap         = "log_gap"
	Indexed     = "log_indexed"
)

// TimeFormat is the form of every timestamp of a log: UTC, microseconds.
const TimeFormat = "2006-01-02T15:04:05.000000Z"

// An OpenedLog is the payload of log_opened, the first line of each segment.
type OpenedLog struct {
	Version     int      `json:"version"`
	Origin      string   `json:"origin"`
	Segment     uint32   `json:"segment"`
	Size        uint64   `json:"size"`     // records before this one: its own sequence number
	Frontier    []string `json:"frontier"` // base64, the largest subtree first
	SignEvents  bool     `json:"sign_events"`
	SealRecords uint32   `json:"seal_records"` // promised: no two seals are further apart
	IdentityKey string   `json:"identity_key"` // note verifier key
	Epoch       uint64   `json:"epoch"`
	EpochKey    string   `json:"epoch_key"` // note verifier key
	Writer      string   `json:"writer"`
}

// FrontierAt returns the frontier at the segment's start.
func (o *OpenedLog) FrontierAt() (merkle.Frontier, error) {
	hashes := make([]merkle.Hash, 0, len(o.Frontier))
	for _, text := range o.Frontier {
		h, err := merkle.ParseHash(text)
		if err != nil {
			return merkle.Frontier{}, err
		}
		hashes = append(hashes, h)
	}
	return merkle.NewFrontier(o.Size, hashes)
}

// A SealedLog is the payload of log_sealed.
type SealedLog struct {
	Epoch      uint64 `json:"epoch"`
	Checkpoint string `json:"checkpoint"`       // signed note: identity key and epoch key
	Reason     string `json:"reason,omitempty"` // where the seal ends a segment
	Daemon     string `json:"daemon,omitempty"` // the user id of the daemon that made it; none: any other writer
}

// An EpochLog is the payload of log_epoch: the next epoch and its public key.
// It counts only if the next line is a seal under the key of the epoch before.
type EpochLog struct {
	Epoch    uint64 `json:"epoch"`
	EpochKey string `json:"epoch_key"`
}

// An EpochBrokenLog is the payload of log_epoch_broken: the current epoch's
// private key is lost, and a new epoch begins by the identity key's word alone.
type EpochBrokenLog struct {
	Epoch    uint64 `json:"epoch"`
	EpochKey string `json:"epoch_key"`
	Cause    string `json:"cause"`
	Note     string `json:"note"` // signed note of [BrokenText], identity key
}

// BrokenText is the text that the identity key signs to break an epoch: it
// binds the new key to this log, this place and everything before it.
func BrokenText(cp merkle.Checkpoint, epoch uint64, epochKey string) string {
	return "etch epoch broken v0\n" + cp.Text() + strconv.FormatUint(epoch, 10) + "\n" + epochKey + "\n"
}

// OpenBroken checks that the identity key signed the breaking of an epoch at cp.
func OpenBroken(b *EpochBrokenLog, cp merkle.Checkpoint, identity note.Verifier) error {
	n, err := note.Open([]byte(b.Note), note.VerifierList(identity))
	if err != nil {
		return fmt.Errorf("open epoch note: %w", err)
	}
	if n.Text != BrokenText(cp, b.Epoch, b.EpochKey) {
		return fmt.Errorf("epoch note is of another place or key")
	}
	return nil
}

// What a recovery found.
const (
	// FoundTorn: bytes after the last whole line were set aside.
	FoundTorn = "torn-tail"
	// FoundUnsigned: whole lines without a MAC, past the synced position, were kept.
	FoundUnsigned = "unsigned-tail"
	// FoundVoid: the segment's bytes from Offset on are void: their sync failed
	// and they were never acknowledged. It stands second in the next segment.
	FoundVoid = "void"
	// FoundDamage: the segment was shorter than, or different from, what the
	// state remembered; the log goes on in a new segment. It stands second there.
	FoundDamage = "damage"
	// FoundStateLost: the state was gone or forged and was made again from the
	// segments. It stands second in the new segment.
	FoundStateLost = "state-lost"
	// FoundForeign: a file that is not the log's stood under the name that the
	// segment was to get; it was moved away.
	FoundForeign = "foreign-file"
)

// A RecoveredLog is the payload of log_recovered.
type RecoveredLog struct {
	Found   string  `json:"found"`
	Segment uint32  `json:"segment"`
	Offset  int64   `json:"offset"` // where the found bytes begin
	Bytes   int64   `json:"bytes"`
	SHA256  string  `json:"sha256,omitempty"` // of those bytes, hexadecimal
	Saved   string  `json:"saved,omitempty"`  // the file they were set aside in
	FromSeq *uint64 `json:"from_seq,omitempty"`
	ToSeq   *uint64 `json:"to_seq,omitempty"` // exclusive
	Detail  string  `json:"detail"`           // for people
}

// A GapLog is the payload of log_gap: events that a failing log could not take.
type GapLog struct {
	ID    string `json:"id,omitempty"` // of one that was counted in the spool: it is recorded once
	Lost  uint64 `json:"lost"`
	From  string `json:"from"`
	To    string `json:"to"`
	Cause string `json:"cause"`
	// ClaimedBy is whose word it is; "" where who wrote the record has found it
	// out, or has it from one who could read the log's keys.
	ClaimedBy string `json:"claimed_by,omitempty"`
}

// ClaimedBySpool is the ClaimedBy of what somebody has said by the log's spool
// without its MAC: whoever can write that directory.
const ClaimedBySpool = "spool"

// An IndexedLog is the payload of log_indexed: a process that holds the keys
// has made the index of a rotated segment from the segment itself.
type IndexedLog struct {
	Segment uint32 `json:"segment"`
	Lines   uint64 `json:"lines"`  // of the segment
	Bytes   int64  `json:"bytes"`  // of the segment, plain
	Digest  string `json:"digest"` // of the index, hexadecimal
}

// Check returns the digest where the record can stand in a segment of that
// number: it is of a segment before, and has a digest in its one form.
func (x *IndexedLog) Check(in uint32) (digest [32]byte, err error) {
	if x.Segment == 0 || x.Segment >= in {
		return digest, fmt.Errorf("%s in segment %d is of segment %d", Indexed, in, x.Segment)
	}
	if x.Bytes < 0 {
		return digest, fmt.Errorf("%s of %d bytes", Indexed, x.Bytes)
	}
	b, err := hex.DecodeString(x.Digest)
	if err != nil || len(b) != len(digest) || hex.EncodeToString(b) != x.Digest {
		return digest, fmt.Errorf("%s has the digest %q, not 64 lower-case hexadecimal digits", Indexed, x.Digest)
	}
	return [32]byte(b), nil
}

// AppendBody appends the body of a control record.
func AppendBody(dst []byte, at time.Time, kind string, payload any) ([]byte, error) {
	dst = append(dst, `"timestamp":"`...)
	dst = at.UTC().AppendFormat(dst, TimeFormat)
	dst = append(dst, `","event_type":"`...)
	dst = append(dst, kind...)
	dst = append(dst, `","log":`...)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(payload); err != nil {
		return nil, fmt.Errorf("encode %s: %w", kind, err)
	}
	return append(dst, bytes.TrimRight(b.Bytes(), "\n")...), nil
}

// VersionOf returns the format version that a log_opened line states, and 0
// where it states none. It looks at nothing else: a later version may have
// changed any other member.
func VersionOf(line []byte) int {
	var opened struct {
		Log struct {
			Version int `json:"version"`
		} `json:"log"`
	}
	if err := json.Unmarshal(line, &opened); err != nil {
		return 0
	}
	return opened.Log.Version
}

// A Header is what every control record has.
type Header struct {
	Seq  uint64          `json:"seq"`
	Time string          `json:"timestamp"`
	Type string          `json:"event_type"`
	Log  json.RawMessage `json:"log"`
}

// Parse decodes the line of a control record, and its payload into payload.
// Members that are not known are ignored.
func Parse(line []byte, payload any) (Header, error) {
	var h Header
	if err := json.Unmarshal(line, &h); err != nil {
		return h, fmt.Errorf("control record: %w", err)
	}
	if err := json.Unmarshal(h.Log, payload); err != nil {
		return h, fmt.Errorf("%s: %w", h.Type, err)
	}
	return h, nil
}
