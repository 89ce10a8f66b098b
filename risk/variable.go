package risk

import (
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"

	"github.com/etch-audit/etch/internal/later"
)

// variable is what is known of a shell variable: the values it may have, a
// value being one word or, for an array, several.
type variable struct {
	values [][]word
}

// The variables whose value is known well enough without an environment.
var wellKnown = later.Value[map[string]string]{Make: func() map[string]string {
	return map[string]string{
		"HOME": "~", "PWD": ".", "IFS": " \t\n", "TMPDIR": "/tmp", "TMP": "/tmp", "TEMP": "/tmp",
		"XDG_CONFIG_HOME": "~/.config", "XDG_DATA_HOME": "~/.local/share", "XDG_STATE_HOME": "~/.local/state",
		"XDG_CACHE_HOME": "~/.cache", "ZDOTDIR": "~", "SHELL": "/bin/sh", "BASH": "/bin/bash", "UID": "1000", "EUID": "1000", "0": "bash",
		"HISTFILE": "~/.bash_history",
	}
}}

// lookup returns the value of a variable that the current pass looks at.
func (w *walker) lookup(name string) ([]word, bool) {
	v, ok := w.vars[name]
	if !ok {
		if s, known := wellKnown.Get()[name]; known {
			return []word{literalWord(s)}, true
		}
		return nil, false
	}
	w.most = max(w.most, len(v.values))
	return v.values[w.pick%len(v.values)], true
}

func (w *walker) ifs() string {
	v, _ := w.lookup("IFS")
	if len(v) == 1 && !v[0].open {
		return v[0].text
	}
	return " \t\n"
}

// set gives a variable a value: a further one where it is not certain that
// the assignment is made.
func (w *walker) set(name string, value []word) {
	for i := range value {
		if len(value[i].text) > maxText {
			value[i] = word{text: "$" + name, lead: "$" + name, open: true, flow: value[i].flow}
		}
	}
	v := w.vars[name]
	if w.maybe == 0 {
		v.values = nil
	}
	if len(v.values) < maxValues {
		v.values = append(v.values, value)
	}
	w.vars[name] = v
}

// assign carries out an assignment.
func (w *walker) assign(a *syntax.Assign) {
	if a.Name == nil || a.Naked {
		return
	}
	name := a.Name.Value
	value := w.one(a.Value)
	switch {
	case a.Array != nil:
		var elems []*syntax.Word
		for _, e := range a.Array.Elems {
			if e.Value != nil {
				elems = append(elems, e.Value)
			}
		}
		w.set(name, w.words(elems))
	case a.Index != nil:
		w.nested(a.Index)
		old, _ := w.lookup(name)
		w.set(name, append(old[:len(old):len(old)], value))
	case a.Append:
		w.set(name, w.appended(name, value))
	default:
		w.set(name, []word{value})
	}
	w.assignment(name, value)
}

func (w *walker) appended(name string, value word) []word {
	old, ok := w.lookup(name)
	if !ok || len(old) == 0 {
		return []word{value}
	}
	f := fields{w: w, cur: old[0]}
	f.value(value, true)
	return []word{f.cur}
}

// param adds a parameter expansion.
func (f *fields) param(p *syntax.ParamExp, quoted bool) {
	if p.Param == nil {
		f.unknown("${…}", flow{}, false)
		return
	}
	if !f.w.enter() {
		f.w.leave()
		f.unknown("${…}", flow{}, false)
		return
	}
	defer f.w.leave()
	name := p.Param.Value
	if p.Excl {
		f.indirect(name, quoted)
		return
	}
	value, ok := f.w.lookup(name)
	f.w.nestedParam(p, ok)
	if !ok {
		f.unset(p, quoted)
		return
	}
	value = elements(p, value)
	if p.Length || p.Slice != nil || p.Repl != nil || p.Exp != nil {
		value = []word{f.w.operate(p, value)}
	}
	for i, v := range value {
		if i > 0 {
			f.cut()
		}
		f.value(v, quoted)
	}
}

// indirect adds ${!name}.
func (f *fields) indirect(name string, quoted bool) {
	if v, ok := f.w.lookup(name); ok && len(v) == 1 && !v[0].open {
		if target, ok := f.w.lookup(v[0].text); ok && len(target) == 1 {
			f.value(target[0], quoted)
			return
		}
	}
	f.unknown("${!"+name+"}", flow{}, false)
}

// elements selects what of an array an expansion means.
func elements(p *syntax.ParamExp, value []word) []word {
	if p.Param.Value == "@" || p.Param.Value == "*" {
		return value
	}
	if x, ok := p.Index.(*syntax.Word); ok {
		switch index := x.Lit(); {
		case index == "@" || index == "*":
			return value
		case len(index) == 1 && index[0] >= '0' && index[0] <= '9':
			if n := int(index[0] - '0'); n < len(value) {
				return value[n : n+1]
			}
		}
	}
	if len(value) > 1 {
		return value[:1]
	}
	return value
}

// unset adds the expansion of a variable of which nothing is known. A
// default is taken for its value: whoever writes one expects it to be used.
func (f *fields) unset(p *syntax.ParamExp, quoted bool) {
	name := p.Param.Value
	from := flow{}
	if secretName(name) {
		from = flow{some: true, secret: "$" + name, weak: true}
	}
	full := false
	if p.Exp != nil {
		switch p.Exp.Op {
		case syntax.DefaultUnset, syntax.DefaultUnsetOrNull, syntax.AssignUnset, syntax.AssignUnsetOrNull:
			v := f.w.one(p.Exp.Word)
			if v.text != "" {
				if p.Exp.Op == syntax.AssignUnset || p.Exp.Op == syntax.AssignUnsetOrNull {
					f.w.set(name, []word{v})
				}
				f.value(v, quoted)
				return
			}
		case syntax.AlternateUnset, syntax.AlternateUnsetOrNull:
			if v := f.w.one(p.Exp.Word); v.text != "" {
				f.value(v, quoted)
				return
			}
		case syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
			full = true
		}
	}
	if (name == "@" || name == "*") && p.Exp == nil && quoted && f.cur.text == "" {
		f.unknown("$@", flow{}, true)
		return
	}
	f.unknown("$"+name, from, full)
}

// takesOperand reports whether an unset variable expands to the operand.
func takesOperand(op syntax.ParExpOperator) bool {
	switch op {
	case syntax.DefaultUnset, syntax.DefaultUnsetOrNull, syntax.AssignUnset, syntax.AssignUnsetOrNull,
		syntax.AlternateUnset, syntax.AlternateUnsetOrNull:
		return true
	}
	return false
}

// operate applies ${x%…}, ${x/…}, ${x:…}, ${x^^} and the like to a known value.
func (w *walker) operate(p *syntax.ParamExp, value []word) word {
	open := word{text: "$" + p.Param.Value, lead: "$" + p.Param.Value, open: true}
	if len(value) != 1 {
		return open
	}
	open.flow = value[0].flow
	size := int(p.End().Offset() - p.Pos().Offset())
	if value[0].open || size*(len(value[0].text)+1) > maxText*64 {
		if p.Exp != nil && (p.Exp.Op == syntax.ErrorUnset || p.Exp.Op == syntax.ErrorUnsetOrNull) {
			open.full = true
		}
		return open
	}
	env := expand.FuncEnviron(func(name string) string {
		if name == p.Param.Value {
			return value[0].text
		}
		if v, ok := w.lookup(name); ok && len(v) == 1 && !v[0].open {
			return v[0].text
		}
		return ""
	})
	plain := *p
	plain.Index = nil
	s, err := expand.Literal(&expand.Config{Env: env, NoUnset: false}, &syntax.Word{Parts: []syntax.WordPart{&plain}})
	if err != nil || !w.spend(len(s)) {
		return open
	}
	return word{text: s, flow: value[0].flow}
}

// nestedParam walks the commands inside an expansion's operands, without the
// default of an unset variable, which is expanded and so walked later.
func (w *walker) nestedParam(p *syntax.ParamExp, set bool) {
	if p.Index != nil {
		w.nested(p.Index)
	}
	if p.Slice != nil {
		w.nested(p.Slice.Offset)
		w.nested(p.Slice.Length)
	}
	if p.Repl != nil {
		w.nested(p.Repl.Orig)
		w.nested(p.Repl.With)
	}
	if p.Exp != nil && p.Exp.Word != nil && (set || !takesOperand(p.Exp.Op)) {
		w.nested(p.Exp.Word)
	}
}

// substitution walks $(…) and returns what it expands to.
func (w *walker) substitution(p *syntax.CmdSubst) word {
	out := w.fileRead(p)
	if !out.some {
		out = w.stmts(p.Stmts, flow{})
	}
	if out.known {
		return word{text: strings.TrimRight(out.text, "\n"), flow: out}
	}
	return word{text: "$(…)", lead: "$(…)", open: true, full: w.makesTemp(p), flow: out}
}

// fileRead returns the flow of $(<file).
func (w *walker) fileRead(p *syntax.CmdSubst) flow {
	if len(p.Stmts) != 1 || p.Stmts[0].Cmd != nil || len(p.Stmts[0].Redirs) != 1 || p.Stmts[0].Redirs[0].Op != syntax.RdrIn {
		return flow{}
	}
	return w.readFile(w.one(p.Stmts[0].Redirs[0].Word))
}

// makesTemp reports whether a substitution prints the name of a fresh
// temporary file or of a directory that is there.
func (w *walker) makesTemp(p *syntax.CmdSubst) bool {
	if len(p.Stmts) != 1 {
		return false
	}
	c, ok := p.Stmts[0].Cmd.(*syntax.CallExpr)
	return ok && len(c.Args) > 0 && c.Args[0].Lit() == "mktemp"
}
