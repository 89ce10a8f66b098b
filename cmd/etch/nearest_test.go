package main

import "testing"

func TestNearest(t *testing.T) {
	words := []string{"--user", "--user-id", "--risk", "--tool", "verify", "rotate", "version"}
	for _, test := range []struct {
		bad, want string
	}{
		{"--usr", "--user"},
		{"--user", "--user"},
		{"--uesr-id", "--user-id"},
		{"--too", "--tool"},
		{"verfy", "verify"},
		{"rot", "rotate"},
		{"VERSION", "version"},
		{"xyzzy", ""},
		{"", ""},
	} {
		got, ok := nearest(test.bad, words)
		if got != test.want || ok != (test.want != "") {
			t.Errorf("nearest(%q): got %q, %v, want %q", test.bad, got, ok, test.want)
		}
	}
	if got, ok := nearest("x", nil); ok {
		t.Errorf("nearest of nothing: got %q", got)
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"abc", "acb", 1},
		{"abc", "abd", 1},
		{"kitten", "sitting", 3},
	} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("distance(%q, %q): got %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
