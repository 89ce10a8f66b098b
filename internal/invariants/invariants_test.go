package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The fixture is a module of its own with one check, "carry", the tests that a
// careless author could name for it, and the true package of the breaks.
var fixture = map[string]string{
	"go.mod": "module example.com/fixture\n\ngo 1.26\n",
	"cmd/sum/main.go": `package main

import "example.com/fixture/sum"

func main() { println(sum.Add(1, 2)) }
`,
	"sum/sum.go": `package sum

import "example.com/fixture/internal/broken"

func Add(a, b int) int {
	if broken.Is("carry") {
		return a
	}
	return a + b
}
`,
	"sum/sum_test.go": `package sum

import (
	"os"
	"testing"
)

func TestAdd(t *testing.T) {
	t.Run("two", func(t *testing.T) {
		if got := Add(1, 2); got != 3 {
			t.Errorf("Add(1, 2) = %d, want 3", got)
		}
	})
}

func TestBlind(t *testing.T) { Add(1, 2) }

func TestElsewhere(t *testing.T) {
	if os.Getenv("ETCH_BROKEN") != "" {
		t.Error("not by the check")
	}
}

func TestExit(t *testing.T) {
	if Add(1, 2) != 3 {
		os.Exit(3)
	}
}

func TestRed(t *testing.T) { t.Error("always") }

func TestSkipped(t *testing.T) { t.Skip("always") }
`,
}

// newFixture writes the fixture with a page of the given rows.
func newFixture(t *testing.T, rows ...string) gate {
	t.Helper()
	root := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range fixture {
		write(name, text)
	}
	write("page.md", "# Page\n\n1. Sums are right.\n\n"+head+"\n|---|---|---|\n"+strings.Join(rows, "\n")+"\n\nThe end.\n")
	if err := os.CopyFS(filepath.Join(root, "internal", "broken"), os.DirFS("../broken")); err != nil {
		t.Fatal(err)
	}
	return gate{root: root, page: "page.md", out: t.Output()}
}

func TestGate(t *testing.T) {
	for _, test := range []struct {
		name string
		rows []string
		want []string // of the error; none: it holds
	}{
		{"holds", []string{
			"| 1. Sums are right. | `sum.TestAdd` | `carry` |",
			"| 1. Sums are right, in detail. | `sum.TestAdd/two` | `carry` |",
		}, nil},
		{"the test is blind", []string{"| 1. P | `sum.TestBlind` | `carry` |"}, []string{"page.md:7", "passes although its check is broken"}},
		{"the break is not reached", []string{"| 1. P | `sum.TestElsewhere` | `carry` |"}, []string{"without having come to the broken check"}},
		{"the program ends itself", []string{"| 1. P | `sum.TestExit` | `carry` |"}, []string{"does not end as a failed test"}},
		{"the test fails anyway", []string{"| 1. P | `sum.TestRed` | `carry` |"}, []string{"does not pass with every check in place"}},
		{"the test is skipped", []string{"| 1. P | `sum.TestSkipped` | `carry` |"}, []string{"is skipped"}},
		{"no such test", []string{"| 1. P | `sum.TestNone` | `carry` |"}, []string{"is no test"}},
		{"no such package", []string{"| 1. P | `product.TestAdd` | `carry` |"}, []string{"page.md:7", "product"}},
		{"a package without tests", []string{"| 1. P | `cmd/sum.TestAdd` | `carry` |"}, []string{"package cmd/sum has no tests"}},
		{"unknown break", []string{"| 1. P | `sum.TestAdd` | `drop` |"}, []string{`no code asks broken.Is("drop")`, `sum/sum.go:6: break "carry" has no row`}},
		{"promise without a row", nil, []string{"promise 1 has no row", `"carry" has no row`}},
		{"a row twice", []string{
			"| 1. P | `sum.TestAdd` | `carry` |",
			"| 1. P again | `sum.TestAdd` | `carry` |",
		}, []string{"page.md:8", "stands twice"}},
		{"no row at all", []string{"| P | sum.TestAdd | carry |"}, []string{"page.md:7", "not a row"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := newFixture(t, test.rows...).run(t.Context())
			checkError(t, err, test.want)
		})
	}
}

// checkError requires an error with all of the parts, or none at all.
func checkError(t *testing.T, err error, parts []string) {
	t.Helper()
	if err == nil {
		if len(parts) > 0 {
			t.Fatalf("no error, want one with %q", parts)
		}
		return
	}
	if len(parts) == 0 {
		t.Fatalf("error %v, want none", err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q lacks %q", err, part)
		}
	}
}

func TestGateFindsSwitchesInProgram(t *testing.T) {
	g := newFixture(t, "| 1. P | `sum.TestAdd` | `carry` |")
	main := "package main\n\nfunc main() { println(\"ETCH_BROKEN\") }\n"
	if err := os.WriteFile(filepath.Join(g.root, "cmd", "sum", "main.go"), []byte(main), 0o600); err != nil {
		t.Fatal(err)
	}
	checkError(t, g.run(t.Context()), []string{"contains the switches"})
}

func TestFindHooksRefusesHiddenNames(t *testing.T) {
	for name, call := range map[string]string{
		"computed": `func F(s string) bool { return broken.Is("a" + s) }`,
		"value":    `var f = broken.Is`,
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			text := "package p\n\nimport \"example.com/fixture/internal/broken\"\n\n" + call + "\n"
			if err := os.WriteFile(filepath.Join(root, "p.go"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := findHooks(root)
			checkError(t, err, []string{"not called with a name"})
		})
	}
}

func TestReadPageWithoutPromisesOrTable(t *testing.T) {
	for text, want := range map[string]string{
		head + "\n|---|---|---|\n": "no promise",
		"1. Sums are right.\n":     "no table",
	} {
		root := t.TempDir()
		if err := os.WriteFile(filepath.Join(root, "page.md"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := readPage(root, "page.md")
		checkError(t, err, []string{want})
	}
}

func TestParseRow(t *testing.T) {
	got, err := parseRow("| 3. A change is detected. | `etch.TestTamper/flip_a_bit` | `skip-leaf` |")
	if err != nil {
		t.Fatal(err)
	}
	want := row{promise: 3, pkg: ".", test: "TestTamper/flip_a_bit", hook: "skip-leaf"}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(row{})); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
	if got.name() != "etch.TestTamper/flip_a_bit" {
		t.Errorf("name() = %q, want the page's", got.name())
	}
}
