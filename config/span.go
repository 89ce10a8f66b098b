package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// day is 24 hours. Spans are lengths of time, not dates: no day of them is
// shorter or longer.
const day = 24 * time.Hour

// errSpan is returned for a text that is no duration at all.
var errSpan = errors.New("not a duration")

// parseSpan parses a duration in Go's syntax, with days in front if there are
// any: "100ms", "1h30m", "7d", "1.5d", "1d12h". There is no sign.
func parseSpan(text string) (time.Duration, error) {
	if strings.ContainsAny(text, "+-") {
		return 0, errSpan
	}
	days, rest, found := strings.Cut(text, "d")
	if !found {
		return parseClock(text)
	}
	n, err := parseDays(days)
	if err != nil || rest == "" {
		return n, err
	}
	clock, err := parseClock(rest)
	if err != nil || n > math.MaxInt64-clock {
		return 0, errSpan
	}
	return n + clock, nil
}

func parseClock(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, errSpan
	}
	return d, nil
}

// parseDays parses the number before a "d". Only digits and a point may stand
// there: ParseFloat alone would take "inf" and "0x1p4" too.
func parseDays(number string) (time.Duration, error) {
	if strings.Trim(number, "0123456789.") != "" {
		return 0, errSpan
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || n > float64(math.MaxInt64/day) {
		return 0, errSpan
	}
	return time.Duration(math.Round(n * float64(day))), nil
}

// formatSpan writes a duration so that parseSpan reads it back exactly, without
// the zero units of [time.Duration.String]: "1h", not "1h0m0s".
func formatSpan(d time.Duration) string {
	if d >= day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
