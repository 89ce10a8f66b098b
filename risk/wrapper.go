package risk

import (
	"path"
	"strings"
)

// wrapper is a program that runs another one given in its arguments.
type wrapper struct {
	valued string // its options that take a value
	skip   int    // operands before the command
	sub    string // subcommands that take a command, "" for the program itself
	assign bool   // NAME=value operands come before the command
	root   bool   // the command gets another user's rights
	text   bool   // the operands are joined to shell text
}

var wrappers = [...]struct {
	name string
	wrapper
}{
	{"sudo", wrapper{valued: "u user g group C D chdir h host p prompt R chroot r role t type T U", assign: true, root: true}},
	{"doas", wrapper{valued: "u C a", assign: true, root: true}},
	{"pkexec", wrapper{valued: "user u", root: true}},
	{"run0", wrapper{valued: "u user g group D chdir property setenv", root: true}},
	{"env", wrapper{valued: "u unset C chdir", assign: true}},
	{"sshpass", wrapper{valued: "p f d P"}},
	{"nohup", wrapper{}},
	{"setsid", wrapper{}},
	{"time", wrapper{valued: "f format o output"}},
	{"nice", wrapper{valued: "n adjustment"}},
	{"ionice", wrapper{valued: "c class n classdata p"}},
	{"timeout", wrapper{valued: "s signal k kill-after", skip: 1}},
	{"stdbuf", wrapper{valued: "i o e input output error"}},
	{"chrt", wrapper{valued: "T P D", skip: 1}},
	{"taskset", wrapper{valued: "", skip: 1}},
	{"unbuffer", wrapper{}},
	{"caffeinate", wrapper{valued: "t w"}},
	{"fakeroot", wrapper{valued: "l s i b"}},
	{"firejail", wrapper{}},
	{"proot", wrapper{valued: "r b w q R S"}},
	{"bwrap", wrapper{}},
	{"strace", wrapper{valued: "o e p s u E a b P O S I"}},
	{"ltrace", wrapper{valued: "o e p s u a A l n"}},
	{"valgrind", wrapper{}},
	{"cpulimit", wrapper{valued: "l limit p e"}},
	{"xvfb-run", wrapper{valued: "n s e f p w"}},
	{"dbus-run-session", wrapper{}},
	{"systemd-run", wrapper{valued: "u unit p property M machine H host E setenv description slice on-active on-calendar"}},
	{"chroot", wrapper{valued: "userspec groups", skip: 1, root: true}},
	{"unshare", wrapper{valued: "S G R w"}},
	{"nsenter", wrapper{valued: "t target S G r w", root: true}},
	{"busybox", wrapper{}},
	{"toybox", wrapper{}},
	{"command", wrapper{}},
	{"builtin", wrapper{}},
	{"exec", wrapper{valued: "a"}},
	{"noglob", wrapper{}},
	{"nocorrect", wrapper{}},
	{"watch", wrapper{valued: "n interval", text: true}},
	{"rlwrap", wrapper{valued: "a b c f H S s"}},
	{"script", wrapper{valued: "c command"}},
	{"dumb-init", wrapper{}},
	{"tini", wrapper{}},
	{"gosu", wrapper{skip: 1, root: true}},
	{"setpriv", wrapper{valued: "reuid regid groups"}},
	{"arch", wrapper{}},
	{"linux32", wrapper{}},
	{"setarch", wrapper{skip: 1}},
	{"entr", wrapper{}},
	{"torsocks", wrapper{}},
	{"proxychains", wrapper{valued: "f"}},
	{"proxychains4", wrapper{valued: "f"}},
	{"winpty", wrapper{}},
	{"sg", wrapper{skip: 1, text: true}},
	{"uv", wrapper{sub: "run", valued: "p python with project directory"}},
	{"poetry", wrapper{sub: "run"}},
	{"pipenv", wrapper{sub: "run"}},
	{"pdm", wrapper{sub: "run"}},
	{"hatch", wrapper{sub: "run"}},
	{"bundle", wrapper{sub: "exec"}},
	{"mise", wrapper{sub: "exec x"}},
	{"asdf", wrapper{sub: "exec"}},
	{"direnv", wrapper{sub: "exec", skip: 1}},
	{"op", wrapper{sub: "run", valued: "env-file"}},
	{"doppler", wrapper{sub: "run", valued: "p c project config"}},
	{"aws-vault", wrapper{sub: "exec", skip: 1}},
	{"conda", wrapper{sub: "run", valued: "n name p prefix"}},
	{"pnpm", wrapper{sub: "exec"}},
	{"yarn", wrapper{sub: "exec"}},
}

// wrapperOf returns the wrapper of a name, and whether there is one. There are few, and
// a table by name is another thing that each process would have to make.
func wrapperOf(name string) (wrapper, bool) {
	for i := range wrappers {
		if wrappers[i].name == name {
			return wrappers[i].wrapper, true
		}
	}
	return wrapper{}, false
}

// wrap follows a wrapper to the command that it runs.
func (w *walker) wrap(c *call) flow {
	x, _ := wrapperOf(c.name)
	args := c.args
	if x.sub != "" {
		if len(args) == 0 || args[0].open || !containsField(x.sub, args[0].text) {
			w.judge(c)
			return w.output(c)
		}
		args = args[1:]
	}
	inner := w.skipOptions(args, x)
	if x.root {
		w.privileged(c, inner)
	}
	if c.name == "env" {
		if flow, done := w.env(c, inner); done {
			return flow
		}
	}
	if text, ok := parseOptions(c.args, x.valued).get("c", "command"); ok && c.name == "script" {
		return w.shellWord(text, c)
	}
	if len(inner) == 0 {
		if x.root && c.hasIn {
			return w.feed(c, c.name)
		}
		if c.name == "exec" && c.redirs.tcp != "" {
			w.report(Critical, "reverse-shell", "the shell's own input and output go to "+c.redirs.tcp)
		}
		return unknownFlow
	}
	if x.text {
		return w.shellWord(join(inner), c)
	}
	if c.name == "command" && (c.args[0].literal("-v") || c.args[0].literal("-V")) {
		return textFlow(inner[0].text + "\n")
	}
	return w.run(c.with(inner))
}

func containsField(list, s string) bool {
	for f := range strings.FieldsSeq(list) {
		if f == s {
			return true
		}
	}
	return false
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
			return args[min(skip, len(args)):]
		case strings.HasPrefix(a.text, "-") && (len(a.text) > 1 || x.assign) && a.lead == "":
			args = args[1:]
			if takesNext(a.text, x.valued) && len(args) > 0 {
				args = args[1:]
			}
		case x.assign && isAssignment(a.text):
			name, value, _ := strings.Cut(a.text, "=")
			w.environment(name, a.part(value))
			args = args[1:]
		case skip > 0:
			skip--
			args = args[1:]
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
func (w *walker) privileged(c *call, inner []word) {
	x, _ := wrapperOf(c.name)
	o := parseOptions(c.args, x.valued)
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
	for i, a := range c.args {
		text, ok := strings.CutPrefix(a.text, "-S")
		if !ok {
			text, ok = strings.CutPrefix(a.text, "--split-string=")
		}
		if !ok && a.literal("--split-string") {
			ok = true
		}
		if !ok {
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
