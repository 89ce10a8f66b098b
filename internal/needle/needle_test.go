package needle

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/logtest"
)

// ways are the implementations that this processor can run.
func ways() map[string]func(*Finder, []byte, int) int {
	ways := map[string]func(*Finder, []byte, int) int{
		"portable": func(f *Finder, b []byte, from int) int { return f.next(b, from, false) },
	}
	if vectors() {
		ways["vectors"] = func(f *Finder, b []byte, from int) int { return f.next(b, from, true) }
	}
	return ways
}

// naive is what Next promises, word by word.
func naive(needles [][]byte, b []byte, from int) int {
	letters := string(bytes.Join(needles, nil))
	for i := from; i < len(b); i++ {
		if slices.ContainsFunc(needles, func(n []byte) bool { return bytes.HasPrefix(b[i:], n) }) {
			return i
		}
		if before := b[:i]; (len(before)-len(bytes.TrimRight(before, `\`)))%2 != 0 {
			continue
		}
		if bytes.HasPrefix(b[i:], []byte(`\/`)) && strings.Contains(letters, "/") {
			return i
		}
		if bytes.HasPrefix(b[i:], []byte(`\u`)) && letters != "" && couldBe(letters, string(b[i+2:min(i+6, len(b))])) {
			return i
		}
	}
	return -1
}

// couldBe reports whether the digits of an escape are those of a letter, or no
// digits.
func couldBe(letters, digits string) bool {
	code, err := strconv.ParseUint(digits, 16, 16)
	switch {
	case err != nil || len(digits) != 4:
		return true
	case code < 0x80:
		return strings.IndexByte(letters, byte(code)) >= 0
	}
	return strings.ContainsFunc(letters, func(r rune) bool { return r >= 0x80 })
}

// check compares all that is found in b, and what is found from some places.
func check(t *testing.T, needles [][]byte, b []byte) {
	t.Helper()
	f := New(needles)
	for name, next := range ways() {
		at := 0
		for {
			got, want := next(f, b, at), naive(needles, b, at)
			if got != want {
				t.Fatalf("%s: Next(%q, from %d) in %.300q is %d, want %d", name, needles, at, b, got, want)
			}
			if got < 0 {
				break
			}
			at = got + 1
		}
		if got := next(f, b, len(b)); got != -1 {
			t.Fatalf("%s: Next from the end is %d, want -1", name, got)
		}
	}
}

func TestNext(t *testing.T) {
	for _, tt := range []struct {
		needles string // separated by commas
		text    string
		want    int
	}{
		{"alice", `{"username":"@alice"}`, 14},
		{"alice", `{"username":"@alic"}`, -1},
		{"alice", `{"username":"@al\u0069ce"}`, 16},
		{"alice", `"C:\\users" "alice"`, 13},
		{"alice", `"\\\u0061lice"`, 3},
		{"alice", `"\u0041 \u001b \u00e9 \u006A \u006C"`, 29},
		{"alice", `"\u006`, 1},
		{"alice", `"\u00g1"`, 1},
		{"é", `"e\u0301 \u0065"`, 2},
		{"é", `"\u0065"`, -1},
		{"alice", `"a\/b\n"`, -1},
		{"etc/passwd", `"\/etc\/passwd"`, 1},
		{"etc/passwd", `"\\/etc"`, -1},
		{"bob,alice", `alice bob`, 0},
		{"bob,alice,bob", `bo alic bob`, 8},
		{"x", `x`, 0},
		{"", `abc`, 0},
		{"größe", `"die größe"`, 5},
	} {
		var needles [][]byte
		for n := range strings.SplitSeq(tt.needles, ",") {
			needles = append(needles, []byte(n))
		}
		f := New(needles)
		for name, next := range ways() {
			if got := next(f, []byte(tt.text), 0); got != tt.want {
				t.Errorf("%s: Next(%q) in %s is %d, want %d", name, needles, tt.text, got, tt.want)
			}
		}
		check(t, needles, []byte(tt.text))
	}
	if got := New(nil).Next([]byte(`alice \u0061`), 0); got != -1 {
		t.Errorf("without needles: %d, want -1", got)
	}
}

// TestEveryPlace puts needles of every length at every alignment and every
// distance from the end of a block.
func TestEveryPlace(t *testing.T) {
	for _, length := range []int{1, 2, 3, 5, 31, 32, 33, 127, 128, 129, 300} {
		needle := make([]byte, length)
		for i := range needle {
			needle[i] = 'a' + byte(i*7%26)
		}
		for size := length; size < length+200; size += 1 + size/40 {
			for at := 0; at+length <= size; at++ {
				b := bytes.Repeat([]byte{'.'}, size)
				copy(b[at:], needle)
				b = slices.Clip(b)
				for name, next := range ways() {
					for _, needles := range [][][]byte{{needle}, {[]byte("@bob"), needle, []byte("@eve")}} {
						if got := next(New(needles), b, 0); got != at {
							t.Fatalf("%s: %d bytes at %d of %d: got %d", name, length, at, size, got)
						}
					}
				}
			}
		}
	}
}

// TestEscapeEveryPlace puts an escape, and backslashes that begin none, at every place.
func TestEscapeEveryPlace(t *testing.T) {
	f := New([][]byte{[]byte("@alxa")})
	for _, size := range []int{6, 63, 64, 65, 100, 129, 200} {
		for at := 0; at+6 <= size; at++ {
			for text, found := range map[string]bool{`\u0061`: true, `\u0062`: false, `\nu061`: false, `\\u061`: false} {
				b := bytes.Repeat([]byte{'.'}, size)
				copy(b[at:], text)
				want := -1
				if found {
					want = at
				}
				for name, next := range ways() {
					if got := next(f, slices.Clip(b), 0); got != want {
						t.Fatalf("%s: %s at %d of %d: got %d, want %d", name, text, at, size, got, want)
					}
				}
			}
		}
	}
}

// TestRandom searches text of few letters, where everything nearly matches.
func TestRandom(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	letters := func(n int) []byte {
		var b []byte
		for len(b) < n {
			b = append(b, []string{"a", "a", "b", "b", "u", `\`, "/", "é", `\u0061`, `\u0063`, `\u00e9`}[r.IntN(11)]...)
		}
		return b
	}
	for range 3000 {
		needles := make([][]byte, r.IntN(8))
		for i := range needles {
			needles[i] = bytes.ReplaceAll(letters(1+r.IntN(7)), []byte(`\`), []byte("u"))
		}
		check(t, needles, letters(r.IntN(400)))
	}
	for range 20 { // beyond a window
		check(t, [][]byte{[]byte("abba"), []byte("ubu"), []byte("bbbbb"), []byte("a/a")}, letters(3*window))
	}
}

func TestLog(t *testing.T) {
	b := logtest.AppendLines(nil, 1, 0, 300)
	var needles [][]byte
	for i := range 9 {
		check(t, needles, b)
		needles = append(needles, []byte(logtest.User(i*31)))
	}
}

// TestRarest holds the choice of bytes to what is rare in a log.
func TestRarest(t *testing.T) {
	for text, want := range map[string]string{
		"@alice": "@lci", `alice"`: "lcia", "command_execution": "xmm_", "a": "aaaa", "aa": "aaaa", "ab": "baba", "rm -rf": "f- m",
	} {
		p := newProbe([]byte(text), nil)
		var got []byte
		for _, i := range p.rarest {
			got = append(got, text[i])
		}
		if string(got) != want {
			t.Errorf("of %q are looked for %q, want %q", text, got, want)
		}
		if n := len(slices.Compact(slices.Sorted(slices.Values(p.rarest[:])))); n != min(len(text), len(p.rarest)) {
			t.Errorf("of %q %d bytes are looked for, want %d", text, n, min(len(text), len(p.rarest)))
		}
	}
}

func FuzzNext(f *testing.F) {
	f.Add([]byte("alice,etc/passwd"), logtest.AppendLines(nil, 1, 0, 2), uint8(0))
	f.Add([]byte("a"), []byte(strings.Repeat(`\\u`, 50)), uint8(3))
	f.Add([]byte("aaaa,b,c,d,ee,"), []byte(strings.Repeat("a", 200)), uint8(31))
	f.Fuzz(func(t *testing.T, joined, text []byte, shift uint8) {
		needles := bytes.Split(joined, []byte(","))
		// The text begins and ends anywhere in memory.
		room := append(make([]byte, shift), text...)
		check(t, needles, slices.Clip(room[shift:]))
	})
}
