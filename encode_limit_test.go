package etch

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// fillTexts puts a text, made of piece, into every member that can be cut. It
// takes about stored bytes in the line.
func fillTexts(ev *Event, piece string, stored int) {
	size, _ := storedSize(piece)
	text := strings.Repeat(piece, stored/size)
	for _, c := range cutOrder.Get() {
		switch p := c.member.at(ev).(type) {
		case *json.RawMessage:
			*p = json.RawMessage(text)
		case *[]string:
			*p = []string{text}
		case *map[string]string:
			*p = map[string]string{"name": text}
		default:
			*textAt(p) = text
		}
	}
}

// Whatever the members' sizes are, the event fits; the worst is when all are
// just too short to be cut.
func TestEveryEventFits(t *testing.T) {
	sizes := []int{0, 100, 1000, 2000, 60000, 300000}
	for n := cutFrom - 100; n < cutFrom+400; n += 10 {
		sizes = append(sizes, n)
	}
	for _, piece := range []string{"x", `"`, "\x01", "\xff", "é", "\xffé\\"} {
		for _, size := range sizes {
			ev := emptyObjects()
			fillTexts(ev, piece, size)
			checkBody(t, appendBody(nil, ev))
			ev.Result.Reason, ev.Result.Type = string(ev.Result.Type), Blocked
			checkBody(t, appendBody(nil, ev))
			if t.Failed() {
				t.Fatalf("with texts of %d stored bytes of %q", size, piece)
			}
		}
	}
}

// The bound of the comment on cutting, in numbers.
func TestCutBound(t *testing.T) {
	const scalars = 2000 // everything that is no text, and the objects' names
	if most := len(cutPaths)*cutFrom + scalars; most > maxBody {
		t.Errorf("members that are not cut sum up to %d, over %d", most, maxBody)
	}
	bare := emptyObjects()
	for _, o := range objects {
		for _, m := range o.members {
			switch p := m.at(bare).(type) {
			case *bool:
				*p = true
			case *uint64:
				*p = 1<<64 - 1
			case *Optional[uint64]:
				*p = Some[uint64](1<<64 - 1)
			case *Optional[int64]:
				*p = Some[int64](-1 << 63)
			}
		}
	}
	bare.Result.Duration = 1<<63 - 1
	bare.Result.Type = Rollback
	if n := len(encode(bare)) + len(truncatedMark); n > scalars {
		t.Errorf("the scalars take %d bytes, over %d", n, scalars)
	}
	c := newCutter(bare)
	c.rawArguments = true
	for _, m := range cutOrder.Get() {
		p := piece{cuttable: m, at: m.member.at(bare), whole: 1 << 40, escaped: true}
		if n := c.overhead(p); n > cutFrom-keepBytes {
			t.Errorf("the marks of %s take %d bytes, over %d", m.path, n, cutFrom-keepBytes)
		}
	}
}

func TestCutText(t *testing.T) {
	whole := strings.Repeat("é", 100000)
	ev := fullEvent()
	ev.Action.Command = whole
	body := encode(ev)
	checkBody(t, []byte(body))
	if len(body) < maxBody-1 {
		t.Errorf("body has %d bytes: more than needed was cut", len(body))
	}
	want := fmt.Sprintf(`é","command_bytes":200000,"command_sha256":"%x","arguments":{`, sha256.Sum256([]byte(whole)))
	if !strings.Contains(body, want) {
		t.Errorf("body has no %s", want)
	}
	if !strings.HasSuffix(body, `,"labels":{"env":"prod","repo":"etch"},"truncated":true`) {
		t.Errorf("body ends in %s", body[len(body)-100:])
	}
	if ev.Action.Command != whole {
		t.Error("the caller's event was changed")
	}
}

// A member is cut only when those before it in the order are not enough.
func TestCutOrder(t *testing.T) {
	long := strings.Repeat("x", 40000)
	ev := fullEvent()
	ev.Action.Command = long
	ev.Result.Message = long
	r := decodeBody(t, encode(ev))
	if len(r.Cuts) != 1 || r.Cuts[0].Member != "result.message" {
		t.Errorf("cuts are %v, want the message only", r.Cuts)
	}
	if len(r.Event.Action.Command) != len(long) {
		t.Error("the command was cut, although the message comes first")
	}
	ev.Action.Command += long
	r = decodeBody(t, encode(ev))
	if len(r.Cuts) != 2 || len(r.Event.Result.Message) != keepBytes {
		t.Errorf("cuts are %v, %d bytes of the message are left; want both cut, the message to %d", r.Cuts, len(r.Event.Result.Message), keepBytes)
	}
}

func TestCutLists(t *testing.T) {
	ev := fullEvent()
	ev.Labels = map[string]string{"a": "1", "huge": strings.Repeat("x", 70000), "z": "\xff"}
	ev.Action.RiskReasons = []string{"first", strings.Repeat("y", 70000), "last"}
	body := encode(ev)
	checkBody(t, []byte(body))
	r := decodeBody(t, body)
	if got := r.Event.Labels; len(got) != 2 || got["a"] != "1" || got["z"] != "\xff" {
		t.Errorf("labels left are %q", got)
	}
	if got := r.Event.Action.RiskReasons; len(got) != 2 || got[1] != "last" {
		t.Errorf("reasons left are %q", got)
	}
	whole := `["first","` + strings.Repeat("y", 70000) + `","last"]`
	want := []Cut{
		{"action.risk_reasons", uint64(len(whole)), sha256.Sum256([]byte(whole))},
		{"labels", 0, [32]byte{}},
	}
	labels := `{"a":"1","huge":"` + strings.Repeat("x", 70000) + `","z":"\\xff"}`
	want[1].Bytes, want[1].SHA256 = uint64(len(labels)), sha256.Sum256([]byte(labels))
	for _, w := range want {
		if !slices.Contains(r.Cuts, w) {
			t.Errorf("cuts are %v, want %v among them", r.Cuts, w)
		}
	}
}

func TestCutManyEntries(t *testing.T) {
	ev := fullEvent()
	for i := range 20000 {
		ev.Labels[fmt.Sprintf("label %05d", i)] = "value"
		ev.Action.RiskReasons = append(ev.Action.RiskReasons, fmt.Sprintf("reason %05d", i))
	}
	body := encode(ev)
	checkBody(t, []byte(body))
	if len(body) < maxBody-40 {
		t.Errorf("body has %d bytes: more than needed was cut", len(body))
	}
	r := decodeBody(t, body)
	if n := len(r.Event.Labels); n < 30 || r.Event.Labels["env"] != "prod" || r.Event.Labels["label 00000"] != "value" {
		t.Errorf("%d labels are left: %.300v", n, r.Event.Labels)
	}
	if n := len(r.Event.Action.RiskReasons); n < 1000 || !slices.Equal(r.Event.Action.RiskReasons, ev.Action.RiskReasons[:n]) {
		t.Errorf("%d reasons are left, or not the first ones", n)
	}
}

// TestCutKeepsProvenance: who sent an event is on record however many labels the
// sender has made up, and whatever else of the event is long.
func TestCutKeepsProvenance(t *testing.T) {
	ev := fullEvent()
	ev.Action.Command = strings.Repeat("x", 70000)
	ev.Labels = map[string]string{"sender_uid": "1000", "sender_pid": "4711", "spooled": "2026-02-16T12:34:56.000000Z", "import_source": "zeph"}
	want := maps.Clone(ev.Labels)
	for i := range 9000 {
		ev.Labels[fmt.Sprintf("a%04d", i)] = ""
		ev.Labels[fmt.Sprintf("import_a%04d", i)] = ""
	}
	delete(want, "import_source") // which comes behind those that only look like it
	body := encode(ev)
	checkBody(t, []byte(body))
	got := decodeBody(t, body).Event.Labels
	for name, value := range want {
		if got[name] != value {
			t.Errorf("got %q for %s, want %q: %d labels are left", got[name], name, value, len(got))
		}
	}
}

func TestCutArguments(t *testing.T) {
	long := strings.Repeat(`\"`, 50000)
	tests := []struct{ in, stored, prefix, suffix string }{
		{`{ "a": "` + long + `" }`, `{"a":"` + long + `"}`, `"arguments":"{\"a\":\"\\\"`, ``},
		{`{ "a": ` + long, `{ "a": ` + long, `"arguments":"{ \"a\": \\\"`, `,"arguments_raw":true`},
	}
	for _, tt := range tests {
		ev := fullEvent()
		ev.Action.Arguments = json.RawMessage(tt.in)
		body := encode(ev)
		checkBody(t, []byte(body))
		marks := fmt.Sprintf(`","arguments_bytes":%d,"arguments_sha256":"%x"%s,"resource"`, len(tt.stored), sha256.Sum256([]byte(tt.stored)), tt.suffix)
		if !strings.Contains(body, tt.prefix) || !strings.Contains(body, marks) {
			t.Errorf("arguments of %d bytes: body has no %s, or no %s", len(tt.in), tt.prefix, marks)
		}
		if r := decodeBody(t, body); len(r.Cuts) != 1 || r.Cuts[0].Member != "action.arguments" {
			t.Errorf("cuts are %v", r.Cuts)
		}
	}
}

// White space is taken away before it is asked whether an event fits.
func TestSpacedArgumentsAreNotCut(t *testing.T) {
	ev := fullEvent()
	ev.Action.Arguments = json.RawMessage(`[` + strings.Repeat(" ", 1<<20) + `1]`)
	if got := encode(ev); strings.Contains(got, "truncated\":true,\"labels") || !strings.Contains(got, `"arguments":[1],`) {
		t.Errorf("body is %.300s", got)
	}
}

// What is left of a cut value is its beginning, and the rest is as it was.
func TestCutKeepsHeads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ev := randomEvent(t, 70000)
		body := appendBody(nil, ev)
		checkBody(t, body)
		r := decodeBody(t, string(body))
		want := normal(ev)
		cut := make(map[string]bool)
		for _, c := range r.Cuts {
			cut[c.Member] = true
		}
		for _, m := range cutOrder.Get() {
			if !m.object.has(want) {
				continue
			}
			whole := textAt(m.member.at(want))
			if whole == nil {
				continue
			}
			got := *textAt(m.member.at(&r.Event))
			if !strings.HasPrefix(*whole, got) || len(got) < len(*whole) != cut[m.path] {
				t.Fatalf("%s: %d of %d bytes are left, cut: %v", m.path, len(got), len(*whole), cut[m.path])
			}
		}
	})
}
