package control_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/merkle"
	"github.com/etch-audit/etch/internal/record"
)

var at = time.Date(2026, 2, 16, 13, 34, 56, 123456789, time.FixedZone("", 3600))

// line makes a line of a payload.
func line(t *testing.T, kind string, payload any) []byte {
	t.Helper()
	b, err := control.AppendBody(record.AppendOpen(nil, 17), at, kind, payload)
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '}')
}

func TestRoundTrip(t *testing.T) {
	size := uint64(9)
	for kind, payload := range map[string]any{
		control.Opened: &control.OpenedLog{
			Version: 0, Origin: "etch.log/x", Segment: 2, Size: 9, Frontier: []string{"a", "b"}, SignEvents: true,
			SealRecords: 100, IdentityKey: "i", Epoch: 3, EpochKey: "e", Writer: "<etch> & \"co\"",
		},
		control.Sealed:      &control.SealedLog{Epoch: 1, Checkpoint: "x\n1\n\n— x y\n", Reason: "rotated"},
		control.Epoch:       &control.EpochLog{Epoch: 1, EpochKey: "k"},
		control.EpochBroken: &control.EpochBrokenLog{Epoch: 1, EpochKey: "k", Cause: "c", Note: "n\n"},
		control.Recovered: &control.RecoveredLog{
			Found: control.FoundTorn, Segment: 1, Offset: 2, Bytes: 3, SHA256: "s", Saved: "p", FromSeq: new(uint64), ToSeq: &size, Detail: "\x00",
		},
		control.Gap: &control.GapLog{Lost: 4, From: "f", To: "t", Cause: "c"},
	} {
		b := line(t, kind, payload)
		if got := record.Control(b); got != kind {
			t.Errorf("%s is a line of type %q", b, got)
		}
		got := emptyLike(payload)
		header, err := control.Parse(b, got)
		if err != nil || header.Seq != 17 || header.Type != kind || header.Time != "2026-02-16T12:34:56.123456Z" {
			t.Errorf("Parse(%s) = %v, %v", b, header, err)
		}
		if diff := cmp.Diff(got, payload); diff != "" {
			t.Error(diff)
		}
	}
}

// emptyLike returns a new payload of the same type.
func emptyLike(payload any) any {
	switch payload.(type) {
	case *control.OpenedLog:
		return new(control.OpenedLog)
	case *control.SealedLog:
		return new(control.SealedLog)
	case *control.EpochLog:
		return new(control.EpochLog)
	case *control.EpochBrokenLog:
		return new(control.EpochBrokenLog)
	case *control.RecoveredLog:
		return new(control.RecoveredLog)
	default:
		return new(control.GapLog)
	}
}

// TestForm shows the lines as docs/spec/log-format.md has them.
func TestForm(t *testing.T) {
	want := `{"seq":17,"timestamp":"2026-02-16T12:34:56.123456Z","event_type":"log_sealed","log":{"epoch":2,"checkpoint":"a<b\n"}}`
	if got := string(line(t, control.Sealed, control.SealedLog{Epoch: 2, Checkpoint: "a<b\n"})); got != want {
		t.Errorf("line is %s, want %s", got, want)
	}
	want = `{"seq":17,"timestamp":"2026-02-16T12:34:56.123456Z","event_type":"log_recovered","log":{"found":"void","segment":1,"offset":0,"bytes":0,"detail":""}}`
	if got := string(line(t, control.Recovered, control.RecoveredLog{Found: control.FoundVoid, Segment: 1})); got != want {
		t.Errorf("line is %s, want %s", got, want)
	}
}

// TestVersionOf shows that the version is found whatever else a later version
// has changed.
func TestVersionOf(t *testing.T) {
	for text, want := range map[string]int{
		`{"seq":0,"event_type":"log_opened","log":{"version":7,"origin":"x"}}`:                7,
		`{"seq":"0","event_type":["log_opened"],"log":{"segment":"1","size":{},"version":7}}`: 7,
		`{"log":{"version":0}}`:   0,
		`{"log":{"version":"x"}}`: 0,
		`{"log":[]}`:              0,
		`{"log":{"version":7}`:    0,
		"":                        0,
	} {
		if got := control.VersionOf([]byte(text)); got != want {
			t.Errorf("VersionOf(%q) = %d, want %d", text, got, want)
		}
	}
}

func TestParseIgnoresUnknown(t *testing.T) {
	var got control.EpochLog
	b := []byte(`{"seq":1,"timestamp":"","event_type":"log_epoch","new":1,"log":{"epoch":5,"more":{}}}`)
	if _, err := control.Parse(b, &got); err != nil || got.Epoch != 5 {
		t.Errorf("Parse = %v, %v", got, err)
	}
	for _, text := range []string{"", "{}", `{"seq":1}`, `{"seq":1,"event_type":"x","log":7}`, `{"seq":-1,"log":{}}`} {
		if h, err := control.Parse([]byte(text), &got); err == nil {
			t.Errorf("Parse(%q) = %v", text, h)
		}
	}
}

func TestFrontierAt(t *testing.T) {
	var f merkle.Frontier
	var texts []string
	for n := range 7 {
		f.Append(sha256.Sum256([]byte{byte(n)}))
	}
	for _, h := range f.AppendHashes(nil) {
		texts = append(texts, h.String())
	}
	head := control.OpenedLog{Size: 7, Frontier: texts}
	if got, err := head.FrontierAt(); err != nil || !got.Equal(&f) {
		t.Errorf("frontier differs: %v", err)
	}
	for _, bad := range []control.OpenedLog{{Size: 8, Frontier: texts}, {Size: 7, Frontier: texts[1:]}, {Size: 1, Frontier: []string{"x"}}} {
		if _, err := bad.FrontierAt(); err == nil {
			t.Errorf("frontier of %d with %d hashes is taken", bad.Size, len(bad.Frontier))
		}
	}
}

func TestOpenBroken(t *testing.T) {
	secret, vkey, err := note.GenerateKey(rand.Reader, "etch.log/x")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	cp := merkle.Checkpoint{Origin: "etch.log/x", Size: 5}
	msg, err := note.Sign(&note.Note{Text: control.BrokenText(cp, 3, "key")}, signer)
	if err != nil {
		t.Fatal(err)
	}
	b := control.EpochBrokenLog{Epoch: 3, EpochKey: "key", Note: string(msg)}
	if err := control.OpenBroken(&b, cp, verifier); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(b *control.EpochBrokenLog, cp *merkle.Checkpoint){
		"epoch": func(b *control.EpochBrokenLog, _ *merkle.Checkpoint) { b.Epoch++ },
		"key":   func(b *control.EpochBrokenLog, _ *merkle.Checkpoint) { b.EpochKey += "x" },
		"note":  func(b *control.EpochBrokenLog, _ *merkle.Checkpoint) { b.Note = "x" + b.Note },
		"size":  func(_ *control.EpochBrokenLog, cp *merkle.Checkpoint) { cp.Size++ },
		"root":  func(_ *control.EpochBrokenLog, cp *merkle.Checkpoint) { cp.Root[0]++ },
		"name":  func(_ *control.EpochBrokenLog, cp *merkle.Checkpoint) { cp.Origin += "x" },
	} {
		forged, place := b, cp
		change(&forged, &place)
		if control.OpenBroken(&forged, place, verifier) == nil {
			t.Errorf("a breaking with another %s is taken", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"seq":1,"timestamp":"","event_type":"log_opened","log":{"version":0,"frontier":["x"]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var head control.OpenedLog
		h, err := control.Parse(b, &head)
		if err != nil {
			return
		}
		if _, err := head.FrontierAt(); err == nil && len(head.Frontier) > merkle.MaxFrontier {
			t.Errorf("%d hashes are taken", len(head.Frontier))
		}
		if !json.Valid(h.Log) {
			t.Errorf("payload is not JSON: %q", h.Log)
		}
	})
}
