package zeroclaw

import (
	"errors"
	"strings"
	"time"
)

// FormatTime renders a time as ZeroClaw does: UTC, and 0, 3, 6 or 9 digits of
// the second's fraction, the fewest that lose nothing.
func FormatTime(t time.Time) string {
	t = t.UTC()
	switch ns := t.Nanosecond(); {
	case ns == 0:
		return t.Format("2006-01-02T15:04:05Z")
	case ns%1e6 == 0:
		return t.Format("2006-01-02T15:04:05.000Z")
	case ns%1e3 == 0:
		return t.Format("2006-01-02T15:04:05.000000Z")
	}
	return t.Format("2006-01-02T15:04:05.000000000Z")
}

var errTime = errors.New("expected an RFC 3339 time")

// ParseTime reads a time as ZeroClaw's verifier does: RFC 3339 with any offset;
// T and Z may be in lower case, and a space may stand for the T. A leap second,
// which it takes in every minute and Go has none of, is the second before it.
func ParseTime(s string) (time.Time, error) {
	if len(s) < len("2006-01-02T15:04:05Z") || strings.Contains(s, ",") {
		return time.Time{}, errTime
	}
	b := []byte(s)
	if b[10] == 't' || b[10] == ' ' {
		b[10] = 'T'
	}
	if last := len(b) - 1; b[last] == 'z' {
		b[last] = 'Z'
	}
	if seconds := b[17:19]; string(seconds) == "60" {
		copy(seconds, "59")
	}
	t, err := time.Parse(time.RFC3339Nano, string(b))
	if err != nil {
		return time.Time{}, errTime
	}
	return t.UTC(), nil
}
