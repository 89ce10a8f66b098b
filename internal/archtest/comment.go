package archtest

import (
	"go/ast"
	"go/token"
	"strings"
)

var commentRule = rule{
	name:   "comments",
	reason: "an exported name is a promise, and its comment says which",
	check:  checkComments,
}

// checkComments finds exported names outside tests whose comment is missing or
// does not start with the name. What a group says holds for its members.
func checkComments(t *tree) []finding {
	var found []finding
	for _, p := range t.all() {
		if p.name == "main" {
			continue // nobody imports it
		}
		for _, f := range p.code() {
			for _, d := range f.ast.Decls {
				switch d := d.(type) {
				case *ast.FuncDecl:
					if d.Name.IsExported() && exportedReceiver(d) && !named(d.Doc, d.Name.Name) {
						found = append(found, t.uncommented(d, d.Name.Name))
					}
				case *ast.GenDecl:
					found = append(found, t.checkGroup(d)...)
				}
			}
		}
	}
	return found
}

func (t *tree) uncommented(at ast.Node, name string) finding {
	return t.find(at, "%s has no comment that starts with its name", name)
}

// exportedReceiver reports whether a function is seen from outside: it has no
// receiver, or one of an exported type.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	receiver := d.Recv.List[0].Type
	for {
		switch x := receiver.(type) {
		case *ast.StarExpr:
			receiver = x.X
		case *ast.IndexExpr:
			receiver = x.X
		case *ast.IndexListExpr:
			receiver = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}

func (t *tree) checkGroup(d *ast.GenDecl) []finding {
	var found []finding
	alone := len(d.Specs) == 1 && !d.Lparen.IsValid()
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			doc := spec.Doc
			if doc == nil && alone {
				doc = d.Doc
			}
			if spec.Name.IsExported() && !named(doc, spec.Name.Name) {
				found = append(found, t.uncommented(spec, spec.Name.Name))
			}
		case *ast.ValueSpec:
			found = append(found, t.checkValue(d, spec, alone)...)
		}
	}
	return found
}

// checkValue wants constants and variables named by their own comment; in a
// group, one comment over it or a word beside each is enough.
func (t *tree) checkValue(d *ast.GenDecl, spec *ast.ValueSpec, alone bool) []finding {
	name := spec.Names[0].Name
	if !token.IsExported(name) {
		return nil
	}
	switch {
	case alone && named(d.Doc, name):
	case !alone && spec.Doc != nil && named(spec.Doc, name):
	case !alone && spec.Doc == nil && (d.Doc != nil || spec.Comment != nil):
	default:
		return []finding{t.uncommented(spec, name)}
	}
	return nil
}

// named reports whether a comment starts with a name, after an article.
func named(doc *ast.CommentGroup, name string) bool {
	words := strings.Fields(doc.Text())
	if len(words) > 1 && (words[0] == "A" || words[0] == "An" || words[0] == "The") {
		words = words[1:]
	}
	return len(words) > 0 && strings.TrimRight(words[0], ",.:") == name
}
