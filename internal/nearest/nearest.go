// Package nearest finds the word that somebody meant: for the hint of an error
// about a name that is not known.
package nearest

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Word returns the word that a slip of the hand may have made bad of, whatever
// its case, and reports whether there is one. A word that begins with bad is
// far from it by letters and near to the eye: it is taken where none is nearer.
func Word(bad string, words []string) (string, bool) {
	bad = strings.ToLower(bad)
	if len(words) == 0 || bad == "" {
		return "", false
	}
	if best := Sorted(bad, words)[0]; Near(bad, best) {
		return best, true
	}
	for _, w := range words {
		if len(bad) > 2 && strings.HasPrefix(strings.ToLower(w), bad) {
			return w, true
		}
	}
	return "", false
}

// Sorted returns words ordered by their distance to bad, nearest first;
// equals keep their order, and all do where bad is empty: nothing is near to
// nothing.
func Sorted(bad string, words []string) []string {
	sorted := slices.Clone(words)
	if bad == "" {
		return sorted
	}
	slices.SortStableFunc(sorted, func(a, b string) int {
		return Distance(bad, a) - Distance(bad, b)
	})
	return sorted
}

// Near reports whether a slip of the hand could have made bad out of word.
func Near(bad, word string) bool {
	return Distance(bad, word) <= max(1, utf8.RuneCountInString(word)/3)
}

// maxCompared bounds the quadratic work of Distance: no key or word is nearly
// as long.
const maxCompared = 64

// Distance returns the number of insertions, deletions, replacements and
// exchanges of neighbours that turn a into b (optimal string alignment). What
// is longer than maxCompared is farther from everything than anything shorter.
func Distance(a, b string) int {
	if len(a) > maxCompared || len(b) > maxCompared {
		return len(a) + len(b)
	}
	s, t := []rune(a), []rune(b)
	rows := make([][]int, len(s)+1)
	for i := range rows {
		rows[i] = make([]int, len(t)+1)
		rows[i][0] = i
	}
	for j := range t {
		rows[0][j+1] = j + 1
	}
	for i := range s {
		for j := range t {
			rows[i+1][j+1] = step(rows, s, t, i, j)
		}
	}
	return rows[len(s)][len(t)]
}

// step returns the distance of s[:i+1] and t[:j+1] from those of shorter ones.
func step(rows [][]int, s, t []rune, i, j int) int {
	cost := 1
	if s[i] == t[j] {
		cost = 0
	}
	best := min(rows[i][j+1]+1, rows[i+1][j]+1, rows[i][j]+cost)
	if i > 0 && j > 0 && s[i] == t[j-1] && s[i-1] == t[j] {
		best = min(best, rows[i-1][j-1]+1)
	}
	return best
}
