package etch

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPlainPrefix(t *testing.T) {
	for n := range 40 {
		for at := range n {
			for c := range 256 {
				b := []byte(strings.Repeat("x", n))
				b[at] = byte(c)
				want := n
				if c < ' ' || c == '"' || c == '\\' || c >= 0x80 {
					want = at
				}
				if got := plainPrefix(b); got != want {
					t.Fatalf("plainPrefix of %d bytes with %#x at %d = %d, want %d", n, c, at, got, want)
				}
				if got := plainPrefix(string(b)); got != want {
					t.Fatalf("plainPrefix of a string of %d bytes with %#x at %d = %d, want %d", n, c, at, got, want)
				}
			}
		}
	}
}

// Several bytes that are not plain must not hide the first one.
func TestPlainPrefixRandom(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	const alphabet = "ab\"\\\x00\x1f !\x7f\x80\xff#[]"
	for range 100000 {
		b := make([]byte, rng.IntN(24))
		want := len(b)
		for i := range b {
			b[i] = alphabet[rng.IntN(len(alphabet))]
			if want == len(b) && strings.IndexByte("\"\\\x00\x1f\x80\xff", b[i]) >= 0 {
				want = i
			}
		}
		if got := plainPrefix(b); got != want {
			t.Fatalf("plainPrefix(%q) = %d, want %d", b, got, want)
		}
	}
}

func TestScannerNumbers(t *testing.T) {
	good := []string{"0", "-0", "1", "10", "-1.5", "0.0", "1e5", "1E-5", "1.25e+10"}
	bad := []string{"", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "1.e5", "0x1", "1_0", "Infinity", "NaN", "--1"}
	for _, s := range good {
		if _, err := checkArguments([]byte(s)); err != nil {
			t.Errorf("%q is refused: %v", s, err)
		}
	}
	for _, s := range bad {
		if _, err := checkArguments([]byte(s)); err == nil {
			t.Errorf("%q is taken for a number", s)
		}
	}
}

func TestScannerDuplicates(t *testing.T) {
	for _, n := range []int{1, 8, 9, 10, 100} {
		var members []string
		for i := range n {
			members = append(members, fmt.Sprintf(`"name%d":%d`, i, i))
		}
		object := "{" + strings.Join(members, ",") + "}"
		if _, err := checkArguments([]byte(object)); err != nil {
			t.Errorf("%d different names are refused: %v", n, err)
		}
		for i := range n {
			twice := fmt.Sprintf(`{%s,"\u006eame%d":0}`, strings.Join(members, ","), i)
			if _, err := checkArguments([]byte(twice)); err == nil {
				t.Errorf("name %d of %d is there twice, and is not noticed", i, n)
			}
		}
	}
}

func TestCheckArgumentsAllocates(t *testing.T) {
	args := []byte(`{"command":"git commit -m \"x\"","timeout":30,"nested":{"a":[1,2,{"b":null}]},"e":"é"}`)
	n := testing.AllocsPerRun(100, func() {
		if _, err := checkArguments(args); err != nil {
			t.Error(err)
		}
	})
	if n != 0 {
		t.Errorf("checkArguments allocates %v times, want 0", n)
	}
}

// What the scanner takes, encoding/json takes; what only encoding/json takes
// has one of the three faults that it overlooks.
func FuzzScanner(f *testing.F) {
	for _, s := range []string{`{"a":[1,-2.5e3,null],"b":{"c":"\ud83d\ude42\n"}}`, `{"a":1,"\u0061":2}`, `"\ud800"`, "\"\xff\"", `[[[]]]`, ` 1 `, `{"a":tru}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		spaced, err := checkArguments(text)
		if valid := json.Valid(text); err == nil && !valid {
			t.Errorf("%q is taken, but not valid", text)
		} else if err != nil && valid && utf8.Valid(text) && !strings.Contains(err.Error(), "duplicate") &&
			!strings.Contains(err.Error(), "surrogate") && !strings.Contains(err.Error(), "deep") {
			t.Errorf("%q is valid, but refused: %v", text, err)
		}
		if err != nil {
			return
		}
		compact := appendCompact(nil, text, len(text))
		if again, err := checkArguments(compact); err != nil || again {
			t.Errorf("%q is %q without its spaces: %v", text, compact, err)
		}
		if spaced != (len(compact) < len(text)) {
			t.Errorf("%q: spaces seen: %v", text, spaced)
		}
	})
}
