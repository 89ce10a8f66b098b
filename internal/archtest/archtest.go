// Package archtest holds the shape of this source tree as a test: which package
// may import which, who may touch the file system and the clock, how long a
// function may be.
//
// Every rule carries its reason, and names packages. A rule about a package
// that is gone, and an exception that nothing needs any more, are faults too,
// so that the tables here stay as true as the code. The shape itself is
// described in docs/design.md; to change it, change that page, then the table.
//
// The rules look at every file whatever system it is for, at nested modules
// (bench) only for sizes, names, comments and words.
package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
)

// A rule is one thing that is true of the whole tree.
type rule struct {
	name   string
	reason string
	check  func(*tree) []finding
}

// A finding is a place where a rule does not hold.
type finding struct {
	place string // file:line, or a package
	text  string
}

func (f finding) String() string { return f.place + ": " + f.text }

// A tree is the parsed source of a module and of those nested in it.
type tree struct {
	files  fs.FS
	module string
	fset   *token.FileSet
	pkgs   map[string]*pkg
}

// A pkg is a directory with Go files.
type pkg struct {
	path   string // below the root, "." for the root package
	name   string
	files  []*file
	nested bool // part of a nested module
}

// A file is one parsed Go file.
type file struct {
	path  string
	pkg   *pkg
	test  bool
	lines int
	ast   *ast.File
	// imports has the import paths by the name that the file uses.
	imports map[string]string
}

// load parses every Go file below the root of files, testdata aside.
func load(files fs.FS) (*tree, error) {
	mod, err := fs.ReadFile(files, "go.mod")
	if err != nil {
		return nil, err
	}
	t := &tree{files: files, module: modfile.ModulePath(mod), fset: token.NewFileSet(), pkgs: make(map[string]*pkg)}
	var nested []string
	err = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && ignored(d.Name()):
			return fs.SkipDir
		case d.IsDir() && name != "." && exists(files, path.Join(name, "go.mod")):
			nested = append(nested, name)
		case !d.IsDir() && strings.HasSuffix(name, ".go"):
			return t.parse(name, within(nested, name))
		}
		return nil
	})
	return t, err
}

func ignored(dir string) bool {
	return dir == "testdata" || dir != "." && strings.HasPrefix(dir, ".") || strings.HasPrefix(dir, "_")
}

func exists(files fs.FS, name string) bool {
	_, err := fs.Stat(files, name)
	return err == nil
}

func within(dirs []string, name string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool { return strings.HasPrefix(name, dir+"/") })
}

func (t *tree) parse(name string, nested bool) error {
	text, err := fs.ReadFile(t.files, name)
	if err != nil {
		return err
	}
	parsed, err := parser.ParseFile(t.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	dir := path.Dir(name)
	p, ok := t.pkgs[dir]
	if !ok {
		p = &pkg{path: dir, nested: nested}
		t.pkgs[dir] = p
	}
	f := &file{path: name, pkg: p, test: strings.HasSuffix(name, "_test.go"), lines: strings.Count(string(text), "\n"), ast: parsed}
	if f.imports, err = importNames(parsed); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if !f.test {
		p.name = parsed.Name.Name
	}
	p.files = append(p.files, f)
	return nil
}

func importNames(parsed *ast.File) (map[string]string, error) {
	names := make(map[string]string)
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		name := path.Base(imported)
		if len(name) > 1 && name[0] == 'v' && strings.Trim(name[1:], "0123456789") == "" {
			name = path.Base(path.Dir(imported)) // a major version is no name
		}
		if spec.Name != nil {
			name = spec.Name.Name
		}
		if name == "_" || name == "." {
			name += imported
		}
		names[name] = imported
	}
	return names, nil
}

// own returns the packages of the root module in order, nested ones aside.
func (t *tree) own() []*pkg {
	return slices.DeleteFunc(t.all(), func(p *pkg) bool { return p.nested })
}

// all returns every package in order.
func (t *tree) all() []*pkg {
	var all []*pkg
	for _, name := range slices.Sorted(maps.Keys(t.pkgs)) {
		all = append(all, t.pkgs[name])
	}
	return all
}

// local returns the path below the root of an import of this module.
func (t *tree) local(imported string) (string, bool) {
	if imported == t.module {
		return ".", true
	}
	return strings.CutPrefix(imported, t.module+"/")
}

// code returns the files that are no tests.
func (p *pkg) code() []*file {
	return slices.DeleteFunc(slices.Clone(p.files), func(f *file) bool { return f.test })
}

func (t *tree) find(at ast.Node, format string, args ...any) finding {
	pos := t.fset.Position(at.Pos())
	return finding{fmt.Sprintf("%s:%d", pos.Filename, pos.Line), fmt.Sprintf(format, args...)}
}

// gone is the finding about a table that names a package that does not exist.
func (t *tree) gone(table, name string) []finding {
	if p, ok := t.pkgs[name]; ok && !p.nested {
		return nil
	}
	return []finding{{name, table + " names it, and there is no such package"}}
}

// selector returns the import path and name behind an expression like os.Open.
func (f *file) selector(n ast.Node) (imported, name string, ok bool) {
	sel, isSel := n.(*ast.SelectorExpr)
	if !isSel {
		return "", "", false
	}
	x, isIdent := sel.X.(*ast.Ident)
	if !isIdent {
		return "", "", false
	}
	imported, ok = f.imports[x.Name]
	return imported, sel.Sel.Name, ok
}
