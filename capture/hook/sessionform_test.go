package hook

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/etch-audit/etch"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var (
	someText  = rapid.StringOf(rapid.RuneFrom([]rune("ab \"\\\n\x00\u00e4\u2028<{[:,")))
	someNames = rapid.SliceOfN(someText, 0, 3)
)

func drawProcess(t *rapid.T) process {
	return process{rapid.IntRange(0, 3).Draw(t, "id"), rapid.Uint64().Draw(t, "start")}
}

func drawMemo(t *rapid.T) memo {
	m := memo{
		Type: etch.EventType(someText.Draw(t, "type")), Model: someText.Draw(t, "model"), Command: someText.Draw(t, "command"),
		Resource: someText.Draw(t, "resource"), Cwd: someText.Draw(t, "cwd"), Claim: etch.ClaimSource(someText.Draw(t, "claim")),
		Risk: etch.Risk(someText.Draw(t, "risk")), Reasons: someNames.Draw(t, "reasons"),
		Labels: rapid.MapOfN(someText, someText, 0, 3).Draw(t, "labels"),
	}
	if rapid.Bool().Draw(t, "arguments") {
		m.Arguments = json.RawMessage(`{"a":[1,"x"]}`)
	}
	return m
}

func drawSession(t *rapid.T) *session {
	some := rapid.SliceOfN(rapid.Byte(), 0, 40)
	s := &session{
		Version: sessionVersion, ID: someText.Draw(t, "id"), Agent: someText.Draw(t, "agent"), Host: someText.Draw(t, "host"),
		Parent: someText.Draw(t, "parent"), Seen: rapid.Int64().Draw(t, "seen"), Ended: rapid.Bool().Draw(t, "ended"), Process: drawProcess(t),
		Keys: some.Draw(t, "keys"), Notes: some.Draw(t, "notes"),
		Agents: someNames.Draw(t, "agents"), Tools: rapid.Bool().Draw(t, "tools"), Guards: someNames.Draw(t, "guards"),
	}
	for range rapid.IntRange(0, 3).Draw(t, "open") {
		s.Open = append(s.Open, openCall{
			ID: someText.Draw(t, "id"), Made: rapid.Bool().Draw(t, "made"), Tool: someText.Draw(t, "tool"), Server: someText.Draw(t, "server"),
			Digest: someText.Draw(t, "digest"), Parts: some.Draw(t, "parts"), Agent: someText.Draw(t, "agent"), Kind: someText.Draw(t, "kind"),
			Turn: someText.Draw(t, "turn"), Start: rapid.Int64().Draw(t, "start"), Asked: rapid.Bool().Draw(t, "asked"), Process: drawProcess(t),
			Note: someText.Draw(t, "note"), Event: drawMemo(t),
		})
	}
	for range rapid.IntRange(0, 3).Draw(t, "closed") {
		s.Closed = append(s.Closed, closedCall{
			someText.Draw(t, "id"), someText.Draw(t, "tool"), someText.Draw(t, "digest"), rapid.Bool().Draw(t, "asked"), rapid.Bool().Draw(t, "guessed"),
		})
	}
	return s
}

// TestSessionForm: what is written is what encoding/json makes of the tags, and is read
// as encoding/json reads it; so are files that encoding/json has written, as older etches did.
func TestSessionForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSession(t)
		theirs, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		ours := s.append(nil)
		if !json.Valid(ours) {
			t.Fatalf("no JSON: %s", ours)
		}
		for _, content := range [][]byte{ours, theirs, append(ours, "   "...)} {
			var want session
			if err := json.Unmarshal(content, &want); err != nil {
				t.Fatal(err)
			}
			got, ok := readSession(content)
			if !ok {
				t.Fatalf("not read: %s", content)
			}
			if diff := cmp.Diff(got, &want, cmp.AllowUnexported(session{}, openCall{}, closedCall{}, memo{}, process{}), cmp.Comparer(alike[string]), cmp.Comparer(alike[byte])); diff != "" {
				t.Fatalf("of %s (-got +want):\n%s", content, diff)
			}
		}
	})
}

// alike compares slices of which an empty one is as good as none.
func alike[T comparable](a, b []T) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// TestBrokenSession: whoever is killed while it writes leaves a file that is none.
func TestBrokenSession(t *testing.T) {
	whole := string((&session{Version: sessionVersion, Agent: "a", Keys: []byte("12345678"), Open: []openCall{{ID: "x", Start: 5}}}).append(nil))
	if _, ok := readSession([]byte(whole)); !ok {
		t.Fatalf("not read: %s", whole)
	}
	unsummed := whole[:strings.LastIndex(whole, ",")] + "}" // that alone makes none of it broken
	if _, ok := readSession([]byte(unsummed)); !ok {
		t.Fatalf("not read: %s", unsummed)
	}
	for cut := range len(whole) {
		if _, ok := readSession([]byte(whole[:cut])); ok {
			t.Errorf("%s: read as a session", whole[:cut])
		}
	}
	for _, change := range [][2]string{
		{`"v":1`, `"v":1x`},
		{`"agent":"a"`, `"agent":1`},
		{`"keys":"`, `"keys":"!`},
		{`"start":5`, `"start":"5"`},
		{`"open":[`, `"open":{"a":[`},
		{`"process":{}`, `"process":[]`},
		{`"event":{`, `"event":{"arguments":{1},`},
	} {
		broken := strings.Replace(unsummed, change[0], change[1], 1)
		if broken == unsummed {
			t.Fatalf("%s is not in %s", change[0], unsummed)
		}
		if _, ok := readSession([]byte(broken)); ok {
			t.Errorf("%s: read as a session", broken)
		}
	}
}

// TestSplicedSession: the first pages of one writing and the rest of the next are no session, whichever call has ended between
// the two, also where they are JSON.
func TestSplicedSession(t *testing.T) {
	before := &session{Version: sessionVersion, Agent: "a"}
	for i := range 10 {
		before.Open = append(before.Open, openCall{ID: strconv.Itoa(i), Tool: "Bash", Start: 5})
	}
	valid := 0
	for ended := range before.Open {
		after := *before
		after.Open = slices.Delete(slices.Clone(before.Open), ended, ended+1)
		after.add(endKey(strconv.Itoa(ended)))
		first, second := before.append(nil), after.append(nil)
		second = append(second, bytes.Repeat([]byte(" "), max(0, len(first)-len(second)))...)
		for at := range min(len(first), len(second)) {
			spliced := slices.Concat(first[:at], second[at:])
			if json.Valid(spliced) {
				valid++
			}
			if _, ok := readSession(spliced); ok && !bytes.Equal(spliced, first) && !bytes.Equal(spliced, second) {
				t.Fatalf("read as a session: %s", spliced)
			}
		}
	}
	if valid < len(before.Open) {
		t.Errorf("%d of the spliced ones are JSON, want more", valid)
	}
}
