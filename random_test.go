package etch

import (
	"encoding/json"
	"strings"
	"time"

	"pgregory.net/rapid"
)

// randomText draws a text of any bytes; long ones are rare.
func randomText(most int) *rapid.Generator[string] {
	piece := rapid.OneOf(
		rapid.SampledFrom([]string{"", "ls -la", `"`, `\`, `\\x41`, `\xff`, "\n", "\x00", "é", "世", "🙂", "\xff", "\xc3", "\xed\xa0\x80", "\u2028", "{}", "_escaped"}),
		rapid.String(),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
	)
	return rapid.Custom(func(t *rapid.T) string {
		s := strings.Join(rapid.SliceOfN(piece, 0, 4).Draw(t, "pieces"), "")
		if rapid.IntRange(0, 9).Draw(t, "long") == 0 && s != "" {
			s = strings.Repeat(s, rapid.IntRange(1, most).Draw(t, "bytes")/len(s)+1)
		}
		return s
	})
}

// randomEvent draws an event of any bytes and any size up to most bytes a text.
func randomEvent(t *rapid.T, most int) *Event {
	ev := &Event{Timestamp: randomTime(t)}
	full := emptyObjects()
	some := func(name string) bool { return rapid.Bool().Draw(t, name) }
	if some("actor") {
		ev.Actor = full.Actor
	}
	if some("action") {
		ev.Action = full.Action
	}
	if some("result") {
		ev.Result = full.Result
	}
	if some("security") {
		ev.Security = full.Security
	}
	if some("egress") {
		ev.Egress = full.Egress
	}
	for _, o := range objects {
		if !o.has(ev) {
			continue
		}
		for _, m := range o.members {
			if rapid.IntRange(0, 2).Draw(t, m.name) > 0 {
				randomField(t, m.at(ev), most)
			}
		}
	}
	if ev.Type.IsControl() {
		ev.Type = ToolCall
	}
	return ev
}

func randomTime(t *rapid.T) time.Time {
	seconds := rapid.Int64Range(-1<<36, 1<<38).Draw(t, "seconds")
	return time.Unix(seconds, rapid.Int64Range(0, 999999999).Draw(t, "nanoseconds"))
}

func randomField(t *rapid.T, at any, most int) {
	switch p := at.(type) {
	case *bool:
		*p = rapid.Bool().Draw(t, "flag")
	case *uint64:
		*p = rapid.Uint64().Draw(t, "number")
	case *Optional[uint64]:
		*p = Some(rapid.Uint64().Draw(t, "number"))
	case *Optional[int64]:
		*p = Some(rapid.Int64().Draw(t, "number"))
	case *time.Duration:
		*p = time.Duration(rapid.Int64().Draw(t, "duration"))
	case *Outcome:
		*p = rapid.SampledFrom(append([]Outcome{"", "other\xff"}, outcomes...)).Draw(t, "outcome")
	case *json.RawMessage:
		*p = json.RawMessage(randomArguments(most).Draw(t, "arguments"))
	case *[]string:
		*p = rapid.SliceOfN(randomText(most), 0, 5).Draw(t, "texts")
	case *map[string]string:
		*p = rapid.MapOfN(randomText(most/10), randomText(most), 0, 12).Draw(t, "labels")
	default:
		if text := textAt(at); text != nil {
			*text = randomText(most).Draw(t, "text")
		}
	}
}

// randomArguments draws a JSON value, or bytes that are none.
func randomArguments(most int) *rapid.Generator[string] {
	object := rapid.Custom(func(t *rapid.T) string {
		m := rapid.MapOfN(rapid.String(), rapid.Custom(func(t *rapid.T) any {
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				return randomText(most).Draw(t, "string")
			case 1:
				return rapid.Float64Range(-1e9, 1e9).Draw(t, "number")
			case 2:
				return rapid.SliceOfN(rapid.Bool(), 0, 3).Draw(t, "array")
			}
			return map[string]any{"nested": nil}
		}), 0, 12).Draw(t, "object")
		indent := rapid.SampledFrom([]string{"", "  "}).Draw(t, "indent")
		b, err := json.MarshalIndent(m, "", indent)
		if err != nil {
			t.Fatalf("make arguments: %v", err)
		}
		return string(b)
	})
	return rapid.OneOf(object, randomText(most))
}

// normal returns ev as it comes back from the log: what Event and Result say
// is not stored is taken away.
func normal(ev *Event) *Event {
	n := newCutter(ev).event // drops a result's members of other types
	t, ok := parseTime(string(appendTime(nil, ev.Timestamp)))
	if !ok {
		panic("etch: bad time")
	}
	n.Timestamp = t
	if len(n.Labels) == 0 {
		n.Labels = nil
	}
	if a := n.Action; a != nil {
		if len(a.RiskReasons) == 0 {
			a.RiskReasons = nil
		}
		if len(a.Arguments) == 0 {
			a.Arguments = nil
		}
	}
	if r := n.Result; r != nil {
		r.Duration = max(r.Duration.Truncate(time.Millisecond), 0)
		if r.Type != Rollback {
			r.Restored, r.Deleted = Optional[uint64]{}, Optional[uint64]{}
		}
	}
	return &n
}
