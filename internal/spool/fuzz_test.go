package spool

import (
	"bytes"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/record"
)

// FuzzParseFile reads any bytes as a file: what comes out carries the MAC of the
// log, or of nobody, and what the name promises is there or counted.
func FuzzParseFile(f *testing.F) {
	const base = "0000000000000001-0123456789abcdef-2"
	key := &Key{1}
	whole, err := appendFile(nil, key, base, &Batch{At: time.Unix(0, 0), Bodies: [][]byte{[]byte(`"a":1`), []byte(`"b":2`)}})
	if err != nil {
		f.Fatal(err)
	}
	open, err := appendFile(nil, nil, base, &Batch{At: time.Unix(0, 0), Unsure: true, Bodies: [][]byte{[]byte(`"a":1`), []byte(`"b":2`)}})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][]byte{nil, whole, open, whole[:len(whole)-1], append(bytes.Clone(open), '\n'), []byte("{}\n{}\n"), []byte(`{"seq":0,"spool":{}}`)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file := File{Name: base + goodExt, Events: 2}
		c, err := parseFile(data, file, key)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Bodies)+c.Lost != 2 || (c.Lost > 0) != (c.Cause != "") {
			t.Errorf("%d bodies, %d lost, cause %q", len(c.Bodies), c.Lost, c.Cause)
		}
		for _, body := range c.Bodies {
			if !bytes.Contains(data, body) || len(body) > record.MaxLine {
				t.Errorf("body %q", body)
			}
			if c.Proven && !bytes.Contains(whole, body) {
				t.Errorf("body %q is proven, and was never written", body)
			}
		}
	})
}

// FuzzParseLost reads any bytes as the count of lost events.
func FuzzParseLost(f *testing.F) {
	key := &Key{1}
	l := ledger{counter: 7, Lost: Loss{Count: 3, Cause: "x"}, Taken: &Taken{ID: "gap_1"}}
	slot, err := l.appendSlot(nil, key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(slot)
	f.Add(bytes.Repeat([]byte{' '}, lostSize))
	f.Add(append(bytes.Repeat([]byte{' '}, slotSize), slot...))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parseLost(data, key, false)
		if err != nil {
			t.Fatal(err)
		}
		if got.Lost.Count > 0 && !got.Lost.Unproven && (got.counter != 7 || got.Lost.Count != 3) || got.Taken != nil && !got.Taken.Unproven && got.Taken.ID != "gap_1" {
			t.Errorf("%+v is proven, and was never written", got)
		}
		if got.damaged && (got.Lost.Count > 0 || got.Taken != nil) {
			t.Errorf("%+v is damaged and says something", got)
		}
		if _, err := parseLost(data, nil, true); err != nil {
			t.Error(err)
		}
	})
}
