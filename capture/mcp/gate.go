package mcp

import "bytes"

// Limits of what is held back of what a client sends until it can be judged, where
// there is a policy. What goes beyond is refused.
const (
	mostHeld      = 64 << 20 // bytes
	mostHeldCount = 1024     // messages
)

// A gate holds back what the client sends on stdio until it can be judged: a line,
// or the lines of one message. It judges each message once, and hands it on with what
// became of it.
type gate struct {
	opt *Options
	// pass takes what is passed on, and the messages in it; it reports whether more
	// may follow.
	pass func(data []byte, messages []*message) bool
	// deny does likewise with what is not passed on, and is given the answer.
	deny func(data []byte, messages []*message, answer []byte) bool

	lines *lineReader
	found []*message // in what is held
	held  []byte
	line  int  // where the last line begins in it
	long  bool // it is not the first
	over  bool // what is held back is too much, and refused as it comes
	ended bool // nothing more may follow
}

// restart forgets what a line has begun.
func (g *gate) restart() {
	g.lines = newLineReader(g.take)
	g.lines.keepAll()
}

// take takes a message of what is held.
func (g *gate) take(m *message) {
	if len(g.found) == mostHeldCount {
		g.refuse(nil)
	}
	g.found = append(g.found, m)
}

// feed takes bytes of the client, and reports whether more may follow.
func (g *gate) feed(data []byte) bool {
	for len(data) > 0 && !g.ended {
		n := bytes.IndexByte(data, '\n') + 1
		if n == 0 {
			g.hold(data)
			break
		}
		g.hold(data[:n])
		g.endLine()
		data = data[n:]
	}
	return !g.ended
}

// hold takes bytes of one line.
func (g *gate) hold(data []byte) {
	if g.lines == nil {
		g.restart()
	}
	g.lines.feed(data)
	if g.held = append(g.held, data...); g.over || len(g.held) > mostHeld {
		g.refuse(g.held)
		g.held, g.line = g.held[:0], 0
	}
}

// refuse refuses bytes that are held, and the messages that were found so far, for
// being too much. What follows of them is refused, too.
func (g *gate) refuse(data []byte) {
	g.over = true
	g.opt.decide(g.found, tooLong)
	g.done(g.deny(data, g.found, answersTo(g.found)))
	g.found = nil
}

// done takes note whether more may follow.
func (g *gate) done(going bool) { g.ended = g.ended || !going }

// endLine decides what can be decided behind a line.
func (g *gate) endLine() {
	if g.long && !g.over && len(g.found) > 0 {
		if begun := g.lines.outer(); begun != nil {
			g.settle(g.line, []*message{begun})
			g.restart()
		} else if first := g.found[0]; first.broken && first.lines > 0 { // those before it are none
			g.found = g.found[1:]
			g.settle(g.line, []*message{first})
		}
	}
	if g.long = g.lines.goesOn(); g.long {
		g.line = len(g.held)
		return
	}
	g.decide()
}

// decide passes on what is held, or does not.
func (g *gate) decide() {
	if g.over {
		g.refuse(g.held)
		g.restart()
	} else {
		g.settle(len(g.held), g.found)
	}
	g.held, g.found, g.line, g.long, g.over = g.held[:0], nil, 0, false, false
	if cap(g.held) > pieceSize {
		g.held = nil
	}
}

// settle passes on the first n bytes of what is held, in which messages are, or does
// not.
func (g *gate) settle(n int, messages []*message) {
	data := g.held[:n]
	g.held = g.held[n:]
	unfit := unfit(data, true)
	if unfit != "" && len(messages) == 0 {
		messages = []*message{brokenIn(data)}
	}
	if g.opt.decide(messages, unfit) == nil {
		g.done(g.pass(data, messages))
		return
	}
	g.done(g.deny(data, messages, answersTo(messages)))
}

// end decides the rest.
func (g *gate) end() {
	if g.lines != nil && (len(g.held) > 0 || g.over) {
		g.lines.end()
		g.decide()
	}
}
