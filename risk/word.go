package risk

import (
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// word is one argument after quoting, expansion and splitting.
type word struct {
	text string // what is known; an unknown part stands as it is written ($NAME, $(…))
	open bool   // a part of it is known only at run time
	lead string // the unknown part that the word begins with
	full bool   // that part cannot be empty
	glob bool   // it holds an unquoted pattern
	flow flow   // where the unknown part or the file behind it comes from
}

func literalWord(s string) word { return word{text: s} }

// tail returns the text after the unknown part that the word begins with.
func (x word) tail() string { return strings.TrimPrefix(x.text, x.lead) }

// literal reports whether the word is the given constant.
func (x word) literal(s string) bool { return !x.open && x.text == s }

// fields builds the words that one syntax word expands to.
type fields struct {
	w     *walker
	done  []word
	cur   word
	begun bool // cur is a word, maybe an empty one
}

func (f *fields) add(s string) {
	if !f.w.spend(len(s)) {
		f.unknown("$(…)", flow{}, false)
		return
	}
	f.cur.text += s
	f.begun = true
}

// unknown adds a part that is known only at run time.
func (f *fields) unknown(shown string, from flow, full bool) {
	if f.cur.text == "" && !f.cur.open {
		f.cur.lead, f.cur.full = shown, full
	}
	f.cur.text += shown
	f.cur.open = true
	f.cur.flow = f.cur.flow.merge(from)
	f.begun = true
}

func (f *fields) cut() {
	if f.begun && len(f.done) < maxFields {
		f.done = append(f.done, f.cur)
	}
	f.cur, f.begun = word{}, false
}

// value adds the value of an expansion: split when unquoted.
func (f *fields) value(v word, quoted bool) {
	if v.open {
		f.unknownValue(v)
		return
	}
	f.cur.flow = f.cur.flow.merge(v.flow)
	if quoted {
		f.add(v.text)
		return
	}
	ifs := f.w.ifs()
	for i, s := range strings.FieldsFunc(v.text, func(r rune) bool { return strings.ContainsRune(ifs, r) }) {
		if i > 0 || startsWithAny(v.text, ifs) {
			f.cut()
		}
		f.add(s)
		f.cur.glob = f.cur.glob || strings.ContainsAny(s, "*?[")
	}
	if v.text != "" && strings.ContainsRune(ifs, rune(v.text[len(v.text)-1])) {
		f.cut()
	}
}

func startsWithAny(s, set string) bool {
	return s != "" && strings.ContainsRune(set, rune(s[0]))
}

// unknownValue adds a value that is partly known, keeping what is known of
// its beginning.
func (f *fields) unknownValue(v word) {
	if v.lead != "" || f.cur.text != "" {
		f.unknown(v.text, v.flow, v.full)
		return
	}
	f.cur.text, f.cur.open, f.begun = v.text, true, true
	f.cur.flow = f.cur.flow.merge(v.flow)
}

// words expands syntax words to arguments.
func (w *walker) words(in []*syntax.Word) []word {
	var out []word
	for _, x := range in {
		for _, y := range w.braces(x) {
			f := fields{w: w}
			f.parts(y.Parts)
			f.cut()
			out = append(out, f.done...)
			if len(out) > maxFields {
				w.blind("too-complex", "more words than are looked at")
				return out[:maxFields]
			}
		}
	}
	return out
}

// one expands a word that is not split: an assignment, a redirect, a
// here-string.
func (w *walker) one(x *syntax.Word) word {
	if x == nil {
		return word{}
	}
	f := fields{w: w}
	for i, p := range x.Parts {
		f.part(p, i, true)
	}
	return f.cur
}

func (w *walker) braces(x *syntax.Word) []*syntax.Word {
	if openBraces(x) > maxOpen {
		w.blind("too-complex", "more braces in a word than are looked at")
		return []*syntax.Word{x}
	}
	split := *x
	if !syntax.SplitBraces(&split) {
		return []*syntax.Word{x}
	}
	var out []*syntax.Word
	for y, err := range expand.BracesSeq(nil, &split) {
		if err != nil || len(out) == maxBraces {
			w.blind("too-complex", "a brace expansion larger than what is looked at")
			break
		}
		out = append(out, y)
	}
	return out
}

// openBraces counts what SplitBraces would have to try to close.
func openBraces(x *syntax.Word) int {
	n := 0
	for _, p := range x.Parts {
		if lit, ok := p.(*syntax.Lit); ok {
			n += strings.Count(lit.Value, "{")
		}
	}
	return n
}

func (f *fields) parts(parts []syntax.WordPart) {
	for i, p := range parts {
		f.part(p, i, false)
	}
}

// part adds one word part; quoted says that values are not split.
func (f *fields) part(p syntax.WordPart, at int, quoted bool) {
	switch p := p.(type) {
	case *syntax.Lit:
		f.literal(p.Value, at == 0)
	case *syntax.SglQuoted:
		f.single(p)
	case *syntax.DblQuoted:
		f.begun = true
		for _, q := range p.Parts {
			if lit, ok := q.(*syntax.Lit); ok {
				f.quotedTilde(lit.Value)
				f.add(unescapeQuoted(lit.Value))
				continue
			}
			f.part(q, 1, true)
		}
	case *syntax.ParamExp:
		f.param(p, quoted)
	case *syntax.CmdSubst:
		f.value(f.w.substitution(p), quoted)
	case *syntax.ArithmExp:
		f.w.nested(p.X)
		f.unknown("$((…))", flow{}, true)
	case *syntax.ProcSubst:
		f.process(p)
	case *syntax.ExtGlob:
		f.add(p.Op.String() + p.Pattern.Value + ")")
		f.cur.glob = true
	}
}

// literal adds unquoted text: backslashes quote, patterns are live.
func (f *fields) literal(s string, first bool) {
	if first && (s == "~+" || strings.HasPrefix(s, "~+/")) {
		s = "." + s[2:]
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			i++
			if s[i] == '~' && i == 1 && first {
				b.WriteString("./")
			}
			if s[i] != '\n' {
				b.WriteByte(s[i])
			}
		default:
			f.cur.glob = f.cur.glob || c == '*' || c == '?' || c == '[' && strings.Contains(s[i:], "]")
			b.WriteByte(c)
		}
	}
	f.add(b.String())
}

func (f *fields) single(p *syntax.SglQuoted) {
	text := p.Value
	if p.Dollar {
		text = ansiC(text)
	}
	f.quotedTilde(text)
	f.add(text)
	f.begun = true
}

// quotedTilde keeps a quoted tilde from reading as the home directory.
func (f *fields) quotedTilde(s string) {
	if f.cur.text == "" && (s == "~" || strings.HasPrefix(s, "~/")) {
		f.add("./")
	}
}

// process adds a process substitution: a file that holds what the inner
// commands print, or that they read.
func (f *fields) process(p *syntax.ProcSubst) {
	if p.Op == syntax.CmdOut {
		f.w.readers = append(f.w.readers, p.Stmts)
		f.add("/dev/fd/63")
		return
	}
	out := f.w.stmts(p.Stmts, flow{})
	f.add("/dev/fd/63")
	f.cur.flow = f.cur.flow.merge(out)
}

func unescapeQuoted(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && strings.IndexByte("$`\"\\\n", s[i+1]) >= 0 {
			i++
			if s[i] == '\n' {
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// ansiC decodes the escapes of $'…'.
func ansiC(s string) string {
	out, _, err := expand.Format(nil, s, nil)
	if err != nil {
		return s
	}
	before, _, _ := strings.Cut(out, "\x00")
	return before
}
