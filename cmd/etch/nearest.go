package main

import "strings"

// nearest returns the word that a slip of the hand may have made bad of.
func nearest(bad string, words []string) (string, bool) {
	const longest = 64 // no name is nearly as long; the work is quadratic
	best, least := "", -1
	if len(bad) > longest {
		return "", false
	}
	for _, w := range words {
		if d := distance(strings.ToLower(bad), strings.ToLower(w)); least < 0 || d < least {
			best, least = w, d
		}
	}
	if least < 0 || least > max(1, len(best)/3) {
		// "tool" is far from "tool_call" by letters, and near to the eye.
		for _, w := range words {
			if len(bad) > 2 && strings.HasPrefix(w, strings.ToLower(bad)) {
				return w, true
			}
		}
		return "", false
	}
	return best, true
}

// distance returns how many letters must be inserted, deleted, replaced or
// exchanged with their neighbour to make b of a.
func distance(a, b string) int {
	before, last, row := []int(nil), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, make([]int, len(b)+1)
	}
	return last[len(b)]
}
