package config

import (
	"slices"
	"unicode/utf8"
)

// byDistance returns words ordered by their distance to bad, nearest first;
// equals keep their order, and all do where bad is empty: nothing is near to
// nothing.
func byDistance(bad string, words []string) []string {
	sorted := slices.Clone(words)
	if bad == "" {
		return sorted
	}
	slices.SortStableFunc(sorted, func(a, b string) int {
		return distance(bad, a) - distance(bad, b)
	})
	return sorted
}

// near reports whether a slip of the hand could have made bad out of word.
func near(bad, word string) bool {
	return distance(bad, word) <= max(1, utf8.RuneCountInString(word)/3)
}

// maxCompared bounds the quadratic work of distance: no key or word is nearly
// as long.
const maxCompared = 64

// distance returns the number of insertions, deletions, replacements and
// exchanges of neighbours that turn a into b (optimal string alignment). What
// is longer than maxCompared is farther from everything than anything shorter.
func distance(a, b string) int {
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
