package merkle_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/etch-audit/etch/internal/merkle"
)

func newKey(t *testing.T, name string) (note.Signer, note.Verifier, string) {
	t.Helper()
	secret, vkey, err := note.GenerateKey(rand.Reader, name)
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
	return signer, verifier, vkey
}

func TestNoteRoundTrip(t *testing.T) {
	signerA, a, _ := newKey(t, "etch.log/x")
	signerB, b, _ := newKey(t, "etch.log/x")
	_, other, _ := newKey(t, "etch.log/x")
	want := merkle.Checkpoint{Origin: "etch.log/x", Size: 17, Root: sha256.Sum256([]byte("root"))}
	text, err := merkle.SignNote(want, signerA, signerB)
	if err != nil {
		t.Fatal(err)
	}
	for _, verifiers := range [][]note.Verifier{{a}, {b}, {a, b}, {b, a}} {
		if got, err := merkle.OpenNote(text, verifiers...); got != want || err != nil {
			t.Errorf("OpenNote = %v, %v, want %v", got, err, want)
		}
	}
	for _, verifiers := range [][]note.Verifier{{}, {other}, {a, other}} {
		if got, err := merkle.OpenNote(text, verifiers...); err == nil {
			t.Errorf("OpenNote without a signature by everybody = %v", got)
		}
	}
	for i := range text {
		if i+1 < len(text) && text[i+1] == '=' {
			continue // its last bits are not part of the signature, and package note does not look at them
		}
		forged := text[:i] + string(text[i]^1) + text[i+1:]
		if got, err := merkle.OpenNote(forged, a, b); err == nil {
			t.Errorf("note with byte %d changed opens: %v", i, got)
		}
	}
}

func TestParseCheckpoint(t *testing.T) {
	root := merkle.Hash(sha256.Sum256(nil)).String()
	for _, text := range []string{
		"", "x", "x\n1\n" + root, "x\n1\n" + root + "\n\n", "\n1\n" + root + "\n", "x\n01\n" + root + "\n",
		"x\n-1\n" + root + "\n", "x\n18446744073709551616\n" + root + "\n", "x\n1\nAAAA\n", "x\n1\n" + root + "\nmore\n",
	} {
		if got, err := merkle.ParseCheckpoint(text); err == nil {
			t.Errorf("ParseCheckpoint(%q) = %v", text, got)
		}
	}
}

func FuzzParseCheckpoint(f *testing.F) {
	f.Add(merkle.Checkpoint{Origin: "x", Size: 1}.Text())
	f.Add("x\n18446744073709551615\n" + merkle.Hash{}.String() + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := merkle.ParseCheckpoint(text); err == nil && c.Text() != text {
			t.Errorf("%q is taken as %q", text, c.Text())
		}
	})
}

func FuzzPeekNote(f *testing.F) {
	f.Add("x\n1\n" + merkle.Hash{}.String() + "\n\n— x AAAA\n")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := merkle.PeekNote(text); err == nil && !strings.HasPrefix(text, c.Text()+"\n") {
			t.Errorf("%q is taken as %q", text, c.Text())
		}
	})
}

func TestOrigin(t *testing.T) {
	pub, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(pub)
	origin := merkle.Origin(pub)
	if want := "etch.log/" + hex.EncodeToString(sum[:]); origin != want {
		t.Errorf("Origin = %s, want %s", origin, want)
	}
	vkey, err := note.NewEd25519VerifierKey(origin, pub)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := merkle.PublicKey(vkey); string(got) != string(pub) || err != nil {
		t.Errorf("PublicKey = %x, %v, want %x", got, err, pub)
	}
	if _, err := merkle.PublicKey(vkey[1:]); err == nil {
		t.Error("a key under another name than its hash is taken")
	}
}
