package risk

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// The bounds of one assessment. Each is far above what people and agents
// write and low enough that the worst input costs milliseconds; passing one
// is reported and makes the verdict at least High.
const (
	maxInput   = 64 << 10 // bytes of shell text parsed at once
	maxText    = 8 << 10  // bytes of a constant that is followed
	maxSpend   = 2 << 20  // bytes of expanded words in all
	maxSteps   = 4000     // statements and calls walked in all
	maxDepth   = 64       // nesting of statements and calls
	maxOpeners = 4000     // of what opens a nesting: the parser is quadratic in unclosed ones
	maxFields  = 512      // words of one call
	maxBraces  = 64       // words of one brace expansion
	maxOpen    = 32       // opening braces of one word: splitting them takes more than linear time
	maxValues  = 4        // values followed of one variable
	maxScripts = 8        // shell texts inside shell texts
)

// walker carries one assessment: the findings so far and what is known of the
// shell's state at the statement being walked.
type walker struct {
	found    []finding
	unparsed bool

	steps, depth, scripts int // used up of the bounds
	spent                 int

	vars    map[string]variable
	funcs   map[string]*syntax.Stmt
	active  map[string]bool // functions being walked
	aliases map[string]string
	files   map[string]flow // files written by this command line
	cwd     string          // where cd went, "" for the start
	maybe   int             // > 0 in code that may not run
	pick    int             // which value of a variable this pass takes
	most    int             // the most values a variable of this pass has
	fifo    bool            // a named pipe was made
	cmdlets bool            // a cmdlet of PowerShell was called by bash, which knows none

	readers [][]*syntax.Stmt // >(…) of the statement being expanded
}

func newWalker() *walker {
	return &walker{
		vars: map[string]variable{}, funcs: map[string]*syntax.Stmt{}, active: map[string]bool{},
		aliases: map[string]string{}, files: map[string]flow{},
	}
}

// spend counts expanded bytes and reports whether there is room for more.
func (w *walker) spend(n int) bool {
	w.spent += n
	if w.spent > maxSpend {
		w.blind("too-complex", "expands to more text than is looked at")
		return false
	}
	return true
}

// enter counts a step and reports whether it may be taken; leave ends it.
func (w *walker) enter() bool {
	w.steps++
	w.depth++
	if w.steps > maxSteps || w.depth > maxDepth {
		w.blind("too-complex", "nested or repeated beyond what is looked at")
		return false
	}
	return true
}

func (w *walker) leave() { w.depth-- }

// shell walks shell text.
func (w *walker) shell(text string, in flow) flow {
	if w.scripts == maxScripts {
		w.blind("too-complex", "shell text inside shell text beyond what is looked at")
		return unknownFlow
	}
	w.scripts++
	defer func() { w.scripts-- }()
	if len(text) > maxInput {
		w.blind("too-long", "longer than the 64 KiB that are looked at")
		text = text[:maxInput]
	}
	if openers(text) > maxOpeners {
		w.blind("too-complex", "more nesting than is looked at")
		return unknownFlow
	}
	file, err := parse(text)
	if err != nil {
		w.blind("unparsed", err.Error())
	}
	out := unknownFlow
	outer := w.cmdlets
	w.cmdlets = err != nil && hasCmdlet(text)
	if file != nil {
		out = w.stmts(file.Stmts, in)
	}
	if w.cmdlets && !strings.Contains(text, "<<") {
		w.windows(literalWord(text), in, false)
	}
	w.cmdlets = outer
	return out
}

// openers counts what could open a nesting. The count is too high where text
// is quoted, which matters only far from what people write.
func openers(text string) int {
	n := strings.Count(text, "$[") * 10 // the old arithmetic is the slowest of all
	for _, opener := range []string{"(", "`", "{", "[", "if ", "case ", "while ", "until ", "for "} {
		n += strings.Count(text, opener)
	}
	return n
}

// parse reads shell text as bash, else as mksh or POSIX shell. With an error
// it returns what bash could read.
func parse(text string) (*syntax.File, error) {
	var first *syntax.File
	var firstErr error
	for _, lang := range []syntax.LangVariant{syntax.LangBash, syntax.LangMirBSDKorn, syntax.LangPOSIX} {
		file, err := syntax.NewParser(syntax.Variant(lang)).Parse(strings.NewReader(text), "")
		if err == nil {
			return file, nil
		}
		if firstErr == nil {
			first, firstErr = file, err
		}
	}
	return first, firstErr
}

func (w *walker) stmts(list []*syntax.Stmt, in flow) flow {
	var out flow
	for _, s := range list {
		out = out.merge(w.stmt(s, in))
	}
	return out
}

// perhaps walks statements that may not run.
func (w *walker) perhaps(list []*syntax.Stmt, in flow) flow {
	w.maybe++
	defer func() { w.maybe-- }()
	return w.stmts(list, in)
}

// stmt walks one statement with what it reads and returns what it prints.
func (w *walker) stmt(s *syntax.Stmt, in flow) flow {
	if !w.enter() {
		w.leave()
		return unknownFlow
	}
	defer w.leave()
	outer := w.readers
	w.readers = nil
	r := w.redirects(s.Redirs, in)
	out := w.command(s.Cmd, r)
	for _, list := range w.readers {
		w.stmts(list, out)
	}
	w.readers = outer
	return w.redirected(r, out)
}

// command walks what a statement runs.
func (w *walker) command(cmd syntax.Command, r redirects) flow {
	in := r.in
	switch c := cmd.(type) {
	case nil:
		return flow{}
	case *syntax.CallExpr:
		return w.callExpr(c, r)
	case *syntax.BinaryCmd:
		return w.binary(c, in)
	case *syntax.Block:
		return w.stmts(c.Stmts, in)
	case *syntax.Subshell:
		cwd := w.cwd
		defer func() { w.cwd = cwd }()
		return w.perhaps(c.Stmts, in)
	case *syntax.IfClause:
		return w.ifClause(c, in)
	case *syntax.WhileClause:
		out := w.perhaps(c.Cond, in)
		if len(c.Do) > 0 && endless(c) {
			w.endless(c.Do)
		}
		return out.merge(w.perhaps(c.Do, in))
	case *syntax.ForClause:
		return w.forClause(c, in)
	case *syntax.CaseClause:
		w.one(c.Word)
		var out flow
		for _, item := range c.Items {
			out = out.merge(w.perhaps(item.Stmts, in))
		}
		return out
	case *syntax.FuncDecl:
		w.funcDecl(c)
	case *syntax.DeclClause:
		w.declare(c)
	case *syntax.TimeClause:
		if c.Stmt != nil {
			return w.stmt(c.Stmt, in)
		}
	case *syntax.CoprocClause:
		return w.stmt(c.Stmt, in)
	default:
		w.nested(c)
	}
	return flow{}
}

func (w *walker) binary(c *syntax.BinaryCmd, in flow) flow {
	out := w.stmt(c.X, in)
	switch c.Op {
	case syntax.Pipe, syntax.PipeAll:
		if !out.some {
			out = flow{some: true, text: "", known: true}
		}
		return w.stmt(c.Y, out)
	case syntax.OrStmt:
		w.maybe++
		defer func() { w.maybe-- }()
	}
	return out.merge(w.stmt(c.Y, in))
}

func (w *walker) ifClause(c *syntax.IfClause, in flow) flow {
	var out flow
	for ; c != nil; c = c.Else {
		out = out.merge(w.perhaps(c.Cond, in)).merge(w.perhaps(c.Then, in))
	}
	return out
}

// forClause walks the body once with the loop variable having each of the
// first values.
func (w *walker) forClause(c *syntax.ForClause, in flow) flow {
	switch loop := c.Loop.(type) {
	case *syntax.WordIter:
		items := w.words(loop.Items)
		w.vars[loop.Name.Value] = variable{}
		for _, item := range riskiest(items) {
			v := w.vars[loop.Name.Value]
			v.values = append(v.values, []word{item})
			w.vars[loop.Name.Value] = v
		}
		if len(items) == 0 {
			delete(w.vars, loop.Name.Value)
		}
	case *syntax.CStyleLoop:
		if loop.Init == nil && loop.Cond == nil && loop.Post == nil {
			w.endless(c.Do)
		}
		for _, x := range []syntax.ArithmExpr{loop.Init, loop.Cond, loop.Post} {
			w.nested(x)
		}
	}
	return w.perhaps(c.Do, in)
}

// riskiest returns at most maxValues of the words, those that would be the
// worst to remove: a long list must not hide "/" at its end.
func riskiest(items []word) []word {
	if len(items) <= maxValues {
		return items
	}
	sorted := slices.Clone(items)
	slices.SortStableFunc(sorted, func(a, b word) int {
		x, _ := removal(a, "")
		y, _ := removal(b, "")
		return int(y) - int(x)
	})
	return sorted[:maxValues]
}

// funcDecl keeps a function for its calls, and walks its body once with
// unknown arguments, because it may be called by what we do not see.
func (w *walker) funcDecl(c *syntax.FuncDecl) {
	if c.Name == nil || c.Body == nil {
		return
	}
	name := c.Name.Value
	if callsItselfAtOnce(c.Body, name) {
		w.report(Critical, "fork-bomb", "function "+name+" starts itself without end")
	}
	w.funcs[name] = c.Body
	w.active[name] = true
	w.maybe++
	w.stmt(c.Body, flow{})
	w.maybe--
	delete(w.active, name)
}

// declare walks export, local, declare and the like.
func (w *walker) declare(c *syntax.DeclClause) {
	for _, a := range c.Args {
		if a.Naked {
			w.one(a.Value)
			continue
		}
		w.assign(a)
	}
}

// nested walks the command substitutions inside a node.
func (w *walker) nested(n syntax.Node) {
	if isNil(n) {
		return
	}
	syntax.Walk(n, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CmdSubst:
			w.stmts(n.Stmts, flow{})
			return false
		case *syntax.ProcSubst:
			w.stmts(n.Stmts, flow{})
			return false
		}
		return true
	})
}

// isNil reports whether a node is absent; the syntax tree has typed nils.
func isNil(n syntax.Node) bool {
	switch n := n.(type) {
	case nil:
		return true
	case *syntax.Word:
		return n == nil
	}
	return false
}

// callExpr walks a simple command: once for each value that the variables in
// it may have.
func (w *walker) callExpr(c *syntax.CallExpr, r redirects) flow {
	if len(c.Args) == 0 {
		for _, a := range c.Assigns {
			w.assign(a)
		}
		return flow{}
	}
	var out flow
	outer, pick := w.most, w.pick
	defer func() { w.most, w.pick = outer, pick }()
	for w.pick, w.most = 0, 1; w.pick < w.most; w.pick++ {
		argv := w.words(c.Args)
		restoreVars := w.scoped(c.Assigns)
		if len(argv) > 0 {
			out = out.merge(w.run(&call{argv: argv, in: r.in, hasIn: r.hasIn, redirs: r}))
		}
		restoreVars()
	}
	return out
}

// scoped carries out the assignments before a command, which hold while it
// runs, and returns what undoes them.
func (w *walker) scoped(assigns []*syntax.Assign) (undo func()) {
	saved := map[string]variable{}
	for _, a := range assigns {
		if a.Name == nil {
			continue
		}
		name, value := a.Name.Value, w.one(a.Value)
		if _, ok := saved[name]; !ok {
			saved[name] = w.vars[name]
		}
		w.vars[name] = variable{values: [][]word{{value}}}
		w.assignment(name, value)
		w.environment(name, value)
	}
	return func() {
		for name, v := range saved {
			restore(w.vars, name, v)
		}
	}
}

// plainWords returns the words of a statement that is one simple command.
func (w *walker) plainWords(s *syntax.Stmt) []word {
	if c, ok := s.Cmd.(*syntax.CallExpr); ok {
		return w.words(c.Args)
	}
	return nil
}
