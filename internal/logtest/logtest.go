// Package logtest makes logs for tests, line by line from keys.
//
// It is written from docs/spec/log-format.md and the standard library alone, so
// that it can contradict the writer and the verifier: nothing here is shared
// with either. It keeps a whole log in memory and can also make what no writer
// makes: a log whose author lacks a key, for instance.
package logtest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing/fstest"
	"time"
)

// Options say what a [Log] is like. All but Keys has a use as zero.
type Options struct {
	Keys        Keys
	Unsigned    bool   // lines carry no MAC
	SealRecords uint32 // the promise; zero means 1000
	SealEvery   int    // an event that comes this many lines after a seal is followed by one; zero: never
	Stem        string // of the file names; zero means audit

	// SealKey returns the key that signs the seals of an epoch where the
	// author of the log has not the right one. Nil means Keys.Epoch.
	SealKey func(epoch uint64) ed25519.PrivateKey
	// IdentityKey signs as the identity where the author has not the right
	// key. Nil means Keys.Identity.
	IdentityKey ed25519.PrivateKey
}

// A Log is a log being made. Its methods panic where a caller asks for what has
// no form at all; they do not judge.
type Log struct {
	opt    Options
	tree   tree
	files  map[string][]byte // finished segments
	active bytes.Buffer

	segment   uint32
	epoch     uint64
	epochFrom uint64
	sealed    uint64
	root      [32]byte
	clock     time.Time
}

// New returns a log that holds its first line.
func New(opt Options) *Log {
	if opt.SealRecords == 0 {
		opt.SealRecords = 1000
	}
	if opt.Stem == "" {
		opt.Stem = "audit"
	}
	if opt.SealKey == nil {
		opt.SealKey = opt.Keys.Epoch
	}
	if opt.IdentityKey == nil {
		opt.IdentityKey = opt.Keys.Identity
	}
	l := &Log{opt: opt, files: make(map[string][]byte)}
	l.clock = time.Date(2026, 2, 16, 12, 0, 0, 0, time.UTC)
	l.open()
	return l
}

// Size returns the next sequence number.
func (l *Log) Size() uint64 { return l.tree.size() }

// Segment returns the number of the active segment.
func (l *Log) Segment() uint32 { return l.segment }

// Offset returns how many bytes the active segment has.
func (l *Log) Offset() int64 { return int64(l.active.Len()) }

// Event adds an event whose members after the timestamp are those of members,
// JSON without braces. It is sealed where Options.SealEvery says so.
func (l *Log) Event(members string) {
	l.line(members)
	if l.opt.SealEvery > 0 && l.tree.size()-l.sealed >= uint64(l.opt.SealEvery) {
		l.Seal()
	}
}

// Events adds n events that differ.
func (l *Log) Events(n int) {
	for range n {
		l.Event(fmt.Sprintf(`"event_id":"evt_%016x","event_type":"command_execution","action":{"command":"echo %d"}`,
			l.Size()*0x9e3779b97f4a7c15, l.Size()))
	}
}

// Control adds a control record of the log's own, of any type and payload.
func (l *Log) Control(kind string, payload any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(payload); err != nil {
		panic("logtest: bad payload: " + err.Error())
	}
	l.line(`"event_type":"` + kind + `","log":` + strings.TrimSpace(b.String()))
}

// object is a payload whose members are written in alphabetical order.
type object map[string]any

// Seal adds a seal by the keys of the current epoch.
func (l *Log) Seal() { l.seal("") }

func (l *Log) seal(reason string) {
	root := l.tree.root()
	text := checkpoint(l.opt.Keys.Origin(), l.Size(), root)
	payload := object{"epoch": l.epoch, "checkpoint": l.sign(text)}
	if reason != "" {
		payload["reason"] = reason
	}
	sealed := l.Size()
	l.Control("log_sealed", payload)
	l.sealed, l.root = sealed, root
}

func (l *Log) sign(text string) string {
	name := l.opt.Keys.Origin()
	return Note(text, name, l.opt.IdentityKey, l.opt.SealKey(l.epoch))
}

// Head returns the log's checkpoint at its present size, signed as a seal is.
func (l *Log) Head() string {
	return l.sign(checkpoint(l.opt.Keys.Origin(), l.Size(), l.tree.root()))
}

// Epoch begins the next epoch: its record, and the seal by the old key.
func (l *Log) Epoch() {
	l.AnnounceEpoch(l.epoch + 1)
	l.Seal()
	l.epoch++
	l.epochFrom = l.Size()
}

// AnnounceEpoch adds the record of an epoch, which begins with a seal only.
func (l *Log) AnnounceEpoch(number uint64) {
	l.Control("log_epoch", object{"epoch": number, "epoch_key": l.opt.Keys.EpochVKey(number)})
}

// BreakEpoch begins the next epoch by the identity key alone.
func (l *Log) BreakEpoch(cause string) {
	next, vkey := l.epoch+1, l.opt.Keys.EpochVKey(l.epoch+1)
	text := fmt.Sprintf("etch epoch broken v0\n%s%d\n%s\n", checkpoint(l.opt.Keys.Origin(), l.Size(), l.tree.root()), next, vkey)
	l.Control("log_epoch_broken", object{
		"epoch": next, "epoch_key": vkey, "cause": cause,
		"note": Note(text, l.opt.Keys.Origin(), l.opt.IdentityKey),
	})
	l.epoch = next
	l.epochFrom = l.Size()
}

// Rotate ends the active segment with a seal and begins the next.
func (l *Log) Rotate() {
	l.seal("rotated")
	l.close(nil)
	l.open()
}

// Void ends the active segment in bytes that failed to be synced, and begins
// the next with the record of it.
func (l *Log) Void(junk []byte) {
	found := object{"found": "void", "segment": l.segment, "offset": l.Offset(), "bytes": len(junk), "detail": "sync: input/output error"}
	l.close(junk)
	l.open()
	l.Control("log_recovered", found)
}

// Lose cuts the last lines off the active segment and begins the next with the
// record of damage: their numbers are missing for ever.
func (l *Log) Lose(lines int) {
	b := l.active.Bytes()
	for range lines {
		b = b[:bytes.LastIndexByte(b[:len(b)-1], '\n')+1]
	}
	l.active.Truncate(len(b))
	found := object{"found": "damage", "segment": l.segment, "offset": l.Offset(), "bytes": 0, "to_seq": l.Size(), "detail": "shorter than remembered"}
	l.close(nil)
	l.open()
	l.Control("log_recovered", found)
}

// LoseState begins a new segment with the record of a lost state.
func (l *Log) LoseState() {
	found := object{"found": "state-lost", "segment": l.segment, "offset": l.Offset(), "bytes": 0, "to_seq": l.Size(), "detail": "there is no state file"}
	l.close(nil)
	l.open()
	l.Control("log_recovered", found)
}

// close gives the active segment its number.
func (l *Log) close(junk []byte) {
	l.active.Write(junk)
	l.files[fmt.Sprintf("%s.%06d.log", l.opt.Stem, l.segment)] = bytes.Clone(l.active.Bytes())
	l.active.Reset()
}

// open begins a segment.
func (l *Log) open() {
	l.segment++
	l.Control("log_opened", object{
		"version": 0, "origin": l.opt.Keys.Origin(), "segment": l.segment, "size": l.Size(), "frontier": l.tree.frontier(),
		"sign_events": !l.opt.Unsigned, "seal_records": l.opt.SealRecords, "identity_key": l.opt.Keys.VKey(),
		"epoch": l.epoch, "epoch_key": l.opt.Keys.EpochVKey(l.epoch), "writer": "logtest",
	})
}

// line adds a line.
func (l *Log) line(members string) {
	l.clock = l.clock.Add(time.Millisecond)
	l.Line(fmt.Sprintf(`"timestamp":"%s",%s`, l.clock.Format("2006-01-02T15:04:05.000000Z"), members))
}

// Line adds a line whose members behind its number are those of a body, in
// whatever form it has them.
func (l *Log) Line(body string) {
	text := fmt.Sprintf(`{"seq":%d,%s`, l.Size(), body)
	text = l.opt.Keys.EndLine(text, l.opt.Unsigned)
	l.tree.add(sha256.Sum256([]byte("\x00" + text)))
	l.active.WriteString(text)
	l.active.WriteByte('\n')
}

// Files returns the log's segments and its state, as they are on disk between
// two commits.
func (l *Log) Files() map[string][]byte {
	files := maps.Clone(l.files)
	files[l.opt.Stem+".log"] = bytes.Clone(l.active.Bytes())
	files[l.opt.Stem+".state"] = l.State()
	return files
}

// FS returns files as a file system.
func FS(files map[string][]byte) fstest.MapFS {
	fsys := make(fstest.MapFS)
	for name, data := range files {
		fsys[name] = &fstest.MapFile{Data: data, Mode: 0o600}
	}
	return fsys
}

func checkpoint(origin string, size uint64, root [32]byte) string {
	return fmt.Sprintf("%s\n%d\n%s\n", origin, size, base64.StdEncoding.EncodeToString(root[:]))
}

// EndLine ends a line that stands up to its last member: with its MAC, or with
// a brace only.
func (k Keys) EndLine(text string, unsigned bool) string {
	if unsigned {
		return text + "}"
	}
	return text + `,"signature":"SHA256:` + base64.RawStdEncoding.EncodeToString(k.mac("line", []byte(text))) + `"}`
}

// mac is HMAC-SHA256 with the key of a purpose: the first block of
// HKDF-Expand (RFC 5869, section 2.3) is the whole key.
func (k Keys) mac(purpose string, b []byte) []byte {
	h := hmac.New(sha256.New, k.MAC)
	h.Write([]byte("etch v0 " + purpose + " " + k.Origin() + "\x01"))
	h = hmac.New(sha256.New, h.Sum(nil))
	h.Write(b)
	return h.Sum(nil)
}

// Origin returns the log's name.
func (k Keys) Origin() string {
	sum := sha256.Sum256(k.Epoch(0).Public().(ed25519.PublicKey))
	return "etch.log/" + hex.EncodeToString(sum[:])
}
