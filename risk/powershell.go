package risk

import (
	"strings"
)

// windowsReader reads text of PowerShell, or of cmd.exe, into the calls that it makes.
// It knows words, quotes, variables, pipes, blocks and what stands in parentheses, and
// takes any other syntax for words, which no program is named like.
type windowsReader struct {
	w   *walker
	s   string
	i   int
	dos bool // the text is cmd.exe's

	writes []word // the files that the call being read writes to
}

// windows walks text of PowerShell, or of cmd.exe.
func (w *walker) windows(x word, in flow, dos bool) flow {
	if w.scripts == maxScripts {
		w.blind("too-complex", "shell text inside shell text beyond what is looked at")
		return unknownFlow
	}
	text := x.text
	if len(text) > maxText {
		w.blind("too-long", "a program longer than what is looked at")
		text = text[:maxText]
	}
	w.scripts++
	defer func() { w.scripts-- }()
	r := windowsReader{w: w, s: text, dos: dos}
	return r.statements(0, in)
}

// statements walks what stands before an end, or all.
func (r *windowsReader) statements(end byte, in flow) flow {
	var out flow
	if !r.w.enter() {
		r.w.leave()
		r.i = len(r.s)
		return unknownFlow
	}
	defer r.w.leave()
	for r.i < len(r.s) {
		switch c := r.s[r.i]; {
		case c == end && end != 0:
			r.i++
			return out
		case strings.IndexByte(" \t\r\n;|&})", c) >= 0 || r.dos && strings.IndexByte("(@", c) >= 0:
			if c == '&' && !r.dos && !strings.HasPrefix(r.s[r.i:], "&&") {
				r.i++
				out = out.merge(r.pipeline(in, true))
				continue
			}
			r.i++
			if c == '&' && r.i < len(r.s) && r.s[r.i] == '&' {
				r.i++
			}
		default:
			out = out.merge(r.pipeline(in, false))
		}
	}
	return out
}

// pipeline walks calls that read from each other. called says that the first word is a
// program whatever it looks like.
func (r *windowsReader) pipeline(in flow, called bool) flow {
	out, piped := in, in.some
	for {
		from := r.i
		argv, value := r.words()
		writes := r.writes
		r.writes = nil
		switch {
		case len(argv) == 0:
		case value && !called && !r.dos:
			out = argv[0].flow
			if !argv[0].open {
				out = textFlow(argv[0].text)
			}
		default:
			out = r.call(argv, out, piped)
		}
		for _, x := range writes {
			r.w.write(x, out, "redirect to")
		}
		if !r.next('|') || r.i == from {
			return out
		}
		piped, called = true, false
		if !out.some {
			out = unknownFlow
		}
	}
}

// next goes over a character that is not doubled, where it is the next one.
func (r *windowsReader) next(c byte) bool {
	if r.i >= len(r.s) || r.s[r.i] != c || r.i+1 < len(r.s) && r.s[r.i+1] == c {
		return false
	}
	r.i++
	return true
}

// windowsKeywords begin statements of PowerShell that are no calls.
const windowsKeywords = "if elseif else foreach for while do until switch try catch finally function filter param return throw begin process end in trap class using break continue exit rem"

// powershellAliases are names that PowerShell and cmd.exe have for others, which mean
// something else to a Unix shell.
const powershellAliases = "rm=remove-item rmdir=remove-item rd=remove-item del=remove-item erase=remove-item cp=copy-item copy=copy-item cpi=copy-item " +
	"mv=move-item move=move-item mi=move-item cat=get-content type=get-content gc=get-content sc=set-content ac=add-content kill=stop-process start=start-process " +
	"tee=tee-object set=set-variable sort=sort-object sleep=start-sleep echo=write-output write=write-output ls=get-childitem dir=get-childitem ps=get-process"

// call runs a call by the name that the rules use.
func (r *windowsReader) call(argv []word, in flow, piped bool) flow {
	head := argv[0]
	name := strings.TrimSuffix(strings.ToLower(head.text), ".exe")
	if containsField(windowsKeywords, name) && !head.open {
		return r.conditional(argv[1:], in, piped)
	}
	for pair := range strings.FieldsSeq(powershellAliases) {
		if alias, cmdlet, _ := strings.Cut(pair, "="); alias == name && !r.dos && !strings.HasSuffix(strings.ToLower(head.text), ".exe") {
			argv = append([]word{literalWord(cmdlet)}, argv[1:]...)
		}
	}
	if f := r.w.fileFlow(head); f.some && !strings.Contains(head.text, "/") {
		r.w.untrusted(f, "its own name, "+head.text) // the working directory is searched, too
	}
	if r.dos && (name == "rmdir" || name == "del" || name == "erase") {
		argv = append([]word{literalWord("rd"), literalWord("/" + name)}, argv[1:]...)
	}
	return r.w.run(&call{argv: argv, in: in, hasIn: piped})
}

// conditional walks the command behind a condition of cmd.exe: in PowerShell it is a
// block, and walked where it stands.
func (r *windowsReader) conditional(words []word, in flow, piped bool) flow {
	for i, x := range words {
		if r.dos && !x.open && isKnown(commandName(x.text)) {
			return r.call(words[i:], in, piped)
		}
	}
	return flow{}
}

// words reads the words of a call up to what ends it. value reports that the first one
// is no name but a value: quoted, a variable, or computed.
func (r *windowsReader) words() (argv []word, value bool) {
	for {
		r.blanks()
		if r.i >= len(r.s) {
			return argv, value
		}
		switch c := r.s[r.i]; {
		case strings.IndexByte("\n;|})", c) >= 0 && !(r.dos && c != '\n' && c != '|' && c != ')'), c == '&', r.dos && c == '(':
			return argv, value
		case c == '>':
			r.redirect()
		case c == '=' && len(argv) == 1 && strings.HasPrefix(argv[0].lead, "$"):
			r.i++
			r.assign(argv[0].lead)
			return nil, false
		default:
			first := len(argv) == 0
			x := r.word()
			if first {
				value = strings.IndexByte(`'"$([@`, c) >= 0
			}
			if r.i < len(r.s) && r.s[r.i] == '>' && (x.text == "2" || x.text == "1" || x.text == "*") {
				continue
			}
			if len(argv) < maxFields {
				argv = append(argv, x)
			}
		}
	}
}

// blanks goes over blanks, ends of lines that are escaped, and comments.
func (r *windowsReader) blanks() {
	for r.i < len(r.s) {
		rest := r.s[r.i:]
		switch {
		case rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\r':
			r.i++
		case !r.dos && (strings.HasPrefix(rest, "`\n") || strings.HasPrefix(rest, "`\r\n")) || r.dos && strings.HasPrefix(rest, "^\n"):
			r.i += strings.IndexByte(rest, '\n') + 1
		case !r.dos && strings.HasPrefix(rest, "<#"):
			_, after, _ := strings.Cut(rest, "#>")
			r.i = len(r.s) - len(after)
		case !r.dos && rest[0] == '#':
			r.i = len(r.s) - len(rest[len(rest)-len(cutLine(rest)):])
		default:
			return
		}
	}
}

// cutLine returns what follows the first line of s, with its end.
func cutLine(s string) string {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return s[i:]
	}
	return ""
}

// redirect reads where output goes.
func (r *windowsReader) redirect() {
	for r.i < len(r.s) && r.s[r.i] == '>' {
		r.i++
	}
	if r.i < len(r.s) && r.s[r.i] == '&' {
		r.i = min(r.i+2, len(r.s))
		return
	}
	r.blanks()
	if r.i < len(r.s) && strings.IndexByte("\n;|})&", r.s[r.i]) < 0 {
		x := r.word()
		if !strings.EqualFold(x.text, "nul") && x.lead != "$null" {
			r.writes = append(r.writes, x)
		}
	}
}

// assign gives a variable what a pipeline puts out.
func (r *windowsReader) assign(name string) {
	r.blanks()
	out := r.pipeline(flow{}, false)
	v := word{text: name, lead: name, open: true, flow: out}
	if out.known {
		v = word{text: out.text, flow: out}
	}
	r.w.set(strings.ToLower(name), []word{v})
}
