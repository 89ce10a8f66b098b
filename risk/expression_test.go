package risk

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// expressionTexts returns what the package's code gives expr, by the place.
func expressionTexts(t *testing.T) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	texts, set := map[string]string{}, token.NewFileSet()
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, e.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if name, ok := call.Fun.(*ast.Ident); !ok || name.Name != "expr" {
				return true
			}
			place := set.Position(call.Pos()).String()
			literal, ok := call.Args[0].(*ast.BasicLit)
			if !ok {
				t.Errorf("%s: the expression is no literal: nothing has compiled it before it is asked", place)
				return true
			}
			if texts[place], err = strconv.Unquote(literal.Value); err != nil {
				t.Errorf("%s: %v", place, err)
			}
			return true
		})
	}
	return texts
}

// A text that is none is found here and not by who first asks it.
func TestExpressionsCompile(t *testing.T) {
	texts := expressionTexts(t)
	for place, text := range texts {
		if _, err := regexp.Compile(text); err != nil {
			t.Errorf("%s: %v", place, err)
		}
	}
	if len(texts) < 20 {
		t.Errorf("found %d expressions, want at least 20", len(texts))
	}
}

// TestFreshProcess runs itself in a process that has judged nothing: there
// nothing is compiled and no table is made, and judging a command that is not
// in another language leaves the expressions as they are.
func TestFreshProcess(t *testing.T) {
	const inside = "ETCH_TEST_FRESH_PROCESS"
	if os.Getenv(inside) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFreshProcess$", "-test.count=1")
		cmd.Env = append(os.Environ(), inside+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	if known.tables.rules != nil || known.tables.specials != nil {
		t.Error("the tables of commands are made before a command is judged")
	}
	var list []*expression
	for _, s := range codeSigns.Get() {
		list = append(list, s.all...)
	}
	list = append(list, reTreeCall, reFileCall, reExecCall, reOpenMode, reWriteFn, reSource, sqlNoise, sqlSpace, sqlDangerous, mongoDrops, mongoDeletes, mongoWrites)
	for _, command := range []string{"", "rm -rf build", "git push --force"} {
		if command != "" {
			Command(command)
		}
		for _, e := range list {
			if e.compiled != nil {
				t.Errorf("after %q: %s is compiled", command, e.text)
			}
		}
	}
	if known.tables.rules != nil {
		t.Error("the tables of commands are made for two commands")
	}
	for range fewLookups {
		Command("rm -rf build")
	}
	if known.tables.rules == nil {
		t.Error("the tables of commands are not made after many were judged")
	}
	Command(`psql -c 'drop table users'`)
	if sqlSpace.compiled == nil {
		t.Error("SQL was judged by an expression that is not compiled")
	}
}
