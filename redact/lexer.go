package redact

import (
	"slices"
	"strings"
)

// lexer reads a view as bash does, as far as it takes to know where commands begin: quotes, escapes, comments, here-documents,
// substitutions. Where it cannot know that, it is wary.
type lexer struct {
	r      *confinement
	v      view
	i      int
	stack  []frame
	docs   []heredoc
	line   int  // where the last line at the top began
	broken int  // where the first word of the view ends; -1 is not yet
	logged int  // the cuts before this view
	done   bool // the rest was read in another way

	lastShift int // where the last << is, plus 2; 0 is not known
}

type frameKind uint8

const (
	inCommands frameKind = iota // to the end of the view
	inParens                    // ( ) and $( )
	inDouble                    // "…"
	inBraces                    // ${…}
)

// frame is what is open at a place.
type frame struct {
	kind    frameKind
	open    int   // where it began
	word    int   // where the word began that is being read; -1 is none
	pieces  []int // bounds of what is quoted in the word, and how
	command bool  // the next word is the name of a command
	wrapped bool  // by a word that another command comes behind
	target  bool  // the next word is that of a redirection
	runs    uses  // what the command does with what its arguments say
	over    int   // the span that begins within quotes of the word and goes on behind them; -1 is none
	closed  int   // where those quotes end
	how     int   // and which they are
}

// maskedKey begins the mask of a private key, in which line breaks went with the key.
const maskedKey = MaskPrefix + "private-key"

// uses say what is done with a text that an argument is.
type uses uint8

const (
	takes  uses = iota
	prints      // for another program, which may run it
	runs
)

// How a piece of a word is quoted; pieces come as start, end, how.
const (
	bySingle = iota
	byDouble
	byANSI
	byEscape
)

// heredoc is one whose text begins with the next line.
type heredoc struct {
	end            string
	quoted, indent bool
}

func (l *lexer) top() *frame { return &l.stack[len(l.stack)-1] }

func (l *lexer) at(i int) byte {
	if uint(i) < uint(len(l.v.s)) {
		return l.v.s[i]
	}
	return 0
}

// step reads on from l.i.
func (l *lexer) step() {
	switch l.top().kind {
	case inDouble:
		l.double()
	case inBraces:
		l.braces()
	default:
		l.commands()
	}
}

// commands reads where words are commands and their arguments.
func (l *lexer) commands() {
	b, f := l.v.s[l.i], l.top()
	switch {
	case isBlank(b):
		l.endWord()
		l.i++
	case b == '\n':
		l.separate(1)
		if len(l.stack) == 1 {
			l.line = l.i
		}
		l.bodies()
	case b == ';' || b == '|':
		l.separate(1)
	case b == '&':
		if l.at(l.i+1) == '>' {
			l.endWord()
			l.i++
			return
		}
		l.separate(1)
	case b == '(':
		l.openParen()
	case b == ')':
		l.separate(1)
		if f.kind == inParens {
			l.stack = l.stack[:len(l.stack)-1]
		}
	case b == '<' || b == '>':
		l.redirect(b)
	case b == '#' && f.word < 0:
		l.endsAt(l.i)
		if n := strings.IndexByte(l.v.s[l.i:], '\n'); n >= 0 {
			l.i += n
		} else {
			l.i = len(l.v.s)
		}
	case b == '\\' && l.at(l.i+1) == '\n':
		l.i += 2
	default:
		if b == '[' && len(l.stack) == 1 && strings.HasPrefix(l.v.s[l.i:], maskedKey) {
			l.line = l.i // it had lines
		}
		if f.word < 0 {
			l.beginWord()
		}
		l.inWord(b)
		for l.i < len(l.v.s) && plain.in(l.v.s[l.i]) {
			l.i++
		}
	}
}

// separate ends a command, by n bytes.
func (l *lexer) separate(n int) {
	l.endWord()
	l.cut(l.i)
	f := l.top()
	f.command, f.wrapped, f.target, f.runs = true, false, false, takes
	l.i += n
}

// openParen reads a parenthesis. Right behind a name it calls something in another language.
func (l *lexer) openParen() {
	f := l.top()
	called := f.word >= 0 && !isShellWord(l.v.s[f.word:l.i])
	l.endWord()
	l.cut(l.i)
	if l.at(l.i+1) == '(' && l.skipArithmetic(l.i) {
		return
	}
	l.push(inParens, !called)
	l.i++
}

// arithmetic returns the place behind the expression in two parentheses that begins at i, or 0 where there is none: what
// reads as << in it opens no here-document. It reports whether that is certain.
func (l *lexer) arithmetic(i int) (end int, certain bool) {
	depth, j := 0, i+2
	for ; j < len(l.v.s) && j < i+lookahead; j++ {
		switch b := l.v.s[j]; {
		case b == '(':
			depth++
		case b == ')' && depth > 0:
			depth--
		case b == ')':
			if l.at(j+1) == ')' {
				return j + 2, true
			}
			return 0, true
		case isQuote(b) || b == '`' || b == '\\' || b == '\n' || b == '#' && !isDigit(l.v.s[j-1]):
			return 0, l.shift() < j
		}
	}
	return 0, l.shift() < j
}

// shift returns where the last << of the view is, or -1.
func (l *lexer) shift() int {
	if l.lastShift == 0 {
		l.lastShift = strings.LastIndex(l.v.s, "<<") + 2
	}
	return l.lastShift - 2
}

// skipArithmetic goes to behind the expression in two parentheses that begins at i, and reports whether there is one.
func (l *lexer) skipArithmetic(i int) bool {
	end, certain := l.arithmetic(i)
	switch {
	case !certain:
		l.giveUp(l.i)
	case end > 0:
		l.endsAt(end - 1)
		l.i = end
	default:
		return false
	}
	return true
}

func (l *lexer) push(kind frameKind, command bool) {
	l.stack = append(l.stack, frame{kind: kind, open: l.i, word: -1, command: command, over: -1})
}

// redirect reads < and >, and what they are part of.
func (l *lexer) redirect(b byte) {
	next := l.at(l.i + 1)
	if f := l.top(); f.word >= 0 && isAllDigits(l.v.s[f.word:l.i]) {
		f.word = -1 // 2>
	}
	l.endWord()
	f := l.top()
	switch {
	case next == '(':
		l.cut(l.i)
		l.i++
		l.cut(l.i)
		l.push(inParens, true)
		l.i++
	case b == '<' && next == '<' && l.at(l.i+2) == '<':
		l.i += 3
		f.target, f.runs = true, max(f.runs, prints)
	case b == '<' && next == '<':
		l.i += 2
		l.heredoc()
	case next == '&' || next == '>' || next == '|' || b == '<' && next == '>':
		l.i += 2
		f.target = true
	default:
		l.i++
		f.target = true
	}
}

// heredoc reads the word that ends a here-document.
func (l *lexer) heredoc() {
	d := heredoc{}
	if l.at(l.i) == '-' {
		d.indent = true
		l.i++
	}
	for isBlank(l.at(l.i)) {
		l.i++
	}
	start := l.i
	var end []byte
	for quote := byte(0); l.i < len(l.v.s); l.i++ {
		b := l.v.s[l.i]
		switch {
		case quote != 0 && b == quote:
			quote = 0
		case quote != 0:
			end = append(end, b)
		case isQuote(b):
			quote, d.quoted = b, true
		case b == '\\':
			d.quoted = true
		case isSeparator(b) && b != '\r':
			l.docs = append(l.docs, heredoc{string(end), d.quoted, d.indent})
			l.endsAt(start)
			return
		default:
			end = append(end, b)
		}
	}
}

// endsAt cuts what would hide the word at a place of the view.
func (l *lexer) endsAt(i int) {
	place := l.v.place(i)
	if n, ok := l.r.around(place); ok {
		l.r.end(n, place)
	}
}

// bodies reads the here-documents whose text begins at l.i.
func (l *lexer) bodies() {
	for _, d := range l.docs {
		start, end, next := l.i, l.i, len(l.v.s)
		for end < len(l.v.s) {
			line, _, _ := strings.Cut(l.v.s[end:], "\n")
			text := line
			if d.indent {
				text = strings.TrimLeft(line, "\t")
			}
			if text == d.end {
				next = min(len(l.v.s), end+len(line)+1)
				break
			}
			end = min(len(l.v.s), end+len(line)+1)
		}
		if l.r.holds(&l.v, start, end) {
			if !d.quoted {
				l.expansions(start, end)
			}
			l.r.read(l.v.part(start, end))
		}
		if end < len(l.v.s) {
			l.endsAt(end)
		}
		l.i = next
	}
	l.docs = nil
	if len(l.stack) == 1 {
		l.line = l.i
	}
}

// expansions cuts at the substitutions of a here-document, which no quotes in it keep from being made.
func (l *lexer) expansions(start, end int) {
	for i := start; i < end; i++ {
		switch b := l.v.s[i]; {
		case b == '\\':
			i++
		case b == '`' || b == '$' && l.at(i+1) == '(':
			l.endsAt(i)
		}
	}
}

// cut makes a span end before i, unless that is one of a value that the view only is a part of.
func (l *lexer) cut(i int) {
	if l.broken < 0 {
		l.broken = i
	}
	place := l.v.place(i)
	n, ok := l.r.around(place)
	if !ok || l.isSafe(n) || !l.v.runs && l.r.spans[n].start <= l.v.place(l.broken) {
		return
	}
	l.r.end(n, place)
}

// isSafe reports whether a value is all of a string that is written around the view.
func (l *lexer) isSafe(n int) bool { return l.r.safe[n] > 0 && l.v.depth >= l.r.safe[n] }

// giveUp reads the rest from i on without knowing what is quoted, and the word before that, whose end nobody will see.
func (l *lexer) giveUp(i int) {
	if begun := l.stack[0].word; begun >= 0 {
		i = min(i, begun)
	}
	l.r.wary(&l.v, i)
	l.i, l.done = len(l.v.s), true
	l.stack = l.stack[:1]
	l.top().word = -1
}

// finish ends the last word. Where a quote is still open, the shell runs nothing of its line.
func (l *lexer) finish() {
	if l.done {
		return
	}
	if slices.ContainsFunc(l.stack, func(f frame) bool { return f.kind == inDouble || f.kind == inBraces }) {
		l.unclosed()
		return
	}
	l.endWord()
}

// unclosed takes back the cuts of the last line: it has a quote that nothing closes.
func (l *lexer) unclosed() {
	l.r.restore(l.logged, l.v.place(l.line))
	l.i, l.done = len(l.v.s), true
}
