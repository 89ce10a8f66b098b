package config

import (
	"testing"
	"time"
)

func TestParseSpan(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0":        0,
		"0d":       0,
		"1d":       24 * time.Hour,
		"7d":       7 * 24 * time.Hour,
		"1.5d":     36 * time.Hour,
		".5d":      12 * time.Hour,
		"1d12h30m": 36*time.Hour + 30*time.Minute,
		"1h30m":    90 * time.Minute,
		"100ms":    100 * time.Millisecond,
		"106751d":  106751 * 24 * time.Hour,
	} {
		if got, err := parseSpan(text); err != nil || got != want {
			t.Errorf("parseSpan(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "d", "1", "1w", "1 d", "-1d", "1d-1h", "1d1", "1h1d", "1d1d", "infd", "nand", "0x1p4d", "1e3d", "1_0d",
		"106752d", "106751d24h", "9999999999999999999999d", "..d",
	} {
		if got, err := parseSpan(text); err == nil {
			t.Errorf("parseSpan(%q) = %v, want an error", text, got)
		}
	}
}

func TestFormatSpan(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s":     0,
		"100ms":  100 * time.Millisecond,
		"1s":     time.Second,
		"10s":    10 * time.Second,
		"10m":    10 * time.Minute,
		"10m10s": 10*time.Minute + 10*time.Second,
		"1h":     time.Hour,
		"10h":    10 * time.Hour,
		"1h0m1s": time.Hour + time.Second,
		"1h30m":  90 * time.Minute,
		"1d":     24 * time.Hour,
		"25h":    25 * time.Hour,
		"30d":    30 * 24 * time.Hour,
	} {
		if got := formatSpan(d); got != want {
			t.Errorf("formatSpan(%v) = %q, want %q", int64(d), got, want)
		}
	}
}

func FuzzSpan(f *testing.F) {
	for _, text := range []string{"1d12h", "1.5d", "90s", "106751d1h", "0", "1h0m1s"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parseSpan(text)
		if err != nil {
			return
		}
		if d < 0 {
			t.Fatalf("parseSpan(%q) = %v", text, d)
		}
		if got, err := parseSpan(formatSpan(d)); err != nil || got != d {
			t.Errorf("%q is %v, written %q, read back %v, %v", text, d, formatSpan(d), got, err)
		}
	})
}
