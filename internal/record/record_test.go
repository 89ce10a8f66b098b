package record_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/record"
)

const body = `"timestamp":"2026-02-16T12:34:56.123456Z","event_id":"evt_1","event_type":"tool_call"`

func newMAC(t testing.TB, key string) *record.MAC {
	t.Helper()
	k, err := record.DeriveKey([]byte(strings.Repeat(key, record.KeySize)), record.LinePurpose, "etch.log/x")
	if err != nil {
		t.Fatal(err)
	}
	return record.NewMAC(k)
}

func line(mac *record.MAC, seq uint64, body string) []byte {
	b := append(record.AppendOpen([]byte("before"), seq), body...)
	return mac.AppendClose(b, len("before"))[len("before"):]
}

func TestRoundTrip(t *testing.T) {
	mac, other := newMAC(t, "a"), newMAC(t, "b")
	for _, seq := range []uint64{0, 1, 9, 10, 1<<64 - 1} {
		signed, unsigned := line(mac, seq, body), line(nil, seq, body)
		l, err := record.Split(signed)
		if err != nil || l.Seq != seq || mac.Check(l) != nil || mac.Clone().Check(l) != nil {
			t.Errorf("seq %d: %v, %v, %v", seq, l, err, mac.Check(l))
		}
		if other.Check(l) == nil {
			t.Errorf("seq %d: another key's MAC is taken", seq)
		}
		if got := record.LineLen(seq, len(body), true); got != len(signed) {
			t.Errorf("LineLen = %d, want %d", got, len(signed))
		}
		l, err = record.Split(unsigned)
		if err != nil || l.Seq != seq || !errors.Is(mac.Check(l), record.ErrNoSignature) {
			t.Errorf("seq %d unsigned: %v, %v, %v", seq, l, err, mac.Check(l))
		}
		if got := record.LineLen(seq, len(body), false); got != len(unsigned) {
			t.Errorf("LineLen = %d, want %d", got, len(unsigned))
		}
	}
}

// TestEveryBit changes each bit of a line: none goes unnoticed.
func TestEveryBit(t *testing.T) {
	mac := newMAC(t, "a")
	whole := line(mac, 17, body)
	for i := range whole {
		for bit := range 8 {
			forged := bytes.Clone(whole)
			forged[i] ^= 1 << bit
			if l, err := record.Split(forged); err == nil && mac.Check(l) == nil {
				t.Errorf("bit %d of byte %d went unreported: %s", bit, i, forged)
			}
		}
	}
	for n := range whole {
		if l, err := record.Split(whole[:n]); err == nil && mac.Check(l) == nil {
			t.Errorf("the first %d bytes pass for the line", n)
		}
	}
}

func TestSplitRefuses(t *testing.T) {
	for _, text := range []string{
		"", "{}", `{"seq":`, `{"seq":}`, `{"seq":1}`, `{"seq":01,"a":1}`, `{"seq":-1,"a":1}`, `{"seq":1.0,"a":1}`,
		`{"seq":18446744073709551616,"a":1}`, `{"seq":1,"a":1`, ` {"seq":1,"a":1}`, `{"seq": 1,"a":1}`,
		`{"seq":1,` + strings.Repeat(" ", record.MaxLine) + `}`,
	} {
		if l, err := record.Split([]byte(text)); err == nil {
			t.Errorf("Split(%.40q) = %v", text, l)
		}
	}
}

func TestLargestBody(t *testing.T) {
	text := strings.Repeat("x", record.MaxBody)
	if got := len(line(newMAC(t, "a"), 1<<64-1, text)); got != record.MaxLine {
		t.Errorf("largest line has %d bytes, want %d", got, record.MaxLine)
	}
}

func TestControl(t *testing.T) {
	for text, want := range map[string]string{
		`{"seq":1,"timestamp":"2026-02-16T12:34:56.123456Z","event_type":"log_sealed","log":{}}`: "log_sealed",
		`{"seq":1,` + body + `}`: "",
		`{"seq":1,"timestamp":"2026-02-16T12:34:56.123456Z","event_id":"x","event_type":"log_sealed"}`: "",
		`{"seq":1,"timestamp":"2026-02-16T12:34:56.123456Z","event_type":"tool_call"}`:                 "",
		`{"seq":1,"timestamp":"2026-02-16`: "", `{"seq":x`: "", ``: "",
		`{"seq":1,"timestamp":"2026-02-16T12:34:56.123456Z","event_type":"log_sealed`: "",
	} {
		if got := record.Control([]byte(text)); got != want {
			t.Errorf("Control(%s) = %q, want %q", text, got, want)
		}
	}
}

// FuzzSplit shows that Split takes a line apart and loses nothing of it.
func FuzzSplit(f *testing.F) {
	mac := newMAC(f, "a")
	f.Add(line(mac, 3, body))
	f.Add(line(nil, 3, body))
	f.Add([]byte(`{"seq":1,"signature":"SHA256:"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = record.Control(b) // must not panic
		l, err := record.Split(b)
		if err != nil {
			return
		}
		again := append([]byte(nil), l.Signed...)
		if l.MAC != nil {
			again = append(again, `,"signature":"SHA256:`...)
			again = append(again, l.MAC...)
			again = append(again, `"}`...)
		} else {
			again = append(again, '}')
		}
		if !bytes.Equal(again, b) || !bytes.HasPrefix(b, record.AppendOpen(nil, l.Seq)) {
			t.Errorf("%q is taken apart as %q", b, again)
		}
	})
}
