package filter

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNeedles(t *testing.T) {
	for _, test := range []struct {
		text string
		want string // needles with blanks between them
	}{
		{`user = alice`, `alice"`},
		{`user = @alice`, `alice"`}, // it may stand there without
		{`user in (alice, @alice, bob)`, `bob"|alice"`},
		{`user in (a1, a2, a3, a4, a5, a6, a7, a8, a9, b1, b2, b3, b4, b5, b6, b7, b8)`, ``},
		{`user = a`, ``}, // too short to tell a line from others
		{`user != alice`, ``},
		{`note = alice`, ``}, // not plain
		{`label.team = platform`, `platform"`},
		{`command = 'say "hello" \world\'`, `hello`},
		{`command = "/etc/passwd"`, `/etc/passwd"`},
		{"command = 'caf\xe9 noir'", ` noir`},
		{`command = "a\u0001b"`, ``},
		{`type = file_access`, `file_access"`},
		{`type in (file_access, log_gap)`, `log_gap"|file_access"`},
		{`risk >= high`, `high"|critical"`},
		{`risk < low`, ``},
		{`risk in (low, high)`, `low"|high"`},
		{`exit = 12345`, ``},
		{`time = today`, ``},
		{`denied`, ``},
		{`user = alice and risk = critical`, `alice"`}, // who is rarer than how
		{`risk = critical and denied`, `critical"`},
		{`user = alice and user = alice-the-second`, `alice-the-second"`},
		{`user = alice or user = bob`, `bob"|alice"`},
		{`user = alice or user = alice-the-second`, `alice"|alice-the-second"`},
		{`user = alice or denied`, ``},
		{`(user = alice or denied) and risk = low`, `low"`},
		{`user = alice and not user = bob`, `alice"`},
		{`command ~ sudo`, `sudo`},
		{`command ~ 'sudo\s+rm -rf'`, `rm -rf`},
		{`command ~ 'sudo|doas'`, `doas|sudo`},
		{`command ~ 'port[0-9]'`, `port`},
		{`command ~ '[0-9]:port'`, `:port`},
		{`command ~ '^.*$'`, ``},
		{`command ~ '"\w+"'`, ``},
		{`command ~ '(?i)rm'`, `rm|rM|Rm|RM`},
		{`command ~ '(?i)12345-x'`, `12345-x|12345-X`},
		{`command ~ '(?i)sk'`, "sk|sK|Sk|SK|ſk|ſK|s\u212a|S\u212a|ſ\u212a"},
		{`command !~ sudo`, ``},
	} {
		var got []string
		for _, n := range Needles(mustParse(t, test.text)) {
			got = append(got, string(n))
		}
		if got := strings.Join(got, "|"); got != test.want {
			t.Errorf("%s: got %s, want %s", test.text, got, test.want)
		}
	}
	if got := Needles(nil); got != nil {
		t.Errorf("what asks for nothing: got %q", got)
	}
}

// appendJSON appends a text as a JSON string in one of its forms: what may be
// written in several ways is, but for \u where it need not be, and \/.
func appendJSON(t *rapid.T, line []byte, text string) []byte {
	line = append(line, '"')
	for i := range len(text) {
		short, ok := map[byte]string{'\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '"': `\"`, '\\': `\\`}[text[i]]
		must := text[i] == '"' || text[i] == '\\'
		switch {
		case ok && (must || rapid.Bool().Draw(t, "short")):
			line = append(line, short...)
		case text[i] < ' ':
			line = append(line, `\u00`...)
			digits := rapid.SampledFrom([]string{"0123456789abcdef", "0123456789ABCDEF"}).Draw(t, "digits")
			line = append(line, digits[text[i]>>4], digits[text[i]&15])
		default:
			line = append(line, text[i])
		}
	}
	return append(line, '"')
}

// escapedBytes is the form in which a record holds a text that is no UTF-8
// (docs/spec/log-format.md, "The body of an event", 3).
func escapedBytes(text string) string {
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == '\\':
			b.WriteString(`\\`)
		case r == '\ufffd' && !strings.HasPrefix(text[i:], "\ufffd"):
			b.WriteString(`\x` + string("0123456789abcdef"[text[i]>>4]) + string("0123456789abcdef"[text[i]&15]))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// lineOf returns a line that has the texts of a row, in any order.
func lineOf(t *rapid.T, r testRow) []byte {
	type member struct{ name, text string }
	var members []member
	for _, field := range []int{fieldUser, fieldType, fieldRisk, fieldCommand, fieldLabel} {
		for _, text := range r.texts[field] {
			name := testSchema.Field(field).Name
			if field == fieldLabel {
				name, text, _ = strings.Cut(text, "=")
			}
			members = append(members, member{name, text})
		}
	}
	members = rapid.Permutation(members).Draw(t, "members")
	line := []byte("{")
	for i, m := range members {
		if i > 0 {
			line = append(line, rapid.SampledFrom([]string{",", " , "}).Draw(t, "comma")...)
		}
		line = appendJSON(t, line, m.name)
		line = append(line, rapid.SampledFrom([]string{":", ": "}).Draw(t, "colon")...)
		if text := escapedBytes(m.text); text != m.text && (!isUTF8(m.text) || rapid.Bool().Draw(t, "escaped")) {
			line = appendJSON(t, line, text)
		} else {
			line = appendJSON(t, line, m.text)
		}
	}
	return append(line, '}')
}

func isUTF8(text string) bool { return strings.ToValidUTF8(text, "") == text }

// TestNeedlesAreThere is what makes a search by needles right: the line of a
// record that matches has one of them.
func TestNeedlesAreThere(t *testing.T) {
	met := 0
	rapid.Check(t, func(t *rapid.T) {
		e, _ := drawTree(t, 2)
		needles := Needles(e)
		if needles != nil && (len(needles) > maxNeedles || slices.ContainsFunc(needles, func(n []byte) bool { return len(n) < minNeedle })) {
			t.Fatalf("%s: got %q", e, needles)
		}
		for range 40 {
			row := drawRow(t)
			if needles == nil || !e.Match(row) {
				continue
			}
			met++
			line := lineOf(t, row)
			if !slices.ContainsFunc(needles, func(n []byte) bool { return bytes.Contains(line, n) }) {
				t.Fatalf("%s is true of %s, which has none of %q", e, line, needles)
			}
		}
	})
	least := 10
	if testing.Short() { // of fewer trees
		least = 1
	}
	if met < least {
		t.Errorf("only %d records with needles matched", met)
	}
}
