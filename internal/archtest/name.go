package archtest

import (
	"path"
	"slices"
	"strings"
)

// grabBags name what a thing is not; whatever has no better home ends up there.
var grabBags = []string{"base", "common", "helper", "helpers", "misc", "shared", "types", "util", "utils"}

var nameRule = rule{
	name:   "names",
	reason: "a package is one noun, and its name says where a thing belongs",
	check:  checkNames,
}

func checkNames(t *tree) []finding {
	var found []finding
	for _, p := range t.all() {
		for _, name := range []string{p.name, path.Base(p.path)} {
			if slices.Contains(grabBags, name) {
				found = append(found, finding{p.path, "package " + name + " is a grab-bag"})
				break
			}
		}
		if p.name != "" && p.name != strings.ToLower(p.name) || strings.Contains(p.name, "_") {
			found = append(found, finding{p.path, "package " + p.name + " is not lower-case letters"})
		}
		for _, f := range p.files {
			name := strings.TrimSuffix(strings.TrimSuffix(path.Base(f.path), ".go"), "_test")
			if slices.Contains(grabBags, name) {
				found = append(found, finding{f.path, "a file named " + name + " is a grab-bag"})
			}
		}
	}
	return found
}

// mainFileRule finds packages without a file that bears their name.
var mainFileRule = rule{
	name:   "first files",
	reason: "a reader opens the file that is named for the package first, and finds the package comment there",
	check:  checkMainFiles,
}

func checkMainFiles(t *tree) []finding {
	var found []finding
	for _, p := range t.all() {
		code := p.code()
		if len(code) == 0 {
			continue
		}
		i := slices.IndexFunc(code, func(f *file) bool { return f.ast.Doc != nil })
		if i < 0 {
			found = append(found, finding{p.path, "no file has the package comment"})
			continue
		}
		first := strings.TrimSuffix(path.Base(code[i].path), ".go")
		if want := []string{p.name, "doc", path.Base(p.path)}; !slices.Contains(want, first) {
			found = append(found, finding{code[i].path, "the package comment stands here, not in " + p.name + ".go or doc.go"})
		}
	}
	return found
}
