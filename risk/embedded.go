package risk

import "strings"

// embeddedRules judge commands that programs run which are not there for that.
func embeddedRules() []entry[rule] {
	return []entry[rule]{
		{"vim emacs nano ed", (*walker).editor},
		{"sed", (*walker).sed},
		{"less more most", (*walker).pager},
		{"bind", (*walker).bind},
		{"hash", (*walker).hash},
		{"ftp lftp sftp telnet", (*walker).escapes},
	}
}

var (
	exBang = expr(`^[\s:]*(?:(?:sil|silent|noa|noautocmd|keepj|keepjumps|verb|verbose)!?\s+)*[-+%.$,'<>;0-9\s]*(?:(?:r|read|w|write)\s*)?!\s*(.+)$`)
	exTerm = expr(`^[\s:]*(?:ter|term|terminal)\s+(?:\+\+\S+\s+)*(.+)$`)
)

// editor judges editors that are given commands on the command line, or as their input.
func (w *walker) editor(c *call) {
	valued := "c cmd S"
	if c.name == "emacs" {
		valued = "eval execute f funcall l load u user"
	}
	o := parseOptions(c.args, valued)
	for _, x := range o.all("c", "cmd") {
		w.exCommand(x, c)
	}
	for _, x := range o.all("eval", "execute") {
		w.code(x, c)
	}
	for _, x := range o.operands {
		if text, ok := strings.CutPrefix(x.text, "+"); ok {
			w.exCommand(x.part(text), c)
		}
	}
	if c.in.known && (c.name == "ed" || c.name == "vim" && (o.has("e", "es", "Es") || c.argv[0].text == "ex")) {
		for line := range strings.SplitSeq(c.in.text, "\n") {
			w.exCommand(literalWord(line), c)
		}
	}
	if len(o.operands) > 0 {
		last := o.operands[len(o.operands)-1]
		if class, ok := protectionOf(w.resolve(last)); ok && class.level >= High {
			w.report(class.level, class.id, "edits "+last.text+", "+class.why)
		}
	}
}

// exCommand walks what a command of ex runs; bars separate several.
func (w *walker) exCommand(x word, c *call) {
	for text := x.text; text != ""; {
		for _, e := range []*expression{exBang, exTerm} {
			if run := e.group(text); run != "" {
				w.shellWord(x.part(run), c)
				return
			}
		}
		_, text, _ = strings.Cut(text, "|")
	}
	w.code(x, c)
}

// pager walks the command that a pager is told to begin with.
func (w *walker) pager(c *call) {
	for _, x := range c.args {
		if text, ok := strings.CutPrefix(strings.TrimPrefix(x.text, "+"), "!"); ok {
			w.shellWord(x.part(text), c)
		}
	}
}

// bind walks the commands that bash runs when keys are pressed.
func (w *walker) bind(c *call) {
	for _, x := range parseOptions(c.args, "x m").all("x") {
		if _, text, ok := cutLast(x.text, `":`); ok {
			w.shellWord(x.part(text), c)
		}
	}
}

// hash has a name mean another program from now on.
func (w *walker) hash(c *call) {
	o := parseOptions(c.args, "p")
	if program, ok := o.get("p"); ok && len(w.aliases) < maxFields {
		for _, name := range o.operands {
			w.aliases[name.text] = program.text
		}
	}
}

// escapes walks the lines by which clients are told to run a shell.
func (w *walker) escapes(c *call) {
	if !c.in.known {
		return
	}
	for line := range strings.SplitSeq(c.in.text, "\n") {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "!"); ok {
			w.shell(text, flow{})
		}
	}
}

// Commands of sed that run a shell, and that write a file, behind the address of a line.
var (
	sedRun   = expr(`(?:^|[;{\n])\s*(?:(?:\d+|\$|/(?:[^/\\\n]|\\.)*/[IM]*)(?:\s*[,~]\s*[+~]?(?:\d+|\$|/(?:[^/\\\n]|\\.)*/[IM]*))?)?\s*!*\s*e\s+([^\n]+)`)
	sedWrite = expr(`(?:^|[;{\n])\s*(?:(?:\d+|\$|/(?:[^/\\\n]|\\.)*/[IM]*)(?:\s*[,~]\s*[+~]?(?:\d+|\$|/(?:[^/\\\n]|\\.)*/[IM]*))?)?\s*!*\s*[wW]\s+([^\n;}]+)`)
)

// sedScript looks for the commands that run a shell or write a file.
func (w *walker) sedScript(s string) {
	for _, text := range sedRun.groups(s) {
		w.shell(text, flow{})
	}
	for _, file := range sedWrite.groups(s) {
		w.write(literalWord(file), unknownFlow, "sed writes")
	}
	for line := range strings.SplitSeq(s, ";") {
		flags, ok := substitution(strings.TrimLeft(line, "0123456789,$ {"))
		if !ok {
			continue
		}
		plain := strings.TrimLeft(flags, "gpIiMm0123456789e ")
		if strings.Contains(flags[:len(flags)-len(plain)], "e") {
			w.report(High, "code-exec", "sed runs the result of a substitution")
		}
		if file, ok := strings.CutPrefix(plain, "w "); ok {
			w.write(literalWord(strings.TrimSpace(file)), unknownFlow, "sed writes")
		}
	}
}

// substitution returns what follows the third mark of an s command, and whether there is one.
func substitution(s string) (flags string, ok bool) {
	if len(s) < 4 || s[0] != 's' {
		return "", false
	}
	marks := 0
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case s[1]:
			if marks++; marks == 3 {
				return s[i+1:], true
			}
		}
	}
	return "", false
}

// tclRun is a command of Tcl, or expect, that runs others.
var tclRun = expr(`(?:^|[\[{;\n])\s*(?:spawn|exec|system)\s+((?:-\w+\s+)*[^\n]*)`)

// tcl walks the commands that a program in Tcl runs, and what it types into others.
func (w *walker) tcl(text string) {
	for _, run := range tclRun.groups(text) {
		for strings.HasPrefix(run, "-") {
			_, run, _ = strings.Cut(run, " ")
			run = strings.TrimLeft(run, " ")
		}
		run = strings.TrimRight(run, "]} \t\r")
		if !strings.Contains(run, "'") {
			run = strings.NewReplacer("{", "'", "}", "'").Replace(run)
		}
		w.shellIfRead(run)
	}
	for _, lit := range stringLiterals(text) {
		before := strings.TrimRight(text[:lit.start], " -")
		if strings.HasSuffix(before, "send") {
			w.shellIfRead(strings.TrimSuffix(strings.TrimSuffix(lit.text, "r"), "n"))
		}
	}
}

// shellIfRead walks text that need not be shell text.
func (w *walker) shellIfRead(text string) {
	if len(text) <= maxText && openers(text) < maxOpen {
		if _, err := parse(text); err == nil {
			w.shell(text, flow{})
		}
	}
}
