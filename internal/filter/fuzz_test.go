package filter

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzParse(f *testing.F) {
	text, err := os.ReadFile(filepath.Join("testdata", "errors.txt"))
	if err != nil {
		f.Fatal(err)
	}
	for block := range strings.SplitSeq(string(text), "\n\n") {
		wrong, _, _ := strings.Cut(block, "\n")
		f.Add(wrong)
	}
	for _, text := range []string{
		`user = alice and (risk >= high or not type in (file_access, log_gap)) and time != today`,
		`label."a b" != "\ud83d\ude00\u0000" or command !~ '(?i)\bsudo\b'`,
		`time not in (yesterday, 1h) and duration > 1m30s or exit = -1 and violation != false`,
		"note = '\xff\"'",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(testSchema, text, testNow)
		if err != nil {
			checkSyntaxError(t, text, err)
			return
		}
		printed := e.String()
		if len(printed) > maxLength {
			return // a day takes more bytes as two times
		}
		again, err := Parse(testSchema, printed, testNow)
		if err != nil {
			t.Fatalf("%q became %q: %v", text, printed, err)
		}
		if again.String() != printed || !same(e, again) {
			t.Fatalf("%q became %q became %q", text, printed, again)
		}
		if e.Match(alice) != again.Match(alice) {
			t.Fatalf("%q and %q do not ask for the same", text, printed)
		}
		if e.Match(alice) && Needles(e) != nil {
			checkNeedles(t, e)
		}
	})
}

// checkSyntaxError checks that an error points into the text.
func checkSyntaxError(t *testing.T, text string, err error) {
	t.Helper()
	wrong, ok := errors.AsType[*SyntaxError](err)
	if !ok || wrong.Column < 1 || wrong.Column > utf8.RuneCountInString(text)+1 || wrong.Problem == "" {
		t.Fatalf("%q: %#v", text, err)
	}
}

// checkNeedles checks that one of the needles stands in one of alice's texts, as
// JSON has it.
func checkNeedles(t *testing.T, e Expr) {
	t.Helper()
	var line strings.Builder
	for _, texts := range alice.texts {
		for _, text := range texts {
			line.WriteString(strings.NewReplacer(`"`, `\"`, `\`, `\\`, "\n", `\n`).Replace(text) + `"|`)
		}
	}
	for _, n := range Needles(e) {
		if strings.Contains(line.String(), string(n)) {
			return
		}
	}
	t.Fatalf("%s is true of %s, which has none of %q", e, line.String(), Needles(e))
}
