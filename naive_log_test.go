package etch

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/etch-audit/etch/internal/logtest"
	"github.com/etch-audit/etch/internal/memfs"
	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/vfs"
)

// A drawnLog is a log of a random author, in memory: of lines that the writer
// makes and of others that are records all the same.
type drawnLog struct {
	*logtest.Log
	unsigned bool
	cut      map[int]int64 // where the records of a segment end, by a recovery
	fs       *memfs.FS
	layout   segment.Layout
}

func newDrawnLog(t rapid.TB, unsigned bool) *drawnLog {
	t.Helper()
	layout, err := segment.LayoutOf("/audit.log")
	if err != nil {
		t.Fatal(err)
	}
	return &drawnLog{
		Log:      logtest.New(logtest.Options{Keys: logtest.NewKeys("asked"), Unsigned: unsigned}),
		unsigned: unsigned, cut: map[int]int64{}, fs: memfs.New(), layout: layout,
	}
}

// drawLog draws a log of a few segments.
func drawLog(t *rapid.T, most int) *drawnLog {
	l := newDrawnLog(t, one(t, 4, "unsigned"))
	for i := range pick(t, "segments", 1, 2, 3, 4, 4) {
		if i > 0 {
			l.drawRotation(t)
		}
		for range rapid.IntRange(0, most).Draw(t, "records") {
			l.drawLine(t)
		}
	}
	return l
}

// drawRotation ends a segment in one of the ways there are.
func (l *drawnLog) drawRotation(t *rapid.T) {
	ended, offset := int(l.Segment()), l.Offset()
	switch rapid.IntRange(0, 7).Draw(t, "rotation") {
	case 0:
		l.Void([]byte("{\"seq\":1,\"half of a line"))
		l.cut[ended] = offset
	case 1:
		l.Void([]byte(`{"seq":7,"timestamp":"2026-02-16T12:00:00.000000Z","event_id":"void","event_type":"tool_call"}` + "\n"))
		l.cut[ended] = offset
	case 2:
		l.Events(2)
		l.Lose(2)
	case 3:
		l.LoseState()
	default:
		l.Rotate()
	}
}

// drawLine draws one line.
func (l *drawnLog) drawLine(t *rapid.T) {
	switch rapid.IntRange(0, 14).Draw(t, "line") {
	case 0:
		l.Seal()
	case 1:
		l.Control("log_gap", map[string]any{"events": 3, "why": "disk full"})
	case 2:
		l.Epoch()
	case 3, 4, 5:
		l.Line(foreign(t, encode(drawEvent(t))))
	case 6:
		l.Line(foreign(t, pick(t, "odd", oddBodies...)))
	default:
		l.Line(encode(drawEvent(t)))
	}
}

// oddBodies are lines of the event schema that the writer does not make.
var oddBodies = []string{
	`"timestamp":"2026-02-16T12:00:00.000000Z"`,
	`"timestamp":"2026-02-17T12:00:00.000000Z","action":{"risk_level":"unheard of","command":"sudo x"},"result":{"success":true}`,
	`"timestamp":"2026-02-18T12:00:00.000000Z","event_type":"later_version","later":{"user":"alice","x":[1,{"username":"alice"}]},"labels":{"team":""}`,
	`"event_id":"","event_type":"","timestamp":"2026-02-18T12:00:00.000001Z","actor":{},"action":{},"result":{},"security":{"redactions":0},"egress":{}`,
	`"timestamp":"2026-02-16T12:00:00.000000Z","event_type":"tool_call","phase":"attempt","call_id":""`,
	`"timestamp":"2026-02-16T12:00:00.000000Z","event_type":"tool_call","phase":"other","call_id":"c1","actor":{"username":"alice\u0000x","user_id":"a\u0000"}`,
	`"timestamp":"2026-02-16T12:00:00.000000Z","event_type":"tool_call","result":{"exit_code":-9223372036854775808,"output_bytes":18446744073709551615,"duration_ms":9223372036854}`,
}

// Words of which texts are made, so that records have some in common.
var (
	people = []string{"alice", "@alice", "@@alice", "bob", "@bob", "é", "ſudo", "Kelvin", "\u212aelvin", "a\x00b"}
	words  = []string{
		"sudo", "rm -rf /", "ls", "ſudo", "SUDO", "kubectl", "alice", `"quoted"`, `back\slash`, "it's", "a/b", "<b>&", "\u2028", "tab\t", "\x00",
		"line\nline", "日本語", "🙂", "\xff", "half \xe2\x84", "\ufffd", "\x7f", "log_sealed", `\u0061`, "attempt", `"phase":"attempt"`,
	}
)

func drawWords(t *rapid.T, what string) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 0, 4).Draw(t, what), " ")
}

// drawEvent draws an event: mostly one that others are like, else of any bytes.
// One in thirty does not fit in a line.
func drawEvent(t *rapid.T) *Event {
	ev := randomEventOf(t)
	if one(t, 30, "large") {
		var action Action
		if ev.Action != nil {
			action = *ev.Action
		}
		action.Command = strings.Repeat(pick(t, "filling", "x", `"`, "\xff", "日本"), 60_000)
		ev.Action = &action
	}
	if one(t, 2, "call") {
		ev.Phase = pick(t, "phase", Attempt, Completion, Attempt, Completion, "")
		ev.CallID = pick(t, "call id", "c1", "c2", "c3", "c4", "c\xff", "")
		if one(t, 4, "inferred") {
			ev.Labels = map[string]string{"a": "b", LabelInferred: pick(t, "by", "Stop", "")}
		}
		if one(t, 4, "sent") {
			ev.Labels = maps.Clone(ev.Labels)
			if ev.Labels == nil {
				ev.Labels = make(map[string]string)
			}
			ev.Labels[pick(t, "sender", LabelSenderUID, LabelSenderToken)] = pick(t, "who", "1000", "0", "")
		}
	}
	return ev
}

func randomEventOf(t *rapid.T) *Event {
	if one(t, 5, "of any bytes") {
		return randomEvent(t, 200)
	}
	ev := &Event{
		Timestamp: time.Date(2026, 2, 16, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.Int64Range(0, 4*86400*1e6).Draw(t, "time")) * time.Microsecond),
		ID:        fmt.Sprint("evt_", rapid.IntRange(0, 50).Draw(t, "id")),
		Type:      pick(t, "type", CommandExecution, ToolCall, PolicyViolation, FileAccess),
		SessionID: pick(t, "session", "", "s1", "s2", "s3"),
	}
	some := func(what string) bool { return one(t, 2, what) }
	if some("actor") {
		ev.Actor = &Actor{Username: pick(t, "username", people...), UserID: pick(t, "user id", "", "17", "alice"), Agent: pick(t, "agent", "", "codex", "é"), Channel: pick(t, "channel", "", "cli")}
	}
	if some("action") {
		ev.Action = &Action{
			Tool: pick(t, "tool", "", "shell", "web"), Command: drawWords(t, "command"), Risk: pick(t, "risk", append(risks, "")...),
			Allowed: some("allowed"), RiskReasons: rapid.SliceOfN(rapid.SampledFrom(words), 0, 2).Draw(t, "reasons"),
		}
		if some("arguments") {
			ev.Action.Arguments = drawArguments(t)
		}
	}
	if some("result") {
		ev.Result = &Result{Type: pick(t, "outcome", outcomes...), ExitCode: Some(rapid.Int64Range(-1, 2).Draw(t, "exit")), Duration: time.Duration(rapid.IntRange(0, 3).Draw(t, "ms")) * time.Millisecond}
		ev.Result.Message, ev.Result.Reason = drawWords(t, "message"), drawWords(t, "reason")
	}
	if one(t, 6, "security") {
		ev.Security = &Security{PolicyViolation: some("violation"), RateLimitRemaining: Some(uint64(rapid.IntRange(0, 3).Draw(t, "rate")))}
	}
	if one(t, 6, "labels") {
		ev.Labels = map[string]string{pick(t, "key", "team", "a b", `q"\`, "é"): drawWords(t, "label")}
	}
	return ev
}

// drawArguments draws nested arguments of the words, or bytes that are none.
func drawArguments(t *rapid.T) json.RawMessage {
	word, err := json.Marshal(strings.ToValidUTF8(drawWords(t, "argument"), "?"))
	if err != nil {
		t.Fatal(err)
	}
	depth := pick(t, "depth", 0, 1, 3, maxArgumentLevels/2-1)
	text := strings.Repeat(`{"alice":[`, depth) + string(word) + strings.Repeat(`]}`, depth)
	return json.RawMessage(pick(t, "arguments", text, text, `{"k":`+text+`,"m":["",`+text+`]}`, "no JSON "+string(word),
		`{"k":1,"k":`+text+`}`, `["\ud800",`+text+`,"\u0073udo"]`))
}

// foreign gives a body another form of the same JSON: other order, white space,
// and escapes where there need be none.
func foreign(t *rapid.T, body string) string {
	dec := json.NewDecoder(strings.NewReader("{" + body + "}"))
	dec.UseNumber()
	var b bytes.Buffer
	writeForeign(t, dec, &b)
	text := b.String()
	text = strings.TrimSpace(text[1 : len(text)-1])
	if record.LineLen(1<<63, len(text), true) > record.MaxLine {
		return body
	}
	return text
}

// writeForeign writes the next value of dec.
func writeForeign(t *rapid.T, dec *json.Decoder, b *bytes.Buffer) {
	token, err := dec.Token()
	if err != nil {
		t.Fatalf("body is no JSON: %v", err)
	}
	switch v := token.(type) {
	case json.Delim:
		var parts []string
		space := pick(t, "space", "", "", " ", "\t ")
		for dec.More() {
			var part bytes.Buffer
			if v == '{' {
				writeForeign(t, dec, &part)
				part.WriteString(space + ":")
			}
			part.WriteString(space)
			writeForeign(t, dec, &part)
			parts = append(parts, part.String())
		}
		if _, err := dec.Token(); err != nil {
			t.Fatal(err)
		}
		if v == '{' && one(t, 2, "other order") {
			slices.Reverse(parts)
		}
		b.WriteString(string(v) + space + strings.Join(parts, ","+space) + string(v+2))
	case string:
		b.WriteString(foreignText(t, v))
	case json.Number:
		b.WriteString(v.String())
	case nil:
		b.WriteString("null")
	default:
		fmt.Fprint(b, v) // true or false
	}
}

// foreignText writes a text with escapes that it does not need.
func foreignText(t *rapid.T, s string) string {
	escape := rapid.IntRange(0, 5).Draw(t, "escape") // every so many characters
	digits := [...]string{`\u%04x`, `\u%04X`}[escape%2]
	var b strings.Builder
	b.WriteByte('"')
	n := 0
	for _, c := range s {
		n++
		switch {
		case c == '/' && escape == 1:
			b.WriteString(`\/`)
		case c < ' ' || c == '"' || c == '\\' || c < 0x10000 && escape > 0 && n%escape == 0 && len(s) < 5000:
			fmt.Fprintf(&b, digits, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// flush puts the log's files in their place.
func (l *drawnLog) flush(t rapid.TB) {
	t.Helper()
	for name, data := range l.Files() {
		overwrite(t, l.fs, l.layout.Path(name), data)
	}
}

// overwrite writes a file, whatever was in it.
func overwrite(t rapid.TB, fsys vfs.FS, path string, data []byte) {
	t.Helper()
	f, err := fsys.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err == nil {
		_, err = f.WriteAt(data, 0)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// reader returns a Reader of the log as it was flushed.
func (l *drawnLog) reader() *Reader { return &Reader{l.fs, l.layout} }

// index makes the indexes of the rotated segments that are chosen, and puts them
// on record.
func (l *drawnLog) index(t rapid.TB, chosen func(segment uint32) bool) {
	t.Helper()
	l.flush(t)
	r := l.reader()
	v, err := r.view(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var m indexMaker
	for _, p := range v.parts {
		if p.file != nil || !chosen(p.Number) {
			continue
		}
		made, err := m.index(r, v, p, func(int64) {})
		if err == nil {
			err = r.placeIndex(made)
		}
		if err != nil {
			t.Fatalf("index of segment %d: %v", p.Number, err)
		}
		at := l.Offset()
		l.Control("log_indexed", made.on)
		if err := r.noteRecord(p.Number, l.Segment(), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.close(); err != nil {
		t.Fatal(err)
	}
	l.flush(t)
}

// records decodes every line of the log that counts.
func (l *drawnLog) records(t rapid.TB) []*Record {
	t.Helper()
	var all []*Record
	files := l.Files()
	for n := 1; n <= int(l.Segment()); n++ {
		data := files[l.layout.Numbered(uint32(n))]
		if n == int(l.Segment()) {
			data = files[l.layout.Active()]
		}
		if end, ok := l.cut[n]; ok {
			data = data[:end]
		}
		offset := int64(0)
		for line := range bytes.Lines(data) {
			r := &Record{Segment: n, Offset: offset}
			if err := decodeLine(bytes.Clone(bytes.TrimSuffix(line, []byte("\n"))), r); err != nil {
				t.Fatalf("segment %d, offset %d: %v: %s", n, offset, err, line)
			}
			all = append(all, r)
			offset += int64(len(line))
		}
	}
	return all
}

// TestForeign holds the other forms to what they are forms of.
func TestForeign(t *testing.T) {
	other := 0
	rapid.Check(t, func(t *rapid.T) {
		body := encode(drawEvent(t))
		text := foreign(t, body)
		if text != body {
			other++
		}
		got, want := decodeBody(t, text), decodeBody(t, body)
		if got.Event.ID != want.Event.ID || got.Event.Type != want.Event.Type {
			t.Fatalf("%s became %s", body, text)
		}
	})
	if other == 0 {
		t.Error("no line got another form")
	}
}
