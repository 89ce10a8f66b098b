package record_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/record"
)

// padded returns a key as the one of full length that HMAC makes of it: a
// shorter one is filled with zeros (RFC 2104, section 2).
func padded(t *testing.T, text string) (key [record.KeySize]byte, ok bool) {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	copy(key[:], b)
	return key, len(b) <= len(key)
}

// TestRFC4231 takes the test cases of RFC 4231, section 4, whose keys fit ours.
func TestRFC4231(t *testing.T) {
	for _, c := range []struct{ key, data, want string }{
		{strings.Repeat("0b", 20), "4869205468657265", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
		{"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		{strings.Repeat("aa", 20), strings.Repeat("dd", 50), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
		{"0102030405060708090a0b0c0d0e0f10111213141516171819", strings.Repeat("cd", 50), "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
	} {
		key, _ := padded(t, c.key)
		data, err := hex.DecodeString(c.data)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(record.NewMAC(key).Sum(data)); got != c.want {
			t.Errorf("MAC of %s = %s, want %s", c.data, got, c.want)
		}
	}
}

// TestHMACVectors takes Wycheproof's, read in place.
func TestHMACVectors(t *testing.T) {
	dir := os.Getenv("ETCH_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "fixtures", "vectors")
	}
	b, err := os.ReadFile(filepath.Join(dir, "c2sp-wycheproof", "testvectors_v1", "hmac_sha256_test.json"))
	if err != nil {
		t.Skipf("third parties' vectors are not here: %v", err)
	}
	var v struct {
		TestGroups []struct {
			TagSize int
			Tests   []struct {
				TcID                  int
				Key, Msg, Tag, Result string
			}
		}
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	cases := 0
	for _, g := range v.TestGroups {
		for _, c := range g.Tests {
			key, ok := padded(t, c.Key)
			if !ok {
				continue // ours are never longer
			}
			cases++
			msg, err1 := hex.DecodeString(c.Msg)
			tag, err2 := hex.DecodeString(c.Tag)
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			got := hmac.Equal(record.NewMAC(key).Sum(msg)[:g.TagSize/8], tag)
			if got != (c.Result == "valid") {
				t.Errorf("case %d: valid %v, want %s", c.TcID, got, c.Result)
			}
		}
	}
	if cases < 100 {
		t.Errorf("%d cases have a key that fits, want at least 100", cases)
	}
}

// TestDeriveKey compares with HKDF-Expand written out: RFC 5869, section 2.3.
func TestDeriveKey(t *testing.T) {
	secret := []byte("0123456789abcdef0123456789abcdef")
	seen := map[[record.KeySize]byte]bool{}
	for _, purpose := range []string{record.LinePurpose, record.StatePurpose} {
		for _, origin := range []string{"etch.log/a", "etch.log/b"} {
			h := hmac.New(sha256.New, secret)
			h.Write([]byte("etch v0 " + purpose + " " + origin + "\x01"))
			got, err := record.DeriveKey(secret, purpose, origin)
			if err != nil || string(got[:]) != string(h.Sum(nil)) {
				t.Errorf("%s of %s: key %x, %v, want %x", purpose, origin, got, err, h.Sum(nil))
			}
			seen[got] = true
		}
	}
	if len(seen) != 4 {
		t.Errorf("%d different keys, want 4", len(seen))
	}
}

func TestMACAllocates(t *testing.T) {
	mac, b := newMAC(t, "a"), make([]byte, 0, 1000)
	n := testing.AllocsPerRun(100, func() {
		b = append(record.AppendOpen(b[:0], 12345), body...)
		b = mac.AppendClose(b, 0)
	})
	if n != 0 {
		t.Errorf("a line allocates %v times, want 0", n)
	}
}
