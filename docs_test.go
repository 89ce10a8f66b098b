package etch_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/keys"
	"github.com/etch-audit/etch/internal/vfs"
)

// Whoever meets a fault finds it in the book.
func TestTroubleshootingKnowsEveryFault(t *testing.T) {
	text := read(t, "docs/troubleshooting.md")
	kinds := faultKinds(t)
	if len(kinds) == 0 {
		t.Fatal("package verify has no kind of fault")
	}
	for _, kind := range kinds {
		row := regexp.MustCompile("(?m)^\\| `" + kind + "` \\| [^|]+ \\| [^|]+ \\|")
		if got := len(row.FindAllString(text, -1)); got != 1 {
			t.Errorf("docs/troubleshooting.md has %d rows about %q, want 1", got, kind)
		}
	}
}

// faultKinds returns the constants of type Kind of package verify.
func faultKinds(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "verify/report.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if of, ok := spec.Type.(*ast.Ident); !ok || of.Name != "Kind" {
			return true
		}
		for _, v := range spec.Values {
			kind, err := strconv.Unquote(v.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			kinds = append(kinds, kind)
		}
		return true
	})
	return kinds
}

func TestTroubleshootingKnowsEveryError(t *testing.T) {
	text := read(t, "docs/troubleshooting.md")
	for _, err := range []error{
		etch.ErrNotRecorded, etch.ErrUnknown, etch.ErrSkipped, etch.ErrExists, etch.ErrNoLog, etch.ErrLogGone, etch.ErrKeys,
		etch.ErrNewer, etch.ErrClosed, keys.ErrNotKey, keys.ErrPermissions, vfs.ErrLocked,
	} {
		if !regexp.MustCompile("(?m)^\\| `[^|]*" + regexp.QuoteMeta(err.Error())).MatchString(text) {
			t.Errorf("docs/troubleshooting.md has no row about %q", err)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// Every link of a document within the tree leads somewhere.
// An expression that a document shows is one, and means what it seems to: a
// pattern with an escape of JSON in place of its own would find nothing.
func TestDocumentExpressions(t *testing.T) {
	shown := regexp.MustCompile(`--where '([^'\n]+)'`)
	found := 0
	for _, path := range []string{"README.md", "docs/queries.md", "docs/operations-runbook.md", "docs/troubleshooting.md"} {
		for _, m := range shown.FindAllStringSubmatch(read(t, path), -1) {
			found++
			expression := strings.ReplaceAll(m[1], "seq < N", "seq < 9")
			if _, err := etch.ParseFilter(expression, time.Now()); err != nil {
				t.Errorf("%s shows %s: %v", path, m[1], err)
			}
		}
	}
	if found < 5 {
		t.Errorf("found %d expressions, want 5 or more", found)
	}
}

func TestDocumentLinks(t *testing.T) {
	documents, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	spec, err := filepath.Glob("docs/*/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(append(documents, spec...), "README.md", "CONTRIBUTING.md", "CHANGELOG.md") {
		for _, m := range link.FindAllStringSubmatch(withoutCode(read(t, path)), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			target, anchor, _ := strings.Cut(m[1], "#")
			if target = filepath.Join(filepath.Dir(path), target); m[1][0] == '#' {
				target = path
			}
			if _, err := os.Stat(target); errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s links to %s, which is not there", path, m[1])
			} else if anchor != "" && !hasHeading(read(t, target), anchor) {
				t.Errorf("%s links to %s, which has no such heading", path, m[1])
			}
		}
	}
}

var code = regexp.MustCompile("(?s)```.*?```|`[^`\n]*`")

func withoutCode(text string) string { return code.ReplaceAllString(text, "") }

var heading = regexp.MustCompile(`(?m)^#+ (.+)$`)

// hasHeading reports whether a document has a heading of which anchor is made:
// lower case, spaces as hyphens, everything else that is no letter left out.
func hasHeading(text, anchor string) bool {
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		made := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z':
				return r
			}
			return -1
		}, strings.ToLower(m[1]))
		if made == anchor {
			return true
		}
	}
	return false
}
