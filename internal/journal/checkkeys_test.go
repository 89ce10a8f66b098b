package journal_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"slices"
	"strings"
	"sync"
)

// A tree is RFC 6962's, kept as the roots of its perfect subtrees, the largest first.
type tree struct {
	size  uint64
	peaks [][32]byte
}

func (t *tree) add(h [32]byte) {
	for n := t.size; n&1 == 1; n >>= 1 {
		last := len(t.peaks) - 1
		h, t.peaks = node(t.peaks[last], h), t.peaks[:last]
	}
	t.peaks = append(slices.Clip(t.peaks), h)
	t.size++
}

func node(left, right [32]byte) [32]byte {
	return sha256.Sum256(slices.Concat([]byte{1}, left[:], right[:]))
}

func (t *tree) root() [32]byte {
	if t.size == 0 {
		return sha256.Sum256(nil)
	}
	h := t.peaks[len(t.peaks)-1]
	for _, peak := range slices.Backward(t.peaks[:len(t.peaks)-1]) {
		h = node(peak, h)
	}
	return h
}

func (t *tree) frontier() []string {
	text := []string{}
	for _, peak := range t.peaks {
		text = append(text, base64.StdEncoding.EncodeToString(peak[:]))
	}
	return text
}

// treeAt returns the tree of a frontier. A bad hash makes a tree that fits nothing.
func treeAt(size uint64, frontier []string) tree {
	t := tree{size: size}
	for _, text := range frontier {
		var h [32]byte
		if b, err := base64.StdEncoding.DecodeString(text); err == nil {
			copy(h[:], b)
		}
		t.peaks = append(t.peaks, h)
	}
	return t
}

// parseVKey reads a note verifier key of a name (C2SP signed-note): NAME+HASH+BASE64(1 ‖ key).
func parseVKey(vkey, name string) (ed25519.PublicKey, error) {
	rest, named := strings.CutPrefix(strings.TrimSpace(vkey), name+"+")
	hash, text, _ := strings.Cut(rest, "+")
	b, err := base64.StdEncoding.DecodeString(text)
	if !named || err != nil || len(b) != 33 || b[0] != 1 || hash != hex.EncodeToString(keyHash(name, b[1:])) {
		return nil, fmt.Errorf("not a verifier key of %s: %q", name, vkey)
	}
	return b[1:], nil
}

func keyHash(name string, key ed25519.PublicKey) []byte {
	sum := sha256.Sum256(slices.Concat([]byte(name+"\n\x01"), key))
	return sum[:4]
}

// checked are the signatures that were good: crashes show the same ones again and again.
var checked = signatures{good: make(map[[sha256.Size]byte]bool)}

// signatures remembers some thousands of signatures: a run may see millions.
type signatures struct {
	mu   sync.Mutex
	good map[[sha256.Size]byte]bool
}

func (s *signatures) has(id [sha256.Size]byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.good[id]
}

func (s *signatures) add(id [sha256.Size]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.good) == 1<<14 {
		clear(s.good)
	}
	s.good[id] = true
}

// checkNote returns nil where note is text, signed by key under name.
func checkNote(note, text, name string, key ed25519.PublicKey) error {
	sigs, ok := strings.CutPrefix(note, text+"\n")
	if !ok {
		return fmt.Errorf("note is not of the text\n%sbut\n%s", text, note)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(sigs, "\n"), "\n") {
		encoded, ok := strings.CutPrefix(line, "— "+name+" ")
		sig, err := base64.StdEncoding.DecodeString(encoded)
		if !ok || err != nil || len(sig) != 4+ed25519.SignatureSize {
			return fmt.Errorf("bad signature line %q", line)
		}
		if !bytes.Equal(sig[:4], keyHash(name, key)) {
			continue
		}
		id := sha256.Sum256(slices.Concat(sig, key, []byte(text)))
		if checked.has(id) {
			return nil
		}
		if !ed25519.Verify(key, []byte(text), sig[4:]) {
			return errors.New("bad signature")
		}
		checked.add(id)
		return nil
	}
	return fmt.Errorf("note is not signed by %x", key)
}

// logKeys are the keys in a log's own place.
type logKeys struct {
	identity  ed25519.PublicKey
	line, mac []byte // of lines; of the state
}

func readKeys(fsys fs.FS, origin string) (logKeys, error) {
	var k logKeys
	text, err := fs.ReadFile(fsys, "audit.keys/log.vkey")
	if err != nil {
		return k, err
	}
	if k.identity, err = parseVKey(string(text), origin); err != nil {
		return k, err
	}
	if text, err = fs.ReadFile(fsys, "audit.keys/mac.key"); err != nil {
		return k, err
	}
	secret, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		return k, err
	}
	// The first block of HKDF-Expand (RFC 5869, section 2.3) is the whole key.
	derive := func(purpose string) []byte { return hmac256(secret, []byte("etch v0 "+purpose+" "+origin+"\x01")) }
	k.line, k.mac = derive("line"), derive("state")
	return k, nil
}

func hmac256(key, b []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(b)
	return h.Sum(nil)
}

func (k logKeys) stateMAC(b []byte) []byte { return hmac256(k.mac, b) }

// checkLine checks the end of a line.
func (k logKeys) checkLine(line []byte, signed bool) error {
	before, sig, ok := bytes.Cut(line, []byte(`,"signature":"SHA256:`))
	switch {
	case ok != signed:
		return fmt.Errorf("carries a MAC: %v, want %v", ok, signed)
	case ok && string(sig) != base64.RawStdEncoding.EncodeToString(hmac256(k.line, before))+`"}`:
		return errors.New("MAC does not match")
	}
	return nil
}

// A logState is what the newer slot of the state says.
type logState struct {
	counter, size, sealed, epoch uint64
	flags, segment               uint32
	synced                       int64
	root                         [32]byte
	epochKey                     ed25519.PublicKey
	origin                       string
	frontier                     [][32]byte
}

// readState reads the newer slot that is whole and carries the MAC.
func readState(fsys fs.FS, mac func([]byte) []byte) (logState, error) {
	b, err := fs.ReadFile(fsys, "audit.state")
	if err != nil {
		return logState{}, err
	}
	var best logState
	for at := 0; at < len(b) && at <= 4096; at += 4096 {
		slot, err := parseState(b[at:min(len(b), at+4096)], mac)
		if err == nil && slot.counter > best.counter {
			best = slot
		}
	}
	if best.counter == 0 {
		return best, errors.New("no slot of the state is good")
	}
	return best, nil
}

func parseState(b []byte, mac func([]byte) []byte) (logState, error) {
	be := binary.BigEndian
	if len(b) < 184 || string(b[:8]) != "etchst\x00\x00" {
		return logState{}, errors.New("no slot")
	}
	origin, hashes := int(be.Uint16(b[144:])), int(be.Uint16(b[146:]))
	end := 184 + origin + 32*hashes
	if flight := be.Uint32(b[16:])&4 != 0; flight && end+76 <= len(b) {
		part := b[end:]
		shared, others := int(be.Uint16(part[72:])), int(be.Uint16(part[74:]))
		size := be.Uint64(part[8:])
		if be.Uint64(part) <= be.Uint64(b[24:]) || size <= be.Uint64(b[32:]) || be.Uint64(part[16:]) > size ||
			shared > hashes || shared+others != bits.OnesCount64(size) {
			return logState{}, errors.New("written position is not one")
		}
		end += 76 + 32*others
	}
	if be.Uint32(b[16:])&16 != 0 && end+24 <= len(b) {
		if be.Uint64(b[end:]) == 0 || be.Uint64(b[end+16:]) > be.Uint64(b[24:]) {
			return logState{}, errors.New("chain is none, or more is settled than synced")
		}
		end += 24
	}
	if end+40 > len(b) {
		return logState{}, errors.New("slot is too short")
	}
	sum := sha256.Sum256(b[:end])
	if !bytes.Equal(sum[:8], b[end:end+8]) || !bytes.Equal(mac(b[:end+8]), b[end+8:end+40]) {
		return logState{}, errors.New("slot is torn or forged")
	}
	s := logState{
		counter: be.Uint64(b[8:]), flags: be.Uint32(b[16:]), segment: be.Uint32(b[20:]), synced: int64(be.Uint64(b[24:])),
		size: be.Uint64(b[32:]), sealed: be.Uint64(b[40:]), epoch: be.Uint64(b[48:]),
		root: [32]byte(b[80:112]), epochKey: b[112:144], origin: string(b[184 : 184+origin]),
	}
	for i := range hashes {
		s.frontier = append(s.frontier, [32]byte(b[184+origin+32*i:]))
	}
	return s, nil
}

// agree compares the state with the log.
func (c *checker) agree(s logState) error {
	switch {
	case s.origin != c.origin:
		return fmt.Errorf("state is of %s", s.origin)
	case s.segment != c.head.Segment, s.size != c.tree.size, s.epoch != c.found.epoch:
		return fmt.Errorf("state has segment %d, size %d, epoch %d; the log %d, %d, %d", s.segment, s.size, s.epoch, c.head.Segment, c.tree.size, c.found.epoch)
	case s.flags&1 != 0 != c.head.SignEvents:
		return fmt.Errorf("state has flags %b, sign_events is %v", s.flags, c.head.SignEvents)
	case !slices.Equal(s.frontier, c.tree.peaks):
		return errors.New("state has another frontier")
	case !s.epochKey.Equal(c.epochKey):
		return errors.New("state has another epoch key")
	case s.sealed != c.sealed && c.found.missing == 0, s.root != c.root && c.found.missing == 0:
		return fmt.Errorf("state was last sealed at %d, the log at %d", s.sealed, c.sealed)
	}
	return nil
}

// checkEpochKey returns nil where a private key of the current epoch is there.
func (c *checker) checkEpochKey() error {
	for _, name := range []string{"epoch.key", "epoch.next"} {
		text, err := fs.ReadFile(c.fsys, "audit.keys/"+name)
		if err != nil {
			continue
		}
		// PRIVATE+KEY+NAME+HASH+BASE64(1 ‖ seed)
		if parts := strings.SplitN(strings.TrimSpace(string(text)), "+", 5); len(parts) == 5 {
			seed, err := base64.StdEncoding.DecodeString(parts[4])
			if err == nil && len(seed) == 33 && bytes.Equal(ed25519.NewKeyFromSeed(seed[1:])[32:], c.epochKey) {
				return nil
			}
		}
	}
	return errors.New("neither epoch.key nor epoch.next is the current epoch's")
}
