package filter

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestErrors compares with testdata/errors.txt: of each wrong expression, a line
// with it, a line that points at the column, the problem, and the hint.
func TestErrors(t *testing.T) {
	golden := filepath.Join("testdata", "errors.txt")
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for block := range strings.SplitSeq(strings.TrimSuffix(string(text), "\n"), "\n\n") {
		want := block + "\n"
		expression, _, _ := strings.Cut(want, "\n")
		if got := explain(t, expression); got != want {
			t.Errorf("got:\n%swant:\n%s", got, want)
		}
		cases++
	}
	if cases < 60 {
		t.Errorf("got %d expressions, want 60 or more", cases)
	}
}

// explain returns the block of the golden file for a wrong expression.
func explain(t *testing.T, text string) string {
	t.Helper()
	e, err := Parse(testSchema, text, testNow)
	wrong, ok := errors.AsType[*SyntaxError](err)
	if !ok {
		t.Errorf("Parse(%s): got %v, %v, want a SyntaxError", text, e, err)
		return text + "\n"
	}
	block := text + "\n" + strings.Repeat(" ", wrong.Column-1) + "^\n" + wrong.Problem + "\n"
	if wrong.Hint != "" {
		block += "hint: " + wrong.Hint + "\n"
	}
	return block
}

func TestLimits(t *testing.T) {
	nested := func(n int, open, term, end string) string {
		return strings.Repeat(open, n) + term + strings.Repeat(end, n)
	}
	for _, test := range []struct {
		name, text, want string // want is the error, "" for none
	}{
		{"nothing", " \n\t", `column 4: expected a field, "not" or "(", found the end`},
		{"parentheses", nested(100, "(", "denied", ")"), ""},
		{"one too many", nested(101, "(", "denied", ")"), "column 102: more than 100 parentheses and nots within each other"},
		{"nots", nested(100, "not ", "denied", ""), ""},
		{"one not too many", nested(101, "not ", "denied", ""), "column 405: more than 100 parentheses and nots within each other"},
		{"very many", nested(30_000, "(", "", ""), "column 102: more than 100 parentheses and nots within each other"},
		{"a moment", nested(100, "(", "time < now", ")"), ""},
		{"a day", nested(98, "(", "time != today", ")"), ""},
		{"a day that needs parentheses", nested(99, "(", "time != today", ")"), "column 105: more than 100 parentheses and nots within each other"},
		{"length", "note = '" + strings.Repeat("x", maxLength-9) + "'", ""},
		{"one byte too long", "note = '" + strings.Repeat("x", maxLength-8) + "'", "column 1: the expression has 65537 bytes, at most 65536"},
	} {
		_, err := Parse(testSchema, test.text, testNow)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
	if _, err := Word(testSchema, "note="+strings.Repeat("x", maxLength), testNow); err == nil {
		t.Error("a word of any length was taken")
	}
}

// A message names a long text by its beginning.
func TestErrorIsShort(t *testing.T) {
	long := strings.Repeat("ü", 5000)
	for _, text := range []string{
		`"` + long + `" = x`,
		`risk = "` + long + `"`,
		`user = x "` + long + `"`,
		`type = "` + long + `"`,
		`exit = "` + long + `"`,
		`exit = ` + strings.Repeat("9", 5000),
		`duration = "` + long + `"`,
		`denied = "` + long + `"`,
		`time = "` + long + `"`,
		`command ~ "(` + long + `"`,
		strings.Repeat("x", 5000) + ` = x`,
	} {
		_, err := Parse(testSchema, text, testNow)
		if err == nil {
			t.Errorf("%.30s…: no error", text)
		} else if len(err.Error()) > 400 {
			t.Errorf("%.30s…: the message has %d bytes: %.100s…", text, len(err.Error()), err)
		}
	}
}

// Constructors say the same as expressions, without a column.
func TestValueErrors(t *testing.T) {
	_, noRisk := testSchema.AtLeast(fieldRisk, "hgih")
	_, noType := testSchema.OneOf(fieldType, "file_access", "file_acess")
	_, noPattern := testSchema.Matches(fieldCommand, "a(b")
	for _, test := range []struct {
		err  error
		want string
	}{
		{noRisk, `unknown risk "hgih"; did you mean "high"?`},
		{noType, `unknown type "file_acess"; did you mean "file_access"?`},
		{noPattern, `bad regular expression: missing closing ): ` + "`a(b`"},
	} {
		if _, ok := errors.AsType[*ValueError](test.err); !ok || test.err.Error() != test.want {
			t.Errorf("got %v, want %s", test.err, test.want)
		}
	}
}

// A constructor for another kind of field is a fault of the program.
func TestConstructorsRefuse(t *testing.T) {
	for name, call := range map[string]func(){
		"Equal of a flag":    func() { _, _ = testSchema.Equal(fieldDenied, "true") },
		"OneOf of a label":   func() { _, _ = testSchema.OneOf(fieldLabel, "x") },
		"AtLeast of a text":  func() { _, _ = testSchema.AtLeast(fieldUser, "high") },
		"Between of a text":  func() { testSchema.Between(fieldUser, time.Time{}, testNow) },
		"Is of a level":      func() { testSchema.Is(fieldRisk, true) },
		"Matches of a level": func() { _, _ = testSchema.Matches(fieldRisk, "x") },
		"Any of nothing":     func() { Any() },
		"Negate of nothing":  func() { Negate(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if text, ok := recover().(string); !ok || !strings.HasPrefix(text, "filter: bad ") {
					t.Errorf("got %q, want a panic of the package", text)
				}
			}()
			call()
		})
	}
}
