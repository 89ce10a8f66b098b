package record_test

import (
	"bytes"
	"testing"

	"github.com/etch-audit/etch/internal/record"
)

func TestLineLen(t *testing.T) {
	mac := record.NewMAC([record.KeySize]byte{1})
	for _, seq := range []uint64{0, 9, 10, 99, 100, 1<<64 - 1} {
		for _, body := range []int{1, 500, record.MaxBody} {
			line := append(record.AppendOpen(nil, seq), bytes.Repeat([]byte("x"), body)...)
			if got, want := record.LineLen(seq, body, true), len(mac.AppendClose(line, 0)); got != want {
				t.Errorf("signed line of seq %d and %d bytes: %d, want %d", seq, body, got, want)
			}
			var none *record.MAC
			if got, want := record.LineLen(seq, body, false), len(none.AppendClose(line, 0)); got != want {
				t.Errorf("unsigned line of seq %d and %d bytes: %d, want %d", seq, body, got, want)
			}
		}
	}
}

// TestSums compares MACs that are made side by side with those made alone.
func TestSums(t *testing.T) {
	mac, text := record.NewMAC([record.KeySize]byte{1}), bytes.Repeat([]byte("text"), 300)
	for n := range 6 {
		for size := range 200 {
			texts := make([][]byte, n)
			for i := range texts {
				texts[i] = text[i : i+(size+191*i)%1000]
			}
			sums := make([]record.Sum, n)
			mac.Sums(sums, texts)
			for i := range sums {
				if want := mac.Sum(texts[i]); !bytes.Equal(sums[i][:], want) {
					t.Errorf("MAC %d of %d, of %d bytes, is %x, want %x", i, n, len(texts[i]), sums[i], want)
				}
			}
		}
	}
}

func TestMACClone(t *testing.T) {
	mac := record.NewMAC([record.KeySize]byte{1})
	want := bytes.Clone(mac.Sum([]byte("line")))
	if got := mac.Clone().Sum([]byte("line")); !bytes.Equal(got, want) {
		t.Errorf("a clone's MAC is %x, want %x", got, want)
	}
}
