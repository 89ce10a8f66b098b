package archtest

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// newTree loads a module of the given files. Besides them it has a root package
// without fault.
func newTree(t *testing.T, files map[string]string) *tree {
	t.Helper()
	system := fstest.MapFS{
		"go.mod":  {Data: []byte("module example.com/m\n")},
		"etch.go": {Data: []byte("// Package etch is whole.\npackage etch\n\nfunc a() {}\n")},
	}
	for name, text := range files {
		system[name] = &fstest.MapFile{Data: []byte(text)}
	}
	tree, err := load(system)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// The layers of the small trees.
var places = []layer{
	{pkg: ".", level: 2, reason: "root"},
	{pkg: "low", level: 0, reason: "low"},
	{pkg: "mid", level: 1, reason: "mid"},
	{pkg: "double", level: 1, testOnly: true, reason: "double"},
	{pkg: "gate", level: apart, reason: "gate"},
}

// Every layer has its package.
var whole = map[string]string{
	"low/low.go": "package low", "mid/mid.go": "package mid", "double/double.go": "package double", "gate/gate.go": "package gate",
}

var clock = ban{title: "clock", imports: "time", names: []string{"Now"}, upTo: 1, allowed: map[string]string{"mid": "edge"}}

func lines(n int) string { return strings.Repeat("\n", n) }

// A ruleTest breaks one rule in a small tree.
type ruleTest struct {
	name  string
	rule  rule
	base  map[string]string // files that files adds to, or replaces
	files map[string]string
	want  []string
}

var ruleTests = []ruleTest{
	{"layers hold", layerRule(places), whole, map[string]string{
		"mid/mid.go":        `package mid; import _ "example.com/m/low"`,
		"mid/mid_test.go":   `package mid; import _ "example.com/m"`,
		"bench/go.mod":      "module example.com/m/bench",
		"bench/b.go":        `package bench; import _ "example.com/m"`,
		"low/testdata/x.go": "no Go",
	}, nil},
	{"upward import", layerRule(places), whole, map[string]string{
		"low/low.go":         `package low; import _ "example.com/m/mid"`,
		"mid/mid_windows.go": `package mid; import m "example.com/m"; var _ = m.A`,
		"double/double.go":   `package double; import _ "example.com/m/mid"`,
	}, []string{
		"double/double.go: imports mid, which is not below it (mid)",
		"low/low.go: imports mid, which is not below it (mid)",
		"mid/mid_windows.go: imports ., which is not below it (root)",
	}},
	{"imports for tests and apart", layerRule(places), whole, map[string]string{
		"x.go":         `package etch; import _ "example.com/m/double"`,
		"y.go":         `package etch; import _ "example.com/m/gate"`,
		"gate/gate.go": `package gate; import _ "example.com/m/low"`,
	}, []string{
		"x.go: imports double, which is for tests",
		"y.go: imports gate, and one of the two stands apart",
		"gate/gate.go: imports low, and one of the two stands apart",
	}},
	{"unknown and gone", layerRule(places[:2]), nil, map[string]string{"new/new.go": "package new"}, []string{
		"low: the table of layers names it, and there is no such package",
		"new: it has no place in the table of layers",
	}},
	{"owners", ownerRule([]owner{{"t.org/a", "low", ""}, {"t.org/b", "low", ""}}, []string{"t.org/q", "t.org/r"}, places), nil, map[string]string{
		"low/low.go":       `package low; import (_ "t.org/a/sub"; _ "os"; _ "example.com/m/mid")`,
		"low/low_test.go":  `package low; import _ "t.org/q"`,
		"double/double.go": `package double; import _ "t.org/q"`,
		"mid/mid.go":       `package mid; import (_ "t.org/a"; _ "t.org/q"; _ "t.org/abc")`,
	}, []string{
		"mid/mid.go: imports t.org/a, which its package does not own",
		"mid/mid.go: imports t.org/abc, which its package does not own",
		"mid/mid.go: imports t.org/q, which its package does not own",
		"low: is said to own t.org/b, and does not import it",
		"t.org/r: is said to be for tests, and no test imports it",
	}},
	{"bans", banRules([]ban{clock}, places)[0], nil, map[string]string{
		"low/low.go":      "package low\nimport clock \"time\"\nvar now = clock.Now\nvar later = clock.After",
		"low/dot.go":      "package low\nimport . \"time\"",
		"low/low_test.go": "package low\nimport \"time\"\nvar t = time.Now()",
		"mid/mid.go":      "package mid\nimport \"time\"\nvar now = time.Now()",
		"gate/gate.go":    "package gate\nimport \"time\"\nvar now = time.Now()",
		"root.go":         "package etch\nimport \"time\"\nvar now = time.Now()",
	}, []string{
		"low/dot.go: imports time without a name",
		"low/low.go:3: uses time.Now",
	}},
	{"a double is a test", banRules([]ban{clock}, places)[0], map[string]string{"mid/mid.go": "package mid\nimport \"time\"\nvar now = time.Now"}, map[string]string{
		"double/double.go": "package double\nimport \"time\"\nvar now = time.Now()",
	}, nil},
	{"idle excuse", banRules([]ban{clock}, places)[0], nil, map[string]string{"mid/mid.go": "package mid"}, []string{
		"mid: is excused from the ban on clock, and does not need it",
	}},
	{"whole package banned", banRules([]ban{{title: "log", imports: "log", upTo: everywhere}}, places)[0], nil, map[string]string{
		"low/low.go": "package low\nimport \"log\"\nfunc f() { log.Print(1) }",
	}, []string{"low/low.go:3: uses log.Print"}},
	{"sleep", sleepRule(map[string]string{"low/x_test.go": "", "low/y_test.go": ""}), nil, map[string]string{
		"low/x_test.go": "package low\nimport \"time\"\nvar s = time.Sleep",
		"low/y_test.go": "package low",
		"a_test.go":     "package etch\nimport (\"time\"; \"testing/synctest\")\nfunc f() {\nsynctest.Test(nil, func(t *testing.T) { time.Sleep(1) })\ntime.Sleep(1)\n}",
	}, []string{"a_test.go:5: sleeps outside of synctest", "low/y_test.go: may sleep, and does not"}},
	{"sizes", sizeRule([]long{{"low/low.go", "excused", ""}, {"low/low.go", "idle", ""}}), nil, map[string]string{
		"low/low.go":  "package low\nfunc long() {" + lines(60) + "}\nfunc excused() {" + lines(99) + "}\nfunc idle() {}\n" + lines(440),
		"a_test.go":   "package etch\nfunc b() {" + lines(99) + "}\nfunc c() {" + lines(100) + "}",
		"low/more.go": "package low\nfunc (t) m() {" + lines(14) + "}\nfunc n() {" + lines(14) + "}",
	}, []string{
		"low/low.go: has 603 lines, at most 600",
		"low/low.go:2: long has 61 lines, at most 60",
		"low/low.go: idle is excused from the limit, and does not need it",
		"a_test.go:102: c has 101 lines, at most 100",
		"tree: 2 of 6 functions have fewer than 15 lines, at least half should",
	}},
	{"names", nameRule, nil, map[string]string{
		"util/u.go":     "package util",
		"low/types.go":  "package low",
		"bad/bad.go":    "package bad_name",
		"bench/go.mod":  "module b",
		"bench/misc.go": "package bench",
	}, []string{
		"util: package util is a grab-bag",
		"low/types.go: a file named types is a grab-bag",
		"bad: package bad_name is not lower-case letters",
		"bench/misc.go: a file named misc is a grab-bag",
	}},
	{"first files", mainFileRule, nil, map[string]string{
		"low/low.go":     "// Package low is.\npackage low",
		"mid/other.go":   "// Package mid is.\npackage mid",
		"none/none.go":   "package none",
		"only/x_test.go": "package only",
	}, []string{
		"mid/other.go: the package comment stands here, not in mid.go or doc.go",
		"none: no file has the package comment",
	}},
	{"panics", panicRule(map[string]string{"low/relay.go": "", "low/idle.go": ""}), nil, map[string]string{
		"low/relay.go": "package low\nfunc r() { panic(recover()) }",
		"low/idle.go":  "package low\nfunc i() { panic(\"low: bad\") }",
		"low/low.go": `package low
func f(err error) {
	panic("low: bad index")
	panic(fmt.Sprintf("low: bad index %d", 1))
	panic("low: " + err.Error())
	panic("bad index")
	panic(err)
	panic(fmt.Sprint(err))
}`,
		"low/low_test.go": `package low; func g() { panic(1) }`,
	}, []string{
		`low/low.go:6: panics with a message that does not begin with "low: "`,
		`low/low.go:7: panics with a message that does not begin with "low: "`,
		`low/low.go:8: panics with a message that does not begin with "low: "`,
		"low/idle.go: may panic with what is not its own, and does not",
	}},
	{"words", wordRule(words), nil, map[string]string{
		"a.md":            "see /ho" + "me/alice/x,\n/ho" + "me/jrandom/x",
		"testdata/b.json": `"/wo` + `rk/main"`,
		"c.go":            "package etch // TO" + "DO",
		"binary":          "TO" + "DO\x00",
		".git/x":          "TO" + "DO",
	}, []string{
		`a.md:2: "/ho` + `me/jrandom": somebody's home directory (examples are alice's, bob's or user's)`,
		`c.go:1: "TO` + `DO": unfinished work is an issue, not a comment`,
		`testdata/b.json:1: "/wo` + `rk/main": a path of the machine it was written on`,
	}},
}

// TestRules breaks each rule in a small tree, in every way it knows.
func TestRules(t *testing.T) {
	for _, test := range ruleTests {
		t.Run(test.name, func(t *testing.T) {
			files := make(map[string]string)
			maps.Copy(files, test.base)
			maps.Copy(files, test.files)
			checkFindings(t, test.rule.check(newTree(t, files)), test.want)
		})
	}
}

func checkFindings(t *testing.T, found []finding, want []string) {
	t.Helper()
	var got []string
	for _, f := range found {
		got = append(got, f.String())
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

func TestComments(t *testing.T) {
	tree := newTree(t, map[string]string{"low/low.go": `package low

// A Good is.
type Good struct{}

// Wrong way.
type Bad struct{}

type (
	// Worse is not.
	Mute int
	hidden int
)

// Do does.
func (g *Good) Do() {}

func (g Good) Dont() {}
func (h hidden) Free() {}

// A List is generic.
type List[T any] struct{}

func (l *List[T]) Push() {}

// Limits of the format.
const (
	One = 1
	Two = 2
)

const (
	Three = 3 // beside
	Four  = 4
)

var Alone = 1

// Among others.
var Other = 2
`, "cmd/x/main.go": "package main\n\nfunc Free() {}\n"})
	checkFindings(t, commentRule.check(tree), []string{
		"low/low.go:7: Bad has no comment that starts with its name",
		"low/low.go:11: Mute has no comment that starts with its name",
		"low/low.go:18: Dont has no comment that starts with its name",
		"low/low.go:24: Push has no comment that starts with its name",
		"low/low.go:34: Four has no comment that starts with its name",
		"low/low.go:37: Alone has no comment that starts with its name",
		"low/low.go:40: Other has no comment that starts with its name",
	})
}

func TestCheckClosure(t *testing.T) {
	type module = struct{ Path string }
	c := closure{
		pkg: "verify", modules: []string{"t.org/a"}, packages: []string{"verify", "record"},
		not: []string{"net", "@/risk"}, noUnsafe: true, reason: "why",
	}
	own, a, b := &module{"example.com/m"}, &module{"t.org/a"}, &module{"t.org/b"}
	got := checkClosure("example.com/m", c, []dependency{
		{ImportPath: "unsafe", Standard: true},
		{ImportPath: "crypto", Standard: true, Imports: []string{"unsafe"}},
		{ImportPath: "net/http", Standard: true},
		{ImportPath: "network", Standard: true},
		{ImportPath: "t.org/a/x", Module: a, Imports: []string{"unsafe"}},
		{ImportPath: "t.org/b", Module: b},
		{ImportPath: "example.com/m/record", Module: own},
		{ImportPath: "example.com/m/risk", Module: own},
		{ImportPath: "example.com/m/verify", Module: own},
	})
	checkFindings(t, got, []string{
		"verify: brings net/http along (why)",
		"verify: brings t.org/a/x along, which imports unsafe (why)",
		"verify: brings module t.org/b along (why)",
		"verify: brings example.com/m/risk along (why)",
		"verify: brings risk along (why)",
	})
}

// TestListDeps shows that the go command is asked the right question: of this
// package everybody knows what it needs.
func TestListDeps(t *testing.T) {
	deps, err := listDeps("github.com/etch-audit/etch", "internal/archtest", "windows")
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]bool)
	for _, d := range deps {
		found[d.ImportPath] = true
		if d.ImportPath == "golang.org/x/mod/modfile" && (d.Module == nil || d.Module.Path != "golang.org/x/mod" || d.Standard) {
			t.Errorf("modfile is told as %+v", d)
		}
	}
	for _, want := range []string{"golang.org/x/mod/modfile", "os/exec", "github.com/etch-audit/etch/internal/archtest"} {
		if !found[want] {
			t.Errorf("listDeps lacks %s", want)
		}
	}
	if _, err := listDeps("github.com/etch-audit/etch", "internal/none", "linux"); err == nil {
		t.Error("no error for a package that does not exist")
	}
}

// TestLoad shows that what the rules go over is really there.
func TestLoad(t *testing.T) {
	tree, err := load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	p := tree.pkgs["internal/archtest"]
	if p == nil || len(p.code()) < 5 || p.name != "archtest" {
		t.Errorf("own package is loaded as %+v", p)
	}
	if tree.module != "github.com/etch-audit/etch" {
		t.Errorf("module = %q", tree.module)
	}
}
