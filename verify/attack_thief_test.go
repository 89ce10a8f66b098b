package verify_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/logtest"
)

// A thief is somebody who attacks a log with what keys he has, and makes again
// all that they allow: MACs, trees, seals, the state. What he lacks he makes up.
// Nothing here is shared with the writer or the verifier.
type thief struct {
	origin   string
	mac      []byte                        // a guess, where he has not got it
	identity ed25519.PrivateKey            // nil: he has not got it
	epochs   map[uint64]ed25519.PrivateKey // those he has
	own      ed25519.PrivateKey            // his own, for all he has not got
}

// A row is a line without what its place gives it: what stands between its
// number and its signature.
type row struct {
	body string
	old  string // the whole line as it was; "" for a new one
}

func (r row) kind() string {
	_, rest, _ := strings.Cut(r.body, `"event_type":"`)
	kind, _, _ := strings.Cut(rest, `"`)
	if strings.Contains(r.body, `"event_id"`) {
		return ""
	}
	return kind
}

// A sheet is a segment.
type sheet struct {
	name     string
	unsigned bool
	rows     []row
}

const suffix = `,"signature":"SHA256:`

// sheets takes a log apart, in the order of its segments.
func sheets(t testing.TB, files map[string][]byte) []sheet {
	t.Helper()
	var all []sheet
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasSuffix(name, ".log") {
			continue
		}
		s := sheet{name: name, unsigned: !bytes.Contains(files[name], []byte(suffix))}
		for line := range strings.Lines(string(files[name])) {
			line = strings.TrimSuffix(line, "\n")
			_, body, ok := strings.Cut(line, ",")
			if !ok {
				t.Fatalf("%s: %.60q is no line", name, line)
			}
			body = strings.TrimSuffix(body, "}")
			if i := strings.LastIndex(body, suffix); i >= 0 {
				body = body[:i]
			}
			s.rows = append(s.rows, row{body, line})
		}
		all = append(all, s)
	}
	return all // "audit.0…" sorts before "audit.l…"
}

// A forgery is a log being made again.
type forgery struct {
	*thief
	t       testing.TB
	leaves  [][32]byte
	segment uint32
	epoch   uint64
	next    string // epoch key of the log_epoch before; "" where there is none
	key     string // verifier key of the epoch
	sealed  uint64
	root    [32]byte
	promise uint32
	signed  bool
}

// remake writes the log that the sheets are, as far as his keys go: numbers,
// frontiers, roots, signatures and MACs are right wherever he can make them so.
func (th *thief) remake(t testing.TB, all []sheet) (map[string][]byte, *forgery) {
	t.Helper()
	f := &forgery{thief: th, t: t}
	files := make(map[string][]byte)
	for i := range all {
		var b bytes.Buffer
		f.segment, f.signed = uint32(i+1), !all[i].unsigned
		for _, r := range all[i].rows {
			f.line(&b, r)
		}
		files[all[i].name] = b.Bytes()
	}
	return files, f
}

func (f *forgery) line(b *bytes.Buffer, r row) {
	next := f.next
	f.next = ""
	switch r.kind() {
	case "log_opened":
		r.body = f.opened(r.body)
	case "log_epoch":
		r.body = f.announced(r.body)
	case "log_epoch_broken":
		r.body = f.broken(r.body)
	case "log_sealed":
		r.body = f.sealing(r.body)
		if next != "" {
			f.epoch, f.key = f.epoch+1, next
		}
	}
	text := `{"seq":` + strconv.Itoa(len(f.leaves)) + "," + r.body
	switch {
	case !f.signed:
		text += "}"
	case strings.HasPrefix(r.old, text+suffix):
		text = r.old // nothing of it had to be changed
	default:
		text += suffix + base64.RawStdEncoding.EncodeToString(f.macOf("line", text)) + `"}`
	}
	f.leaves = append(f.leaves, sha256.Sum256([]byte("\x00"+text)))
	b.WriteString(text + "\n")
}

// macOf is the first block of HKDF-Expand, and HMAC with it.
func (th *thief) macOf(purpose, text string) []byte {
	h := hmac.New(sha256.New, th.mac)
	h.Write([]byte("etch v0 " + purpose + " " + th.origin + "\x01"))
	h = hmac.New(sha256.New, h.Sum(nil))
	h.Write([]byte(text))
	return h.Sum(nil)
}

// payload returns a control record's payload, and what comes before it.
func payload(t testing.TB, body string) (head string, log map[string]any) {
	t.Helper()
	head, text, ok := strings.Cut(body, `"log":`)
	if err := json.Unmarshal([]byte(text), &log); err != nil || !ok {
		t.Fatalf("%.80q has no payload: %v", body, err)
	}
	return head, log
}

func withPayload(t testing.TB, head string, log map[string]any) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(log); err != nil {
		t.Fatal(err)
	}
	return head + `"log":` + strings.TrimSpace(b.String())
}

func (f *forgery) opened(body string) string {
	head, log := payload(f.t, body)
	if f.segment == 1 {
		f.key = fmt.Sprint(log["epoch_key"])
	}
	f.promise = uint32(log["seal_records"].(float64))
	if log["sign_events"] == false {
		f.signed = false
	}
	if size, ok := log["size"].(float64); ok && int(size) == len(f.leaves) && slices.Equal(texts(log["frontier"]), f.frontier()) && log["epoch_key"] == f.key {
		return body
	}
	log["size"], log["frontier"], log["segment"], log["epoch"], log["epoch_key"] = len(f.leaves), f.frontier(), f.segment, f.epoch, f.key
	return withPayload(f.t, head, log)
}

func texts(list any) []string {
	out := []string{}
	for _, v := range list.([]any) {
		out = append(out, v.(string))
	}
	return out
}

func (f *forgery) announced(body string) string {
	_, log := payload(f.t, body)
	f.next = fmt.Sprint(log["epoch_key"])
	return body
}

// broken signs the end of an epoch with the identity key he has, or his own.
func (f *forgery) broken(body string) string {
	head, log := payload(f.t, body)
	f.epoch, f.key = f.epoch+1, fmt.Sprint(log["epoch_key"])
	text := fmt.Sprintf("etch epoch broken v0\n%s%d\n%s\n", f.checkpoint(), f.epoch, f.key)
	log["epoch"], log["note"] = f.epoch, logtest.Note(text, f.origin, f.identityKey())
	return withPayload(f.t, head, log)
}

func (f *forgery) checkpoint() string {
	root := mth(f.leaves)
	return fmt.Sprintf("%s\n%d\n%s\n", f.origin, len(f.leaves), base64.StdEncoding.EncodeToString(root[:]))
}

func (th *thief) identityKey() ed25519.PrivateKey {
	if th.identity != nil {
		return th.identity
	}
	return th.own
}

// sealing signs a seal again, if what it covers was changed.
func (f *forgery) sealing(body string) string {
	head, log := payload(f.t, body)
	f.sealed, f.root = uint64(len(f.leaves)), mth(f.leaves)
	old, _, _ := strings.Cut(fmt.Sprint(log["checkpoint"]), "\n\n")
	if old+"\n" == f.checkpoint() && log["epoch"] == float64(f.epoch) {
		return body
	}
	key := f.own
	if len(f.epochs) > 0 {
		key = f.epochs[slices.Max(slices.Collect(maps.Keys(f.epochs)))]
	}
	if right, ok := f.epochs[f.epoch]; ok {
		key = right
	}
	log["epoch"], log["checkpoint"] = f.epoch, logtest.Note(f.checkpoint(), f.origin, f.identityKey(), key)
	return withPayload(f.t, head, log)
}

// mth is MTH of RFC 6962, section 2.1, as it stands there.
func mth(leaves [][32]byte) [32]byte {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	}
	k := 1 << (bits.Len(uint(len(leaves)-1)) - 1)
	left, right := mth(leaves[:k]), mth(leaves[k:])
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

// frontier is the perfect subtrees, the largest first.
func (f *forgery) frontier() []string {
	text := []string{}
	for at := 0; at < len(f.leaves); {
		k := 1 << (bits.Len(uint(len(f.leaves)-at)) - 1)
		h := mth(f.leaves[at : at+k])
		text = append(text, base64.StdEncoding.EncodeToString(h[:]))
		at += k
	}
	return text
}

// state forges the state that fits the log, with a counter beyond the old one.
func (f *forgery) state(old []byte, synced int) []byte {
	be := binary.BigEndian
	var flags uint32
	if f.signed {
		flags = 1
	}
	counter := max(be.Uint64(old[8:]), be.Uint64(old[4096+8:])) + 100
	b := be.AppendUint64([]byte("etchst\x00\x00"), counter)
	b = be.AppendUint32(be.AppendUint32(b, flags), f.segment)
	for _, n := range []uint64{uint64(synced), uint64(len(f.leaves)), f.sealed, f.epoch, 0, 0, 0} {
		b = be.AppendUint64(b, n)
	}
	b = append(b, f.root[:]...)
	_, key, _ := strings.Cut(strings.TrimPrefix(f.key, f.origin+"+"), "+")
	pub, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		f.t.Fatal(err)
	}
	b = append(b, pub[1:]...)
	hashes := f.frontier()
	b = be.AppendUint16(be.AppendUint16(b, uint16(len(f.origin))), uint16(len(hashes)))
	b = be.AppendUint64(be.AppendUint32(b, f.promise), 0)
	for _, lineage := range []uint64{1, 0, 0} {
		b = be.AppendUint64(b, lineage)
	}
	b = append(b, f.origin...)
	for _, text := range hashes {
		h, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			f.t.Fatal(err)
		}
		b = append(b, h...)
	}
	sum := sha256.Sum256(b)
	b = append(b, sum[:8]...)
	b = append(b, f.macOf("state", string(b))...)
	return append(b, make([]byte, 4096-len(b))...)
}

// vkeyUnder returns the note verifier key of a key under a name (C2SP signed-note).
func vkeyUnder(name string, key ed25519.PrivateKey) string {
	typed := append([]byte{1}, key[ed25519.SeedSize:]...)
	sum := sha256.Sum256(append([]byte(name+"\n"), typed...))
	return fmt.Sprintf("%s+%08x+%s", name, binary.BigEndian.Uint32(sum[:]), base64.StdEncoding.EncodeToString(typed))
}
