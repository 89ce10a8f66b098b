package risk

import "cmp"

// flow is what is known of the bytes that come out of a command, go into one,
// stand in a file or in a word: their text when it is constant, and where they
// come from. The zero flow is nothing at all.
type flow struct {
	text    string // the bytes that are known
	known   bool   // text is all there is
	some    bool   // there are bytes, of whatever kind
	net     bool   // they came over the network
	decoded bool   // they were decoded from an encoding that hides them
	packed  bool   // they are an archive or an encoding of files: the usual shape before sending
	shell   bool   // they are what a shell prints
	secret  string // the secret they hold, "" when none is known
	weak    bool   // the secret is only a variable that is meant to be sent
	own     bool   // they are shell text of a known program's own, there to be evaluated
	paths   string // they are names of files found below this path
}

// unknownFlow is bytes of which nothing is known.
var unknownFlow = flow{some: true}

// textFlow is constant bytes.
func textFlow(s string) flow { return flow{text: s, known: true, some: true} }

// merge returns the flow of a's bytes followed by b's.
func (a flow) merge(b flow) flow {
	if !a.some {
		return b
	}
	if !b.some {
		return a
	}
	out := flow{
		some: true, net: a.net || b.net, decoded: a.decoded || b.decoded,
		own: a.own && b.own, packed: a.packed || b.packed, shell: a.shell || b.shell,
		secret: a.secret, weak: a.weak, paths: cmp.Or(a.paths, b.paths),
	}
	if a.secret == "" || a.weak && b.secret != "" {
		out.secret, out.weak = b.secret, b.weak
	}
	if len(a.text)+len(b.text) <= maxText {
		out.known, out.text = a.known && b.known, a.text+b.text
	}
	return out
}

// opaque is the flow after a command whose effect on the text is unknown.
func (a flow) opaque() flow {
	a.text, a.known, a.some, a.own = "", false, true, false
	return a
}

// tainted reports whether anything but the text is known of the bytes.
func (a flow) tainted() bool {
	return a.net || a.decoded || a.packed || a.secret != "" || a.shell
}
