package risk

import (
	"slices"
	"strings"
	"unicode"
)

// Limits of one reason list. A policy reads the first few reasons; the rest
// would only make the record longer.
const (
	maxReasons = 16
	maxDetail  = 160 // bytes of a reason's detail
)

// finding is one reason before it is put in order.
type finding struct {
	level Level
	text  string
}

// report notes a finding. The detail is cleaned of control characters and cut,
// because it is built from the command's own words.
func (w *walker) report(level Level, id, detail string) {
	if level == Low {
		return
	}
	text := id + ": " + clean(detail)
	for i := range w.found {
		if w.found[i].text == text {
			w.found[i].level = max(w.found[i].level, level)
			return
		}
	}
	if len(w.found) < 4*maxReasons {
		w.found = append(w.found, finding{level, text})
		return
	}
	// The list is full: a worse finding still has to be seen.
	least := 0
	for i := range w.found {
		if w.found[i].level <= w.found[least].level {
			least = i
		}
	}
	if w.found[least].level < level {
		w.found[least] = finding{level, text}
	}
}

// blind notes that something was not looked at, which is High by itself.
func (w *walker) blind(id, detail string) {
	w.unparsed = true
	w.report(High, id, detail)
}

func (w *walker) assessment() Assessment {
	a := Assessment{Unparsed: w.unparsed}
	slices.SortStableFunc(w.found, func(x, y finding) int { return int(y.level) - int(x.level) })
	for i, f := range w.found {
		if i == maxReasons {
			break
		}
		a.Level = max(a.Level, f.level)
		a.Reasons = append(a.Reasons, f.text)
	}
	return a
}

func clean(s string) string {
	s = strings.ToValidUTF8(s, "�")
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	if len(s) <= maxDetail {
		return s
	}
	return strings.ToValidUTF8(s[:maxDetail], "") + "…"
}
