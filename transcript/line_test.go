package transcript

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// lines reads all lines of a text.
func lines(t *testing.T, text string, lim limits) []Line {
	t.Helper()
	r := newLineReader(strings.NewReader(text), lim)
	var got []Line
	for {
		line, err := r.next()
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		line.Bytes = []byte(string(line.Bytes))
		got = append(got, line)
	}
}

func TestLines(t *testing.T) {
	lim := limits{text: 40, line: 100}
	long, longer := strings.Repeat("x", 60), strings.Repeat("y", 5000)
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"{}\n", `1 "{}"`},
		{"{}", `1 "{}" open`},
		{"\ufeff{}\r\n\r\n \n[]\n", `1 "{}"|4 "[]"`},
		{`{"a":"` + long + `"}` + "\n{}", `1 "{\"a\":{\"clipped_bytes\":60}}" clipped|2 "{}" open`},
		{`{"a":"` + longer + `","b":"` + longer + `"}` + "\n{}\n", `1 "{\"a\":{\"clipped_bytes\":5000},\"b\":{\"clipped_bytes\":5000}}" clipped|2 "{}"`},
		{`{"a":"` + strings.Repeat(`\"`, 50) + `","b":1}` + "\n", `1 "{\"a\":{\"clipped_bytes\":100},\"b\":1}" clipped`},
		{`{"a":"` + strings.Repeat(`\\`, 50) + `","b":1}` + "\n", `1 "{\"a\":{\"clipped_bytes\":100},\"b\":1}" clipped`},
		{"[" + strings.Repeat("1,", 500) + "1]\n{}\n", `1 "" overlong|2 "{}"`},
		{strings.Repeat(`"a",`, 500) + "\n{}", `1 "" overlong|2 "{}" open`},
		{strings.Repeat("1", 101), `1 "" overlong open`},
		{`{"a":"` + longer, `1 "{\"a\":" open`},
	} {
		var got []string
		for _, l := range lines(t, c.in, lim) {
			var s strings.Builder
			s.WriteString(fmt.Sprintf("%d %q", l.Number, l.Bytes))
			for _, flag := range []struct {
				set  bool
				name string
			}{{l.Clipped, " clipped"}, {l.Overlong, " overlong"}, {l.Open, " open"}} {
				if flag.set {
					s.WriteString(flag.name)
				}
			}
			got = append(got, s.String())
		}
		if got := strings.Join(got, "|"); got != c.want {
			t.Errorf("%.40q: got %s, want %s", c.in, got, c.want)
		}
	}
}

// A line within the limits is given as it is, whatever the buffer's size, and a
// clipped one is valid JSON where the line was.
func FuzzLine(f *testing.F) {
	f.Add(`{"a":"b\"c","d":[1,2,{"e":"\\"}]}`)
	f.Add(`{"a":"` + strings.Repeat("x", 100) + `"}`)
	f.Add(strings.Repeat("x", 70_000) + "\n{}")
	f.Fuzz(func(t *testing.T, text string) {
		lim := limits{text: 64, line: 4096}
		whole, _, _ := strings.Cut(strings.TrimPrefix(text, "\ufeff"), "\n")
		got := lines(t, text, lim)
		if len(got) == 0 || got[0].Number != 1 {
			return
		}
		first, trimmed := got[0], strings.TrimSpace(whole)
		switch {
		case len(first.Bytes) > lim.line:
			t.Errorf("a line of %d bytes", len(first.Bytes))
		case len(whole) < lim.text && string(first.Bytes) != trimmed:
			t.Errorf("got %q, want %q", first.Bytes, trimmed)
		case json.Valid([]byte(trimmed)) && !first.Overlong && !keyTooLong(trimmed, lim.text) && !json.Valid(first.Bytes):
			t.Errorf("got %q of %q", first.Bytes, trimmed)
		}
	})
}

// keyTooLong reports whether a string of the value is a name that is clipped:
// what is left is then no JSON, and counted as such.
func keyTooLong(text string, limit int) bool {
	return strings.Contains(text, ":") && len(text) > limit
}
