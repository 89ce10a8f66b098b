package lanes

import (
	"bytes"
	"crypto/fips140"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
)

// ways are hashers of every implementation that this processor can run.
func ways() map[string]func() *Hasher {
	ways := map[string]func() *Hasher{"alone": func() *Hasher { return newHasher(false) }, "first alone": New}
	if available() {
		ways["paired"] = func() *Hasher { return newHasher(true) }
	}
	return ways
}

// TestPaired fails where a processor has the instructions and they are not used.
func TestPaired(t *testing.T) {
	t.Logf("%s: available %v, paired %v", runtime.GOARCH, available(), paired())
	if paired() != (available() && !fips140.Enabled()) {
		t.Errorf("paired is %v, available %v: they do not agree with crypto/sha256", paired(), available())
	}
	h, none := New(), NewPrefix(nil)
	for range few {
		if !h.alone {
			t.Error("the first messages are not hashed alone")
		}
		h.Hash(new([Size]byte), none, nil)
	}
	if h.alone == paired() {
		t.Errorf("New hashes alone: %v, paired %v", h.alone, paired())
	}
}

func random(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func text(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// TestKnownAnswers are NIST's examples for SHA-256, each in both lanes.
func TestKnownAnswers(t *testing.T) {
	answers := []struct{ message, hash string }{
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{
			"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
			"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
		},
		{
			"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
			"cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
		},
		{strings.Repeat("a", 1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
	}
	none := NewPrefix(nil)
	for name, hasher := range ways() {
		h := hasher()
		got := make([][Size]byte, 2*len(answers)+1)
		for i, a := range answers { // one after the other: lanes 0, 1
			h.Hash(&got[2*i], none, []byte(a.message))
			h.Hash(&got[2*i+1], none, []byte(a.message))
		}
		h.Hash(&got[2*len(answers)], none, []byte(answers[0].message))
		h.Flush()
		for i := range got {
			a := answers[i/2%len(answers)]
			if hex.EncodeToString(got[i][:]) != a.hash {
				t.Errorf("%s, %d: hash of %.20q… is %x, want %s", name, i, a.message, got[i], a.hash)
			}
		}
	}
}

// TestEveryLength compares with crypto/sha256: every length beside a shorter
// one, a longer one, and alone.
func TestEveryLength(t *testing.T) {
	r := random(t)
	message, none := text(r, 2001), NewPrefix(nil)
	want := make([][Size]byte, len(message))
	for n := range want {
		want[n] = sha256.Sum256(message[:n])
	}
	for name, hasher := range ways() {
		h := hasher()
		for n := range want {
			other := r.IntN(len(want))
			var got [3][Size]byte
			h.Hash(&got[0], none, message[:n])
			h.Hash(&got[1], none, message[:other])
			h.Flush()
			h.Hash(&got[2], none, message[:n])
			h.Flush()
			if got[0] != want[n] || got[1] != want[other] || got[2] != want[n] {
				t.Errorf("%s, lengths %d and %d: %x, want %x, %x", name, n, other, got, want[n], want[other])
			}
		}
	}
}

// TestStreams hashes many messages of all kinds of lengths and prefixes
// with one flush now and then. Where a message comes from is overwritten at once.
func TestStreams(t *testing.T) {
	r := random(t)
	for name, hasher := range ways() {
		h := hasher()
		for range 300 {
			got := make([][Size]byte, r.IntN(40))
			want := make([][Size]byte, len(got))
			for i := range got {
				message := text(r, r.IntN(1+1<<r.IntN(12)))
				want[i] = sha256.Sum256(message)
				begin := r.IntN(len(message) + 1)
				h.Hash(&got[i], NewPrefix(message[:begin]), message[begin:])
				clear(message)
			}
			h.Flush()
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("%s: hash %d of %d is %x, want %x", name, i, len(got), got[i], want[i])
				}
			}
		}
	}
}

// TestMAC makes HMAC-SHA256 (RFC 2104) of prefixes, as package record does.
func TestMAC(t *testing.T) {
	r := random(t)
	key := text(r, Size)
	var inner, outer [sha256.BlockSize]byte
	for i := range inner {
		inner[i], outer[i] = 0x36, 0x5c
	}
	for i := range key {
		inner[i] ^= key[i]
		outer[i] ^= key[i]
	}
	in, out := NewPrefix(inner[:]), NewPrefix(outer[:])
	std := hmac.New(sha256.New, key)
	for name, hasher := range ways() {
		h := hasher()
		for n := range 300 {
			message, got := text(r, n), new([Size]byte)
			h.Hash(got, in, message)
			h.Flush()
			h.Hash(got, out, got[:])
			h.Flush()
			std.Reset()
			std.Write(message)
			if want := std.Sum(nil); !bytes.Equal(got[:], want) {
				t.Errorf("%s, %d bytes: %x, want %x", name, n, got, want)
			}
		}
	}
}

func TestAllocates(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the race detector changes what is allocated")
	}
	message, prefix, got := make([]byte, 531), NewPrefix([]byte{0}), new([3][Size]byte)
	for name, hasher := range ways() {
		h := hasher()
		n := testing.AllocsPerRun(100, func() {
			for i := range got {
				h.Hash(&got[i], prefix, message[100*i:])
			}
			h.Flush()
		})
		if n != 0 {
			t.Errorf("%s: three messages allocate %v times, want 0", name, n)
		}
	}
}

// FuzzHash hashes four messages of any bytes, two of them with a prefix.
func FuzzHash(f *testing.F) {
	f.Add([]byte(nil), []byte("abc"), uint16(0))
	f.Add(bytes.Repeat([]byte("x"), 55), bytes.Repeat([]byte("y"), 56), uint16(1))
	f.Add(bytes.Repeat([]byte("x"), 119), bytes.Repeat([]byte("y"), 200), uint16(64))
	f.Fuzz(func(t *testing.T, a, b []byte, n uint16) {
		cut := int(n) % (len(a) + 1)
		for name, hasher := range ways() {
			h, got := hasher(), new([4][Size]byte)
			h.Hash(&got[0], NewPrefix(a[:cut]), a[cut:])
			h.Hash(&got[1], NewPrefix(nil), b)
			h.Hash(&got[2], NewPrefix(a), b)
			h.Hash(&got[3], NewPrefix(b), a)
			h.Flush()
			want := [4][Size]byte{
				sha256.Sum256(a), sha256.Sum256(b), sha256.Sum256(append(a[:len(a):len(a)], b...)), sha256.Sum256(append(b[:len(b):len(b)], a...)),
			}
			if *got != want {
				t.Errorf("%s: %x, want %x", name, *got, want)
			}
		}
	})
}

func BenchmarkHash(b *testing.B) {
	for _, size := range []int{64, 530} {
		message, got := make([]byte, size), new([Size]byte)
		for name, hasher := range ways() {
			b.Run(name+"/"+map[int]string{64: "node", 530: "line"}[size], func(b *testing.B) {
				h, prefix := hasher(), NewPrefix([]byte{0})
				b.SetBytes(int64(size))
				for b.Loop() {
					h.Hash(got, prefix, message)
				}
			})
		}
	}
}
