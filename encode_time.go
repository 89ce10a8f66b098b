package etch

import "time"

// timeLen is the length of a stored timestamp: 2026-02-16T12:34:56.123456Z.
const timeLen = len("2026-02-16T12:34:56.123456Z")

// The ends of what four digits of a year can say. A timestamp outside is
// stored as the nearer end.
const (
	minTime = "0000-01-01T00:00:00.000000Z"
	maxTime = "9999-12-31T23:59:59.999999Z"
)

// appendTime appends t in UTC with exactly six digits of the second's
// fraction; what is finer is cut off.
func appendTime(dst []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	if year < 0 {
		return append(dst, minTime...)
	}
	if year > 9999 {
		return append(dst, maxTime...)
	}
	hour, minute, sec := t.Clock()
	micro := t.Nanosecond() / 1000
	dst = append2(dst, year/100)
	dst = append2(dst, year%100)
	dst = append(dst, '-')
	dst = append2(dst, int(month))
	dst = append(dst, '-')
	dst = append2(dst, day)
	dst = append(dst, 'T')
	dst = append2(dst, hour)
	dst = append(dst, ':')
	dst = append2(dst, minute)
	dst = append(dst, ':')
	dst = append2(dst, sec)
	dst = append(dst, '.')
	dst = append2(dst, micro/10000)
	dst = append2(dst, micro/100%100)
	dst = append2(dst, micro%100)
	return append(dst, 'Z')
}

func append2(dst []byte, n int) []byte {
	return append(dst, byte('0'+n/10), byte('0'+n%10))
}
