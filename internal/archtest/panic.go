package archtest

import (
	"go/ast"
	"go/token"
	"strconv"
	"strings"
)

// relays are the files that may panic with what is not their own.
var relays = map[string]string{
	"capture/audithttp/handler.go": "hands on the panic of the handler that it wraps, and cuts a response off with the one that net/http has for that",
}

func panicRule(allowed map[string]string) rule {
	return rule{
		name:   "panics",
		reason: "a panic is for arithmetic that cannot go wrong, and says whose it was: \"pkg: bad …\"",
		check:  func(t *tree) []finding { return checkPanics(t, allowed) },
	}
}

func checkPanics(t *tree, allowed map[string]string) []finding {
	var found []finding
	used := make(map[string]bool)
	for _, p := range t.all() {
		for _, f := range p.code() {
			ast.Inspect(f.ast, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) != 1 || breaksOff(f, call.Args[0]) {
					return true
				}
				if fn, ok := call.Fun.(*ast.Ident); ok && fn.Name == "panic" && !strings.HasPrefix(opening(call.Args[0]), p.name+": ") {
					if _, ok := allowed[f.path]; ok {
						used[f.path] = true
						return true
					}
					found = append(found, t.find(call, "panics with a message that does not begin with %q", p.name+": "))
				}
				return true
			})
		}
	}
	for name := range allowed {
		if !used[name] {
			found = append(found, finding{name, "may panic with what is not its own, and does not"})
		}
	}
	return found
}

// breaksOff reports whether a panic is the one by which a handler breaks off an
// answer that it has begun: net/http knows no other way.
func breaksOff(f *file, message ast.Expr) bool {
	imported, name, ok := f.selector(message)
	return ok && imported == "net/http" && name == "ErrAbortHandler"
}

// opening returns the literal that a message begins with, "" where it does not
// begin with one.
func opening(message ast.Expr) string {
	switch x := message.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(x.Value)
		if err == nil {
			return text
		}
	case *ast.BinaryExpr:
		if x.Op == token.ADD {
			return opening(x.X)
		}
	case *ast.CallExpr: // fmt.Sprintf and its kind
		if len(x.Args) > 0 {
			return opening(x.Args[0])
		}
	}
	return ""
}
