package settings

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

var tomlFiles = []string{
	"", "\n", "# note", "model = \"x\"", "model = \"x\"\r\n[features]\r\nweb = true\r\n",
	"[features]\nhooks = false # off\n[other]\nhooks = 1\n",
	"[features]", "[features] # note\n\n[features.more]\nx = 1\n", "features.hooks = false\n", "features.web = true\n",
	"features = {hooks = false, web = true}\n", "features = {web = true}\n", "[[features]]\nx = 1\n", "features = 3\n",
	"\ufeff[features]\nx = 1", "[projects.\"/a b\"]\ntrust_level = \"trusted\"\n[features]\nx = [\n 1,\n]\n",
	"a = '''\n[features]\n'''\n", "[a]\nfeatures = {hooks = false}\n",
}

func TestTOMLSet(t *testing.T) {
	for before, after := range map[string]string{
		"":                        "[features]\nhooks = true\n",
		"# note":                  "# note\n\n[features]\nhooks = true\n",
		"a = 1\r\n":               "a = 1\r\n\r\n[features]\r\nhooks = true\r\n",
		"[features]":              "[features]\nhooks = true",
		"[features] # x\n\n[b]\n": "[features] # x\nhooks = true\n\n[b]\n",
		"[features]\nhooks = false # off\n[other]\nhooks = 1\n": "[features]\nhooks = true # off\n[other]\nhooks = 1\n",
		"features.hooks = false\n":                              "features.hooks = true\n",
		"features = {hooks = false, web = true}\n":              "features = {hooks = true, web = true}\n",
		"\ufeff[features]\r\nx = 1\r\n":                         "\ufeff[features]\r\nhooks = true\r\nx = 1\r\n",
	} {
		f, err := ParseTOML([]byte(before))
		if err != nil {
			t.Fatalf("%q: %v", before, err)
		}
		f, err = f.Set("features", "hooks", "true")
		if err != nil {
			t.Errorf("%q: %v", before, err)
			continue
		}
		if got := string(f.Bytes()); got != after {
			t.Errorf("%q: got %q, want %q", before, got, after)
		}
		if got := f.Value("features", "hooks"); got != true {
			t.Errorf("%q: got %v, want true", before, got)
		}
	}
}

func TestTOMLFiles(t *testing.T) {
	for _, text := range tomlFiles {
		checkTOML(t, text)
	}
}

// checkTOML sets a value, or is told that it cannot be set.
func checkTOML(t *testing.T, text string) {
	t.Helper()
	before, err := ParseTOML([]byte(text))
	if err != nil {
		return
	}
	after, err := before.Set("features", "hooks", "true")
	if err != nil {
		return
	}
	if got := after.Value("features", "hooks"); got != true {
		t.Errorf("%q became %q: got %v, want true", text, after.Bytes(), got)
	}
	want := before.values
	features, _ := want["features"].(map[string]any)
	if features == nil {
		features = map[string]any{}
	}
	features["hooks"] = true
	if want == nil {
		want = map[string]any{}
	}
	want["features"] = features
	if diff := cmp.Diff(after.values, want); diff != "" {
		t.Errorf("%q (-got +want):\n%s", text, diff)
	}
}

func TestTOMLLines(t *testing.T) {
	f, err := ParseTOML([]byte("a = 1\n\n[features]\nx = {y = 2}\nhooks = false\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		line int
		path []string
	}{{1, []string{"a"}}, {3, []string{"features"}}, {5, []string{"features", "hooks"}}, {4, []string{"features", "x", "y"}}, {3, []string{"features", "no"}}, {0, []string{"no"}}} {
		if got := f.Line(test.path...); got != test.line {
			t.Errorf("%v: got line %d, want %d", test.path, got, test.line)
		}
	}
	if _, err := ParseTOML([]byte("a = 1\nb = \n")); err == nil || err.(*Error).Line != 2 {
		t.Errorf("got %v, want an error in line 2", err)
	}
}
