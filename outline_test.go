package etch

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/etch-audit/etch/internal/filter"
)

// usedOutline has read all lines before: what it remembers of them must not
// show.
var usedOutline outline

// agree checks that an outlined line says what the decoded one says.
func agree(t interface {
	Helper()
	Errorf(string, ...any)
}, line []byte,
) (outlined bool) {
	t.Helper()
	var o outline
	outlined = o.read(line)
	if again := usedOutline.read(line); again != outlined || outlined && (usedOutline.spans != o.spans || usedOutline.micro != o.micro) {
		t.Errorf("an outline that was used before says %v %v %d, a new one %v %v %d, of %q",
			again, usedOutline.spans, usedOutline.micro, outlined, o.spans, o.micro, line)
	}
	if !outlined {
		return false
	}
	var r Record
	if err := decodeLine(bytes.Clone(line), &r); err != nil {
		t.Errorf("%q is outlined, and no record: %v", line, err)
		return true
	}
	got, want := row{lineValues{&o}}, row{eventValues{&r}}
	for id := range fields {
		for _, key := range []string{"", "a", "team"} {
			if got, want := valueOf(got, id, key), valueOf(want, id, key); got != want {
				t.Errorf("field %s is %q outlined, %q decoded, in %q", fields[id].Name, got, want, line)
			}
		}
	}
	return true
}

func shown(v any, ok bool) string { return fmt.Sprintf("%v %v;", v, ok) }

// valueOf returns all that a row says of a field.
func valueOf(r row, id int, key string) string {
	var b bytes.Buffer
	switch fields[id].Kind {
	case filter.Number:
		n, ok := r.Number(id)
		return shown(n, ok)
	case filter.Time:
		at, ok := r.Time(id)
		return shown(at, ok)
	case filter.Flag:
		set, ok := r.Flag(id)
		return shown(set, ok)
	}
	r.Texts(id, key, func(s string) bool {
		b.WriteString(shown(s, true))
		return false
	})
	return b.String()
}

// outlineEvent has every member, and none that only decoding can tell.
func outlineEvent() *Event {
	ev := fullEvent()
	ev.Labels = map[string]string{"team": "a\"b", "a": ""}
	ev.Result.OutputBytes = Some(uint64(4096))
	return ev
}

func TestOutline(t *testing.T) {
	full := outlineEvent()
	for _, ev := range []*Event{full, {}, {Type: ToolCall, Action: &Action{Command: `echo "a\b"`, Arguments: []byte(`{"a":["b",{"c":"d\n"}],"e":1}`)}}} {
		if line := lineOf(encode(ev)); !agree(t, line) {
			t.Errorf("%s has no outline", line)
		}
	}
	rapid.Check(t, func(t *rapid.T) { agree(t, lineOf(encode(randomEvent(t, 300)))) })
}

// TestOutlineRefuses has lines that are records, or are none, and are not in the
// form that the writer gives them.
func TestOutlineRefuses(t *testing.T) {
	for _, body := range []string{
		`"timestamp":"2026-02-16T12:34:56.123456Z","event_type":"log_sealed","log":{"a":1}`,
		`"event_id":"a","timestamp":"2026-02-16T12:34:56.123456Z"`,
		`"timestamp":"2026-02-16T12:34:56.123456Z","event_id": "a"`,
		`"timestamp":"2026-02-16T12:34:56.123456Z","event_id":"a","event_id":"a"`,
		`"timestamp":"2026-02-16T12:34:56.123456Z","event\u005fid":"a"`,
		`"timestamp":"2026-02-30T12:34:56.123456Z","event_id":"a"`,
		`"result":{"success":true,"type":"error"}`,
		`"result":{"success":true}`,
		`"result":{"exit_code":1.5}`,
		`"result":{"exit_code":1234567890123}`,
		`"actor":{"channel":null}`,
		`"actor":{"channel":"a"`,
		`"action":{"command":"\\xff","command_escaped":true}`,
		`"action":{"risk_reasons":["a",1]}`,
		`"labels":{"a":"b","a":"c"}`,
		`"labels":{"a":1}`,
		`"unknown":1`,
		`"event_id":"a","truncated":true`,
		`"event_id":"a","signature":"SHA256:short"`,
	} {
		if !strings.Contains(body, `"timestamp":`) {
			body = `"timestamp":"2026-02-16T12:34:56.123456Z",` + body
		}
		var o outline
		if line := lineOf(body); o.read(line) {
			t.Errorf("%s has an outline", line)
		}
	}
	// Its time would be that of the line before.
	if line := lineOf(`"event_id":"a","labels":{}`); agree(t, line) {
		t.Errorf("%s has an outline", line)
	}
}

// TestOutlineEscapes writes each letter of some lines as an escape, in names and in
// texts, also where what it stands for is not what it looks like: a type that is
// reserved to the log, and a success that is none.
func TestOutlineEscapes(t *testing.T) {
	full := encode(outlineEvent())
	outlined := 0
	for _, body := range []string{
		full,
		strings.Replace(full, `"event_type":"`, `"event_type":"log_`, 1),
		strings.Replace(full, `"success":true`, `"success":false`, 1),
		`"timestamp":"2026-02-16T12:34:56.123456Z","event_type":"tool_call","result":{"success":false,"type":"success"}`,
		`"timestamp":"2026-02-16T12:34:56.123456Z","event_type":"log_sealed","actor":{"username":"zed"}`,
	} {
		line := lineOf(body)
		for i, c := range line {
			if 'a' <= c && c <= 'z' && agree(t, slices.Replace(bytes.Clone(line), i, i+1, fmt.Appendf(nil, `\u%04x`, c)...)) {
				outlined++
			}
		}
	}
	if outlined == 0 {
		t.Error("no line with an escape has an outline")
	}
}

// TestTimestamps has times of one minute after one another, and what is none.
func TestTimestamps(t *testing.T) {
	for text, want := range map[string]bool{
		"2026-02-16T12:34:00.000000Z": true, "2026-02-16T12:34:59.999999Z": true, "2026-02-16T12:34:07.123456Z": true,
		"2026-02-16T12:34:60.000000Z": false, "2026-02-16T12:34:0a.000000Z": false, "2026-02-16T12:34:07,123456Z": false,
		"2026-02-16T12:34:07.12345/Z": false, "2026-02-16T12:34:07.123456z": false, "2026-02-16T12:34:99.000000Z": false,
		"0001-01-01T00:00:01.000001Z": true, "1969-12-31T23:59:59.999999Z": true, "9999-12-31T23:59:59.999999Z": true,
		"2026-02-30T12:34:00.000000Z": false, "2024-02-29T12:34:00.000000Z": true, "2026-02-16T24:00:00.000000Z": false,
	} {
		line := lineOf(`"timestamp":"` + text + `","event_type":"tool_call"`)
		for range 2 { // the second time, the minute is known
			if got := agree(t, line); got != want {
				t.Errorf("%s has an outline: %v, want %v", text, got, want)
			}
		}
		known := lineOf(`"timestamp":"2026-02-16T12:34:30.000000Z","event_type":"tool_call"`)
		if !agree(t, known) {
			t.Errorf("no outline of %s", known)
		}
		if got := agree(t, line); got != want {
			t.Errorf("%s has an outline behind another: %v, want %v", text, got, want)
		}
	}
}

func TestMemberCount(t *testing.T) {
	if got := len(formMembers); got != memberCount {
		t.Errorf("the schema has %d members, memberCount is %d", got, memberCount)
	}
	for id, m := range formMembers {
		if int(m.id) != id {
			t.Errorf("%s has number %d at place %d", m.path, m.id, id)
		}
	}
}

func TestOutlineAllocates(t *testing.T) {
	line := lineOf(encode(outlineEvent()))
	var o outline
	if n := testing.AllocsPerRun(100, func() {
		if !o.read(line) {
			t.Fatal("no outline")
		}
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func FuzzOutline(f *testing.F) {
	f.Add(lineOf(encode(outlineEvent())))
	f.Add(lineOf(`"labels":{"a":"b"},"result":{"success":true,"type":"success"}`))
	f.Add(lineOf(`"timestamp":"2026-02-16T12:34:56.123456Z","result":{"success":true,"type":"success"},"labels":{"a":"b"}`))
	f.Fuzz(func(t *testing.T, line []byte) { agree(t, line) })
}

func BenchmarkOutline(b *testing.B) {
	line := lineOf(encode(outlineEvent()))
	var o outline
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if !o.read(line) {
			b.Fatal("no outline")
		}
	}
}
