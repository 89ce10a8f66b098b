package journal_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/etch-audit/etch/internal/merkle"
)

// What follows reads a log by docs/spec/log-format.md alone: of the tree's own
// code it uses the type of a hash and nothing else.

// A found is what a whole log was found to hold.
type found struct {
	size     uint64
	segment  uint32
	events   map[string][]place // by event id
	told     []recovery         // log_recovered records, in their order
	broken   int                // epochs begun by the identity key alone
	epoch    uint64
	lost     uint64 // told by log_gap records
	missing  uint64 // sequence numbers without a line
	unsealed uint64 // lines after the last seal
	past     int    // bytes behind the synced position
}

// A recovery is the payload of log_recovered.
type recovery struct {
	Found   string
	Segment uint32
	Offset  int64
	Bytes   int64
	SHA256  string
	Saved   string
	FromSeq *uint64 `json:"from_seq"`
	ToSeq   *uint64 `json:"to_seq"`
	Detail  string
}

// kinds returns what the recoveries of a log found, sorted, each once.
func (f found) kinds() []string {
	var kinds []string
	for _, r := range f.told {
		kinds = append(kinds, r.Found)
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// A head is the payload of log_opened.
type head struct {
	Version     *int
	Origin      string
	Segment     uint32
	Size        uint64
	Frontier    []string
	SignEvents  bool   `json:"sign_events"`
	SealRecords uint64 `json:"seal_records"`
	IdentityKey string `json:"identity_key"`
	Epoch       uint64
	EpochKey    string `json:"epoch_key"`
}

// An epochRecord is the payload of log_epoch and of log_epoch_broken.
type epochRecord struct {
	Epoch    uint64
	EpochKey string `json:"epoch_key"`
	Note     string
}

// A checker is one reading of a log.
type checker struct {
	fsys     fs.FS
	keys     logKeys
	tree     tree
	found    found
	origin   string
	head     head              // of the segment being read
	epochKey ed25519.PublicKey // of the current epoch
	next     *epochRecord      // a log_epoch in the line before
	sealed   uint64            // seq of the last seal
	root     merkle.Hash       // of the last seal
	since    uint64            // where the promise began to count
	final    bool              // the line before was a seal with a reason
}

// checkLog verifies everything that can be verified of a log in its own place.
func checkLog(fsys fs.FS) (found, error) {
	c := &checker{fsys: fsys, found: found{events: map[string][]place{}}}
	segments, err := c.segments()
	if err != nil {
		return c.found, err
	}
	if c.origin, err = firstOrigin(segments[0]); err != nil {
		return c.found, err
	}
	if c.keys, err = readKeys(fsys, c.origin); err != nil {
		return c.found, err
	}
	s, err := readState(fsys, c.keys.stateMAC)
	if err != nil {
		return c.found, err
	}
	last := len(segments) - 1
	if s.synced > int64(len(segments[last])) {
		return c.found, fmt.Errorf("active segment has %d bytes, %d are synced", len(segments[last]), s.synced)
	}
	c.found.past = len(segments[last]) - int(s.synced)
	segments[last] = segments[last][:s.synced]
	for i := range segments {
		var after []byte
		if i < last {
			after = segments[i+1]
		}
		if err := c.segment(uint32(i+1), segments[i], after); err != nil {
			return c.found, fmt.Errorf("segment %d: %w", i+1, err)
		}
	}
	c.found.size, c.found.epoch = c.tree.size, s.epoch
	c.found.unsealed = c.tree.size - c.sealed - 1
	return c.found, errors.Join(c.agree(s), c.checkEpochKey())
}

// segments reads the segments in their order. One that is gone is nil, and must
// be told of by the next.
func (c *checker) segments() ([][]byte, error) {
	names, err := fs.Glob(c.fsys, "audit.[0-9]*.log")
	if err != nil {
		return nil, err
	}
	var segments [][]byte
	for _, name := range append(names, "audit.log") {
		for name != "audit.log" && name != fmt.Sprintf("audit.%06d.log", len(segments)+1) {
			if len(segments) > 1000 {
				return nil, fmt.Errorf("%s is no segment", name)
			}
			segments = append(segments, nil)
		}
		b, err := fs.ReadFile(c.fsys, name)
		if err != nil {
			return nil, err
		}
		segments = append(segments, b)
	}
	return segments, nil
}

// firstOrigin returns the origin of a log, which its first line must prove.
func firstOrigin(first []byte) (string, error) {
	var h head
	if kind, err := control(firstLine(first), &h); err != nil || kind != "log_opened" {
		return "", fmt.Errorf("first line of the log: type %q: %w", kind, err)
	}
	pub, err := parseVKey(h.EpochKey, h.Origin)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(pub)
	if want := "etch.log/" + hex.EncodeToString(sum[:]); h.Origin != want {
		return "", fmt.Errorf("origin %s, by its epoch 0 %s", h.Origin, want)
	}
	return h.Origin, nil
}

func firstLine(b []byte) []byte {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return line
}

// control decodes a control record. The type of an event is "".
func control(line []byte, payload any) (string, error) {
	var r struct {
		Type string `json:"event_type"`
		Log  json.RawMessage
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return "", err
	}
	if !strings.HasPrefix(r.Type, "log_") {
		return "", nil
	}
	return r.Type, json.Unmarshal(r.Log, payload)
}

// recoveryAfter returns what the second line of the next segment says of the
// one before, or nil.
func recoveryAfter(after []byte) *recovery {
	_, rest, _ := bytes.Cut(after, []byte("\n"))
	var r recovery
	kind, err := control(firstLine(rest), &r)
	if err != nil || kind != "log_recovered" || !slices.Contains([]string{"void", "damage", "state-lost"}, r.Found) {
		return nil
	}
	return &r
}

// segment reads one segment. What follows it says where it ends.
func (c *checker) segment(number uint32, b, after []byte) error {
	r := recoveryAfter(after)
	damaged := r != nil && r.Found == "damage"
	if r != nil {
		if r.Segment != number {
			return fmt.Errorf("next segment tells of segment %d", r.Segment)
		}
		b = b[:min(r.Offset, int64(len(b)))]
	}
	c.final = false
	for line := range bytes.Lines(b) {
		if err := c.line(number, line); err != nil && damaged {
			break // its rest is told to be lost
		} else if err != nil {
			return fmt.Errorf("line of seq %d: %w", c.tree.size, err)
		}
	}
	switch {
	case c.next != nil && r == nil:
		return errors.New("ends in a log_epoch")
	case after != nil && r == nil && !c.final:
		return errors.New("ends without a final seal, and nothing tells why")
	}
	c.next = nil
	return nil
}

// line reads one line, with its line feed.
func (c *checker) line(number uint32, line []byte) error {
	line, whole := bytes.CutSuffix(line, []byte("\n"))
	switch {
	case !whole:
		return errors.New("not whole")
	case len(line) > 65535 || !utf8.Valid(line) || !json.Valid(line):
		return fmt.Errorf("not a line: %.200s", line)
	}
	var envelope struct {
		Seq       *uint64
		Timestamp string
		ID        string `json:"event_id"`
		Type      string `json:"event_type"`
		Log       json.RawMessage
	}
	if err := json.Unmarshal(line, &envelope); err != nil {
		return err
	}
	if _, err := time.Parse("2006-01-02T15:04:05.000000Z", envelope.Timestamp); err != nil {
		return err
	}
	kind := envelope.Type
	if envelope.ID != "" {
		kind = ""
	}
	if kind == "log_opened" {
		if err := c.opened(number, envelope.Log); err != nil {
			return err
		}
	}
	if envelope.Seq == nil || *envelope.Seq != c.tree.size || !bytes.HasPrefix(line, fmt.Appendf(nil, `{"seq":%d,"timestamp":"`, c.tree.size)) {
		return fmt.Errorf("begins with %.40s", line)
	}
	if err := c.keys.checkLine(line, c.head.SignEvents); err != nil {
		return err
	}
	leaf := sha256.Sum256(append([]byte{0}, line...))
	if kind == "" {
		c.found.events[envelope.ID] = append(c.found.events[envelope.ID], place{c.tree.size, leaf})
	}
	if err := c.take(kind, envelope.Log); err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	if c.tree.size-c.since > c.head.SealRecords {
		return fmt.Errorf("%d lines since the last seal, promised are %d", c.tree.size-c.since, c.head.SealRecords)
	}
	c.tree.add(leaf)
	return nil
}

// opened takes the first line of a segment.
func (c *checker) opened(number uint32, payload []byte) error {
	var h head
	if err := json.Unmarshal(payload, &h); err != nil {
		return err
	}
	if h.Size > c.tree.size && number > 1 { // lines were lost: the checks on damage are with who calls
		c.found.missing += h.Size - c.tree.size
		c.tree = treeAt(h.Size, h.Frontier)
		c.since = h.Size
	}
	epoch, err := parseVKey(h.EpochKey, c.origin)
	if err != nil {
		return err
	}
	if number == 1 {
		c.epochKey = epoch
	}
	identity, err := parseVKey(h.IdentityKey, c.origin)
	switch {
	case err != nil:
		return err
	case h.Version == nil || *h.Version != 0, h.Origin != c.origin, h.Segment != number, h.Size != c.tree.size:
		return fmt.Errorf("head is %+v, want segment %d of size %d", h, number, c.tree.size)
	case !slices.Equal(h.Frontier, c.tree.frontier()):
		return errors.New("frontier is of another tree")
	case !identity.Equal(c.keys.identity):
		return errors.New("identity key is another")
	case h.Epoch != c.found.epoch && number > 1 && c.found.missing == 0, !epoch.Equal(c.epochKey) && c.found.missing == 0:
		return fmt.Errorf("epoch %d, want %d, or its key is another", h.Epoch, c.found.epoch)
	}
	c.head, c.epochKey, c.found.epoch, c.found.segment = h, epoch, h.Epoch, number
	return nil
}

// take does what a line means.
func (c *checker) take(kind string, payload []byte) error {
	next := c.next
	c.next, c.final = nil, false
	switch kind {
	case "log_opened", "":
		return nil
	case "log_sealed":
		return c.seal(payload, next)
	case "log_epoch":
		c.next = new(epochRecord)
		return json.Unmarshal(payload, c.next)
	case "log_epoch_broken":
		return c.broken(payload)
	case "log_recovered":
		return c.recovered(payload)
	case "log_gap":
		var gap struct{ Lost uint64 }
		err := json.Unmarshal(payload, &gap)
		c.found.lost += gap.Lost
		return err
	case "log_indexed":
		var on struct {
			Segment uint32
			Digest  string
		}
		err := json.Unmarshal(payload, &on)
		if err == nil && (on.Segment == 0 || on.Segment >= c.head.Segment || len(on.Digest) != 64 || strings.Trim(on.Digest, "0123456789abcdef") != "") {
			err = fmt.Errorf("index of segment %d with digest %q in segment %d", on.Segment, on.Digest, c.head.Segment)
		}
		return err
	}
	return errors.New("unknown type")
}

func (c *checker) seal(payload []byte, next *epochRecord) error {
	var s struct {
		Epoch      uint64
		Checkpoint string
		Reason     string
	}
	if err := json.Unmarshal(payload, &s); err != nil {
		return err
	}
	root := c.tree.root()
	text := c.checkpoint()
	for _, key := range []ed25519.PublicKey{c.keys.identity, c.epochKey} {
		if err := checkNote(s.Checkpoint, text, c.origin, key); err != nil {
			return err
		}
	}
	if s.Epoch != c.found.epoch || s.Reason != "" && s.Reason != "rotated" {
		return fmt.Errorf("epoch %d, reason %q, want epoch %d", s.Epoch, s.Reason, c.found.epoch)
	}
	c.sealed, c.root, c.final, c.since = c.tree.size, root, s.Reason != "", c.tree.size
	if next == nil {
		return nil
	}
	return c.enter(next)
}

func (c *checker) checkpoint() string {
	root := c.tree.root()
	return fmt.Sprintf("%s\n%d\n%s\n", c.origin, c.tree.size, base64.StdEncoding.EncodeToString(root[:]))
}

func (c *checker) enter(r *epochRecord) (err error) {
	if r.Epoch != c.found.epoch+1 {
		return fmt.Errorf("epoch %d follows epoch %d", r.Epoch, c.found.epoch)
	}
	c.found.epoch = r.Epoch
	c.epochKey, err = parseVKey(r.EpochKey, c.origin)
	return err
}

func (c *checker) broken(payload []byte) error {
	var r epochRecord
	if err := json.Unmarshal(payload, &r); err != nil {
		return err
	}
	text := fmt.Sprintf("etch epoch broken v0\n%s%d\n%s\n", c.checkpoint(), r.Epoch, r.EpochKey)
	if err := checkNote(r.Note, text, c.origin, c.keys.identity); err != nil {
		return err
	}
	c.found.broken++
	return c.enter(&r)
}

// recovered checks what was set aside.
func (c *checker) recovered(payload []byte) error {
	var r recovery
	if err := json.Unmarshal(payload, &r); err != nil {
		return err
	}
	c.found.told = append(c.found.told, r)
	if r.Found != "torn-tail" && r.Found != "foreign-file" {
		return nil
	}
	saved, err := fs.ReadFile(c.fsys, r.Saved)
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(saved); hex.EncodeToString(sum[:]) != r.SHA256 || int64(len(saved)) != r.Bytes {
		return fmt.Errorf("%s is not the %d bytes that were set aside", r.Saved, r.Bytes)
	}
	return nil
}
