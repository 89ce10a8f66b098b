package risk

import (
	"os"
	"strings"
	"testing"
)

// TestWrappers runs harmless and dangerous commands by everything that runs others: the
// first has the level of the program, the second its own.
func TestWrappers(t *testing.T) {
	text, err := os.ReadFile("testdata/wrappers.tsv")
	if err != nil {
		t.Fatal(err)
	}
	commands := 0
	for n, line := range strings.Split(string(text), "\n") {
		if line == "" || strings.HasPrefix(line, "##") {
			continue
		}
		level, template, ok := strings.Cut(line, "\t")
		base, err := ParseLevel(level)
		if !ok || err != nil || !strings.Contains(template, "WORDS") && !strings.Contains(template, "TEXT") && !strings.Contains(template, "RAW") {
			t.Fatalf("line %d: got %q, want a level and a command with WORDS, TEXT or RAW", n+1, line)
		}
		commands++
		for _, test := range []struct {
			words, text, raw string
			dangerous        bool
		}{
			{"ls -la", "'ls -la'", "ls -la", false},
			{"make test", "'cd sub && make -j2 test'", "make test", false},
			{"rm -rf /", "'rm -rf /'", "rm -rf /", true},
			{"rm -rf /", "'true; rm -rf /'", "true; rm -rf /", true},
			{"bash -c 'rm -rf /'", "'bash -c \"rm -rf /\"'", "rm -r -f /", true},
		} {
			command := strings.NewReplacer("WORDS", test.words, "TEXT", test.text, "RAW", test.raw).Replace(template)
			got, want := Command(command), base
			checkInvariants(t, got)
			if test.dangerous {
				want = Critical
			}
			if got.Level != want {
				t.Errorf("line %d: Command(%q) = %v %q, want %v", n+1, command, got.Level, got.Reasons, want)
			}
		}
	}
	if commands < 200 {
		t.Errorf("got %d commands, want at least 200", commands)
	}
}

// TestEveryWrapperIsTried: each row of the table has a line of the test's.
func TestEveryWrapperIsTried(t *testing.T) {
	text, err := os.ReadFile("testdata/wrappers.tsv")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range wrappers {
		tried := false
		for line := range strings.SplitSeq(string(text), "\n") {
			for name := range strings.FieldsSeq(x.names) {
				tried = tried || mentions(line, name, x.sub)
			}
		}
		if !tried {
			t.Errorf("no line of testdata/wrappers.tsv has %s %s", x.names, x.sub)
		}
	}
}

// mentions reports whether a line has a program, by any of its names, and then the
// operands of a subcommand.
func mentions(line, name, sub string) bool {
	fields := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t(", r) })
	for len(fields) > 0 && commandName(fields[0]) != name {
		fields = fields[1:]
	}
	if len(fields) == 0 {
		return false
	}
	for want := range strings.FieldsSeq(sub) {
		fields = fields[1:]
		for len(fields) > 0 && !matchesWord(want, fields[0]) {
			fields = fields[1:]
		}
		if len(fields) == 0 {
			return false
		}
	}
	return true
}
