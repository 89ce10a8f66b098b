package filter

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// The fields of the tests' schema, and their ids.
const (
	fieldUser = iota
	fieldType
	fieldRisk
	fieldCommand
	fieldNote
	fieldLabel
	fieldTime
	fieldExit
	fieldDuration
	fieldViolation
	fieldDenied
)

var (
	testTypes = []string{"command_execution", "file_access", "network_egress", "log_gap"}
	testRisks = []string{"low", "medium", "high", "critical"}
)

var testSchema = &Schema{Fields: []Field{
	{Name: "user", Also: []string{"actor.username"}, Plain: true, Fold: withoutAt},
	{Name: "type", Values: testTypes, Plain: true},
	{Name: "risk", Also: []string{"action.risk_level"}, Kind: Level, Values: testRisks, Plain: true},
	{Name: "command", Also: []string{"action.command"}, Plain: true},
	{Name: "note"},
	{Name: "label", Also: []string{"labels"}, Keyed: true, Plain: true},
	{Name: "time", Also: []string{"timestamp"}, Kind: Time},
	{Name: "exit", Kind: Number},
	{Name: "duration", Kind: Number, Unit: time.Millisecond},
	{Name: "violation", Kind: Flag},
	{Name: "denied", Kind: Flag},
}}

func withoutAt(s string) string { return strings.TrimPrefix(s, "@") }

// testNow is Tuesday noon in a zone whose days are not those of UTC.
var testNow = time.Date(2026, 2, 17, 12, 0, 0, 0, time.FixedZone("WIB", 7*3600))

// A testRow is a record: what it does not have is absent.
type testRow struct {
	texts   map[int][]string // of a keyed field: "key=value"
	numbers map[int]int64
	times   map[int]time.Time
	flags   map[int]bool
}

func (r testRow) Texts(field int, key string, holds func(string) bool) bool {
	for _, text := range r.texts[field] {
		if field == fieldLabel {
			k, v, _ := strings.Cut(text, "=")
			if k != key {
				continue
			}
			text = v
		}
		if holds(text) {
			return true
		}
	}
	return false
}

func (r testRow) Number(field int) (int64, bool) {
	n, ok := r.numbers[field]
	return n, ok
}

func (r testRow) Time(field int) (time.Time, bool) {
	t, ok := r.times[field]
	return t, ok
}

func (r testRow) Flag(field int) (value, ok bool) {
	value, ok = r.flags[field]
	return value, ok
}

func mustParse(t testing.TB, text string) Expr {
	t.Helper()
	e, err := Parse(testSchema, text, testNow)
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	return e
}

var alice = testRow{
	texts: map[int][]string{
		fieldUser:    {"@alice", "u-17"},
		fieldType:    {"file_access"},
		fieldRisk:    {"high"},
		fieldCommand: {"sudo cat \"/etc/shadow\"\nls"},
		fieldLabel:   {"team=platform security", "a b=1", "x.y=2"},
	},
	numbers: map[int]int64{fieldExit: -1, fieldDuration: 1500},
	times:   map[int]time.Time{fieldTime: time.Date(2026, 2, 16, 12, 0, 0, 0, time.UTC)}, // 19:00 yesterday
	flags:   map[int]bool{fieldViolation: true, fieldDenied: false},
}

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		text              string
		alice, nobodyHere bool // of a record that has everything, and of an empty one
	}{
		{`user = alice`, true, false},
		{`user = @alice`, true, false},
		{`user = u-17`, true, false}, // any of several values
		{`user = Alice`, false, false},
		{`user != alice`, false, true},
		{`user != bob`, true, true},
		{`not user != alice`, true, false},
		{`user in (bob, @alice)`, true, false},
		{`user not in (bob, @alice)`, false, true},
		{`user ~ '^alice$'`, true, false},
		{`user ~ '^@alice$'`, true, false},
		{`user ~ lice`, true, false},
		{`user ~ '^lice$'`, false, false},
		{`type = file_access`, true, false},
		{`type in (network_egress, log_gap)`, false, false},
		{`risk = high`, true, false},
		{`risk < high`, false, false},
		{`risk <= high`, true, false},
		{`risk > medium`, true, false},
		{`risk >= critical`, false, false},
		{`not risk >= critical`, true, true},
		{`risk in (low, high)`, true, false},
		{`command ~ sudo`, true, false},
		{`command ~ '(?i)SUDO\s+cat'`, true, false},
		{`command !~ sudo`, false, true},
		{`command ~ ""`, true, false},
		{`action.command ~ "^sudo.*\"$"`, false, false},
		{`action.command ~ "(?m)^sudo.*\"$"`, true, false},
		{`label.team = "platform security"`, true, false},
		{`label.Team = "platform security"`, false, false},
		{`labels."a b" = 1`, true, false},
		{`label.x.y = 2`, true, false},
		{`label.none != 2`, true, true},
		{`exit = -1`, true, false},
		{`exit < 0`, true, false},
		{`exit in (0, 1)`, false, false},
		{`exit in (0, -1)`, true, false},
		{`exit != 0`, true, true},
		{`duration >= 1.5s`, true, false},
		{`duration > 1500`, false, false},
		{`time = yesterday`, true, false},
		{`time != yesterday`, false, true},
		{`time <= yesterday`, true, false},
		{`time < yesterday`, false, false},
		{`time > yesterday`, false, false},
		{`time >= yesterday`, true, false},
		{`time >= today`, false, false},
		{`time in (today, 2026-02-16)`, true, false},
		{`time not in (today, 2026-02-16)`, false, true},
		{`time = "2026-02-16 19:00"`, true, false},
		{`time > "2026-02-16 19:00"`, false, false},
		{`time <= "2026-02-16 19:00"`, true, false},
		{`time > 24h`, true, false}, // ago
		{`time > 16h`, false, false},
		{`time < @1771243201 and time >= @1771243200.0`, true, false},
		{`violation`, true, false},
		{`violation = true`, true, false},
		{`violation != true`, false, true},
		{`denied`, false, false},
		{`denied = false`, true, false},
		{`not denied`, true, true},
		{`violation and not denied`, true, false},
		{`denied or violation and risk = high`, true, false},
		{`(denied or violation) and risk = low`, false, false},
	} {
		e := mustParse(t, test.text)
		if got := e.Match(alice); got != test.alice {
			t.Errorf("%s: of alice's record got %v, want %v", test.text, got, test.alice)
		}
		if got := e.Match(testRow{}); got != test.nobodyHere {
			t.Errorf("%s: of an empty record got %v, want %v", test.text, got, test.nobodyHere)
		}
	}
}

// A level that the schema does not list is neither below nor above any.
func TestUnknownLevel(t *testing.T) {
	row := testRow{texts: map[int][]string{fieldRisk: {"unheard-of"}}}
	for _, text := range []string{`risk < critical`, `risk <= low`, `risk >= low`, `risk > low`, `risk = low`, `risk in (low, high)`} {
		if mustParse(t, text).Match(row) {
			t.Errorf("%s: it matches", text)
		}
	}
}

func TestPrint(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{`user=alice`, `user = alice`},
		{` USER = "alice" `, `user = alice`},
		{`actor.username = 'alice'`, `user = alice`},
		{`user = "a\u006cice"`, `user = alice`},
		{`user = ""`, `user = ""`},
		{`user = "in"`, `user = "in"`},
		{`user = 'And'`, `user = "And"`},
		{`user = "al ice"`, `user = "al ice"`},
		{`note = "it's"`, `note = "it's"`},
		{`note = 'a "b"'`, `note = 'a "b"'`},
		{`note = "it's \"b\""`, `note = "it's \"b\""`},
		{`note = "\u0000\n\t\u007f\u200b\ud83d\ude00\/"`, "note = \"\\u0000\\n\\t\\u007f\\u200b\U0001F600/\""},
		{"note = '\xff\"'", "note = '\xff\"'"},
		{`note = "\u001b\\ \""`, `note = "\u001b\\ \""`},
		{`note = "\udb40\udc01"`, `note = "\udb40\udc01"`},
		{`command ~ '\bsudo\b'`, `command ~ '\bsudo\b'`},
		{`command ~ "\\bsudo"`, `command ~ '\bsudo'`},
		{`command ~ "\\\\b\u0008"`, `command ~ "\\\\b\u0008"`},
		{`note = "a\bb"`, `note = "a\u0008b"`},
		{`not command ~ x`, `command !~ x`},
		{`label.team=x`, `label.team = x`},
		{`labels."a b"=x`, `label."a b" = x`},
		{`label."in" = x`, `label.in = x`},
		{`LABEL.Team = x`, `label.Team = x`},
		{`label."x.y" = x`, `label.x.y = x`},
		{`not not user = x`, `user = x`},
		{`NOT user != x`, `user = x`},
		{`not user in (x, y)`, `user not in (x, y)`},
		{`user in (x, @x, x)`, `user = x`},
		{`user not in (x)`, `user != x`},
		{`risk in(low,high,low)`, `risk in (low, high)`},
		{`exit in (1, 01, +2)`, `exit in (1, 2)`},
		{`duration > 1m30s`, `duration > 90000`},
		{`violation = true`, `violation`},
		{`violation = false`, `violation = false`},
		{`violation != true`, `not violation`},
		{`violation != false`, `violation != false`},
		{`not risk >= high`, `not risk >= high`},
		{`((user = a)) and ((user = b) and user = c)`, `user = a and user = b and user = c`},
		{`user = a or user = b and user = c`, `user = a or user = b and user = c`},
		{`user = a or (user = b or (user = c))`, `user = a or user = b or user = c`},
		{`(user = a Or user = b) AND user = c`, `(user = a or user = b) and user = c`},
		{`not (user = a and denied)`, `not (user = a and denied)`},
		{`not (denied)`, `not denied`},
		{`time > 2026-02-16T12:00:00.5+01:00`, `time > 2026-02-16T11:00:00.5Z`},
		{`time = now`, `time = 2026-02-17T05:00:00Z`},
		{`time = today`, `time >= 2026-02-16T17:00:00Z and time < 2026-02-17T17:00:00Z`},
		{`not time = today`, `not (time >= 2026-02-16T17:00:00Z and time < 2026-02-17T17:00:00Z)`},
		{`time in (now, 1h)`, `time = 2026-02-17T05:00:00Z or time = 2026-02-17T04:00:00Z`},
		{`time <= 9999-12-31T20:00:00Z`, `time <= 9999-12-31T20:00:00Z`},
		{`time > 9999-12-31`, `time >= 9999-12-31T17:00:00Z`},
	} {
		e := mustParse(t, test.text)
		if got := e.String(); got != test.want {
			t.Errorf("%s: got %s, want %s", test.text, got, test.want)
		}
		if again := mustParse(t, e.String()); again.String() != e.String() || !same(again, e) {
			t.Errorf("%s: %s was read as %s", test.text, e, again)
		}
	}
}

// The last day of the year 9999 ends at no time that can be written.
func TestLastDay(t *testing.T) {
	utc := testNow.UTC()
	for _, test := range []struct{ text, want string }{
		{`time = 9999-12-31`, `time >= 9999-12-31T00:00:00Z and time <= 9999-12-31T23:59:59.999999999Z`},
		{`time > 9999-12-31`, `time > 9999-12-31T23:59:59.999999999Z`},
		{`time <= 9999-12-31`, `time <= 9999-12-31T23:59:59.999999999Z`},
	} {
		e, err := Parse(testSchema, test.text, utc)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.String(); got != test.want {
			t.Errorf("%s: got %s, want %s", test.text, got, test.want)
		}
	}
}

// same reports whether two expressions are the same tree.
func same(a, b Expr) bool {
	switch a := a.(type) {
	case *And:
		b, ok := b.(*And)
		return ok && slices.EqualFunc(a.Terms, b.Terms, same)
	case *Or:
		b, ok := b.(*Or)
		return ok && slices.EqualFunc(a.Terms, b.Terms, same)
	case *Not:
		b, ok := b.(*Not)
		return ok && same(a.Term, b.Term)
	case *Compare:
		b, ok := b.(*Compare)
		return ok && a.leaf == b.leaf && a.Op == b.Op && a.Value == b.Value
	case *In:
		b, ok := b.(*In)
		return ok && a.leaf == b.leaf && slices.Equal(a.Values, b.Values)
	case *Match:
		b, ok := b.(*Match)
		return ok && a.leaf == b.leaf && a.Re.String() == b.Re.String()
	}
	return false
}

func TestSchemaRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		fields []Field
	}{
		{"a name twice", []Field{{Name: "a"}, {Name: "b", Also: []string{"a"}}}},
		{"no name", []Field{{Name: ""}}},
		{"a keyword", []Field{{Name: "not"}}},
		{"upper case", []Field{{Name: "User"}}},
		{"a blank", []Field{{Name: "a b"}}},
		{"a name that is a key", []Field{{Name: "label", Keyed: true}, {Name: "label.team"}}},
		{"levels without names", []Field{{Name: "risk", Kind: Level}}},
		{"a keyed flag", []Field{{Name: "flag", Kind: Flag, Keyed: true}}},
		{"a folded number", []Field{{Name: "n", Kind: Number, Fold: withoutAt}}},
		{"a plain time", []Field{{Name: "t", Kind: Time, Plain: true}}},
		{"a flag with names", []Field{{Name: "flag", Kind: Flag, Values: testRisks}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("it was taken")
				}
			}()
			(&Schema{Fields: test.fields}).ID("")
		})
	}
}

func TestSchema(t *testing.T) {
	if got := testSchema.Len(); got != 11 {
		t.Errorf("got %d fields, want 11", got)
	}
	for _, name := range []string{"risk", "action.risk_level"} {
		id, ok := testSchema.ID(name)
		if !ok || id != fieldRisk || testSchema.Field(id).Name != "risk" {
			t.Errorf("%s: got field %d, %v", name, id, ok)
		}
	}
	if id, ok := testSchema.ID("label.team"); ok {
		t.Errorf("a key was taken for a name of field %d", id)
	}
}
