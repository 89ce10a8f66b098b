package report

import (
	"slices"
	"strings"
)

// maxPrograms is how many programs are taken from one command.
const maxPrograms = 32

// passers run the word behind them. Where an option stands between, what they
// run is not looked for: it takes knowing which options have a value.
var passers = []string{"sudo", "doas", "env", "nohup", "exec", "command", "time", "builtin", "xargs"}

// openers are words of the shell behind which a command begins.
var openers = []string{"then", "do", "else", "elif", "if", "while", "until", "!", "{"}

// others are words of the shell behind which none does.
var others = []string{"for", "case", "select", "function", "fi", "done", "esac", "}", "in", "[[", "[", ""}

// appendPrograms appends the names of the programs that a command calls, as far
// as its words tell: of each of its parts (between ;, &, |, parentheses, backticks
// and line feeds) the first word that is no assignment, without directory, and what sudo
// and the like run. Text of another shell, here-documents, and what a variable
// holds are not looked into: to count programs that is enough, and package risk
// judges.
func appendPrograms(dst []string, command string) []string {
	s := words{rest: command}
	begins, passed := true, false // a command may begin; the word before passes on
	assigned, resumes := false, false
	for len(dst) < maxPrograms {
		word, ok := s.next()
		if !ok {
			break
		}
		if word == separator {
			begins, passed = true, false
			continue
		}
		if word == backtick { // what it stands for may be a value, and the command still to come
			if s.ticked = !s.ticked; s.ticked {
				begins, resumes = true, begins && assigned
			} else {
				begins = resumes
			}
			passed, assigned = false, false
			continue
		}
		assigned = assignment(word)
		if !begins && !passed || assigned {
			continue
		}
		if begins && slices.Contains(openers, word) {
			continue
		}
		begins = false
		if strings.HasPrefix(word, "-") || slices.Contains(others, word) {
			passed = false
			continue
		}
		name := word[strings.LastIndexByte(word, '/')+1:]
		passed = slices.Contains(passers, name)
		if name != "" && !strings.ContainsAny(name, "$`*?") && !slices.Contains(dst, name) {
			dst = append(dst, name)
		}
	}
	return dst
}

// assignment reports whether a word is NAME=VALUE.
func assignment(word string) bool {
	name, _, ok := strings.Cut(word, "=")
	return ok && name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+") == ""
}

// separator stands for what ends a part of a command, backtick for what begins or ends
// one within a word.
const (
	separator = "\x00"
	backtick  = "\x00`"
)

// Words are those of a command, and what stands between its parts.
type words struct {
	rest     string
	document bool // a here-document begins behind this line
	ticked   bool // between backticks
}

// next returns the next word, without its quotation marks, or separator or backtick.
func (w *words) next() (string, bool) {
	w.rest = strings.TrimLeft(w.rest, " \t\r")
	if w.rest == "" {
		return "", false
	}
	if behind := strings.TrimLeft(w.rest, "0123456789"); behind != "" && strings.IndexByte("<>", behind[0]) >= 0 {
		w.rest = behind // the number of what is redirected
	}
	switch c := w.rest[0]; {
	case c == '`':
		w.rest = w.rest[1:]
		return backtick, true
	case c == '\n' && w.document, c == '#' && !strings.Contains(w.rest, "\n"):
		return "", false // what follows is text
	case c == '#':
		w.rest = w.rest[strings.IndexByte(w.rest, '\n'):]
		return w.next()
	case strings.HasPrefix(w.rest, "<<"):
		w.document = !strings.HasPrefix(w.rest, "<<<")
		return w.redirection()
	case c == '<' || c == '>' || strings.HasPrefix(w.rest, "&>"):
		return w.redirection()
	case strings.IndexByte(";&|()\n", c) >= 0:
		w.rest = w.rest[1:]
		return separator, true
	}
	return w.word(), true
}

// redirection passes over a redirection and the word that it names.
func (w *words) redirection() (string, bool) {
	w.rest = strings.TrimLeft(strings.TrimLeft(w.rest, "<>&|-"), " \t")
	if w.rest != "" && strings.IndexByte(";&|()\n", w.rest[0]) < 0 {
		w.word()
	}
	return w.next()
}

// What a character of a word may be.
const (
	plainChar = iota
	markChar  // a quotation mark, or a backslash
	endChar   // ends the word
)

var chars = [256]byte{
	' ': endChar, '\t': endChar, '\r': endChar, '\n': endChar, ';': endChar, '&': endChar, '|': endChar,
	'(': endChar, ')': endChar, '<': endChar, '>': endChar, '`': endChar,
	'\'': markChar, '"': markChar, '\\': markChar,
}

// word takes a word. Most have no mark in them.
func (w *words) word() string {
	i := 0
	for i < len(w.rest) && chars[w.rest[i]] == plainChar {
		i++
	}
	text := w.rest[:i]
	if i < len(w.rest) && chars[w.rest[i]] == markChar {
		text, i = w.marked(i)
	}
	w.rest = w.rest[i:]
	return text
}

// marked returns a word whose first mark is at i, and where it ends.
func (w *words) marked(i int) (string, int) {
	var b strings.Builder
	b.WriteString(w.rest[:i])
	for i < len(w.rest) && chars[w.rest[i]] != endChar {
		switch c := w.rest[i]; c {
		case '\'', '"':
			i = w.quoted(&b, i)
			continue
		case '\\':
			if i++; i < len(w.rest) && w.rest[i] != '\n' {
				b.WriteByte(w.rest[i])
			}
		default:
			b.WriteByte(c)
		}
		i++
	}
	return b.String(), min(i, len(w.rest))
}

// quoted takes what stands in quotation marks and returns where it ends.
func (w *words) quoted(b *strings.Builder, i int) int {
	mark := w.rest[i]
	for i++; i < len(w.rest) && w.rest[i] != mark; i++ {
		if mark == '"' && w.rest[i] == '\\' && i+1 < len(w.rest) {
			i++
		}
		b.WriteByte(w.rest[i])
	}
	return min(i+1, len(w.rest))
}
