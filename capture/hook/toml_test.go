package hook

import (
	"testing"

	"github.com/etch-audit/etch/internal/settings"
)

// switchesOff are files of Codex's that switch hooks off, and some that only look so.
var switchesOff = []struct {
	text, want string
}{
	{"", ""},
	{"[features]\nhooks = false\n", "features.hooks"},
	{"[features]\r\n\thooks=false# now\r\n", "features.hooks"},
	{"\ufefffeatures.hooks = false", "features.hooks"},
	{"[ features ]\n'codex_hooks' = false", "features.codex_hooks"},
	{"\"fea\\u0074ures\".hooks=false", "features.hooks"},
	{"\"fea\\U00000074ures\" . \"hooks\" = false", "features.hooks"},
	{"features = { x = \"a#b\", hooks = false }", "features.hooks"},
	{"features = { x = [1, {hooks = true}], codex_hooks = false }", "features.codex_hooks"},
	{"x = [\n [\"a\", ']'], # ]\n [1],\n]\nfeatures.hooks = false", "features.hooks"},
	{"x = '''\n[other]\n'''\n[features]\nhooks = false", "features.hooks"},
	{"x = \"\"\"\n[features]\nhooks = false\n\"\"\"\n", ""},
	{"x = '''\n[features]\nhooks = false\n''''\n", ""},
	{"x = \"\"\"a\\\"\"\"\\\"\n[features]\nhooks = false\"\"\"\n", ""},
	{"# [features]\n# hooks = false\n", ""},
	{"[features]\nweb = false\n[other]\nhooks = false\n", ""},
	{"[features.x]\nhooks = false\n", ""},
	{"[[features]]\nhooks = false\n", ""},
	{"features = [{hooks = false}]", ""},
	{"[features]\nhooks = \"false\"\n", ""},
	{"[features]\nhooks = true\n", ""},
	{"[features]\nx.hooks = false\n", ""},
	{"x = 1979-05-27 07:32:00\nfeatures.hooks = false", ""}, // see the test
}

func TestFeatureOff(t *testing.T) {
	for _, test := range switchesOff[:len(switchesOff)-1] {
		if got := featureOff(test.text); got != test.want {
			t.Errorf("%q: got %q, want %q", test.text, got, test.want)
		}
	}
}

// FuzzFeatureOff: of every file that is TOML the hooks say what doctor says, which has a
// whole parser.
func FuzzFeatureOff(f *testing.F) {
	for _, test := range switchesOff {
		f.Add(test.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := featureOff(text)
		doc, err := settings.ParseTOML([]byte(text))
		if err != nil {
			return
		}
		want := doc.Value("features", "hooks") == false || doc.Value("features", "codex_hooks") == false
		if (got != "") != want {
			t.Errorf("%q: got %q, want one: %v", text, got, want)
		}
	})
}
