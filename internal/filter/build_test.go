package filter

import (
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/instant"
)

func must(t *testing.T) func(Expr, error) Expr {
	return func(e Expr, err error) Expr {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
}

// What flags ask for is what an expression would.
func TestConstructors(t *testing.T) {
	must, s := must(t), testSchema
	day, err := instant.Parse("yesterday", testNow)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		got  Expr
		want string // "" for nothing asked
	}{
		{must(s.Equal(fieldUser, "@alice")), `user = @alice`},
		{must(s.Equal(fieldRisk, "high")), `risk = high`},
		{must(s.OneOf(fieldType, "file_access", "log_gap")), `type in (file_access, log_gap)`},
		{must(s.OneOf(fieldType, "log_gap")), `type = log_gap`},
		{must(s.OneOf(fieldRisk, "low", "low")), `risk = low`},
		{must(s.OneOf(fieldType)), ``},
		{must(s.AtLeast(fieldRisk, "high")), `risk >= high`},
		{s.Is(fieldViolation, true), `violation`},
		{s.Is(fieldViolation, false), `violation = false`},
		{must(s.Matches(fieldCommand, `(?i)\Qa.b\E`)), `command ~ '(?i)\Qa.b\E'`},
		{s.Between(fieldTime, time.Time{}, time.Time{}), ``},
		{s.Between(fieldTime, day.From, time.Time{}), `time >= yesterday`},
		{s.Between(fieldTime, time.Time{}, day.Until), `time <= yesterday`}, // --until: the day is included
		{s.Between(fieldTime, day.From, day.Until), `time = yesterday`},
		{
			s.Between(fieldTime, time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)),
			`time >= 0000-01-01T00:00:00Z and time <= 9999-12-31T23:59:59.999999999Z`,
		},
		{All(nil, s.Is(fieldDenied, true), nil), `denied`},
		{All(s.Is(fieldDenied, true), mustParse(t, `user = a and user = b`)), `denied and user = a and user = b`},
		{All(nil, nil), ``},
		{Any(s.Is(fieldDenied, true), mustParse(t, `user = a or user = b`)), `denied or user = a or user = b`},
		{Any(s.Is(fieldDenied, true), nil), ``},
		{Negate(mustParse(t, `user != a`)), `user = a`},
	} {
		if test.want == "" {
			if test.got != nil {
				t.Errorf("got %s, want nothing", test.got)
			}
			continue
		}
		if want := mustParse(t, test.want); !same(test.got, want) {
			t.Errorf("got %s, want %s", test.got, want)
		}
	}
}

// The clock's own reading of a moment does not make one expression two.
func TestBetweenNow(t *testing.T) {
	now := time.Now() // it carries a monotonic reading
	e := testSchema.Between(fieldTime, now, time.Time{})
	if again := mustParse(t, e.String()); !same(e, again) {
		t.Errorf("%s was read as %s", e, again)
	}
}

func TestWord(t *testing.T) {
	for _, test := range []struct {
		word, want string // want is an expression
	}{
		{`user=alice`, `user = alice`},
		{`USER=@alice`, `user = @alice`},
		{`actor.username=alice`, `user = alice`},
		{`user!=alice`, `user != alice`},
		{`user=alice and denied`, `user = "alice and denied"`},
		{`user="alice"`, `user = '"alice"'`},
		{`user= alice`, `user = " alice"`},
		{`note==x`, `note = "=x"`},
		{`note=~x`, `note = "~x"`},
		{`note=and`, `note = "and"`},
		{"note=a\nb", `note = "a\nb"`},
		{"note=\xff", "note = '\xff'"},
		{`command~^sudo\b.*(a|b)$`, `command ~ '^sudo\b.*(a|b)$'`},
		{`command~=x`, `command ~ "=x"`},
		{`command!~sudo`, `command !~ sudo`},
		{`risk>=high`, `risk >= high`},
		{`risk<high`, `risk < high`},
		{`time>=yesterday`, `time >= yesterday`},
		{`time<=2026-02-16`, `time <= 2026-02-16`},
		{`time<2026-02-16 15:04`, `time < "2026-02-16 15:04"`},
		{`duration>1.5s`, `duration > 1500`},
		{`exit=-1`, `exit = -1`},
		{`denied`, `denied`},
		{`denied=false`, `denied = false`},
		{`denied!=true`, `not denied`},
		{`label.team=platform security`, `label.team = "platform security"`},
		{`label.a b=x=y`, `label."a b" = "x=y"`},
		{`labels.Zürich=x`, `label."Zürich" = x`},
		{`label."a b"=x=y`, `label."a b" = "x=y"`},
		{`label.'a=b'!=x`, `label."a=b" != x`},
		{`label."a\"b"~x`, `label."a\"b" ~ x`},
		{`label.it's="."x"`, `label."it's" = '"."x"'`},
	} {
		e, err := Word(testSchema, test.word, testNow)
		if err != nil {
			t.Errorf("%s: %v", test.word, err)
		} else if want := mustParse(t, test.want); !same(e, want) {
			t.Errorf("%s: got %s, want %s", test.word, e, want)
		}
	}
}

func TestWordErrors(t *testing.T) {
	for _, test := range []struct{ word, want string }{
		{``, `column 1: unknown field ""; known are user, type, risk, command, note, label, time, exit, duration, violation, denied`},
		{`=alice`, `column 1: unknown field ""; known are user, type, risk, command, note, label, time, exit, duration, violation, denied`},
		{`usr=alice`, `column 1: unknown field "usr"; did you mean "user"?`},
		{`user`, `column 5: expected an operator behind user; it takes =, !=, ~, !~, in, not in`},
		{`user!alice`, `column 5: expected an operator behind user; it takes =, !=, ~, !~, in, not in`},
		{`user=`, `column 6: expected a value, found the end`},
		{`user>=x`, `column 5: user does not take ">="; it takes =, !=, ~, !~, in, not in`},
		{`denied~x`, `column 7: denied does not take "~"; write denied, not denied, or denied = false`},
		{`risk>=hgih`, `column 7: unknown risk "hgih"; did you mean "high"?`},
		{`label=x`, `column 1: label needs a key; write label.KEY`},
		{`label.Zürich~(`, "column 14: bad regular expression: missing closing ): `(`"},
		{`label."a b=x`, `column 7: the quotation mark " is never closed`},
		{`label."a"b=x`, `column 10: expected an operator behind label; it takes =, !=, ~, !~, in, not in`},
		{`label.""=x`, `column 1: label needs a key; write label.KEY`},
		{`not denied`, `column 1: unknown field "not denied"; known are user, type, risk, command, note, label, time, exit, duration, violation, denied`},
	} {
		e, err := Word(testSchema, test.word, testNow)
		if err == nil {
			t.Errorf("%s: got %s", test.word, e)
		} else if err.Error() != test.want {
			t.Errorf("%s: got %s, want %s", test.word, err, test.want)
		}
	}
}

// A field has the names to be shown or counted by that it has in an expression.
func TestLookup(t *testing.T) {
	for name, want := range map[string]string{
		`user`: "", `actor.username`: "", `USER`: "", `label.team`: "team", `Labels.Team`: "Team",
		`label."a b"`: "a b", `label.'a,b'`: "a,b", `label.a b`: "a b", `label."\u0061\""`: `a"`, `label.x."y"`: "x.y", `label.it's`: "it's",
	} {
		if id, key, ok := testSchema.Lookup(name); !ok || key != want || (key != "") != testSchema.Field(id).Keyed {
			t.Errorf("%s: got field %d, key %q, %t, want key %q", name, id, key, ok, want)
		}
	}
	for _, name := range []string{``, `usr`, `label`, `label.`, `label.""`, `label."a`, `label."a"b`, `label.'`, `"user"`, `user."a"`} {
		if id, key, ok := testSchema.Lookup(name); ok {
			t.Errorf("%s: got field %d, key %q, want none", name, id, key)
		}
	}
}
