package wire

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func randomAnswer(t *rapid.T) Answer {
	a := Answer{Kind: rapid.SampledFrom([]Kind{Receipt, Skipped, Known, Failed, Hello, Status}).Draw(t, "kind"), Line: rapid.Uint64().Draw(t, "line")}
	hash := func(name string) [HashSize]byte {
		return [HashSize]byte(rapid.SliceOfN(rapid.Byte(), HashSize, HashSize).Draw(t, name))
	}
	switch a.Kind {
	case Receipt:
		a.Seq, a.Size = rapid.Uint64().Draw(t, "seq"), rapid.Uint64().Draw(t, "size")
		a.EventID = []byte(rapid.OneOf(rapid.Just("evt_01m80qkqa32qqqtgvvv2jt06yf"), rapid.String()).Draw(t, "id"))
		a.Leaf, a.Root, a.Durable = hash("leaf"), hash("root"), rapid.Bool().Draw(t, "durable")
	case Failed:
		a.Code = rapid.SampledFrom([]Code{Invalid, NotRecorded, ShuttingDown}).Draw(t, "code")
		a.Error, a.Hint = rapid.String().Draw(t, "error"), rapid.String().Draw(t, "hint")
	case Status:
		text := func(name string) string { return rapid.String().Draw(t, name) }
		a.Origin, a.About = text("origin"), &About{Log: text("log"), UID: text("uid"), User: text("user"), Version: text("version"), Problem: text("problem")}
	case Hello:
		a.Origin, a.MaxEvent = rapid.String().Draw(t, "origin"), rapid.Uint64().Draw(t, "max")
	}
	return a
}

func TestAnswersRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := randomAnswer(t)
		line := want.Append([]byte("before"))[len("before"):]
		if !json.Valid(line) || line[len(line)-1] != '\n' || !utf8.Valid(line) {
			t.Fatalf("no line of JSON: %q", line)
		}
		var got Answer
		if err := Parse(line, &got); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%q: (-got +want)\n%s", line, diff)
		}
	})
}

// TestSpellingDoesNotMatter reads an answer as another program may write it.
func TestSpellingDoesNotMatter(t *testing.T) {
	want := Answer{Kind: Receipt, Line: 3, Seq: 7, EventID: []byte("é\n"), Leaf: [HashSize]byte{1}, Size: 8, Root: [HashSize]byte{2}, Durable: true}
	var members map[string]any
	if err := json.Unmarshal(want.Append(nil), &members); err != nil {
		t.Fatal(err)
	}
	members["later"] = []any{map[string]any{}}
	line, err := json.MarshalIndent(members, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	var got Answer
	if err := Parse(line, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("(-got +want)\n%s", diff)
	}
}

func TestBytesThatAreNoTextAreReplaced(t *testing.T) {
	a := Answer{Kind: Failed, Code: Invalid, Error: "a\xffb\xf0\x9f", Line: 1}
	if got, want := string(a.Append(nil)), `{"line":1,"error":"a�b��","code":"invalid"}`+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReceiptsCostNoAllocation(t *testing.T) {
	a := Answer{Kind: Receipt, Line: 1, EventID: []byte("evt_01m80qkqa32qqqtgvvv2jt06yf"), Durable: true}
	line := a.Append(nil)
	var got Answer
	n := testing.AllocsPerRun(100, func() {
		line = a.Append(line[:0])
		if err := Parse(line, &got); err != nil {
			t.Error(err)
		}
	})
	if n != 0 {
		t.Errorf("got %v allocations, want none", n)
	}
}

// FuzzParse holds the fast reader against the other one: whatever it takes, they
// read alike.
func FuzzParse(f *testing.F) {
	for _, a := range []Answer{
		{Kind: Receipt, EventID: []byte("x"), Seq: 1, Size: 2, Durable: true},
		{Kind: Skipped, Line: 1},
		{Kind: Failed, Code: Refused, Error: "no", Hint: "ask"},
		{Kind: Hello, Origin: "o"},
	} {
		f.Add(a.Append(nil))
	}
	f.Add([]byte(`{"line":01,"seq":18446744073709551616}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var fast, slow Answer
		if !parseReceipt(line, &fast) {
			_ = Parse(line, &slow) // must not panic; what is no answer is an error
			return
		}
		if err := parseAny(line, &slow); err != nil {
			t.Fatalf("%q: read as a receipt, and it is none: %v", line, err)
		}
		if diff := cmp.Diff(fast, slow); diff != "" {
			t.Errorf("%q: (-fast +slow)\n%s", line, diff)
		}
	})
}
