package archtest

import (
	"cmp"
	"fmt"
	"go/ast"
)

// The limits are what good code of this field keeps: functions of 8 to 15 lines
// in the median and under 100 in the 99th percentile, files under 600.
const (
	maxFile     = 600
	maxFunction = 60
	maxLong     = 100 // for the exceptions, and for tests
	shortBelow  = 15  // half of the functions are shorter
)

// A long function is one that reads better whole; at most maxLong lines.
type long struct {
	file, function string
	reason         string
}

var longs = []long{}

func sizeRule(exceptions []long) rule {
	return rule{
		name:   "sizes",
		reason: "what fits on a screen is read; the rest is believed",
		check:  func(t *tree) []finding { return checkSizes(t, exceptions) },
	}
}

func checkSizes(t *tree, exceptions []long) []finding {
	var found []finding
	var short, all int
	excused := make(map[long]bool)
	for _, e := range exceptions {
		excused[long{file: e.file, function: e.function}] = false
	}
	for _, p := range t.all() {
		for _, f := range p.files {
			if f.lines > maxFile {
				found = append(found, finding{f.path, fmt.Sprintf("has %d lines, at most %d", f.lines, maxFile)})
			}
			for _, d := range functions(f) {
				lines := t.fset.Position(d.End()).Line - t.fset.Position(d.Pos()).Line + 1
				limit := maxFunction
				if f.test {
					limit = maxLong
				} else {
					all++
					if lines < shortBelow {
						short++
					}
				}
				key := long{file: f.path, function: d.Name.Name}
				if _, ok := excused[key]; ok && lines > maxFunction {
					excused[key] = true
					limit = maxLong
				}
				if lines > limit {
					found = append(found, t.find(d, "%s has %d lines, at most %d", d.Name.Name, lines, limit))
				}
			}
		}
	}
	if 2*short < all {
		found = append(found, finding{"tree", fmt.Sprintf("%d of %d functions have fewer than %d lines, at least half should", short, all, shortBelow)})
	}
	for _, e := range exceptions {
		if !excused[long{file: e.file, function: e.function}] {
			found = append(found, finding{e.file, cmp.Or(e.function, "?") + " is excused from the limit, and does not need it"})
		}
	}
	return found
}

func functions(f *file) []*ast.FuncDecl {
	var found []*ast.FuncDecl
	for _, d := range f.ast.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			found = append(found, fn)
		}
	}
	return found
}
