package mcp

import (
	"bytes"
	"encoding/json"
)

// Limits of what is held back of what a client sends until it can be judged, where
// there is a policy. What goes beyond is refused.
const (
	mostHeld      = 64 << 20 // bytes
	mostHeldCount = 1024     // messages
)

// A gate holds back what the client sends on stdio until it can be judged: a line,
// or the lines of one message.
type gate struct {
	opt  *Options
	pass func(data []byte) bool
	// deny takes what is not passed on, and with end the answer; it reports, like
	// pass, whether more may follow.
	deny func(data []byte, end bool, answer []byte) bool

	lines *lineReader
	found []*message // in what is held
	held  []byte
	line  int  // where the last line begins in it
	long  bool // it is not the first
	over  bool // what is held back is too much, and refused as it comes
}

// restart forgets what a line has begun.
func (g *gate) restart() {
	g.lines = newLineReader(func(m *message) {
		if len(g.found) < mostHeldCount {
			g.found = append(g.found, m)
			return
		}
		g.over = true
	})
	g.lines.keepAll()
}

// feed takes bytes of the client, and reports whether more may follow.
func (g *gate) feed(data []byte) bool {
	for {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			return g.hold(data)
		}
		if !g.hold(data[:i+1]) || !g.endLine() {
			return false
		}
		data = data[i+1:]
	}
}

// hold takes bytes of one line.
func (g *gate) hold(data []byte) bool {
	if g.lines == nil {
		g.restart()
	}
	g.lines.feed(data)
	g.held = append(g.held, data...)
	if g.over = g.over || len(g.held) > mostHeld; !g.over {
		return true
	}
	going := g.deny(g.held, false, nil)
	g.held, g.line = g.held[:0], 0
	return going
}

// endLine decides what can be decided behind a line.
func (g *gate) endLine() bool {
	open := g.lines.long != nil
	if g.long && !g.over && len(g.found) > 0 {
		switch first := g.found[0]; {
		case g.lines.within:
			begun := g.lines.long.m
			begun.broken = true
			if !g.settle(g.held[:g.line], []*message{begun}) {
				return false
			}
			g.held = g.held[g.line:]
			g.restart()
			open = false
		case first.broken && first.lines > 0: // those before it are none
			if !g.settle(g.held[:g.line], g.found[:1]) {
				return false
			}
			g.held, g.found = g.held[g.line:], g.found[1:]
		}
	}
	if g.long = open; open {
		g.line = len(g.held)
		return true
	}
	return g.decide()
}

// decide passes on what is held, or does not.
func (g *gate) decide() bool {
	going := g.settle(g.held, g.found)
	if g.over {
		g.restart()
	}
	g.held, g.found, g.line, g.long, g.over = g.held[:0], nil, 0, false, false
	if cap(g.held) > pieceSize {
		g.held = nil
	}
	return going
}

func (g *gate) settle(data []byte, messages []*message) bool {
	if !g.over {
		messages = unfitting(messages, unfit(data, true))
	}
	why := g.opt.judgeAll(messages)
	if why == nil && g.over {
		why = &refusal{reason: tooLong}
	}
	if why == nil {
		return g.pass(data)
	}
	return g.deny(data, true, g.opt.answersTo(messages, why))
}

// end decides the rest.
func (g *gate) end() {
	if g.lines != nil && (len(g.held) > 0 || g.over) {
		g.lines.end()
		g.decide()
	}
}

// Reasons for which what has the structure of messages cannot be judged.
const (
	notJSON = "it cannot be judged: it is not JSON"
	loneCR  = "it cannot be judged: a CR stands in it, where some readers end a line"
)

// unfit returns why whole messages cannot be judged for how they are written, ""
// where they can: an outline takes what some reader may act on, and readers
// differ in what they see in it.
func unfit(data []byte, lines bool) string {
	if lines && hasLoneCR(data) {
		return loneCR
	}
	if !isJSON(data) {
		return notJSON
	}
	return ""
}

// unfitting marks messages as unfit for a reason, if there is one. Where it leaves
// none to answer, that is one.
func unfitting(messages []*message, why string) []*message {
	if why == "" {
		return messages
	}
	if len(messages) == 0 {
		return []*message{{broken: true}}
	}
	for _, m := range messages {
		m.unfit = why
	}
	return messages
}

// hasLoneCR reports whether there is a CR that no LF follows. Readers with
// universal newlines, as those of Python, end a line there.
func hasLoneCR(data []byte) bool {
	for {
		i := bytes.IndexByte(data, '\r')
		if i < 0 {
			return false
		}
		if data = data[i+1:]; len(data) == 0 || data[0] != '\n' {
			return true
		}
	}
}

// isJSON reports whether bytes are objects and arrays of JSON, one behind the
// other, and nothing else. It copies nothing.
func isJSON(data []byte) bool {
	for {
		if data = bytes.TrimLeft(data, " \t\r\n"); len(data) == 0 {
			return true
		}
		n := valueEnd(data)
		if n == 0 || data[0] != '{' && data[0] != '[' || !json.Valid(data[:n]) {
			return false
		}
		data = data[n:]
	}
}

// valueEnd returns where the object or array ends that bytes begin with, if it is
// one of JSON; 0 where it has no end.
func valueEnd(data []byte) int {
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			for i++; i < len(data) && data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		}
		if depth <= 0 {
			return min(i+1, len(data))
		}
	}
	return 0
}
