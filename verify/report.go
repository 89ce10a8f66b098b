package verify

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A Verdict is what a verification comes to.
type Verdict string

// The verdicts.
const (
	Intact    Verdict = "intact"    // nothing of what can be proved is wrong
	Damaged   Verdict = "damaged"   // at least one fault is named
	Undecided Verdict = "undecided" // no fault, but something could not be looked at
)

// A Kind is a kind of fault.
type Kind string

// The kinds of faults.
const (
	Edited            Kind = "edited"             // a line is not as it was written
	Missing           Kind = "missing"            // a sequence number has no line
	Inserted          Kind = "inserted"           // a line is not the log's
	Reordered         Kind = "reordered"          // a line, or a segment, is not in its place
	Duplicate         Kind = "duplicate"          // a line, or a segment, is there twice
	Truncated         Kind = "truncated"          // the end of a segment, or of the log, is gone
	Torn              Kind = "torn"               // bytes that are no whole line, or void
	Forked            Kind = "forked"             // two parts of the log have different pasts
	SignatureStripped Kind = "signature-stripped" // a line of a signed segment has no MAC
	BadSignature      Kind = "bad-signature"      // a signature or a MAC is not by the log's key
	UnknownKey        Kind = "unknown-key"        // the log is by another key than the one expected
	BadSeal           Kind = "bad-seal"           // a seal contradicts itself or its place
	SealMissing       Kind = "seal-missing"       // more lines without a seal than was promised
	WrongEpoch        Kind = "wrong-epoch"        // a seal or a key is not of the epoch that is active
	EpochBroken       Kind = "epoch-broken"       // an epoch began by the identity key alone
	SegmentMissing    Kind = "segment-missing"    // a segment has no file
	TwinsDiffer       Kind = "twins-differ"       // a segment's file and its archive differ
	StateMissing      Kind = "state-missing"      // nothing remembers where the log ended
	HeadMismatch      Kind = "head-mismatch"      // the head held outside is not of this log
	IndexDiffers      Kind = "index-differs"      // the index on record is not that of its segment
)

// A Fault is one thing that is wrong, at its place as exactly as it can be
// proved. Members that do not apply are absent.
type Fault struct {
	Kind          Kind    `json:"kind"`
	Segment       string  `json:"segment,omitempty"` // file name
	SegmentNumber uint32  `json:"segment_number,omitempty"`
	Offset        *int64  `json:"offset,omitempty"`         // in the segment, of the first byte concerned
	Seq           *uint64 `json:"seq,omitempty"`            // where one line is proved to be the fault
	FromSeq       *uint64 `json:"from_seq,omitempty"`       // where it lies in a range: the first
	ToSeq         *uint64 `json:"to_seq,omitempty"`         // and the one after the last
	LastGoodSeal  *uint64 `json:"last_good_seal,omitempty"` // all lines before it are proved to be as they were written
	Detail        string  `json:"detail"`                   // a sentence for people
	Hint          string  `json:"hint,omitempty"`           // what may help
}

// A Note is something the log tells of itself that is no fault.
type Note struct {
	Segment string `json:"segment,omitempty"`
	Seq     uint64 `json:"seq"`
	Type    string `json:"type"` // of the control record
	Detail  string `json:"detail"`
}

// A Tier is how much the verification proves.
type Tier string

// The tiers, the lowest first.
const (
	// TierLocal: the files agree with each other.
	TierLocal Tier = "local"
	// TierForwardSecure: what epochs that are over have sealed cannot have
	// been changed by whoever holds all keys of today.
	TierForwardSecure Tier = "forward-secure"
	// TierAnchored: everything up to a head held outside is there, unchanged.
	TierAnchored Tier = "anchored"
)

// A Checked counts what was checked of how many.
type Checked struct {
	Checked uint64 `json:"checked"`
	Of      uint64 `json:"of"`
	Why     string `json:"why,omitempty"` // why not all were
}

// A Summary is what was looked at and how far the proof reaches.
type Summary struct {
	Origin          string `json:"origin,omitempty"`
	PublicKey       string `json:"public_key,omitempty"`        // the key judged by
	PublicKeySource string `json:"public_key_source,omitempty"` // given, or found

	Records        uint64 `json:"records"`
	Events         uint64 `json:"events"`
	ControlRecords uint64 `json:"control_records"`
	Segments       uint64 `json:"segments"`
	Bytes          int64  `json:"bytes"`

	Seals         uint64   `json:"seals"`
	SealsByDaemon uint64   `json:"seals_by_daemon"` // of them; what the seals say
	Daemons       []string `json:"daemons"`         // the user ids that those daemons ran as, maxDaemons at most
	// Owners are the user ids of whom the log's files and keys are here; none where that
	// is not known, as of a copy.
	Owners []string `json:"owners"`
	// DaemonsThatSent are those of Daemons as whom somebody has sent events too.
	DaemonsThatSent []string `json:"daemons_that_sent"`

	SealSignatures Checked `json:"seal_signatures"`
	LineMACs       Checked `json:"line_macs"`
	Indexes        Checked `json:"indexes"` // that lie beside the log; checked: compared with their segments
	Epochs         uint64  `json:"epochs"`
	EpochsBroken   uint64  `json:"epochs_broken"`
	Tier           Tier    `json:"tier"`

	UnsealedTail     uint64  `json:"unsealed_tail"`           // records after the last seal
	UnanchoredTail   *uint64 `json:"unanchored_tail"`         // records after the head; null without a head that fits
	NotYetCommitted  int64   `json:"not_yet_committed_bytes"` // at the end, not judged
	VoidBytes        int64   `json:"void_bytes"`              // never acknowledged, on record as void
	MissingRecords   uint64  `json:"missing_records"`         // sequence numbers without a line
	LostEvents       uint64  `json:"lost_events"`             // told by log_gap records, as the log's writers know
	LostAsClaimed    uint64  `json:"lost_events_claimed"`     // the same, as others claim who need not say the truth
	RecoveredTails   uint64  `json:"recovered_tails"`         // told by log_recovered records
	StateRemembers   *uint64 `json:"state_remembers"`         // records; null without a state
	KeysReadableHere bool    `json:"keys_readable_here"`      // whoever ran this can read the log's private keys
}

// maxDaemons is how many user ids of daemons a report names.
const maxDaemons = 8

// maxFaults is how many faults and how many notes a report holds at most: a
// log that is all damage must not fill the memory. The rest is counted.
const maxFaults = 1000

// A Report is the outcome of a verification. Its JSON form is a contract:
// docs/cli-json.md.
type Report struct {
	Verdict    Verdict  `json:"verdict"`
	Faults     []Fault  `json:"faults"`
	FaultCount int      `json:"fault_count"` // of all, also those beyond the list
	Notes      []Note   `json:"notes"`
	NoteCount  int      `json:"note_count"`
	Undecided  []string `json:"undecided"`   // why nothing can be said
	NotChecked []string `json:"not_checked"` // what the verdict does not cover
	Summary    Summary  `json:"summary"`
}

func newReport(home *Home) *Report {
	r := &Report{Faults: []Fault{}, Notes: []Note{}, Undecided: []string{}, NotChecked: []string{}}
	r.Summary.Tier = TierLocal
	r.Summary.Daemons, r.Summary.Owners, r.Summary.DaemonsThatSent = []string{}, []string{}, []string{}
	r.Summary.KeysReadableHere = home != nil && home.OwnKeys
	return r
}

// ExitCode returns what a program ends with: 0 for an intact log, 1 for a
// damaged one, 2 where nothing could be decided.
func (r *Report) ExitCode() int {
	switch r.Verdict {
	case Intact:
		return 0
	case Damaged:
		return 1
	default:
		return 2
	}
}

// add adds a fault and returns its place in the list, -1 where it is full.
func (r *Report) add(f Fault) int {
	r.FaultCount++
	if len(r.Faults) == maxFaults {
		return -1
	}
	f.Detail = clip(f.Detail)
	r.Faults = append(r.Faults, f)
	return len(r.Faults) - 1
}

func (r *Report) note(n Note) {
	r.NoteCount++
	if len(r.Notes) < maxFaults {
		n.Detail = clip(n.Detail)
		r.Notes = append(r.Notes, n)
	}
}

func (r *Report) notChecked(format string, args ...any) {
	r.NotChecked = append(r.NotChecked, fmt.Sprintf(format, args...))
}

// maxDetail is the most bytes of a detail, part of which may be a log's own
// words, and so as long as a line.
const maxDetail = 1000

// clip shortens a text that is too long, at a character.
func clip(text string) string {
	if len(text) <= maxDetail {
		return text
	}
	end := maxDetail
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return strings.Clone(text[:end]) + "…"
}
