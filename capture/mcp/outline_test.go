package mcp

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// outlined returns the messages of a text that is given in pieces: all at once
// where random is nil.
func outlined(text []byte, lines bool, random *rand.Rand) []*message {
	var got []*message
	var o reader = newOutline(func(m *message) { got = append(got, m) })
	if lines {
		o = newLineReader(func(m *message) { got = append(got, m) })
	}
	for len(text) > 0 {
		n := len(text)
		if random != nil {
			n = 1 + random.IntN(min(n, 8))
		}
		o.feed(text[:n])
		text = text[n:]
	}
	o.end()
	return got
}

var exported = cmp.AllowUnexported(message{}, value{})

// Where the pieces of a text end makes no difference; what is found in an object
// is what encoding/json finds in it.
func FuzzOutline(f *testing.F) {
	for _, name := range []string{"everything.c2s.raw", "everything.s2c.raw"} {
		content, err := testdata.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		for line := range bytes.Lines(content) {
			f.Add(line, uint64(1))
		}
	}
	f.Add([]byte(`{"id":1,"method":"a","params":{"name":"\"}{","arguments":[{},[1,{"name":"inner"}]]},"params":{"uri":"u"}}`), uint64(2))
	f.Add([]byte(`[{"id":1},{"id":[2]}]x`), uint64(3))
	f.Add([]byte("{\"id\":\"\xc3\xa9\xff\",\"method\":\"\xe2\x82\xac\"}"), uint64(6))
	f.Add([]byte("{\"id\":\"\\\n\"}{"), uint64(4))
	f.Add([]byte("{\n \"id\":1,\n\"params\":\n{\"id\":2,\"method\":\"x\"}\n} {\n\"id\"\n:3}{\n]\n{"), uint64(5))
	f.Fuzz(func(t *testing.T, text []byte, seed uint64) {
		for _, lines := range []bool{false, true} {
			whole := outlined(text, lines, nil)
			pieces := outlined(text, lines, rand.New(rand.NewPCG(seed, 0)))
			if !reflect.DeepEqual(whole, pieces) { // many times as fast as cmp
				t.Fatalf("lines %v: in pieces it is another (-whole +pieces):\n%s", lines, cmp.Diff(whole, pieces, exported))
			}
			for _, m := range whole {
				if m.size <= 0 || m.size > int64(len(text)) {
					t.Fatalf("a message of %d bytes in a text of %d", m.size, len(text))
				}
			}
		}
		checkObject(t, text)
	})
}

// checkObject compares with encoding/json, where the text is an object to it.
func checkObject(t *testing.T, text []byte) {
	t.Helper()
	text = bytes.Trim(text, " \t\r\n")
	var members map[string]json.RawMessage
	if !json.Valid(text) || len(text) == 0 || text[0] != '{' || json.Unmarshal(text, &members) != nil {
		return
	}
	got := outlined(text, false, nil)
	if len(got) != 1 || got[0].broken || got[0].size != int64(len(text)) || got[0].sum != sha256.Sum256(text) {
		t.Fatalf("%q is an object, got %+v", text, got)
	}
	m := got[0]
	if m.garbled == utf8.Valid(text) {
		t.Fatalf("%q: garbled is %v", text, m.garbled)
	}
	compare := func(slots map[string]slot, members map[string]json.RawMessage) {
		for name, s := range slots {
			v := &m.values[s]
			want, given := members[name]
			if v.exact != given {
				t.Fatalf("%s of %q: found %v, want %v", name, text, v.exact, given)
			}
			if !given {
				continue
			}
			if v.size != int64(len(want)) || !bytes.Equal(v.kept, want[:min(len(want), s.keeps())]) {
				t.Fatalf("%s of %q: got %d bytes, %q, want %q", name, text, v.size, v.kept, want)
			}
			if s.hashed() && v.sum != sha256.Sum256(want) {
				t.Fatalf("%s of %q: its SHA-256 is wrong", name, text)
			}
		}
	}
	compare(known.Get()[slotNone], members)
	for _, parent := range []slot{slotParams, slotResult} {
		var inner map[string]json.RawMessage
		if v := &m.values[parent]; !v.whole() || len(v.kept) == 0 || v.kept[0] != '{' || json.Unmarshal(v.kept, &inner) != nil {
			inner = nil
		}
		if v := &m.values[parent]; v.given && !v.exact {
			continue // it stands under another spelling alone
		}
		compare(known.Get()[parent], inner)
	}
}

// A value that is longer than what is kept of it is known by length and hash.
func TestOutlineCuts(t *testing.T) {
	name := strings.Repeat("n", 5000)
	text := `{"id":"` + name + `","method":"tools/call","params":{"name":"` + name + `"}}`
	m := outlined([]byte(text), true, nil)[0]
	if v := &m.values[slotName]; v.whole() || v.size != int64(len(name)+2) || m.text(slotName) != "" {
		t.Errorf("got %d bytes of a name, want %d", v.size, len(name)+2)
	}
	other := outlined([]byte(strings.Replace(text, `nn","method`, `nm","method`, 1)), true, nil)[0]
	if m.values[slotID].key() == other.values[slotID].key() {
		t.Error("two ids that differ have one key")
	}
}

// Brackets without end take memory for a bounded number of them.
func TestOutlineDepth(t *testing.T) {
	o := newOutline(func(*message) {})
	o.feed([]byte(`{"params":` + strings.Repeat("[", 1<<20)))
	if len(o.stack) > deepest {
		t.Errorf("%d brackets are remembered", len(o.stack))
	}
	o.end()
	var got []*message
	o.emit = func(m *message) { got = append(got, m) }
	o.feed([]byte(`{"id":1,"method":"ping"}`))
	if len(got) != 1 || got[0].broken || got[0].method() != "ping" {
		t.Errorf("the next line is read as %+v", got)
	}
}

// BenchmarkOutline reads a result of 1 MB.
func BenchmarkOutline(b *testing.B) {
	text := []byte(`{"result":{"content":[{"type":"text","text":"` + strings.Repeat("abcdefghij", 100_000) + `"}]},"jsonrpc":"2.0","id":1}` + "\n")
	b.SetBytes(int64(len(text)))
	o := newLineReader(func(*message) {})
	for b.Loop() {
		o.feed(text)
	}
}
