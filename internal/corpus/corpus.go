// Package corpus is texts with secrets in them, and texts that only look so, by
// which masking is measured. No file of it holds what a scanner of repositories
// takes for a secret: random characters are filled in when the texts are asked
// for, the same ones each time.
package corpus

import (
	_ "embed"
	"hash/fnv"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
)

//go:embed secrets.txt
var secrets string

//go:embed harmless.txt
var harmless string

// A Case is one text.
type Case struct {
	Line   int    // in its file
	Class  string // what kind of place the secret stands in; "" where there is none
	Text   string
	Secret string // the part of Text that is one; "" where there is none
}

// Secrets returns the texts with one secret each.
func Secrets() []Case {
	var cases []Case
	for n, line := range numbered(secrets) {
		class, text, ok := strings.Cut(line, "\t")
		if !ok {
			panic("corpus: secrets.txt:" + strconv.Itoa(n) + ": no tab")
		}
		text = expand(text)
		before, rest, _ := strings.Cut(text, "⟦")
		secret, after, ok := strings.Cut(rest, "⟧")
		if !ok || secret == "" {
			panic("corpus: secrets.txt:" + strconv.Itoa(n) + ": no secret")
		}
		cases = append(cases, Case{n, class, before + secret + after, secret})
	}
	return cases
}

// Harmless returns the texts without a secret.
func Harmless() []Case {
	var cases []Case
	for n, line := range numbered(harmless) {
		cases = append(cases, Case{Line: n, Text: expand(line)})
	}
	return cases
}

// numbered gives the lines of a file that are no comments with their numbers.
func numbered(file string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		n := 0
		for line := range strings.Lines(file) {
			n++
			if n > 1 && !yield(n, strings.TrimSuffix(line, "\n")) { // the first line says what the file is
				return
			}
		}
	}
}

const (
	digits = "0123456789"
	lows   = "abcdefghijklmnopqrstuvwxyz"
	caps   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// alphabets are the characters that a placeholder such as {a36} stands for.
var alphabets = map[string]string{
	"a": lows + caps + digits,
	"A": lows + caps,
	"l": lows + digits,
	"u": caps + digits,
	"h": digits + "abcdef",
	"d": digits,
	"w": lows + caps + digits + "_-",
	"b": lows + caps + digits + "_-",
	"B": lows + caps + digits + "+/",
}

var placeholder = regexp.MustCompile(`\{([aAluhdwbB])(\d+)\}|\{U\}`)

// expand fills in the random characters of a line; the line chooses them.
func expand(line string) string {
	h := fnv.New64a()
	h.Write([]byte(line))
	random := rand.New(rand.NewPCG(h.Sum64(), 0))
	draw := func(alphabet string, n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = alphabet[random.IntN(len(alphabet))]
		}
		return string(b)
	}
	line = placeholder.ReplaceAllStringFunc(line, func(m string) string {
		parts := placeholder.FindStringSubmatch(m)
		if parts[1] == "" {
			x := alphabets["h"]
			return draw(x, 8) + "-" + draw(x, 4) + "-4" + draw(x, 3) + "-a" + draw(x, 3) + "-" + draw(x, 12)
		}
		n, err := strconv.Atoi(parts[2])
		if err != nil {
			panic("corpus: " + m + ": " + err.Error())
		}
		return draw(alphabets[parts[1]], n)
	})
	return strings.NewReplacer("{five}", "-----", "␤", "\n").Replace(line)
}
