package redact

import "testing"

func TestNamed(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"api_token", "abc123def", "[REDACTED:token]"},
		{"team", "payments", "payments"},
		{"team", "PASSWORD=hunter2", "PASSWORD=[REDACTED:password]"},
		{"password", "", ""},
		{"password", "[REDACTED:password]", "[REDACTED:password]"},
	} {
		got, n := Named(c.name, c.text)
		if got != c.want || (n > 0) != (got != c.text) {
			t.Errorf("Named(%q, %q) = %q, %d, want %q", c.name, c.text, got, n, c.want)
		}
	}
}
