// Package terminal makes text harmless for a terminal, and measures it.
//
// What an agent ran, and what a forged log says, is chosen by somebody else.
// Printed as it is, it could move the cursor, rewrite lines above it, hide
// itself, turn its direction round, or type into the shell. Here everything
// that is not a visible character is written out: \n, \x1b, \u202e, and \xff
// for a byte that is no UTF-8. So are marks beyond the fourth on one character. A backslash stays one: what is shown is for
// people, and the exact bytes are in the stored line.
package terminal

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// Append appends s, made harmless, to dst. The result is one line: valid
// UTF-8 that holds visible characters and blanks only.
func Append[T string | []byte](dst []byte, s T) []byte {
	marks := 0 // since the last character that they stand on
	for i := 0; i < len(s); {
		if n := plain(s[i:]); n > 0 {
			dst = append(dst, s[i:i+n]...)
			i += n
			marks = 0
			continue
		}
		if c := s[i]; c < utf8.RuneSelf {
			dst = appendASCII(dst, c)
			i++
			continue
		}
		var encoded [utf8.UTFMax]byte
		n := copy(encoded[:], s[i:])
		r, size := utf8.DecodeRune(encoded[:n])
		i += size
		switch {
		case r == utf8.RuneError && size == 1:
			dst = append(dst, '\\', 'x', hexDigits[encoded[0]>>4], hexDigits[encoded[0]&0xf])
		case visible(r) && columns(r) > 0:
			marks = 0
			dst = append(dst, encoded[:size]...)
		case visible(r) && marks < mostMarks:
			marks++
			dst = append(dst, encoded[:size]...)
		default:
			dst = appendRune(dst, r)
		}
	}
	return dst
}

// mostMarks is how many marks may stand on one character: more than any language
// needs. A terminal puts them all into its one cell, or over the lines around it.
const mostMarks = 4

// plain returns how many bytes at the beginning of s are visible ASCII.
func plain[T string | []byte](s T) int {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return i
		}
	}
	return len(s)
}

// Text returns s, made harmless.
func Text(s string) string {
	if plain(s) == len(s) {
		return s
	}
	return string(Append(nil, s))
}

// visible reports whether a terminal shows a character and does nothing else:
// letters, marks, numbers, punctuation and symbols. Package strconv knows them
// so; no control, no format character (bidi controls, joiners, tags), no blank
// but the common one, nothing private or unassigned.
//
// What stands for no character of its own is not either: the fillers of Hangul
// and Braille's empty cell are letters and symbols to Unicode, and blank to the eye.
func visible(r rune) bool {
	switch r {
	case 0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0:
		return false
	}
	// Variation selectors are marks that nobody sees.
	if r >= 0xFE00 && r <= 0xFE0F || r >= 0xE0100 && r <= 0xE01EF || r >= 0x180B && r <= 0x180F {
		return false
	}
	return strconv.IsPrint(r)
}

// appendASCII writes out a control character.
func appendASCII(dst []byte, c byte) []byte {
	switch {
	case c == '\n':
		return append(dst, `\n`...)
	case c == '\r':
		return append(dst, `\r`...)
	case c == '\t':
		return append(dst, `\t`...)
	case c < ' ':
		return append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&0xf])
	}
	return appendRune(dst, rune(c)) // 0x7F, the one control character that JSON lets stand
}

// appendRune writes \uHHHH as JSON does, beyond the first plane two of them.
// Inside a string of JSON it stands for the same character.
func appendRune(dst []byte, r rune) []byte {
	if r > 0xFFFF {
		r -= 0x10000
		return appendRune(appendRune(dst, 0xD800+r>>10), 0xDC00+r&0x3FF)
	}
	return append(dst, '\\', 'u', hexDigits[r>>12&0xf], hexDigits[r>>8&0xf], hexDigits[r>>4&0xf], hexDigits[r&0xf])
}

// wide are the characters that take two columns: East Asian wide and
// full-width ones, and emoji (Unicode Standard Annex 11).
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x1100, 0x115F, 1},
		{0x231A, 0x231B, 1},
		{0x2329, 0x232A, 1},
		{0x23E9, 0x23EC, 1},
		{0x23F0, 0x23F3, 3},
		{0x25FD, 0x25FE, 1},
		{0x2614, 0x2615, 1},
		{0x2648, 0x2653, 1},
		{0x267F, 0x2693, 20},
		{0x26A1, 0x26A1, 1},
		{0x26AA, 0x26AB, 1},
		{0x26BD, 0x26BE, 1},
		{0x26C4, 0x26C5, 1},
		{0x26CE, 0x26D4, 6},
		{0x26EA, 0x26EA, 1},
		{0x26F2, 0x26F3, 1},
		{0x26F5, 0x26FA, 5},
		{0x26FD, 0x2705, 8},
		{0x270A, 0x270B, 1},
		{0x2728, 0x274C, 36},
		{0x274E, 0x274E, 1},
		{0x2753, 0x2755, 1},
		{0x2757, 0x2757, 1},
		{0x2795, 0x2797, 1},
		{0x27B0, 0x27BF, 15},
		{0x2B1B, 0x2B1C, 1},
		{0x2B50, 0x2B55, 5},
		{0x2E80, 0x303E, 1},
		{0x3041, 0x33FF, 1},
		{0x3400, 0x4DBF, 1},
		{0x4E00, 0xA4CF, 1},
		{0xA960, 0xA97F, 1},
		{0xAC00, 0xD7A3, 1},
		{0xF900, 0xFAFF, 1},
		{0xFE10, 0xFE19, 1},
		{0xFE30, 0xFE6F, 1},
		{0xFF00, 0xFF60, 1},
		{0xFFE0, 0xFFE6, 1},
	},
	R32: []unicode.Range32{
		{0x16FE0, 0x18DFF, 1},
		{0x1AFF0, 0x1B2FF, 1},
		{0x1F004, 0x1F004, 1},
		{0x1F0CF, 0x1F0CF, 1},
		{0x1F18E, 0x1F18E, 1},
		{0x1F191, 0x1F19A, 1},
		{0x1F200, 0x1F320, 1},
		{0x1F32D, 0x1F335, 1},
		{0x1F337, 0x1F37C, 1},
		{0x1F37E, 0x1F393, 1},
		{0x1F3A0, 0x1F3CA, 1},
		{0x1F3CF, 0x1F3D3, 1},
		{0x1F3E0, 0x1F3F0, 1},
		{0x1F3F4, 0x1F3F4, 1},
		{0x1F3F8, 0x1F43E, 1},
		{0x1F440, 0x1F440, 1},
		{0x1F442, 0x1F4FC, 1},
		{0x1F4FF, 0x1F53D, 1},
		{0x1F54B, 0x1F54E, 1},
		{0x1F550, 0x1F567, 1},
		{0x1F57A, 0x1F57A, 1},
		{0x1F595, 0x1F596, 1},
		{0x1F5A4, 0x1F5A4, 1},
		{0x1F5FB, 0x1F64F, 1},
		{0x1F680, 0x1F6C5, 1},
		{0x1F6CC, 0x1F6CC, 1},
		{0x1F6D0, 0x1F6D2, 1},
		{0x1F6D5, 0x1F6DF, 1},
		{0x1F6EB, 0x1F6EC, 1},
		{0x1F6F4, 0x1F6FC, 1},
		{0x1F7E0, 0x1F7EB, 1},
		{0x1F90C, 0x1F93A, 1},
		{0x1F93C, 0x1F945, 1},
		{0x1F947, 0x1F9FF, 1},
		{0x1FA70, 0x1FAFF, 1},
		{0x20000, 0x2FFFD, 1},
		{0x30000, 0x3FFFD, 1},
	},
}

func columns(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case unicode.Is(wide, r):
		return 2
	}
	return 1
}

// Width returns how many columns a text takes that is harmless.
func Width(s string) int {
	n := 0
	for _, r := range s {
		n += columns(r)
	}
	return n
}

// Cut returns a harmless text in at most some columns; where it does not fit,
// "…" takes the last one.
func Cut(s string, most int) string {
	if len(s) <= most || most <= 0 {
		return s[:max(0, min(len(s), most))]
	}
	end, used := 0, 0
	for i, r := range s {
		n := columns(r)
		if used+n > most {
			return s[:end] + "…"
		}
		if used += n; used < most {
			end = i + utf8.RuneLen(r)
		}
	}
	return s
}

// Fold returns a harmless text as at most so many lines of at most width columns
// each, broken between words where one ends in a line's second half. Where that
// is not enough the middle is left out: the last line is "…" and how the text
// ends, so that nobody hides an end behind a long beginning.
func Fold(s string, width, most int) []string {
	var lines []string
	for len(lines) < most-1 && Width(s) > width {
		n := fitting(s, width)
		lines = append(lines, strings.TrimRight(s[:n], " "))
		s = strings.TrimLeft(s[n:], " ")
	}
	if Width(s) > width {
		s = "…" + ending(s, width-1)
	}
	if s == "" && len(lines) > 0 {
		return lines
	}
	return append(lines, s)
}

// fitting returns how many bytes of a text that is too long go on one line: at
// least one character.
func fitting(s string, width int) int {
	used, blank := 0, 0
	for i, r := range s {
		n := columns(r)
		if r == ' ' && used >= width/2 {
			blank = i
		}
		if used+n > width && i > 0 {
			if blank > 0 {
				return blank
			}
			return i
		}
		used += n
	}
	return len(s)
}

// ending returns the end of a text that takes at most some columns.
func ending(s string, most int) string {
	start, used := len(s), 0
	for start > 0 {
		r, size := utf8.DecodeLastRuneInString(s[:start])
		if used += columns(r); used > most {
			break
		}
		start -= size
	}
	// A mark whose character is left out would stand on what takes its place.
	return strings.TrimLeftFunc(s[start:], func(r rune) bool { return columns(r) == 0 })
}

// A Writer makes harmless what is written through it, line by line: line
// feeds, with or without a carriage return before them, pass.
//
// In what is JSON it changes no value: only inside of strings can there be
// anything to change, and what takes its place is JSON's own escape.
type Writer struct {
	w    io.Writer
	held []byte // the beginning of a character, or a carriage return
	buf  []byte
}

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write writes p, made harmless, but for a character at the end that is not
// complete yet.
func (w *Writer) Write(p []byte) (int, error) {
	text := p
	if len(w.held) > 0 {
		text = append(w.held, p...)
	}
	end := len(text) - tail(text)
	w.buf = w.buf[:0]
	for line := range bytes.Lines(text[:end]) {
		content, whole := bytes.CutSuffix(line, []byte("\n"))
		if whole {
			content = bytes.TrimSuffix(content, []byte("\r"))
		}
		w.buf = append(Append(w.buf, content), line[len(content):]...)
	}
	w.held = append([]byte(nil), text[end:]...)
	if _, err := w.w.Write(w.buf); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close writes what was held back. It does not close the writer below.
func (w *Writer) Close() error {
	rest := Append(nil, w.held)
	w.held = nil
	_, err := w.w.Write(rest)
	return err
}

// tail returns how many bytes at the end of b need the next ones to be judged.
func tail(b []byte) int {
	if len(b) > 0 && b[len(b)-1] == '\r' {
		return 1
	}
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if last := b[len(b)-n:]; utf8.RuneStart(last[0]) {
			if utf8.FullRune(last) {
				return 0
			}
			return n
		}
	}
	return 0
}
