package mcp

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shown returns what was found in a text, in short.
func shown(text string) []string {
	var out []string
	for _, m := range outlined([]byte(text), true, nil) {
		what := m.method()
		if what == "" && m.has(slotID) {
			what = "answer"
		}
		if m.broken {
			what = "broken " + what
		}
		if m.ambiguous {
			what = "ambiguous " + what
		}
		if m.lines > 1 {
			what = fmt.Sprintf("%s over %d lines", what, m.lines)
		}
		out = append(out, strings.TrimSpace(what))
	}
	return out
}

// Lines that are no messages by themselves are one together, or are not.
func TestLineReader(t *testing.T) {
	for text, want := range map[string][]string{
		"{\n  \"id\": 1,\n  \"method\": \"a\",\n  \"params\": {\n    \"x\": []\n  }\n}\n":        {"a over 7 lines"},
		"{\r\n\"id\":\r\n1,\r\n\r\n\"method\":\"a\"}\r\n{\"id\":1,\"result\":{}}\r\n":            {"a over 5 lines", "answer"},
		"{\"id\":1\n,\"method\":\"a\"} {\"id\":2,\"method\":\"b\"}{\"id\":3,\n\"method\":\"c\"}": {"a over 2 lines", "b", "c over 2 lines"},
		"{\"id\":12\n3}\n":                                     {"broken answer", "broken"},
		"{\"method\":\"a\n\"}\n":                               {"broken", "broken"}, // no writer breaks a line within a text
		"{\"method\":\"a\",\n{\"id\":1,\"method\":\"b\"}\n":    {"broken a", "b"},
		"{\"method\":\"a\",\n{\"id\":1,\n\"method\":\"b\"}\n":  {"broken a", "b over 2 lines"},
		"{\"method\":\"a\",\n\n\"id\":1,\nwords\n{\"id\":1}\n": {"broken a over 3 lines", "broken", "answer"},
		"{\"method\":\"a\",\n\"id\":1\n":                       {"broken a over 2 lines"},
		"{\"method\":\"a\",\n\"id\":1":                         {"broken a", "broken"},
		// Each of the two is what some reader acts on.
		"{\"id\":1,\"method\":\"a\",\"params\":\n{\"id\":2,\"method\":\"b\"}\n}\n": {"b", "ambiguous a over 3 lines"},
		"{\"id\":1,\"method\":\"a\",\"params\":\n{\"id\":2,\"method\":\"b\"}}\n":   {"b", "ambiguous a over 2 lines"},
		// And this is nothing but a part to all.
		"{\"id\":1,\"method\":\"a\",\"params\":[\n{}\n]}\n": {"a over 3 lines"},
		"{\n[\n{\"id\":1}\n": {"broken", "answer"},
	} {
		if d := cmp.Diff(want, shown(text)); d != "" {
			t.Errorf("%q (-want +got):\n%s", text, d)
		}
	}
}

// A message over lines is known by all of its bytes, and so are lines that are
// none.
func TestLineReaderDigest(t *testing.T) {
	const text = "{\n\"id\": 1,\n\"method\": \"a\"\n}"
	for _, end := range []string{"\n", "\r\n", "", " x\n"} {
		m := outlined([]byte(text+end), true, nil)[0]
		if m.broken || m.size != int64(len(text)) || m.sum != sha256.Sum256([]byte(text)) {
			t.Errorf("%q: got %d bytes, %x, broken %v", text+end, m.size, m.sum, m.broken)
		}
	}
	const before = "{\n\"id\": 1,"
	m := outlined([]byte(before+"\n]\n"), true, nil)[0]
	if !m.broken || m.size != int64(len(before)) || m.sum != sha256.Sum256([]byte(before)) || m.lines != 2 {
		t.Errorf("got %d bytes, %x, broken %v, %d lines", m.size, m.sum, m.broken, m.lines)
	}
}

// A message over a million lines takes the memory of one on a single line.
func TestLineReaderMemory(t *testing.T) {
	var got *message
	r := newLineReader(func(m *message) { got = m })
	feed := func(line string, n int) {
		piece := bytes.Repeat([]byte(line), 1000)
		for range n / 1000 {
			r.feed(piece)
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r.feed([]byte("{\"id\":1,\n\"method\":\"tools/call\",\n\"params\":{\"arguments\":[\n0"))
	feed(",\n{}", 500_000)
	feed(",\n\"x\"", 500_000)
	runtime.GC()
	runtime.ReadMemStats(&after)
	r.feed([]byte("]}}\n"))
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("%d bytes are kept", grown)
	}
	if got == nil || got.broken || got.method() != "tools/call" || got.lines != 1_000_004 {
		t.Errorf("got %+v", got)
	}
}

// Whatever the white space of a message, it is the same message.
func TestLineReaderIndented(t *testing.T) {
	content, err := testdata.ReadFile("testdata/everything.c2s.raw")
	if err != nil {
		t.Fatal(err)
	}
	var wide bytes.Buffer
	for line := range bytes.Lines(content) {
		if !json.Valid(line) || line[0] == '[' { // batches over lines nobody takes
			continue
		}
		if err := json.Indent(&wide, line, "", "\t"); err != nil {
			t.Fatal(err)
		}
	}
	narrow, indented := outlined(content, true, nil), outlined(wide.Bytes(), true, nil)
	narrow = slices.DeleteFunc(narrow, func(m *message) bool { return m.broken || m.batch })
	if len(narrow) != len(indented) || len(narrow) == 0 {
		t.Fatalf("%d messages became %d", len(narrow), len(indented))
	}
	for i, m := range indented {
		if m.broken || m.ambiguous || m.method() != narrow[i].method() || m.text(slotName) != narrow[i].text(slotName) {
			t.Errorf("message %d is read as %+v", i, m)
		}
	}
}
