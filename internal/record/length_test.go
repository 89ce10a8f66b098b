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

func TestMACClone(t *testing.T) {
	mac := record.NewMAC([record.KeySize]byte{1})
	want := bytes.Clone(mac.Sum([]byte("line")))
	if got := mac.Clone().Sum([]byte("line")); !bytes.Equal(got, want) {
		t.Errorf("a clone's MAC is %x, want %x", got, want)
	}
}
