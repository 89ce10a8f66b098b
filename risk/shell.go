package risk

import (
	"path"
	"strings"
)

// specialTable names the commands that run others, from arguments, files or
// what they read.
func specialTable() []entry[special] {
	return []entry[special]{
		{"sh bash dash zsh ksh mksh ash fish csh tcsh pdksh hush rc osh nu xonsh elvish", (*walker).interpreter},
		{"eval", (*walker).eval},
		{"source .", (*walker).source},
		{"xargs", (*walker).xargs},
		{"parallel sem", (*walker).parallel},
		{"find", (*walker).find},
		{"npx bunx uvx", (*walker).packageRun},
		{"gdb lldb cgdb rust-gdb rust-lldb gdb-multiarch", (*walker).debugger},
		{"fd", (*walker).fd},
		{"su runuser", (*walker).su},
		{"ssh mosh autossh", (*walker).ssh},
		{"docker", (*walker).docker},
		{"kubectl", (*walker).kubectl},
		{"alias", (*walker).alias},
		{"trap", (*walker).trap},
		{"read mapfile readarray", (*walker).read},
		{"set", (*walker).setBuiltin},
		{"cd pushd", (*walker).cd},
		{"printf", (*walker).printf},
		{"export declare local typeset readonly", (*walker).declared},
		{"tmux tmate", (*walker).tmux},
		{"screen", (*walker).screen},
		{"ansible", (*walker).ansible},
		{"nix-shell nix", (*walker).nix},
		{"at batch", (*walker).at},
		{"python perl ruby node php lua awk deno bun osascript rscript r julia tclsh expect groovy irb ipython tsx ts-node elixir erl guile racket octave gnuplot raku crystal scala sbcl clojure clj bb ghc", (*walker).language},
	}
}

// interpreter runs a shell: its -c text, its script or its input.
func (w *walker) interpreter(c *call) flow {
	command, skip := false, 0
	args := c.args
	interactive, stdin := false, false
	for len(args) > 0 && skip == 0 {
		a := args[0]
		switch {
		case a.literal("--") || a.literal("-"):
			skip = 1
		case strings.HasPrefix(a.text, "--") || strings.HasPrefix(a.text, "+"):
			if a.literal("--private") && c.name == "fish" {
				w.report(High, "history-tamper", "fish keeps no history")
			}
			if a.literal("--rcfile") || a.literal("--init-file") || a.literal("+O") || a.literal("+o") {
				args = args[1:]
			}
			if a.literal("--command") { // fish
				command = true
			}
		case strings.HasPrefix(a.text, "-"):
			command = command || strings.Contains(a.text, "c")
			interactive = interactive || strings.Contains(a.text, "i")
			stdin = stdin || strings.Contains(a.text, "s")
			if last := a.text[len(a.text)-1]; last == 'o' || last == 'O' {
				args = args[min(1, len(args)):]
			}
		default:
			skip = -1
			continue
		}
		args = args[min(1, len(args)):]
	}
	if c.redirs.tcp != "" && (interactive || !command) {
		w.report(Critical, "reverse-shell", c.name+" with its input and output at "+c.redirs.tcp)
	}
	switch {
	case command && len(args) > 0:
		return w.commandString(args, c)
	case len(args) > 0 && !command && !stdin && !args[0].literal("/dev/stdin"):
		return w.script(args[0], c)
	case c.hasIn:
		out := w.feed(c, c.name)
		out.shell = true
		return out
	}
	return flow{some: true, shell: true}
}

// commandString runs sh -c TEXT NAME ARGS.
func (w *walker) commandString(args []word, c *call) flow {
	var undo []func()
	for i, a := range args[1:] {
		if i > 9 {
			break
		}
		name := string(rune('0' + i))
		old := w.vars[name]
		w.vars[name] = variable{values: [][]word{{a}}}
		undo = append(undo, func() { restore(w.vars, name, old) })
	}
	if len(args) > 2 {
		old := w.vars["@"]
		w.vars["@"] = variable{values: [][]word{args[2:]}}
		undo = append(undo, func() { restore(w.vars, "@", old) })
	}
	out := w.shellWord(args[0], c)
	for _, f := range undo {
		f()
	}
	return out
}

// shellWord walks a word as shell text.
func (w *walker) shellWord(x word, c *call) flow {
	w.untrusted(x.flow, "shell")
	if x.open && x.text == x.lead {
		if !x.flow.own && !x.flow.net && !x.flow.decoded {
			w.report(High, "dynamic-command", "the shell text is computed at run time")
		}
		return unknownFlow
	}
	return w.shell(strings.ReplaceAll(x.text, "$(…)", `"$__computed"`), c.in)
}

// untrusted reports bytes that must not reach an interpreter.
func (w *walker) untrusted(f flow, by string) {
	switch {
	case f.net:
		w.report(Critical, "pipe-to-shell", "downloaded text is run by "+by)
	case f.decoded:
		w.report(Critical, "decoded-to-shell", "decoded text is run by "+by)
	}
}

// feed runs what a shell reads from its input.
func (w *walker) feed(c *call, by string) flow {
	w.untrusted(c.in, by)
	switch {
	case c.in.known:
		return w.shell(c.in.text, flow{})
	case c.in.text != "":
		w.shell(c.in.text, flow{})
	}
	switch {
	case !c.in.some || c.in.net || c.in.decoded || c.in.own:
		return unknownFlow
	case w.fifo:
		w.report(Critical, "reverse-shell", by+" reads its commands from a named pipe")
		return unknownFlow
	}
	w.report(High, "stdin-to-shell", by+" runs text that is computed at run time")
	return unknownFlow
}

// script runs a file by a shell.
func (w *walker) script(file word, c *call) flow {
	f := w.fileFlow(file)
	w.untrusted(f, c.name)
	if f.known {
		return w.shell(f.text, c.in)
	}
	if !f.net && !f.decoded && !f.own && strings.HasPrefix(file.text, "/dev/fd/") {
		w.report(High, "stdin-to-shell", c.name+" runs text that is computed at run time")
	}
	return unknownFlow
}

// fileFlow is what is known of a file without judging that it is read.
func (w *walker) fileFlow(x word) flow {
	if x.flow.some {
		return x.flow
	}
	return w.files[w.resolve(x)]
}

// runFile judges running a file that this command line wrote.
func (w *walker) runFile(c *call, head word) {
	f := w.fileFlow(head)
	w.untrusted(f, "its own name, "+path.Base(head.text))
	if f.known {
		w.shell(f.text, c.in)
	}
}

func (w *walker) eval(c *call) flow {
	args := c.args
	if len(args) > 0 && args[0].literal("--") {
		args = args[1:]
	}
	if len(args) == 0 {
		return flow{}
	}
	return w.shellWord(join(args), c)
}

func (w *walker) source(c *call) flow {
	if len(c.args) == 0 {
		return flow{}
	}
	w.secretArguments(c)
	if c.args[0].literal("/dev/stdin") {
		return w.feed(c, "source")
	}
	return w.script(c.args[0], c)
}

// dynamic judges a call whose command is known only at run time.
func (w *walker) dynamic(c *call) flow {
	head := c.argv[0]
	w.untrusted(head.flow, "its own name")
	level := Medium
	switch {
	case strings.HasPrefix(head.lead, "$("), head.glob:
		level = High
	case len(c.argv) > 1 && w.dangerous(c.argv[1:]):
		level = High
	}
	w.report(level, "dynamic-command", "the command word "+head.text+" is computed at run time")
	if len(c.argv) > 1 && !c.argv[1].open && !strings.HasPrefix(c.argv[1].text, "-") {
		name := commandName(c.argv[1].text)
		if isKnown(name) {
			return w.run(c.with(c.argv[1:]))
		}
	}
	return unknownFlow
}

// dangerous reports whether arguments would be bad for nearly any command.
func (w *walker) dangerous(args []word) bool {
	o := parseOptions(args, "")
	for _, x := range o.operands {
		level, _ := removal(x, w.cwd)
		class, ok := protectionOf(w.resolve(x))
		if level == Critical || ok && class.level >= High {
			return true
		}
	}
	return o.has("rf", "fr", "Rf", "no-preserve-root")
}

func (w *walker) su(c *call) flow {
	o := parseOptions(c.args, "c command s shell g group G u user session-command")
	w.report(High, "privilege-escalation", c.name+" runs as another user")
	if text, ok := o.get("c", "command", "session-command"); ok {
		return w.shellWord(text, c)
	}
	if _, ok := o.get("u", "user"); ok && len(o.operands) > 0 {
		return w.run(c.with(o.operands))
	}
	if c.hasIn {
		return w.feed(c, c.name)
	}
	return unknownFlow
}

// alias keeps aliases for their calls and judges what they stand for: who
// runs the alias later is not seen.
func (w *walker) alias(c *call) flow {
	for _, a := range c.args {
		name, text, ok := strings.Cut(a.text, "=")
		if !ok {
			continue
		}
		if len(w.aliases) < maxFields {
			w.aliases[name] = text
		}
		w.maybe++
		w.shell(text, flow{})
		w.maybe--
		if containsField("sudo ls cd ssh git su cat", name) && strings.ContainsAny(text, "/;|&") {
			w.report(Medium, "alias-override", "alias for "+name)
		}
	}
	return flow{}
}

func (w *walker) trap(c *call) flow {
	o := parseOptions(c.args, "")
	if len(o.operands) > 0 && !o.has("l", "p") {
		w.shellWord(o.operands[0], c)
	}
	return flow{}
}

// read gives variables what comes in.
func (w *walker) read(c *call) flow {
	valued := "p t n N d u a i"
	if c.name != "read" {
		valued = "d n O s u C c"
	}
	o := parseOptions(c.args, valued)
	value := word{text: "$(…)", lead: "$(…)", open: true, flow: c.in}
	if line, _, _ := strings.Cut(c.in.text, "\n"); c.in.known {
		value = word{text: line, flow: c.in}
	}
	names := o.operands
	if a, ok := o.get("a"); ok {
		names = append(names, a)
	}
	if len(names) == 0 {
		names = []word{literalWord("REPLY")}
	}
	for _, n := range names {
		if !n.open {
			w.set(n.text, []word{value})
		}
	}
	return flow{}
}

// setBuiltin handles set: the positional parameters and the history switch.
func (w *walker) setBuiltin(c *call) flow {
	for i, a := range c.args {
		if a.literal("+o") && i+1 < len(c.args) && c.args[i+1].literal("history") {
			w.report(High, "history-tamper", "the shell stops keeping its history")
		}
		if a.literal("--") {
			w.positional(c.args[i+1:])
			return flow{}
		}
	}
	w.setVariable(c)
	if len(c.args) > 0 && !strings.HasPrefix(c.args[0].text, "-") && !strings.HasPrefix(c.args[0].text, "+") {
		w.positional(c.args)
	}
	return flow{}
}

// setVariable judges set as fish and csh have it, which gives a variable a value.
func (w *walker) setVariable(c *call) {
	o := parseOptions(c.args, "")
	name, value := o.operand(0), literalWord("")
	switch {
	case strings.Contains(name, "="): // csh
		var text string
		name, text, _ = strings.Cut(name, "=")
		value = o.operands[0].part(text)
	case len(o.operands) > 1 && o.operands[1].literal("="):
		if len(o.operands) > 2 {
			value = o.operands[2]
		}
	case len(o.operands) > 1:
		value = o.operands[1]
	case o.has("e", "erase"):
	default:
		return
	}
	if containsField("HISTFILE histfile SAVEHIST savehist HISTSIZE fish_history", name) {
		w.assignment(name, value)
	}
}

func (w *walker) positional(args []word) {
	w.set("@", args)
	w.set("*", args)
	for i, a := range args {
		if i < 9 {
			w.set(string(rune('1'+i)), []word{a})
		}
	}
}

func (w *walker) cd(c *call) flow {
	o := parseOptions(c.args, "")
	switch {
	case len(o.operands) == 0:
		w.cwd = "~"
	case o.operands[0].literal("-"), o.operands[0].open && o.operands[0].lead != "":
		w.cwd = ""
	default:
		w.cwd = w.resolve(o.operands[0])
	}
	return flow{}
}

// declared handles export and the like where the parser sees a plain call.
func (w *walker) declared(c *call) flow {
	for _, a := range c.args {
		if name, value, ok := strings.Cut(a.text, "="); ok {
			w.assignment(name, a.part(value))
			w.set(name, []word{a.part(value)})
		}
	}
	return flow{}
}

func (w *walker) nix(c *call) flow {
	o := parseOptions(c.args, "run command c p I A")
	if text, ok := o.get("run", "command"); ok {
		return w.shellWord(text, c)
	}
	for i, a := range c.args {
		if (a.literal("-c") || a.literal("--command")) && i+1 < len(c.args) {
			return w.run(c.with(c.args[i+1:]))
		}
	}
	w.judge(c)
	return unknownFlow
}

// at runs what it reads, later.
func (w *walker) at(c *call) flow {
	if o := parseOptions(c.args, "f q t"); o.has("l", "c", "d", "r", "V") {
		return unknownFlow
	}
	w.report(High, "persistence", c.name+" runs commands later")
	if c.hasIn {
		w.feed(c, c.name)
	}
	return unknownFlow
}

// packageRun judges npx and the like, which run a program by its name, too.
func (w *walker) packageRun(c *call) flow {
	w.judge(c)
	if inner := w.skipOptions(c.args, wrapper{valued: "p package c call from with"}); len(inner) > 0 {
		return w.run(c.with(inner))
	}
	if text, ok := parseOptions(c.args, "c call").get("c", "call"); ok {
		return w.shellWord(text, c)
	}
	return unknownFlow
}

// debugger walks the shell text and the code in a debugger's commands, and the program
// that it is given with its arguments.
func (w *walker) debugger(c *call) flow {
	const valued = "ex eval-command iex init-eval-command x command o one-line O S K s source p pid attach-pid n d cd directory"
	args, inner := c.args, []word(nil)
	for i, a := range args {
		if a.literal("--args") || a.literal("-args") || a.literal("--") {
			args, inner = args[:i], args[i+1:]
			break
		}
	}
	o := parseOptions(args, valued)
	for _, x := range o.all("ex", "eval-command", "iex", "init-eval-command", "o", "one-line", "O") {
		shell := false
		for _, prefix := range []string{"!", "shell ", "make ", "platform shell ", "pipe ", "| "} {
			if text, ok := strings.CutPrefix(x.text, prefix); ok {
				shell = true
				w.shellWord(x.part(text), c)
			}
		}
		if !shell {
			w.code(x, c)
		}
	}
	w.judge(c)
	if len(inner) > 0 {
		return w.run(c.with(inner))
	}
	return unknownFlow
}
