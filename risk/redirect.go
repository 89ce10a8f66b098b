package risk

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// redirects is where a statement reads from and writes to.
type redirects struct {
	in     flow
	hasIn  bool   // stdin comes from a pipe, a file or a here-document
	writes []word // files that take output
	stdout bool   // one of them takes standard output
	tcp    string // the /dev/tcp or /dev/udp device that is opened
}

// redirects evaluates redirections; in is what the statement would read
// without them.
func (w *walker) redirects(list []*syntax.Redirect, in flow) redirects {
	r := redirects{in: in, hasIn: in.some}
	for _, x := range list {
		target := word{}
		if x.Op != syntax.Hdoc && x.Op != syntax.DashHdoc {
			target = w.one(x.Word)
		}
		if device := netDevice(target); device != "" {
			r.tcp = device
		}
		switch x.Op {
		case syntax.Hdoc, syntax.DashHdoc:
			r.in, r.hasIn = w.heredoc(x), true
		case syntax.WordHdoc:
			r.in, r.hasIn = wordFlow(target), true
		case syntax.RdrIn:
			r.in, r.hasIn = w.readFile(target), true
		case syntax.RdrInOut:
			r.in, r.hasIn = w.readFile(target), true
			r.writes = append(r.writes, target)
		case syntax.DplIn:
		case syntax.DplOut:
			if !isDescriptor(target.text) {
				r.output(x, target)
			}
		default:
			r.output(x, target)
		}
	}
	return r
}

func (r *redirects) output(x *syntax.Redirect, target word) {
	r.writes = append(r.writes, target)
	if x.N == nil || x.N.Value == "1" {
		r.stdout = true
	}
}

// redirected judges the writes of a statement and returns what is left of its
// output for whoever reads it.
func (w *walker) redirected(r redirects, out flow) flow {
	for _, target := range r.writes {
		content := out
		if !r.stdout {
			content = flow{}
		}
		if netDevice(target) != "" {
			if content.secret != "" {
				w.report(Critical, "exfiltration", content.secret+" written to "+target.text)
			}
			continue
		}
		w.write(target, content, "redirect to")
	}
	if r.tcp != "" {
		w.report(High, "network-device", "opens "+r.tcp)
	}
	if r.stdout {
		return flow{}
	}
	return out
}

func isDescriptor(s string) bool {
	return s == "-" || strings.Trim(s, "0123456789") == "" || strings.Trim(s, "0123456789") == "-"
}

func netDevice(x word) string {
	if strings.HasPrefix(x.text, "/dev/tcp/") || strings.HasPrefix(x.text, "/dev/udp/") {
		return x.text
	}
	return ""
}

// wordFlow is the flow of a word's text.
func wordFlow(x word) flow {
	if x.open {
		f := x.flow.opaque()
		return f
	}
	f := textFlow(x.text + "\n")
	f.net, f.decoded, f.secret, f.weak = x.flow.net, x.flow.decoded, x.flow.secret, x.flow.weak
	return f
}

// heredoc evaluates a here-document's body.
func (w *walker) heredoc(x *syntax.Redirect) flow {
	if x.Hdoc == nil {
		return textFlow("")
	}
	quoted := false
	for _, p := range x.Word.Parts {
		lit, ok := p.(*syntax.Lit)
		quoted = quoted || !ok || strings.Contains(lit.Value, `\`)
	}
	f := fields{w: w}
	for _, p := range x.Hdoc.Parts {
		lit, ok := p.(*syntax.Lit)
		switch {
		case !ok:
			f.part(p, 1, true)
		case quoted:
			f.add(lit.Value)
		default:
			f.add(unescapeQuoted(lit.Value))
		}
	}
	if f.cur.open {
		// The text is partly known, which is what decides in most scripts.
		out := textFlow(f.cur.text)
		out.net, out.decoded, out.secret, out.weak = f.cur.flow.net, f.cur.flow.decoded, f.cur.flow.secret, f.cur.flow.weak
		return out
	}
	return textFlow(f.cur.text)
}
