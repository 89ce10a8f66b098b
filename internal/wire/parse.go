package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/etch-audit/etch/internal/later"
)

// Parse reads one line of the daemon's, with or without its line feed. Members it
// does not know are passed over. EventID is a part of line where nothing in it had
// to be undone.
func Parse(line []byte, a *Answer) error {
	line = bytes.TrimSuffix(line, []byte{'\n'})
	if parseReceipt(line, a) {
		return nil
	}
	return parseAny(line, a)
}

// parseReceipt reads a receipt in the form that Append gives it, and reports
// whether it is one. It is what nearly all answers are, and costs no allocation.
func parseReceipt(line []byte, a *Answer) bool {
	p := parser{rest: line}
	got := Answer{Kind: Receipt}
	p.literal(`{"line":`)
	got.Line = p.number()
	p.literal(`,"seq":`)
	got.Seq = p.number()
	p.literal(`,"event_id":"`)
	got.EventID = p.text()
	p.literal(`","leaf":"`)
	p.hash(&got.Leaf)
	p.literal(`","checkpoint_size":`)
	got.Size = p.number()
	p.literal(`,"checkpoint_root":"`)
	p.hash(&got.Root)
	p.literal(`","sealed":`)
	p.boolean()
	p.literal(`,"durable":`)
	got.Durable = p.boolean()
	p.literal(`}`)
	if p.failed || len(p.rest) > 0 {
		return false
	}
	*a = got
	return true
}

// A parser takes one thing after the other off a line.
type parser struct {
	rest   []byte
	failed bool
}

func (p *parser) literal(s string) {
	if len(p.rest) < len(s) || string(p.rest[:len(s)]) != s {
		p.failed = true
		return
	}
	p.rest = p.rest[len(s):]
}

// number reads an integer as Append writes it, without leading zeros.
func (p *parser) number() (n uint64) {
	i := 0
	for ; i < len(p.rest) && p.rest[i] >= '0' && p.rest[i] <= '9'; i++ {
		digit := uint64(p.rest[i] - '0')
		if n > (1<<64-1-digit)/10 {
			p.failed = true
			return 0
		}
		n = n*10 + digit
	}
	p.failed = p.failed || i == 0 || i > 1 && p.rest[0] == '0'
	p.rest = p.rest[i:]
	return n
}

// text reads to the end of a string of printable ASCII without escapes.
func (p *parser) text() []byte {
	for i, c := range p.rest {
		switch {
		case c == '"':
			text := p.rest[:i:i]
			p.rest = p.rest[i:]
			return text
		case c < ' ' || c == '\\' || c > '~':
			p.failed = true
			return nil
		}
	}
	p.failed = true
	return nil
}

var encoding = later.Value[*base64.Encoding]{Make: func() *base64.Encoding { return base64.StdEncoding.Strict() }}

func (p *parser) hash(h *[HashSize]byte) {
	const length = (HashSize + 2) / 3 * 4
	if len(p.rest) < length {
		p.failed = true
		return
	}
	var whole [length]byte // Decode may use all of its room
	n, err := encoding.Get().Decode(whole[:], p.rest[:length])
	if err != nil || n != HashSize {
		p.failed = true
		return
	}
	copy(h[:], whole[:])
	p.rest = p.rest[length:]
}

func (p *parser) boolean() bool {
	if bytes.HasPrefix(p.rest, []byte("true")) {
		p.rest = p.rest[len("true"):]
		return true
	}
	p.literal("false")
	return false
}

// errAnswer: the line is no answer.
var errAnswer = errors.New("no answer of a daemon's")

// parseAny reads an answer of any kind and spelling.
func parseAny(line []byte, a *Answer) error {
	var m struct {
		Line    *uint64 `json:"line"`
		Seq     *uint64 `json:"seq"`
		EventID string  `json:"event_id"`
		Leaf    []byte  `json:"leaf"`
		Size    uint64  `json:"checkpoint_size"`
		Root    []byte  `json:"checkpoint_root"`
		Durable bool    `json:"durable"`

		Skipped bool   `json:"skipped"`
		Known   bool   `json:"known"`
		Error   string `json:"error"`
		Code    Code   `json:"code"`
		Hint    string `json:"hint"`

		Hello    int    `json:"hello"`
		Origin   string `json:"origin"`
		MaxEvent uint64 `json:"max_event"`

		Status int `json:"status"`
		About
	}
	if err := json.Unmarshal(line, &m); err != nil {
		return fmt.Errorf("%w: %w", errAnswer, err)
	}
	if m.Line == nil {
		return fmt.Errorf("%w: it has no line", errAnswer)
	}
	got := Answer{Line: *m.Line}
	switch {
	case m.Code != "":
		got.Kind, got.Code, got.Error, got.Hint = Failed, m.Code, m.Error, m.Hint
	case m.Skipped:
		got.Kind = Skipped
	case m.Known:
		got.Kind = Known
	case m.Hello > 0:
		got.Kind, got.Origin, got.MaxEvent = Hello, m.Origin, m.MaxEvent
	case m.Status > 0:
		got.Kind, got.Origin, got.About = Status, m.Origin, &m.About
	case m.Seq != nil && len(m.Leaf) == HashSize && len(m.Root) == HashSize:
		got.Kind, got.Seq, got.EventID = Receipt, *m.Seq, []byte(m.EventID)
		got.Leaf, got.Root = [HashSize]byte(m.Leaf), [HashSize]byte(m.Root)
		got.Size, got.Durable = m.Size, m.Durable
	default:
		return errAnswer
	}
	*a = got
	return nil
}
