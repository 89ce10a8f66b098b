// Package token is the tokens by which HTTP requests are let in: who has one,
// what it is good for, and the file that they are kept in.
//
// A token is a secret of 256 random bits. The file holds only its SHA-256, so
// that whoever reads the file, or a copy of it, cannot come in with what it says;
// a slow hash would add nothing, as nobody guesses 256 bits.
package token

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Rights are what a token is good for. The zero Rights are none.
type Rights uint8

// The rights.
const (
	Send Rights = 1 << iota // to have events recorded
	Read                    // to ask what is recorded
)

// String returns the rights as the file has them.
func (r Rights) String() string {
	var words []string
	for i, word := range rightsWords {
		if r&(1<<i) != 0 {
			words = append(words, word)
		}
	}
	return strings.Join(words, ",")
}

// rightsWords are the words of the rights in the order of their bits.
var rightsWords = []string{"send", "read"}

// ParseRights returns the rights that a text names, for instance "send,read".
func ParseRights(text string) (Rights, error) {
	var r Rights
	for word := range strings.SplitSeq(text, ",") {
		i := slices.Index(rightsWords, word)
		if i < 0 {
			return 0, fmt.Errorf("rights %q are not send, read or send,read", text)
		}
		r |= 1 << i
	}
	return r, nil
}

// A Token is what is known of a token without its secret.
type Token struct {
	Name   string
	Rights Rights
}

// Errors of a List.
var (
	// ErrExists: there is a token of that name.
	ErrExists = errors.New("there is a token of that name")
	// ErrNone: there is no token of that name.
	ErrNone = errors.New("there is no token of that name")
	// ErrName: what was given is no name of a token.
	ErrName = errors.New("a token's name is 1 to 64 of the characters a-z, A-Z, 0-9, \".\", \"_\" and \"-\"")
)

// secretPrefix says of a secret what it is for, to people and to what looks for
// secrets in places where none should be.
const secretPrefix = "etch_"

// A List is the content of a file of tokens. The zero List is empty. It is not
// safe for concurrent use while it is changed.
type List struct {
	lines []line
}

// A line is one line of the file: a token, or a comment as it stands.
type line struct {
	comment string
	token   Token
	sum     [sha256.Size]byte
}

// Parse reads the content of a file: a line for each token, "NAME RIGHTS SHA256",
// the last in hexadecimal; empty lines and those that begin with "#" say nothing.
// A file with one bad line is bad: who may come in must not depend on a slip.
func Parse(text []byte) (*List, error) {
	l := new(List)
	number := 0
	for raw := range bytes.Lines(text) {
		number++
		parsed, err := parseLine(strings.TrimRight(string(raw), "\r\n"))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if parsed.comment == "" && parsed.token.Name != "" && l.index(parsed.token.Name) >= 0 {
			return nil, fmt.Errorf("line %d: %w: %s", number, ErrExists, parsed.token.Name)
		}
		l.lines = append(l.lines, parsed)
	}
	return l, nil
}

func parseLine(text string) (line, error) {
	if trimmed := strings.TrimSpace(text); trimmed == "" || trimmed[0] == '#' {
		return line{comment: text}, nil
	}
	words := strings.Fields(text)
	if len(words) != 3 {
		return line{}, fmt.Errorf("%d words, not the three of NAME RIGHTS SHA256", len(words))
	}
	if !isName(words[0]) {
		return line{}, ErrName
	}
	rights, err := ParseRights(words[1])
	if err != nil {
		return line{}, err
	}
	parsed := line{token: Token{words[0], rights}}
	sum, err := hex.DecodeString(words[2])
	if err != nil || len(sum) != len(parsed.sum) {
		return line{}, fmt.Errorf("the third word is not the %d hexadecimal digits of a SHA-256", hex.EncodedLen(len(parsed.sum)))
	}
	copy(parsed.sum[:], sum)
	return parsed, nil
}

func isName(s string) bool {
	return len(s) > 0 && len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
	})
}

// Format returns the content of a file, which [Parse] reads back as the same List.
func (l *List) Format() []byte {
	var b bytes.Buffer
	for _, line := range l.lines {
		if line.token.Name == "" {
			b.WriteString(line.comment)
		} else {
			fmt.Fprintf(&b, "%s %s %x", line.token.Name, line.token.Rights, line.sum)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// Tokens returns all tokens in the order of the file.
func (l *List) Tokens() []Token {
	var all []Token
	for _, line := range l.lines {
		if line.token.Name != "" {
			all = append(all, line.token)
		}
	}
	return all
}

// index returns where the token of a name stands; -1 where there is none.
func (l *List) index(name string) int {
	return slices.IndexFunc(l.lines, func(l line) bool { return l.token.Name == name })
}

// Find returns the token whose secret that is. How long it takes depends on how
// many tokens there are, and neither on which one is meant nor on how much of a
// wrong secret is right.
func (l *List) Find(secret string) (Token, bool) {
	sum := sha256.Sum256([]byte(secret))
	found := -1
	for i := range l.lines {
		same := subtle.ConstantTimeCompare(l.lines[i].sum[:], sum[:])
		found = subtle.ConstantTimeSelect(same, i, found)
	}
	if found < 0 || l.lines[found].token.Name == "" {
		return Token{}, false
	}
	return l.lines[found].token, true
}

// Make adds a token and returns its secret, which is nowhere else. The error is
// [ErrName] or [ErrExists].
func (l *List) Make(name string, rights Rights) (secret string, err error) {
	switch {
	case !isName(name):
		return "", ErrName
	case l.index(name) >= 0:
		return "", fmt.Errorf("%w: %s", ErrExists, name)
	}
	var random [32]byte
	rand.Read(random[:]) // never fails: it ends the process instead
	secret = secretPrefix + base64.RawURLEncoding.EncodeToString(random[:])
	l.lines = append(l.lines, line{token: Token{name, rights}, sum: sha256.Sum256([]byte(secret))})
	return secret, nil
}

// Revoke takes a token away. The error is [ErrNone].
func (l *List) Revoke(name string) error {
	i := l.index(name)
	if i < 0 || name == "" {
		return fmt.Errorf("%w: %s", ErrNone, name)
	}
	l.lines = slices.Delete(l.lines, i, i+1)
	return nil
}
