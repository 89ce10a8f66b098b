package redact

import (
	"path"
	"slices"
	"sort"
	"strings"
)

// shellWords are words behind which the name of a command comes: those of the shell, and programs that run another.
var shellWords = words{
	"if", "then", "else", "elif", "while", "until", "do", "!", "{", "time", "coproc",
	"sudo", "doas", "env", "exec", "command", "builtin", "nohup", "nice", "xargs", "setsid", "stdbuf", "ionice", "noglob", "nocorrect",
}

// runners are commands that run what their arguments say; printers write it, and what reads that may run it.
var (
	runners  = words{"eval", "ssh", "autossh", "mosh", "watch", "trap", "parallel", "alias"}
	printers = words{"echo", "printf", "print"}
)

// isShellWord reports whether a command's name comes behind a word.
func isShellWord(word string) bool { return len(word) <= maxPart && shellWords.have([]byte(word)) }

// isAssignment reports whether a word begins as an assignment: NAME=, NAME+=, NAME[x]=.
func isAssignment(s string) bool {
	i := 0
	for i < len(s) && word.in(s[i]) {
		i++
	}
	if i == 0 || isDigit(s[0]) {
		return false
	}
	if i < len(s) && s[i] == '[' {
		if n := strings.IndexByte(s[i:min(len(s), i+lookahead)], ']'); n > 0 {
			i += n + 1
		}
	}
	return strings.HasPrefix(s[i:], "=") || strings.HasPrefix(s[i:], "+=")
}

// beginWord begins a word at l.i.
func (l *lexer) beginWord() {
	f := l.top()
	f.word, f.pieces, f.over = l.i, f.pieces[:0], -1
	if !f.command || f.target || isAssignment(l.v.s[l.i:]) {
		return
	}
	// The name of a command is not hidden, neither behind something else nor by itself.
	place := l.v.place(l.i)
	n, ok := l.r.around(place)
	if start := l.i + 1; !ok && isQuote(l.v.s[l.i]) && start < len(l.v.s) {
		n, ok = l.r.around(l.v.place(start))
		ok = ok && l.r.spans[n].start == l.v.place(start)
	}
	if !ok || l.isSafe(n) || !l.v.runs && (l.broken < 0 || l.r.spans[n].start <= l.v.place(l.broken)) {
		return
	}
	if s := l.r.spans[n]; s.start < place || !l.r.opaqueWord(n) {
		l.r.end(n, min(max(s.start, l.v.place(max(0, l.i-1))), max(place, s.start)))
		if s.start >= place {
			l.r.end(n, s.start)
		}
	}
}

// inWord reads one thing that a word is made of.
func (l *lexer) inWord(b byte) {
	f := l.top()
	switch {
	case b == '\\':
		f.pieces = append(f.pieces, l.i, min(l.i+2, len(l.v.s)), byEscape)
		l.escape()
	case b == '\'':
		l.single(l.i+1, false)
	case b == '"':
		l.push(inDouble, false)
		l.i++
	case b == '$' && l.at(l.i+1) == '\'':
		l.i++
		l.single(l.i+1, true)
	case b == '$':
		l.dollar()
	case b == '`':
		l.backticks()
	default:
		l.i++
	}
}

// escape reads a backslash and what it escapes, which no span parts.
func (l *lexer) escape() {
	if l.i+1 < len(l.v.s) {
		if n, ok := l.r.around(l.v.place(l.i)); ok && l.r.spans[n].end == l.v.place(l.i+1) {
			l.r.end(n, l.v.place(l.i))
		}
	}
	l.i = min(l.i+2, len(l.v.s))
}

// single reads a string in single quotes that begins at start. $'…' has escapes.
func (l *lexer) single(start int, escapes bool) {
	end := start
	for end < len(l.v.s) && l.v.s[end] != '\'' {
		if escapes && l.v.s[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(l.v.s) {
		l.unclosed()
		return
	}
	how := bySingle
	if escapes {
		how = byANSI
	}
	l.i = end + 1
	l.quoted(start, end, how)
}

// quoted notes that [start, end) of the word is quoted. A span that begins there may go on in another such piece of the
// word, and one that begins elsewhere must not end there: what is left over would be read in another way.
func (l *lexer) quoted(start, end, how int) {
	f := l.top()
	f.pieces = append(f.pieces, start, end, how)
	open := start - 1
	if how == byANSI {
		open--
	}
	first, from, to := l.v.place(open), l.v.place(start), l.v.place(end)
	if n, ok := l.r.around(first); ok && l.r.spans[n].start < first {
		switch stop := l.r.spans[n].end; {
		case stop > to:
		case n == f.over && how == f.how && stop >= from:
			f.over = -1
		case n != f.over:
			l.r.end(n, first)
		}
	}
	n := sort.Search(len(l.r.spans), func(i int) bool { return l.r.spans[i].start >= first })
	for ; n < len(l.r.spans) && l.r.spans[n].start <= to; n++ {
		s := l.r.spans[n]
		if s.start <= from && f.runs != runs {
			l.r.safe[n] = l.v.depth + 1
		}
		if s.value && s.start >= from && s.end > to {
			f.over, f.closed, f.how = n, end, how
		}
		if s.value && s.start < from && s.end <= to {
			l.r.end(n, s.start) // it begins before the quote and ends within
		}
	}
}

// dollar reads what begins with a $.
func (l *lexer) dollar() {
	switch next := l.at(l.i + 1); {
	case next == '(':
		l.cut(l.i)
		if l.at(l.i+2) == '(' && l.skipArithmetic(l.i+1) {
			return
		}
		l.i++
		l.cut(l.i)
		l.push(inParens, true)
		l.i++
	case next == '{':
		if after := l.at(l.i + 2); isSpace(after) || after == '|' { // ${ command;}
			l.giveUp(l.i)
			return
		}
		l.push(inBraces, false)
		l.i += 2
	case next == '[':
		l.giveUp(l.i)
	case next == '$': // the number of the process
		l.i += 2
	default:
		l.i++
	}
}

// backticks reads a substitution in backticks: it ends at the next one, whatever is quoted.
func (l *lexer) backticks() {
	start := l.i + 1
	end, escaped := start, false
	for end < len(l.v.s) && l.v.s[end] != '`' {
		if l.v.s[end] == '\\' {
			escaped = true
			end++
		}
		end++
	}
	if end >= len(l.v.s) {
		l.unclosed()
		return
	}
	l.cut(l.i)
	if escaped {
		l.r.wary(&l.v, l.i)
	} else {
		l.r.read(l.v.part(start, end))
	}
	l.endsAt(end)
	l.i = end + 1
}

// double reads within double quotes.
func (l *lexer) double() {
	switch b := l.v.s[l.i]; b {
	case '\\':
		l.escape()
	case '"':
		start := l.top().open + 1
		l.stack = l.stack[:len(l.stack)-1]
		end := l.i
		l.i++
		if l.top().kind == inBraces {
			return
		}
		l.quoted(start, end, byDouble)
	case '$':
		if next := l.at(l.i + 1); next == '(' || next == '{' || next == '[' || next == '$' {
			l.dollar()
			return
		}
		l.i++
	case '`':
		l.backticks()
	default:
		l.i++
		for l.i < len(l.v.s) && plain.in(l.v.s[l.i]) {
			l.i++
		}
	}
}

// braces reads within ${…}. Shells do not agree on quotes there within quotes.
func (l *lexer) braces() {
	b := l.v.s[l.i]
	switch {
	case isQuote(b) && slices.ContainsFunc(l.stack, func(f frame) bool { return f.kind == inDouble }):
		l.giveUp(l.i)
	case b == '\\':
		l.escape()
	case b == '}':
		l.closeBraces()
	case b == '\'':
		if n := strings.IndexByte(l.v.s[l.i+1:], '\''); n >= 0 {
			l.i += n + 2
		} else {
			l.unclosed()
		}
	case b == '"':
		l.push(inDouble, false)
		l.i++
	case b == '$':
		l.dollar()
	case b == '`':
		l.backticks()
	default:
		l.i++
	}
}

// closeBraces ends ${…}. No span has one of its ends and not the other: the masked text would have a brace that closes
// nothing, or one that nothing closes, and read in another way.
func (l *lexer) closeBraces() {
	open, end := l.v.place(l.top().open), l.v.place(l.i)
	if n, ok := l.r.around(end); ok && l.r.spans[n].start > open {
		l.r.end(n, end)
	}
	if n, ok := l.r.around(open); ok && l.r.spans[n].end <= end {
		l.r.end(n, open)
	}
	l.stack = l.stack[:len(l.stack)-1]
	l.i++
}

// endWord ends the word that is being read, if one is.
func (l *lexer) endWord() {
	f := l.top()
	if f.word < 0 {
		if l.broken < 0 && l.i > 0 {
			l.broken = l.i
		}
		return
	}
	start, end := f.word, min(l.i, len(l.v.s))
	f.word = -1
	if l.broken < 0 {
		l.broken = end
	}
	if f.over >= 0 {
		l.r.end(f.over, l.v.place(f.closed))
	}
	text := l.v.s[start:end]
	if len(f.pieces) > 0 && l.r.holds(&l.v, start, end) {
		l.r.read(l.meaning(start, end, f))
	}
	l.classify(f, text)
}

// classify takes from a word what it says of those behind it.
func (l *lexer) classify(f *frame, text string) {
	switch {
	case f.target:
		f.target = false
	case f.command && (isAssignment(text) || f.wrapped && (text[0] == '-' || strings.IndexByte(text, '=') >= 0)):
	case f.command:
		name := strings.Trim(text[max(0, len(text)-maxPart):], `"'\`)
		f.command = isShellWord(path.Base(name))
		f.wrapped = f.command
		switch name := []byte(path.Base(name)); {
		case runners.have(name):
			f.runs = runs
		case printers.have(name):
			f.runs = prints
		}
	case text == "case" || text == "=~":
		if len(l.stack) > 1 {
			l.giveUp(l.i)
		}
	}
	if text == "case" && slices.ContainsFunc(l.stack, func(g frame) bool { return g.kind == inDouble || g.kind == inBraces }) {
		l.giveUp(l.i)
		return
	}
	// sh -c 'text', psql -c "text", gcloud --command 'text'
	if !f.command && text[0] == '-' && (len(text) < 8 && text[len(text)-1] == 'c' || strings.HasPrefix(text, "--command") || text == "-exec") {
		f.runs = runs
	}
}

// meaning returns what a word says, quotes and escapes taken away.
func (l *lexer) meaning(start, end int, f *frame) view {
	out := view{depth: l.v.depth + 1, runs: f.runs != takes}
	buf := make([]byte, 0, end-start)
	at := make([]int, 0, end-start+1)
	put := func(b byte, i int) { buf, at = append(buf, b), append(at, l.v.place(i)) }
	i := start
	for p := 0; p+2 < len(f.pieces); p += 3 {
		from, to, how := f.pieces[p], f.pieces[p+1], f.pieces[p+2]
		for ; i < from; i++ {
			if b := l.v.s[i]; !isQuote(b) && (b != '$' || !isQuote(l.at(i+1))) {
				put(b, i)
			}
		}
		for i < to {
			b, n := l.unquote(i, to, how)
			if n > 0 {
				put(b, i+n-1)
			}
			i += max(n, 1)
			if n == 0 {
				i++ // a line that goes on
			}
		}
		if how != byEscape {
			i++ // the closing quote
		}
	}
	for ; i < end; i++ {
		put(l.v.s[i], i)
	}
	out.s, out.at = string(buf), append(at, l.v.place(end))
	return out
}

// unquote returns what is written at i in a piece of a word, and how long that is; 0 where it is a line's continuation.
func (l *lexer) unquote(i, end, how int) (byte, int) {
	b := l.v.s[i]
	if b != '\\' || how == bySingle || i+1 >= end {
		return b, 1
	}
	next := l.v.s[i+1]
	switch how {
	case byEscape:
		if next == '\n' {
			return 0, 0
		}
		return next, 2
	case byDouble:
		switch next {
		case '\n':
			return 0, 0
		case '"', '\\', '$', '`':
			return next, 2
		}
		return b, 1
	}
	if next == 'x' && i+3 < end && hex.in(lowerByte(l.v.s[i+2])) && hex.in(lowerByte(l.v.s[i+3])) {
		return byte(hexRune(l.v.s[i+2 : i+4])), 4
	}
	if strings.IndexByte(`ntr\'"`, next) >= 0 {
		return unescapeByte(next), 2
	}
	return b, 1
}
