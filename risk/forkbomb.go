package risk

import "mvdan.cc/sh/v3/syntax"

// callsItselfAtOnce reports whether a function's body calls the function in a
// pipeline or in the background: each call then starts more before it ends.
func callsItselfAtOnce(body *syntax.Stmt, name string) bool {
	found := false
	var visit func(s *syntax.Stmt, concurrent bool)
	visit = func(s *syntax.Stmt, concurrent bool) {
		syntax.Walk(s, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.Stmt:
				if n != s && (n.Background || n.Coprocess) && !concurrent {
					visit(n, true)
					return false
				}
				if n == s && n.Background {
					concurrent = true
				}
			case *syntax.BinaryCmd:
				if (n.Op == syntax.Pipe || n.Op == syntax.PipeAll) && !concurrent {
					visit(n.X, true)
					visit(n.Y, true)
					return false
				}
			case *syntax.CallExpr:
				found = found || concurrent && len(n.Args) > 0 && n.Args[0].Lit() == name
			}
			return true
		})
	}
	visit(body, false)
	return found
}

// endless reports whether a while or until loop never ends by its condition.
func endless(c *syntax.WhileClause) bool {
	if len(c.Cond) != 1 {
		return false
	}
	call, ok := c.Cond[0].Cmd.(*syntax.CallExpr)
	if !ok || len(call.Args) != 1 {
		return false
	}
	switch call.Args[0].Lit() {
	case "true", ":":
		return !c.Until
	case "false":
		return c.Until
	}
	return false
}

// endless judges the body of an endless loop: background jobs that nothing
// waits for pile up.
func (w *walker) endless(body []*syntax.Stmt) {
	started, paused := false, false
	for _, s := range body {
		syntax.Walk(s, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.Stmt:
				started = started || n.Background
			case *syntax.CallExpr:
				if len(n.Args) > 0 {
					switch n.Args[0].Lit() {
					case "sleep", "wait", "read", "break", "exit", "inotifywait":
						paused = true
					}
				}
			}
			return true
		})
	}
	if started && !paused {
		w.report(High, "fork-bomb", "an endless loop starts background jobs without pause")
	}
}
