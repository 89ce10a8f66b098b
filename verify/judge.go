package verify

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/merkle"
	"github.com/etch-audit/etch/internal/state"
)

// A chain is what the lines read so far come to. It is a value: assigning an
// earlier one goes back to where it was taken.
type chain struct {
	begun  bool            // some line was read, and nothing passed over since
	absent bool            // segments before this one have no file
	seq    uint64          // of the next line
	tree   merkle.Frontier // of all lines before it; only where whole
	whole  bool            // the tree is that of the lines, or as a log_opened claims
	cause  bool            // a fault since the last good seal explains what does not fit

	epoch     uint64
	epochKey  string
	epochBy   note.Verifier
	announced *control.EpochLog // by the line before

	segment    *file
	first      uint64 // seq of the segment's first line
	inside     bool   // that line was read
	promise    uint64 // seal_records of this segment
	bound      uint64 // lines that may come without a seal now
	since      uint64 // lines since the last seal
	sealed     bool   // there is a last seal
	proven     *uint64
	provenTail merkle.Hash // of its lines that are in no whole block
	provenEnd  place       // of the seal that proves them
	ended      bool        // the line before is a seal that ends a segment
	pending    *sealNote   // the last seal, as long as its signatures were not checked
	badSeals   int         // place in the report of the fault that the last seal had, -1
	gap        span        // numbers that a log_recovered accounts for
	strange    []suspect   // lines since the last good seal that are not well formed
	trusted    uint64      // the promise that a good seal proves

	stateSeen, headSeen bool
	notes               int // of the report that belong to what was read
	sum                 Summary
}

// A sealNote is a seal whose signatures are to be checked.
type sealNote struct {
	seq    uint64
	offset int64
	msg    string
	text   string
	epoch  note.Verifier
}

// A span is the lines from ≤ seq < to, of which the first begins at offset.
type span struct {
	from, to uint64
	offset   int64
}

// A judge follows the chain of a log through its lines, whichever way they
// are read.
type judge struct {
	chain
	report      *Report
	state       *state.State
	head        *merkle.Checkpoint
	identityKey string
	identity    note.Verifier
	origin      string
	keyKnown    bool // some segment says that it is by this key
	keyTold     bool // that one is by another
	indexes     map[uint32]*indexFile
	sealing     *Sealed // nil: nobody asks for it
	place       int64   // in the segment, where what is added next begins

	quick bool // a fault only sets odd
	odd   bool
	eager bool // signatures are checked where they stand

	suspects   []suspect // until the tree tells why their MACs are wrong
	macs       bool      // the key of the line MACs is known
	openingBad bool      // the MAC of the log_opened being judged is wrong
	last       int       // place of the last fault
}

// newJudge returns a judge that knows the log's key, from whoever has one; nil
// where there is no log at all.
func (v *verifier) newJudge() *judge {
	if len(v.segments) == 0 {
		return nil
	}
	j := &judge{report: v.report, chain: chain{badSeals: -1}, last: -1, macs: v.opts.MACSecret != nil, indexes: v.indexes, sealing: v.opts.Sealed}
	sum := &j.sum
	sum.Daemons, sum.Owners, sum.DaemonsThatSent = []string{}, []string{}, []string{}
	sum.PublicKeySource, sum.PublicKey = "given", v.opts.PublicKey
	if sum.PublicKey == "" {
		sum.PublicKeySource, sum.PublicKey = "found", v.opts.Found
	}
	for _, f := range v.segments {
		if sum.PublicKey == "" && f.readable {
			sum.PublicKey = f.identity
		}
	}
	sum.KeysReadableHere, sum.Tier = v.report.Summary.KeysReadableHere, TierLocal
	if err := j.identify(sum.PublicKey); err != nil {
		sum.PublicKey, sum.PublicKeySource = "", ""
	}
	j.keyKnown = slices.ContainsFunc(v.segments, func(f *file) bool { return f.identity == j.identityKey })
	return j
}

// identify makes the judge judge by an identity key.
func (j *judge) identify(key string) error {
	by, err := note.NewVerifier(key)
	if err != nil {
		return err
	}
	j.identityKey, j.identity, j.origin = key, by, by.Name()
	j.sum.Origin = j.origin
	return nil
}

// enter begins a segment.
func (j *judge) enter(f *file) {
	j.segment, j.inside = f, false
	j.announced = nil
	j.sum.Segments++
}

// loseTrack says that lines were passed over unread.
func (j *judge) loseTrack() { j.begun, j.whole, j.pending = false, false, nil }

// fault reports a fault, at its place in the segment being read. While reading
// the quick way, that there is one is all that counts.
func (j *judge) fault(f Fault) {
	if j.quick {
		j.odd = true
		return
	}
	if f.Segment == "" && j.segment != nil {
		f.Segment, f.SegmentNumber = j.segment.name, j.segment.number
	}
	j.faulty()
	f.LastGoodSeal = j.proven
	if j.last = j.merge(f); j.last < 0 {
		j.last = j.report.add(f)
	}
}

// merge makes a fault part of the one before it where that is of the same
// kind and ends where this begins. It returns its place, -1 where it cannot.
func (j *judge) merge(f Fault) int {
	if j.last < 0 || f.from() == nil {
		return -1
	}
	last := &j.report.Faults[j.last]
	if last.Kind != f.Kind || last.Segment != f.Segment || last.from() == nil || *last.to() != *f.from() {
		return -1
	}
	last.FromSeq, last.ToSeq, last.Seq = last.from(), f.to(), nil
	return j.last
}

func (f *Fault) from() *uint64 {
	if f.Seq != nil {
		return f.Seq
	}
	return f.FromSeq
}

func (f *Fault) to() *uint64 {
	if f.Seq != nil {
		return new(*f.Seq + 1)
	}
	return f.ToSeq
}

// at returns a fault of one line.
func at(kind Kind, seq uint64, offset int64, format string, args ...any) Fault {
	return Fault{Kind: kind, Seq: &seq, Offset: &offset, Detail: fmt.Sprintf(format, args...)}
}

// among returns a fault that lies somewhere in, or is all of, some lines.
func among(kind Kind, s span, format string, args ...any) Fault {
	return Fault{Kind: kind, FromSeq: &s.from, ToSeq: &s.to, Detail: fmt.Sprintf(format, args...)}
}

// tell adds a note that belongs to the line being read.
func (j *judge) tell(seq uint64, kind, format string, args ...any) {
	r := j.report
	r.NoteCount, r.Notes = j.notes, r.Notes[:min(j.notes, len(r.Notes))]
	r.note(Note{j.segment.name, seq, kind, fmt.Sprintf(format, args...)})
	j.notes++
}

// lost counts what a log_gap says was lost, and apart from it what it has on
// somebody's word.
func (j *judge) lost(g *control.GapLog) {
	if g.ClaimedBy != "" {
		j.sum.LostAsClaimed += min(g.Lost, math.MaxUint64-j.sum.LostAsClaimed) // it may be any number
		j.tell(j.seq, control.Gap, "%s claims that %d events between %s and %s are lost: %s", g.ClaimedBy, g.Lost, g.From, g.To, g.Cause)
		return
	}
	j.sum.LostEvents += g.Lost
	j.tell(j.seq, control.Gap, "%d events between %s and %s could not be recorded: %s", g.Lost, g.From, g.To, g.Cause)
}

// reached compares what was read with the state and the head, where either is
// of just these lines.
func (j *judge) reached() {
	if s := j.state; s != nil && !j.stateSeen && j.seq == s.Size() {
		j.stateSeen = true
		j.compareState(s)
	}
	if h := j.head; h != nil && !j.headSeen && j.seq == h.Size {
		j.headSeen = true
		switch {
		case !j.sure():
			j.headSeen = j.quick // else finish says that it could not be compared
		case j.tree.Root() != h.Root:
			j.faultAnywhere(among(HeadMismatch, span{from: 0, to: h.Size}, "the head held outside has another root at size %d than the log", h.Size))
			j.cause = true
		}
	}
}

// sure reports whether the tree is known to be that of the log's lines, as far
// as they are unchanged.
func (j *judge) sure() bool { return j.whole && !j.cause }

// compareState compares the lines before the synced position with the state.
func (j *judge) compareState(s *state.State) {
	if !j.sure() {
		return
	}
	if !j.tree.Equal(&s.Frontier) {
		if j.flush(Edited); !j.cause {
			j.fault(among(Edited, span{from: j.provenTo(), to: j.seq}, "these lines are not those that the state remembers"))
		}
		j.cause = true
		return
	}
	j.flush(BadSignature)
	if pub, err := merkle.PublicKey(j.epochKey); err == nil && (s.Epoch != j.epoch || string(pub) != string(s.EpochKey[:])) {
		j.fault(among(WrongEpoch, span{from: j.seq, to: j.seq}, "the state remembers epoch %d with another key than the log's epoch %d", s.Epoch, j.epoch))
	}
}

// provenTo returns the number of lines that a good seal proves.
func (j *judge) provenTo() uint64 {
	if j.proven == nil {
		return 0
	}
	return *j.proven
}

// A suspect is lines whose MAC is wrong.
type suspect struct {
	span
	file *file
}

// suspect remembers a line whose MAC is wrong: whether the line or the key is
// not right, the tree tells.
func (j *judge) suspect(seq uint64, offset int64) {
	if n := len(j.suspects); n > 0 && j.suspects[n-1].to == seq && j.suspects[n-1].file == j.segment {
		j.suspects[n-1].to++
	} else if n < maxFaults {
		j.suspects = append(j.suspects, suspect{span{seq, seq + 1, offset}, j.segment})
	}
}

// flush reports the suspects as edited lines, or, where the tree proves them,
// as lines with the MAC of another key.
func (j *judge) flush(kind Kind) {
	if j.quick {
		j.odd = j.odd || len(j.suspects) > 0
		return
	}
	detail := "the line's MAC is not that of its bytes"
	if kind == BadSignature {
		detail = "the tree proves the line, but its MAC is by another key"
	}
	for _, s := range j.suspects {
		f := among(kind, s.span, "%s", detail)
		if s.to == s.from+1 {
			f = at(kind, s.from, s.offset, "%s", detail)
		}
		f.Offset, f.Segment, f.SegmentNumber = &s.offset, s.file.name, s.file.number
		j.fault(f)
		j.cause = j.cause || kind == Edited
	}
	j.suspects = j.suspects[:0]
}

// add appends a line that was judged.
func (j *judge) add(leaf merkle.Hash) {
	if j.whole {
		j.grow(0, leaf)
	}
	j.seq++
}

// event judges a line that is no control record.
func (j *judge) event(offset int64) {
	if !j.inside {
		j.noOpening(offset)
	}
	j.announced, j.ended = nil, false
	j.since++
	j.sum.Events++
}

func (j *judge) noOpening(offset int64) {
	j.first, j.inside = j.seq, true
	j.fault(at(Edited, j.seq, offset, "the segment does not begin with log_opened"))
	j.cause = true
}

// parse reads the payload of a control record, and nothing that only looks
// like one.
func parse(data []byte, payload any) error {
	h, err := control.Parse(data, payload)
	begin := fmt.Sprintf(`{"seq":%d,"timestamp":"%s","event_type":"%s"`, h.Seq, h.Time, h.Type)
	if err == nil && !strings.HasPrefix(string(data), begin) {
		err = errors.New("control record: it has members twice")
	}
	return err
}

// control judges a control record, whose number is the next one.
func (j *judge) control(kind string, data []byte, offset int64) {
	j.sum.ControlRecords++
	if kind != control.Opened && !j.inside {
		j.noOpening(offset)
	}
	announced := j.announced
	j.announced = nil
	if kind != control.Opened { // which looks at how the segment before ended
		j.ended = false
	}
	var err error
	switch kind {
	case control.Opened:
		err = j.opened(data, offset)
	case control.Sealed:
		err = j.seal(data, offset, announced)
	case control.Epoch:
		err = j.announce(data, offset)
	case control.EpochBroken:
		err = j.breakEpoch(data, offset)
	case control.Recovered:
		err = j.recovered(data)
	case control.Indexed:
		err = j.indexed(data)
	case control.Gap:
		var g control.GapLog
		if err = parse(data, &g); err == nil {
			j.lost(&g)
		}
	}
	if err != nil {
		j.fault(at(Edited, j.seq, offset, "the line cannot be read: %v", err))
		j.cause = true
	}
	if kind != control.Sealed {
		j.since++
	}
}
