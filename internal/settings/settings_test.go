package settings

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const entry = `{"hooks":[{"type":"command","command":"/usr/bin/etch","timeout":5}]}`

func mustParse(t *testing.T, text string) *Document {
	t.Helper()
	d, err := Parse([]byte(text))
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	return d
}

// Each edit as it stands in a file, and that it is undone to the byte.
func TestAppend(t *testing.T) {
	for name, test := range map[string]struct{ before, after string }{
		"object": {
			"{\n  \"a\": 1\n}\n",
			"{\n  \"a\": 1,\n  \"hooks\": {\n    \"X\": [{\"n\": 1}]\n  }\n}\n",
		},
		"tabs": {
			"{\n\t\"a\": {\n\t\t\"b\": 1\n\t}\n}",
			"{\n\t\"a\": {\n\t\t\"b\": 1\n\t},\n\t\"hooks\": {\n\t\t\"X\": [{\"n\": 1}]\n\t}\n}",
		},
		"four spaces": {
			"{\n    \"a\": 1\n}\n",
			"{\n    \"a\": 1,\n    \"hooks\": {\n        \"X\": [{\"n\": 1}]\n    }\n}\n",
		},
		"one line": {`{"a": 1}`, `{"a": 1, "hooks": {"X": [{"n": 1}]}}`},
		"tight":    {`{"a":1}`, `{"a":1,"hooks":{"X":[{"n":1}]}}`},
		"crlf": {
			"{\r\n  \"a\": 1\r\n}\r\n",
			"{\r\n  \"a\": 1,\r\n  \"hooks\": {\r\n    \"X\": [{\"n\": 1}]\r\n  }\r\n}\r\n",
		},
		"byte order mark": {"\ufeff{\"a\": 1}", "\ufeff{\"a\": 1, \"hooks\": {\"X\": [{\"n\": 1}]}}"},
		"comments": {
			"{\n  // one\n  \"a\": 1, // two\n  \"b\": 2 // three\n  // four\n}\n",
			"{\n  // one\n  \"a\": 1, // two\n  \"b\": 2, // three\n  // four\n  \"hooks\": {\n    \"X\": [{\"n\": 1}]\n  }\n}\n",
		},
		"trailing comma": {
			"{\n  \"a\": 1, // x\n}\n",
			"{\n  \"a\": 1, // x\n  \"hooks\": {\n    \"X\": [{\"n\": 1}]\n  },\n}\n",
		},
		"existing event": {
			"{\n  \"hooks\": {\n    \"X\": [\n      {\"n\": 0}\n    ]\n  }\n}\n",
			"{\n  \"hooks\": {\n    \"X\": [\n      {\"n\": 0},\n      {\"n\": 1}\n    ]\n  }\n}\n",
		},
		"comment in one line": {
			"{\"hooks\": {\"X\": [1 // c\n]}}",
			"{\"hooks\": {\"X\": [1, // c\n{\"n\": 1}\n]}}",
		},
		"other event": {
			"{\"hooks\": {\"Y\": [ ]} }",
			"{\"hooks\": {\"Y\": [ ], \"X\": [{\"n\": 1}]} }",
		},
		"duplicates elsewhere": {
			"{\"a\": 1, \"a\": 2}",
			"{\"a\": 1, \"a\": 2, \"hooks\": {\"X\": [{\"n\": 1}]}}",
		},
		"escapes": {
			`{"\u0061\/": "\ud83d\ude00 \u2028"}`,
			`{"\u0061\/": "\ud83d\ude00 \u2028", "hooks": {"X": [{"n": 1}]}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := mustParse(t, test.before).Append([]byte(`{"n":1}`), "hooks", "X")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(d.Bytes()), test.after); diff != "" {
				t.Errorf("appended (-got +want):\n%s", diff)
			}
			if diff := cmp.Diff(string(undo(t, d).Bytes()), test.before); diff != "" {
				t.Errorf("removed again (-got +want):\n%s", diff)
			}
		})
	}
}

// undo removes the last element of hooks.X.
func undo(t *testing.T, d *Document) *Document {
	t.Helper()
	n, err := d.Member("hooks", "X")
	if err != nil || n == nil {
		t.Fatalf("hooks.X: %v, %v", n, err)
	}
	d, err = d.Remove(n.Children()[len(n.Children())-1], nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Files without anything in them become what is put in.
func TestAppendToNothing(t *testing.T) {
	want := "{\n  \"hooks\": {\n    \"X\": [{\"n\": 1}]\n  }\n}"
	for before, after := range map[string]string{
		"":               want + "\n",
		" \n":            " \n" + want + "\n",
		"\ufeff":         "\ufeff" + want + "\n",
		"{}":             want,
		"{ }\n":          want + "\n",
		"{\n}":           want,
		"// note":        "// note\n" + want + "\n",
		"{ /* note */}":  "{ /* note */\n  \"hooks\": {\n    \"X\": [{\"n\": 1}]\n  }\n}",
		"{\n // note\n}": "{\n // note\n  \"hooks\": {\n    \"X\": [{\"n\": 1}]\n  }\n}",
	} {
		d, err := mustParse(t, before).Append([]byte(`{"n":1}`), "hooks", "X")
		if err != nil {
			t.Errorf("%q: %v", before, err)
			continue
		}
		if diff := cmp.Diff(string(d.Bytes()), after); diff != "" {
			t.Errorf("%q (-got +want):\n%s", before, diff)
		}
	}
}

func TestRemove(t *testing.T) {
	for before, after := range map[string]string{
		`{"l": [0, 1]}`:                                        `{"l": [1]}`,
		`{"l": [0,1,2]}`:                                       `{"l": [1,2]}`,
		"{\"l\": [\n  0,\n  1\n]}":                             "{\"l\": [\n  1\n]}",
		"{\"l\": [ // c\n  0, 1]}":                             "{\"l\": [ // c\n   1]}",
		"{\"l\": [ /* c */ 0 /* d */, 1]}":                     "{\"l\": [ /* c */  /* d */1]}",
		"{\"l\": [ // c\n  0]}":                                "{\"l\": [ // c\n  ]}",
		"{\"a\": 1, \"l\": [0,]}":                              "{\"a\": 1}",
		"{\"a\": 1, \"l\": [0 /* keep */]}":                    "{\"a\": 1, \"l\": [ /* keep */]}",
		"{\"a\": {\"b\": {\"l\": [0]}, \"c\": 1}, \"l\": [0]}": "{\"a\": {\"b\": {\"l\": [0]}, \"c\": 1}}",
		"{\"l\": /* mine */ [0]}":                              "{\"l\": /* mine */ []}",
		"{\"l\": [0]}":                                         "{}",
	} {
		d := mustParse(t, before)
		n, err := d.Member("l")
		if err != nil {
			t.Fatal(err)
		}
		d, err = d.Remove(n.Children()[0], nil)
		if err != nil {
			t.Errorf("%q: %v", before, err)
			continue
		}
		if got := string(d.Bytes()); got != after {
			t.Errorf("%q: got %q, want %q", before, got, after)
		}
	}
}

func TestFaults(t *testing.T) {
	for text, want := range map[string]string{
		"{\n  \"a\": ü}":         "line 2, column 8: 'ü' where a value is expected",
		"{\"a\": 1":              `line 1, column 1: '{' is never closed`,
		"{\"a\" 1}":              "line 1, column 6: '1' where a colon is expected",
		"{\"ä\": 1 \"b\": 2}":    `line 1, column 9: '"' where a comma or the end of the object is expected`,
		"{a: 1}":                 "line 1, column 2: 'a' where a name in quotes is expected",
		"{\"a\": 01}":            `line 1, column 7: "01" is no value`,
		"{\"a\": \"x\ny\"}":      `line 1, column 9: '\n' in a string: it must be written as an escape`,
		"{\"a\": \"\\x\"}":       "line 1, column 8: an escape that JSON does not have",
		"{\"a\": \"x}":           "line 1, column 7: the string that begins here does not end",
		"{} {}":                  "line 1, column 4: '{' after the end of the settings",
		"{\n/* x }":              "line 2, column 1: the comment that begins here does not end",
		"{,}":                    "line 1, column 2: ',' where a name in quotes is expected",
		"[1,,2]":                 "line 1, column 4: ',' where a value is expected",
		"{\"a\": \"\xff\"}":      "line 1, column 8: the file is not valid UTF-8 here",
		"\xff\xfe{\x00}\x00":     "line 1, column 1: the file is UTF-16: only UTF-8 is JSON",
		strings.Repeat("[", 600): "line 1, column 513: values nest deeper than 512",
		"{\"a\": NaN}":           `line 1, column 7: "NaN" is no value`,
		"{'a': 1}":               `line 1, column 2: '\'' where a name in quotes is expected`,
		"{\"a\":":                "line 1, column 6: the file ends where a value is expected",
	} {
		_, err := Parse([]byte(text))
		if err == nil || err.Error() != want {
			t.Errorf("Parse(%.40q): got %v, want %s", text, err, want)
		}
	}
}

func TestMemberFaults(t *testing.T) {
	for text, want := range map[string]string{
		"{\"hooks\": {},\n\"hooks\": {}}":       `line 2, column 1: "hooks" is given twice, first in line 1: remove one of them`,
		"{\"hooks\": []}":                       `line 1, column 11: an array where an object is expected as "hooks"`,
		"[]":                                    "line 1, column 1: an array where an object is expected",
		"{\"hooks\": {\"X\": {}}}":              `line 1, column 17: an object where an array is expected as "X"`,
		"{\"hooks\": null}":                     `line 1, column 11: null where an object is expected as "hooks"`,
		"{\"hooks\":{\"X\":[],\"\\u0058\":[]}}": `line 1, column 18: "X" is given twice, first in line 1: remove one of them`,
	} {
		_, err := mustParse(t, text).Append([]byte("1"), "hooks", "X")
		if err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func TestFits(t *testing.T) {
	for text, want := range map[string]string{
		"{}":              "",
		"\ufeff{}":        "line 1, column 1: the file begins with a byte order mark",
		"{\n // x\n}":     "line 2, column 2: a comment",
		"{\"a\": [1, ]}":  "line 1, column 9: a comma after the last element",
		"{\"a\": \"//\"}": "",
	} {
		got := ""
		if err := mustParse(t, text).Fits(Dialect{}); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if err := mustParse(t, text).Fits(Dialect{Comments: true, TrailingCommas: true, BOM: true}); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestReplaceAndSet(t *testing.T) {
	d := mustParse(t, "{\n  \"a\": {\"b\": 1}, // c\n}\n")
	n, err := d.Member("a", "b")
	if err != nil {
		t.Fatal(err)
	}
	if d, err = d.Replace(n, []byte(`{"x":[true,null]}`)); err != nil {
		t.Fatal(err)
	}
	if d, err = d.Set([]byte("1"), "version"); err != nil {
		t.Fatal(err)
	}
	if d, err = d.Set([]byte(`"two"`), "version"); err != nil {
		t.Fatal(err)
	}
	want := "{\n  \"a\": {\"b\": {\"x\": [true, null]}}, // c\n  \"version\": \"two\",\n}\n"
	if got := string(d.Bytes()); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := d.Remove(d.Root(), nil); err == nil {
		t.Error("the outermost value was removed")
	}
}

// Odd files by the hundred: edited and undone to the byte, and every other value
// is as before.
func TestRandomFiles(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 3000 {
		checkEdit(t, oddFile(r))
		if t.Failed() {
			return
		}
	}
}

// A comment between a member and its comma does not become part of the line
// comment in front of the member when that is taken out.
func TestCommentStaysComment(t *testing.T) {
	checkEdit(t, "{// \"hooks\"\r\n\r\n  \"hooks\":{\r\n  }/* //\r\n ä */,\r\n  \"X\":\"\",\r\n  \"a\":[\r\n    1\r\n  ]\r\n}\n")
}

// checkEdit appends to two arrays, one perhaps of the file's own, and undoes it.
func checkEdit(t *testing.T, text string) {
	t.Helper()
	before := mustParse(t, text)
	d, err := before.Append([]byte(entry), "hooks", "X")
	if err != nil {
		return // told, and nothing is written
	}
	want := toAny(t, before)
	made := path(path(want, "hooks", map[string]any{}).(map[string]any), "X", []any{}).([]any)
	hooks := want["hooks"].(map[string]any)
	hooks["X"] = append(made, decoded(t, entry))
	if diff := cmp.Diff(toAny(t, d), want); diff != "" {
		t.Errorf("values of %q (-got +want):\n%s", text, diff)
	}
	back := undo(t, d)
	if before.Root() == nil || len(before.Root().Children()) == 0 {
		return // an empty file's white space is not kept: its backup has it
	}
	if n, err := before.Member("hooks", "X"); err == nil && n != nil && len(n.Children()) == 0 {
		return // likewise of an array that was empty
	}
	if n, err := before.Member("hooks"); err == nil && n != nil && len(n.Children()) == 0 {
		return
	}
	if diff := cmp.Diff(string(back.Bytes()), text); diff != "" {
		t.Errorf("not undone (-got +want):\n%s", diff)
	}
}

func path(object map[string]any, name string, missing any) any {
	if object[name] == nil {
		object[name] = missing
	}
	return object[name]
}

func decoded(t *testing.T, text string) any {
	t.Helper()
	return mustParse(t, text).Value(mustParse(t, text).Root())
}

func toAny(t *testing.T, d *Document) map[string]any {
	t.Helper()
	if d.Root() == nil {
		return map[string]any{}
	}
	v, ok := d.Value(d.Root()).(map[string]any)
	if !ok {
		t.Fatalf("%q is no object", d.Bytes())
	}
	return v
}

// The values are those of encoding/json wherever that reads the file.
func TestValueIsStandard(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	var standard int
	for range 3000 {
		text := oddFile(r)
		d := mustParse(t, text)
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		var want any
		if err := decoder.Decode(&want); err != nil {
			if d.Root() != nil && d.Fits(Dialect{}) == nil {
				t.Errorf("%q: fits, and encoding/json says: %v", text, err)
			}
			continue
		}
		standard++
		if diff := cmp.Diff(d.Value(d.Root()), want); diff != "" {
			t.Errorf("%q (-got +want):\n%s", text, diff)
		}
	}
	if standard < 300 {
		t.Errorf("only %d files were standard JSON", standard)
	}
}
