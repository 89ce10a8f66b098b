package redact

import "strings"

// A private key in PEM has lines, and a mask that takes lines could take commands. So it takes only what is sure to be of a
// key: lines of base64 that look generated, the headers before them, and what joins lines in a text.

const (
	longestLabel  = 48       // of a PEM block, with the dashes behind it
	longestKey    = 64 << 10 // how far the end of a key is looked for
	shortestLine  = 16       // of a key; the last line may be shorter where the end follows
	shortestApart = 24       // of a line that stands for itself
)

// pem masks a PEM block that holds a private key, to the end of its last line. start is the first dash of its first line.
// A block that is cut off is masked as far as it still reads as one, and of one whose lines are spread each line.
func (c *scan) pem(start, i int) int {
	label, _, ok := strings.Cut(c.s[i:min(len(c.s), i+longestLabel)], "-----")
	if !ok || !strings.HasPrefix(c.s[start:], "-----BEGIN ") || !strings.Contains(label, "PRIVATE KEY") {
		return 0
	}
	last := "-----END " + label + "-----"
	body := i + len(label) + len("-----")
	end, closed := c.pemBody(body, last)
	if end > body {
		end = c.add(start, end, rulePrivateKey)
	}
	if !closed {
		end = max(end, c.pemApart(end, last))
	}
	if end == body {
		return 0
	}
	return end
}

// pemBody returns the end of what is of a key from i on, and whether its last line is there, too. It ends only where as many
// quotes were closed as opened, so that what follows reads as it did.
func (c *scan) pemBody(i int, last string) (end int, closed bool) {
	end = i
	quoted := anyQuotes
	for {
		at := c.pemGlue(i)
		if stop := c.pemEnd(at, last); stop > 0 {
			if quoted.read(c.s[i:stop]); quoted != anyQuotes {
				return end, false
			}
			return stop, true
		}
		stop := c.pemLine(at)
		switch {
		case stop == at:
			if stop = c.pemHeader(at); stop == at {
				return end, false
			}
		case isKeyLine(c.s[at:stop]) || c.pemTail(at, stop, last):
		default:
			if stop = c.pemHeader(at); stop == at {
				return end, false
			}
		}
		quoted.read(c.s[i:stop])
		i = stop
		if quoted == anyQuotes {
			end = stop
		}
	}
}

// quotes is which quote is open, for each that may have been at the beginning; 0 is none.
type quotes [3]byte

var anyQuotes = quotes{0, '"', '\''}

// read goes on over a text.
func (q *quotes) read(text string) {
	if strings.IndexByte(text, '"') < 0 && strings.IndexByte(text, '\'') < 0 {
		return
	}
	for n, open := range q {
		for i := 0; i < len(text); i++ {
			switch b := text[i]; {
			case b == '\\' && open != '\'':
				i++
			case b == open:
				open = 0
			case open == 0 && (b == '"' || b == '\''):
				open = b
			}
		}
		q[n] = open
	}
}

// pemGlue returns the end of what joins the lines of a key: line breaks, written out or escaped, quotes and commas, and
// what quotes, comments and diffs put before each line.
func (c *scan) pemGlue(i int) int {
	for i < len(c.s) {
		switch b := c.s[i]; {
		case isSpace(b) || isQuote(b) || b == ',':
			i++
		case b == '\\':
			i++
			if n := c.at(i); n == 'n' || n == 'r' || n == 't' {
				i++
			}
		case b == '%' && c.at(i+1) == '0' && (lowerByte(c.at(i+2)) == 'a' || lowerByte(c.at(i+2)) == 'd'):
			i += 3
		case (b == '>' || b == '#' || b == '*' || b == '+') && isSpace(c.at(i-1)) && (isSpace(c.at(i+1)) || isQuote(c.at(i+1))):
			i++
		default:
			return i
		}
	}
	return i
}

// pemLine returns the end of the base64 at i, before the dashes of a last line.
func (c *scan) pemLine(i int) int {
	end := c.runTo(base64Any, i)
	if n := strings.Index(c.s[i:end], "-----"); n >= 0 {
		end = i + n
	}
	return end
}

// pemTail reports whether [start, end) is the short last line of a key: its end follows.
func (c *scan) pemTail(start, end int, last string) bool {
	const checksum = 5 // of PGP: =Ab1+
	text := c.s[start:end]
	if !strings.HasSuffix(text, "=") && !(hasUpper(text) && hasLower(text)) && !(len(text) == checksum && text[0] == '=') {
		return false
	}
	at := c.pemGlue(end)
	if c.at(at) == '=' { // the checksum is still to come
		at = c.pemGlue(min(at+checksum, len(c.s)))
	}
	return c.pemEnd(at, last) > 0
}

// pemEnd returns the end of the last line that starts at i, or 0. A diff writes a + or - before it.
func (c *scan) pemEnd(i int, last string) int {
	rest := c.s[i:]
	if !strings.HasPrefix(rest, last) && len(rest) > 0 && (rest[0] == '+' || rest[0] == '-') {
		rest = rest[1:]
	}
	if !strings.HasPrefix(rest, last) {
		return 0
	}
	return len(c.s) - len(rest) + len(last)
}

// pemHeader returns the end of the header at i, as in "Version: GnuPG v2.0.22 (GNU/Linux)", or i where none is that says
// nothing to a shell.
func (c *scan) pemHeader(i int) int {
	j := i
	for j < len(c.s) && j-i < longestLabel && (isLetter(c.s[j]) || c.s[j] == '-') {
		j++
	}
	if j == i || !isUpper(c.s[i]) || c.at(j) != ':' || !isBlank(c.at(j+1)) {
		return i
	}
	for j++; j < len(c.s) && j-i < lookahead; j++ {
		switch b := c.s[j]; {
		case b == '\n' || b == '\r' || b == '\\' || b == '%' || isQuote(b):
			return j
		case b == '(' && c.at(c.skipBlanks(j+1)) != ')', b == ')':
		case isSeparator(b) && !isBlank(b) || b == '$' || b == '`' || b == '#':
			return i
		}
	}
	return i
}

// pemApart masks the lines of a key that something stands between, as where each is written by a command of its own; there
// must be an end. It returns where the last of them ends.
func (c *scan) pemApart(i int, last string) int {
	near := c.s[i:min(len(c.s), i+longestKey)]
	n := strings.Index(near, "-----")
	if n < 0 || !strings.HasPrefix(near[n:], last) {
		return 0
	}
	end, stop := 0, i+n
	for i < stop {
		if !base64Any.in(c.s[i]) {
			i++
			continue
		}
		line := c.pemLine(i)
		if text := c.s[i:line]; len(text) >= shortestApart && isKeyLine(text) {
			end = c.add(i, line, rulePrivateKey)
		}
		i = max(line, i+1)
	}
	return end
}

// isKeyLine reports whether a line looks like one of a key, and neither like words, nor like the path of a program, nor like
// an assignment: in base64 four of ten characters are capitals, and as many small letters, and = is only at its end.
func isKeyLine(text string) bool {
	if strings.IndexByte(strings.TrimRight(text, "="), '=') >= 0 {
		return false
	}
	var caps, lows int
	for i := range len(text) {
		switch b := text[i]; {
		case isUpper(b):
			caps++
		case isLetter(b):
			lows++
		}
	}
	return len(text) >= shortestLine && caps > len(text)/8 && lows > len(text)/8
}
