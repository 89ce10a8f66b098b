package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// number writes a number with a comma between thousands.
func number(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// count writes how many there are of something.
func count[N int | uint64](n N, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if stem, ok := strings.CutSuffix(what, "y"); ok && !strings.HasSuffix(what, "ay") {
		return number(uint64(n)) + " " + stem + "ies"
	}
	return number(uint64(n)) + " " + what + "s"
}

// change writes how much a number has changed: "+12 %", "×14", "new".
func change(now, before uint64) string {
	switch {
	case now == before:
		return "="
	case before == 0:
		return "new"
	case now == 0:
		return "−100 %"
	}
	part := float64(now) / float64(before)
	if part >= 10 {
		return "×" + number(uint64(math.Round(part)))
	}
	percent := math.Round(100 * (part - 1))
	switch {
	case percent > 0:
		return fmt.Sprintf("+%.0f %%", percent)
	case percent <= -100: // some are left
		return "−99 %"
	case percent < 0:
		return fmt.Sprintf("−%.0f %%", -percent)
	case now > before:
		return "+<1 %"
	}
	return "−<1 %"
}

// changed is change, of a number that may have nothing to be compared with.
func changed(now uint64, before *uint64) string {
	if before == nil {
		return ""
	}
	return change(now, *before)
}

// share writes a part of a whole.
func share(n, of uint64) string {
	if of == 0 {
		return ""
	}
	percent := 100 * float64(n) / float64(of)
	switch {
	case n == 0:
		return "0 %"
	case percent < 1:
		return "<1 %"
	case percent > 99 && n < of:
		return ">99 %"
	}
	return fmt.Sprintf("%.0f %%", percent)
}

// fraction returns a part of a whole, 0 of nothing.
func fraction(n, of uint64) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// zero writes nothing for 0: a table full of them hides what there is.
func zero(n uint64) string {
	if n == 0 {
		return ""
	}
	return number(n)
}

// zoneName names the zone of a period: its clocks may be moved in it.
func zoneName(from, until time.Time) string {
	a, b := zoneOf(from), zoneOf(until)
	if a == b {
		return a
	}
	return a + " to " + b
}

func zoneOf(t time.Time) string {
	name, offset := t.Zone()
	if offset == 0 && name == "UTC" {
		return name
	}
	text := t.Format("-07:00")
	if strings.HasPrefix(name, "+") || strings.HasPrefix(name, "-") || name == "" {
		return text
	}
	return name + " " + text
}

// lengthOf writes how long a period is, which may be longer than any [time.Duration].
func lengthOf(from, until time.Time) string {
	all, d := int((until.Unix()-from.Unix())/3600), until.Sub(from)
	if d < math.MaxInt64 {
		all = int(d.Hours())
	}
	days, hours := all/24, all%24
	switch {
	case d < time.Hour:
		return d.Round(time.Second).String()
	case days < 2:
		return count(int(d.Round(time.Hour).Hours()), "hour")
	case hours == 0:
		return count(days, "day")
	}
	return count(days, "day") + " " + count(hours, "hour")
}
