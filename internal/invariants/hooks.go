package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// findHooks returns the name and place of each break in the code below root:
// the argument of each call of broken.Is outside tests.
func findHooks(root string) (map[string]string, error) {
	hooks := make(map[string]string)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && !partOfModule(path, d.Name()) {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		return addHooks(hooks, root, path)
	})
	return hooks, err
}

// partOfModule reports whether the go command would look into a directory.
func partOfModule(path, name string) bool {
	if name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return false
	}
	_, err := os.Stat(filepath.Join(path, "go.mod"))
	return errors.Is(err, fs.ErrNotExist)
}

func addHooks(hooks map[string]string, root, path string) error {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	local := importName(file)
	if local == "" {
		return nil
	}
	var errs []error
	ast.Inspect(file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if ok {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == local {
				errs = append(errs, fmt.Errorf("%s: broken.%s is not called with a name: the gate cannot find it", fset.Position(sel.Pos()), sel.Sel.Name))
			}
			return true
		}
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if name, ok := hookName(call, local); ok {
			hooks[name] = relative(root, fset.Position(call.Pos()))
			return false // the selector below is accounted for
		}
		return true
	})
	return errors.Join(errs...)
}

// importName returns what a file calls the package of the breaks, "" where it
// does not import it.
func importName(file *ast.File) string {
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil || !strings.HasSuffix(path, "/internal/broken") {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return "broken"
	}
	return ""
}

// hookName returns the literal argument of a call broken.Is("name").
func hookName(call *ast.CallExpr, local string) (string, bool) {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != "Is" || len(call.Args) != 1 {
		return "", false
	}
	if x, ok := sel.X.(*ast.Ident); !ok || x.Name != local {
		return "", false
	}
	lit, ok := call.Args[0].(*ast.BasicLit)
	if !ok {
		return "", false
	}
	name, err := strconv.Unquote(lit.Value)
	return name, err == nil
}

func relative(root string, pos token.Position) string {
	if rel, err := filepath.Rel(root, pos.Filename); err == nil {
		pos.Filename = filepath.ToSlash(rel)
	}
	return fmt.Sprintf("%s:%d", pos.Filename, pos.Line)
}
