package risk

import (
	"path"
	"strings"
)

// wrapper says how the words of a program that runs another one begin.
type wrapper struct {
	names   string // the program's, by blanks
	sub     string // the operands that say that it runs another one: "exec", "compute ssh", with a|b and *
	valued  string // its options that take a value
	pairs   string // those that take two
	skip    int    // operands before the command
	tight   bool   // its own options end with the last of them
	dash    bool   // -- ends them
	after   string // options, or --, that the command stands behind
	behind  int    // operands between such an option and the command
	code    string // options whose value is shell text
	program string // options whose value is the program, of which the command's words are the arguments
	runs    string // the program of which they are the arguments
	as      form
	where   place
	assign  bool // NAME=value operands come before the command
	root    bool // the command gets another user's rights
	maybe   bool // another operand may stand before it, or not
}

// most is more operands than a program has before the command: it must come behind
// something else.
const most = 1 << 16

// A form says how the words of a command are read.
type form uint8

const (
	plain   form = iota // each is one of the program's
	joined              // together they are shell text, or each is one of the program's: that differs by version and option
	lone                // one is shell text, several are the program's
	each                // each is shell text of its own
	nothing             // they are no command: there are only options with shell text
)

// A place says where a command runs.
type place uint8

const (
	here      place = iota
	contained       // in a container or a machine of this one, with other files
	elsewhere       // on another machine
)

// wrappersOf returns the rows of a name in their order.
func wrappersOf(name string) []*wrapper {
	if manyLookups() {
		return knownTables().wrappers[name]
	}
	return searchWrappers(name)
}

func searchWrappers(name string) []*wrapper {
	var rows []*wrapper
	for i := range wrappers {
		if containsField(wrappers[i].names, name) {
			rows = append(rows, &wrappers[i])
		}
	}
	return rows
}

// wrap follows a wrapper to the command that it runs, and reports whether the call is
// one of a wrapper.
func (w *walker) wrap(c *call) (flow, bool) {
	for _, x := range wrappersOf(c.name) {
		args, ok := w.behindSub(c.args, x)
		switch {
		case !ok:
		case x.as == nothing:
			w.codeOptions(c, parseOptions(args, x.valued), x)
		default:
			if x.sub != "" {
				w.patterns(c)
			}
			return w.wrapped(c, x, args), true
		}
	}
	return flow{}, false
}

// behindSub returns what follows the operands that say that a program runs another.
func (w *walker) behindSub(args []word, x *wrapper) (rest []word, ok bool) {
	own := wrapper{valued: x.valued}
	for sub := range strings.FieldsSeq(x.sub) {
		args = w.skipOptions(args, own)
		if len(args) == 0 || args[0].open || !matchesWord(sub, args[0].text) {
			return nil, false
		}
		args = args[1:]
	}
	return args, true
}

// codeOptions walks the shell text in a wrapper's options and reports whether there
// is any.
func (w *walker) codeOptions(c *call, o options, x *wrapper) (out flow, given bool) {
	for name := range strings.FieldsSeq(x.code) {
		for _, text := range o.all(name) {
			out, given = w.shellWord(text, c), true
		}
	}
	return out, given
}

// wrapped walks what a wrapper runs.
func (w *walker) wrapped(c *call, x *wrapper, args []word) flow {
	inner := w.commandIn(args, x)
	o := parseOptions(args[:len(args)-len(inner)], x.valued)
	if x.where == elsewhere {
		w.report(Medium, "remote-shell", c.name+" runs on another machine")
	}
	if x.where != here {
		cwd := w.cwd
		w.cwd = ""
		defer func() { w.cwd = cwd }()
	}
	if x.root {
		w.privileged(c, o, inner)
	}
	if out, done := w.wrappedOddly(c, o, inner); done {
		return out
	}
	out, given := w.codeOptions(c, o, x)
	if x.runs != "" && len(inner) > 0 {
		inner = append([]word{literalWord(x.runs)}, inner...)
	}
	for name := range strings.FieldsSeq(x.program) {
		if program, ok := o.get(name); ok && program.text != "" {
			inner = append([]word{program}, inner...)
			break
		}
	}
	switch {
	case len(inner) > 0:
		out = w.inForm(c, x, inner)
	case given:
	case x.root && c.hasIn:
		out = w.feed(c, c.name)
	default:
		out = unknownFlow
	}
	if x.where == elsewhere {
		return flow{some: true, net: true}
	}
	return out
}

// wrappedOddly handles what single wrappers do besides.
func (w *walker) wrappedOddly(c *call, o options, inner []word) (out flow, done bool) {
	switch c.name {
	case "env":
		for _, x := range o.all("u", "unset") {
			if x.literal("HISTFILE") {
				w.report(High, "history-tamper", "the shell stops keeping its history")
			}
		}
		return w.env(c, inner)
	case "command":
		if len(inner) > 0 && (c.args[0].literal("-v") || c.args[0].literal("-V")) {
			return textFlow(inner[0].text + "\n"), true
		}
	case "exec":
		if len(inner) == 0 && c.redirs.tcp != "" {
			w.report(Critical, "reverse-shell", "the shell's own input and output go to "+c.redirs.tcp)
		}
	case "systemd-run":
		if o.has("on-calendar", "on-active", "on-boot", "on-startup", "on-unit-active", "on-unit-inactive", "timer-property") {
			w.report(High, "persistence", "systemd-run runs commands later")
		}
	}
	return flow{}, false
}

// commandIn returns the words of the command among a wrapper's arguments.
func (w *walker) commandIn(args []word, x *wrapper) []word {
	for i, a := range args {
		if x.after != "" && isOption(a, x.after) {
			if x.behind == 0 {
				return args[i+1:]
			}
			return w.skipOptions(args[i+1:], wrapper{valued: x.valued, skip: x.behind})
		}
	}
	inner := w.skipOptions(args, *x)
	if x.maybe && len(inner) > 1 && !inner[0].open && !isKnown(commandName(inner[0].text)) {
		return inner[1:]
	}
	return inner
}

// isOption reports whether a word is one of some options, which blanks separate.
func isOption(a word, names string) bool {
	if a.open || !strings.HasPrefix(a.text, "-") {
		return false
	}
	return a.text == "--" && containsField(names, "--") || a.text != "--" && containsField(names, strings.TrimLeft(a.text, "-"))
}

// inForm walks the words of a command.
func (w *walker) inForm(c *call, x *wrapper, inner []word) flow {
	switch {
	case x.as == each:
		var out flow
		for _, text := range inner {
			if !strings.HasPrefix(text.text, "-") {
				out = out.merge(w.shellWord(text, c))
			}
		}
		return out
	case x.as == joined:
		return w.joined(c, inner)
	case x.as == lone && len(inner) == 1:
		return w.shellWord(inner[0], c)
	}
	return w.run(c.with(inner))
}

// joined walks words that a shell is given as one text. Whoever writes "bash -c TEXT"
// for it means the text, so they are walked as they stand, too.
func (w *walker) joined(c *call, inner []word) flow {
	if len(inner) > 1 {
		cwd := w.cwd
		w.run(c.with(inner))
		w.cwd = cwd
	}
	return w.shellWord(join(inner), c)
}

// talkers are programs of whose words none is a command, whatever they look like.
const talkers = "echo printf print grep rg ag ack which type whereis whatis apropos tldr info help say logger wall notify-send expr test [ [[ git gh hg svn jq yq sed ls cat"

// handedOn follows a shell among the words of a program that nothing else is known of,
// and the text of its options that are meant for one: it may well run them.
func (w *walker) handedOn(c *call) {
	if len(c.args) == 0 || containsField(talkers, c.name) {
		return
	}
	for i, a := range c.args[:len(c.args)-1] {
		if isCommandFlag(c.args[i+1].text) && !a.open && isShell(commandName(a.text)) {
			w.run(c.with(c.args[i:]))
			return
		}
	}
	if len(rulesOf(c.name)) > 0 || len(patternsOf(c.name)) > 0 {
		return
	}
	for i, a := range c.args {
		name, value, attached := strings.Cut(a.text, "=")
		if !isOption(literalWord(name), "command cmd exec shell-command run-command") || !strings.HasPrefix(name, "--") {
			continue
		}
		text := a.part(value)
		if !attached && i+1 < len(c.args) {
			text = c.args[i+1]
		}
		if _, err := parse(text.text); err == nil && strings.Contains(text.text, " ") && len(text.text) <= maxText {
			w.shellWord(text, c)
		}
	}
}

// isShell reports whether a program of this name runs the text that is given to -c.
func isShell(name string) bool {
	return containsField("sh bash dash zsh ksh mksh ash fish csh tcsh powershell cmd", name)
}

// isCommandFlag reports whether an option may be one by which a shell is given its text.
func isCommandFlag(s string) bool {
	if len(s) < 2 || s[0] != '-' && s[0] != '/' {
		return false
	}
	return strings.EqualFold(s, "-command") || len(s) < 6 && s[1] != '-' && strings.ContainsAny(s, "cC")
}

// containsField reports whether s is one of the words of a list, which single blanks
// separate.
func containsField(list, s string) bool {
	if s == "" || strings.IndexByte(s, ' ') >= 0 {
		return false
	}
	for from := 0; ; {
		i := strings.Index(list[from:], s)
		if i < 0 {
			return false
		}
		i += from
		end := i + len(s)
		if (i == 0 || list[i-1] == ' ') && (end == len(list) || list[end] == ' ') {
			return true
		}
		from = i + 1
	}
}

// skipOptions returns what follows a wrapper's options, assignments and own
// operands.
func (w *walker) skipOptions(args []word, x wrapper) []word {
	skip := x.skip
	for len(args) > 0 {
		a := args[0]
		switch {
		case a.literal("--"):
			args = args[1:]
			if x.dash {
				return args
			}
			return args[min(skip, len(args)):]
		case strings.HasPrefix(a.text, "-") && (len(a.text) > 1 || x.assign) && a.lead == "":
			args = args[1:]
			if takesNext(a.text, x.valued) {
				args = args[min(1, len(args)):]
			} else if x.pairs != "" && containsField(x.pairs, strings.TrimLeft(a.text, "-")) {
				args = args[min(2, len(args)):]
			}
		case x.assign && isAssignment(a.text):
			name, value, _ := strings.Cut(a.text, "=")
			w.environment(name, a.part(value))
			if strings.HasPrefix(name, "HIST") {
				w.assignment(name, a.part(value))
			}
			args = args[1:]
		case skip > 0:
			skip--
			args = args[1:]
			if skip == 0 && x.tight {
				return args
			}
		default:
			return args
		}
	}
	return nil
}

// takesNext reports whether an option's value is the next word.
func takesNext(flag, valued string) bool {
	if flag == "-" {
		return false
	}
	if long, ok := strings.CutPrefix(flag, "--"); ok {
		return !strings.Contains(long, "=") && containsField(valued, long)
	}
	if containsField(valued, flag[1:]) {
		return true
	}
	for i := 1; i < len(flag); i++ {
		if containsField(valued, flag[i:i+1]) {
			return i == len(flag)-1
		}
	}
	return false
}

func isAssignment(s string) bool {
	name, _, ok := strings.Cut(s, "=")
	if !ok || name == "" || name[0] >= '0' && name[0] <= '9' {
		return false
	}
	return strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// join makes one word of several, as ssh and watch do.
func join(args []word) word {
	out := word{}
	for i, a := range args {
		if i == 0 {
			out.lead, out.full = a.lead, a.full
		} else {
			out.text += " "
		}
		out.text += a.text
		out.open = out.open || a.open
		out.flow = out.flow.merge(a.flow)
	}
	return out
}

// privileged notes that a command runs with another user's rights.
func (w *walker) privileged(c *call, o options, inner []word) {
	if c.name == "sudo" && len(inner) == 0 {
		switch {
		case o.has("i", "s", "login", "shell"):
			w.report(High, "privilege-escalation", "sudo opens a root shell")
		case o.has("e", "edit"):
			w.report(High, "privilege-escalation", "sudo edits a file as root")
		case o.has("v", "validate"):
			w.report(Medium, "privilege-escalation", "sudo asks for rights to be used later")
		}
		return
	}
	what := c.name
	if len(inner) > 0 && !inner[0].open {
		what += " runs " + path.Base(inner[0].text)
	}
	if _, ok := o.get("t", "target"); ok && c.name == "nsenter" {
		w.report(Critical, "container-escape", "nsenter enters another process's namespaces")
	}
	w.report(High, "privilege-escalation", what)
}

// env handles env -S and a bare env, which prints every variable.
func (w *walker) env(c *call, inner []word) (flow, bool) {
	own := c.args[:len(c.args)-len(inner)]
	for i, a := range own {
		text, ok := splitString(a.text)
		if !ok || a.lead != "" {
			continue
		}
		rest := c.args[i+1:]
		if text == "" && len(rest) > 0 {
			text, rest = rest[0].text, rest[1:]
		}
		return w.shellWord(join(append([]word{a.part(text)}, rest...)), c), true
	}
	if len(inner) == 0 {
		return flow{some: true, secret: "the environment"}, true
	}
	return flow{}, false
}

// splitString returns what an option of env gives it to split, as far as it stands in
// the same word, and whether the option is -S, also behind others as in -iS.
func splitString(option string) (text string, ok bool) {
	if text, ok = strings.CutPrefix(option, "--split-string"); ok {
		text, attached := strings.CutPrefix(text, "=")
		return text, attached || text == ""
	}
	if !strings.HasPrefix(option, "-") || strings.HasPrefix(option, "--") {
		return "", false
	}
	before, text, ok := strings.Cut(option[1:], "S")
	return text, ok && !strings.ContainsAny(before, "uC=")
}

// xargs runs a command with what it reads as arguments.
func (w *walker) xargs(c *call) flow {
	const valued = "I replace n max-args L max-lines P max-procs s max-chars d delimiter a arg-file E R S J"
	o := parseOptions(c.args, valued)
	inner := w.skipOptions(c.args, wrapper{valued: valued})
	if len(inner) == 0 {
		return c.in
	}
	given := []word{{text: "$(…)", lead: "$(…)", open: true, flow: c.in}}
	if c.in.paths != "" {
		given = []word{{text: c.in.paths, glob: true, flow: c.in}}
	}
	if c.in.known {
		given = nil
		for s := range strings.FieldsSeq(c.in.text) {
			if len(given) < maxBraces {
				given = append(given, literalWord(strings.Trim(s, `'"`)))
			}
		}
	}
	mark, replace := o.get("I", "J", "replace", "i")
	if mark.text == "" {
		mark = literalWord("{}")
	}
	next := c.with(nil)
	next.in, next.hasIn = flow{}, false
	if !replace {
		next.argv = append(inner[:len(inner):len(inner)], given...)
		return w.run(next)
	}
	var out flow
	for _, g := range given {
		n := *next
		n.argv = substitute(inner, mark.text, g)
		out = out.merge(w.run(&n))
	}
	return out
}

// substitute puts a word in the place of a mark.
func substitute(args []word, mark string, with word) []word {
	out := make([]word, 0, len(args))
	for _, a := range args {
		before, _, found := strings.Cut(a.text, mark)
		if !found || mark == "" {
			out = append(out, a)
			continue
		}
		n := word{
			text: strings.ReplaceAll(a.text, mark, with.text), open: a.open || with.open, glob: a.glob || with.glob,
			lead: a.lead, flow: a.flow.merge(with.flow),
		}
		if before == "" {
			n.lead, n.full = with.lead, with.full
		}
		if len(n.text) > maxText {
			n = word{text: mark, open: true, lead: mark, flow: n.flow}
		}
		out = append(out, n)
	}
	return out
}

// parallel runs a template with the arguments after ::: or from its input.
func (w *walker) parallel(c *call) flow {
	inner := w.skipOptions(c.args, wrapper{valued: "j jobs S sshlogin a arg-file d delimiter n N L joblog results tmpdir C colsep I workdir delay timeout retries"})
	template, given := inner, []word(nil)
	for i, a := range inner {
		if strings.HasPrefix(a.text, ":::") {
			template, given = inner[:i], inner[i+1:]
			break
		}
	}
	if len(template) == 0 && len(given) == 0 {
		return w.feed(c, "parallel")
	}
	if len(given) == 0 {
		given = []word{{text: "$(…)", lead: "$(…)", open: true, flow: c.in}}
	}
	next := c.with(nil)
	next.in, next.hasIn = flow{}, false
	for i, g := range given {
		if i == maxBraces {
			break
		}
		words := substitute(template, "{}", g)
		if len(template) == 0 {
			words = []word{g}
		} else if !strings.Contains(join(template).text, "{") {
			words = append(words, g)
		}
		w.shellWord(join(words), next)
	}
	return unknownFlow
}
