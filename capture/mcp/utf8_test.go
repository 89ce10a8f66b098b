package mcp

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// In whatever pieces bytes come, they are UTF-8 where all of them together are.
func TestUTF8Check(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	parts := []string{"a", "é", "€", "\U0001F600", "\uFFFD", "plain text that is long", "\xff", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\x80", "\xed\xa0\x80", "\xc0\xaf", "\xf4\x90\x80\x80"}
	valid := 0
	for range 20_000 {
		var text strings.Builder
		for range random.IntN(6) {
			text.WriteString(parts[random.IntN(len(parts)/(1+random.IntN(2)))])
		}
		var c utf8Check
		for rest := []byte(text.String()); len(rest) > 0; {
			n := random.IntN(min(len(rest), 5) + 1)
			c.write(rest[:n])
			rest = rest[n:]
		}
		if c.ok() != utf8.ValidString(text.String()) {
			t.Fatalf("%q: got %v", text.String(), c.ok())
		}
		if c.ok() {
			valid++
		}
	}
	if valid < 1000 {
		t.Errorf("only %d were", valid)
	}
}
