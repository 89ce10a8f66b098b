package settings

import (
	"slices"
	"strings"
	"testing"
)

// What is put before an array's elements stands in their style, and is taken out
// without a trace.
func TestPrepend(t *testing.T) {
	for before, want := range map[string]string{
		`{"a":[]}`:         `{"a":["x","y"]}`,
		`{"a": ["1"]}`:     `{"a": ["x", "y", "1"]}`,
		`{"a":["1","2"]}`:  `{"a":["x","y","1","2"]}`,
		"{\"a\": [ ]}":     `{"a": ["x", "y" ]}`,
		"{\"a\": [ 1 , ]}": `{"a": [ "x", "y", 1 , ]}`,
		"{\n\t\"a\": [\n\t\t\"1\", // one\n\t\t\"2\"\n\t]\n}":             "{\n\t\"a\": [\n\t\t\"x\", \"y\",\n\t\t\"1\", // one\n\t\t\"2\"\n\t]\n}",
		"{\r\n  \"a\": [\r\n    // the rest\r\n    \"1\"\r\n  ]\r\n}\r\n": "{\r\n  \"a\": [\r\n    // the rest\r\n    \"x\", \"y\",\r\n    \"1\"\r\n  ]\r\n}\r\n",
	} {
		doc, err := Parse([]byte(before))
		if err != nil {
			t.Fatal(err)
		}
		n, err := doc.Member("a")
		if err != nil {
			t.Fatal(err)
		}
		after, err := doc.Prepend(n, []string{`"x"`, `"y"`})
		if err != nil {
			t.Fatal(err)
		}
		if got := string(after.Bytes()); got != want {
			t.Errorf("%q: got %q, want %q", before, got, want)
		}
		if n, err = after.Member("a"); err != nil {
			t.Fatal(err)
		}
		back, err := after.RemoveFirst(n, 2)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(back.Bytes()); got != before {
			t.Errorf("%q: taken out again it is %q", before, got)
		}
		if _, err := back.RemoveFirst(back.Root(), 1); err == nil {
			t.Error("elements of an object are removed")
		}
	}
}

// The same of TOML.
func TestPrependTOML(t *testing.T) {
	for before, want := range map[string]string{
		"[s.\"a b\"]\nargs = []\n":                                       "[s.\"a b\"]\nargs = [\"x\", \"y\"]\n",
		"[s.\"a b\"]\nargs=['1'] # one\n":                                "[s.\"a b\"]\nargs=[\"x\", \"y\", '1'] # one\n",
		"[s.\"a b\"]\r\nargs = [\r\n  \"1\",\r\n  \"2\", # two\r\n]\r\n": "[s.\"a b\"]\r\nargs = [\r\n  \"x\", \"y\",\r\n  \"1\",\r\n  \"2\", # two\r\n]\r\n",
		"[s]\n\"a b\" = {k = 1, args = [ \"1\" ]}\n":                     "[s]\n\"a b\" = {k = 1, args = [ \"x\", \"y\", \"1\" ]}\n",
		"s.\"a b\".\"args\" = [\"1\"]\n":                                 "s.\"a b\".\"args\" = [\"x\", \"y\", \"1\"]\n",
	} {
		path := []string{"s", "a b", "args"}
		doc, err := ParseTOML([]byte(before))
		if err != nil {
			t.Fatal(err)
		}
		after, err := doc.Prepend([]string{`"x"`, `"y"`}, path...)
		if err != nil {
			t.Fatalf("%q: %v", before, err)
		}
		if got := string(after.Bytes()); got != want {
			t.Errorf("%q: got %q, want %q", before, got, want)
		}
		back, err := after.RemoveFirst(2, path...)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(back.Bytes()); got != before {
			t.Errorf("%q: taken out again it is %q", before, got)
		}
		if _, err := doc.Prepend(nil, slices.Concat(path, []string{"no"})...); err == nil {
			t.Error("something was put before what is not there")
		}
	}
}

func TestReplaceTOML(t *testing.T) {
	const before = "[s.a]\n  command = \"npx\" # c\n[s]\nb = {command='q'}\nc = [[1]]\n"
	doc, err := ParseTOML([]byte(before))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if doc, err = doc.Replace(`"etch"`, "s", name, "command"); err != nil {
			t.Fatal(err)
		}
		if doc, err = doc.AddBehind("args", `["mcp"]`, "s", name, "command"); err != nil {
			t.Fatal(err)
		}
	}
	want := "[s.a]\n  command = \"etch\" # c\n  args = [\"mcp\"]\n[s]\nb = {command=\"etch\", args = [\"mcp\"]}\nc = [[1]]\n"
	if got := string(doc.Bytes()); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, ok := doc.Literal("s", "a", "command"); !ok || got != `"etch"` {
		t.Errorf("got the literal %q, %v", got, ok)
	}
	for _, path := range []string{"s a", "s", "s b", "none", "s c x"} {
		if _, err := doc.Replace("1", strings.Fields(path)...); err == nil {
			t.Errorf("%s was replaced", path)
		}
	}
	if _, err := doc.Prepend([]string{"1"}, "s", "c"); err == nil {
		t.Error("an array of arrays was edited")
	}
}
