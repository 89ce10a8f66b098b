package risk

import "strings"

// tmuxCommand is a command of tmux that is given what to run.
type tmuxCommand struct {
	name, alias string
	valued      string // its options that take a value
	how         func(w *walker, c *call, args []word)
}

// tmuxCommands are all of them, by their whole names.
func tmuxCommands() []tmuxCommand {
	return []tmuxCommand{
		{"new-session", "new", "c e F n s t x y f", (*walker).inTerminal},
		{"new-window", "neww", "c e F n t", (*walker).inTerminal},
		{"split-window", "splitw", "c e F l p t", (*walker).inTerminal},
		{"respawn-pane", "respawnp", "c e t", (*walker).inTerminal},
		{"respawn-window", "respawnw", "c e t", (*walker).inTerminal},
		{"display-popup", "popup", "b c d e h s S t T w x y", (*walker).inTerminal},
		{"run-shell", "run", "d t c", (*walker).inTerminal},
		{"pipe-pane", "pipep", "t", (*walker).inTerminal},
		{"if-shell", "if", "t", (*walker).ifTerminal},
		{"send-keys", "send", "N t c", (*walker).keys},
		{"bind-key", "bind", "T N", (*walker).bound},
		{"set-hook", "", "t", (*walker).bound},
		{"kill-server", "", "", func(w *walker, _ *call, _ []word) {
			w.report(Medium, "process-kill", "tmux kill-server ends every session")
		}},
	}
}

// tmux follows the commands of tmux, which ";" separates.
func (w *walker) tmux(c *call) flow {
	const valued = "c f L S T"
	args := w.skipOptions(c.args, wrapper{valued: valued})
	for _, text := range parseOptions(c.args[:len(c.args)-len(args)], valued).all("c") {
		w.shellWord(text, c)
	}
	w.tmuxCommands(c, args)
	return unknownFlow
}

func (w *walker) tmuxCommands(c *call, args []word) {
	if !w.enter() {
		w.leave()
		return
	}
	defer w.leave()
	from := 0
	for i := 0; i <= len(args); i++ {
		if i < len(args) && args[i].text != ";" {
			continue
		}
		if i > from {
			w.tmuxCommand(c, args[from], args[from+1:i])
		}
		from = i + 1
	}
}

// tmuxCommand follows one of them, of which tmux takes any beginning that no other has.
func (w *walker) tmuxCommand(c *call, name word, args []word) {
	for _, x := range tmuxCommands() {
		if name.text == x.alias || len(name.text) > 2 && strings.HasPrefix(x.name, name.text) {
			x.how(w, c, w.skipOptions(args, wrapper{valued: x.valued}))
			return
		}
	}
}

// inTerminal walks what begins in a terminal: one operand is shell text, several are the
// words of a program.
func (w *walker) inTerminal(c *call, args []word) {
	if len(args) > 0 {
		w.inForm(c.with(nil), &wrapper{as: lone}, args)
	}
}

// ifTerminal walks the condition of if-shell, which is shell text, and what tmux does then.
func (w *walker) ifTerminal(c *call, args []word) {
	for i, x := range args {
		if i == 0 {
			w.shellWord(x, c)
			continue
		}
		w.tmuxText(c, x)
	}
}

// bound walks what tmux does when a key is pressed or something happens.
func (w *walker) bound(c *call, args []word) {
	switch {
	case len(args) == 2:
		w.tmuxText(c, args[1])
	case len(args) > 2:
		w.tmuxCommands(c, args[1:])
	}
}

// tmuxText walks commands of tmux that are one word, cut as its configuration is.
func (w *walker) tmuxText(c *call, x word) {
	file, err := parse(x.text)
	if err != nil || file == nil || len(x.text) > maxText {
		return
	}
	for _, s := range file.Stmts {
		w.tmuxCommands(c, w.plainWords(s))
	}
}

// keys walks what is typed into a terminal: the words without anything between them.
func (w *walker) keys(c *call, args []word) {
	out := word{}
	for i, a := range args {
		text := a.text
		switch text {
		case "Enter", "C-m", "C-j", "KPEnter":
			text = "\n"
		case "Space":
			text = " "
		case "Tab", "BTab", "Escape", "BSpace", "Up", "Down", "Left", "Right", "C-a", "C-c", "C-d", "C-k", "C-l", "C-u", "C-z":
			text = ""
		}
		if i == 0 {
			out.lead, out.full = a.lead, a.full
		}
		out.text, out.open, out.flow = out.text+text, out.open || a.open, out.flow.merge(a.flow)
	}
	w.shellWord(out, c.with(nil))
}

// screen follows what GNU screen begins, and what it sends to a session.
func (w *walker) screen(c *call) flow {
	const valued = "S s h c e p t T Logfile"
	for i, a := range c.args {
		if !a.literal("-X") {
			continue
		}
		args := c.args[i+1:]
		switch {
		case len(args) < 2:
		case args[0].literal("stuff"):
			w.shellWord(word{text: typed(args[1].text), open: args[1].open, flow: args[1].flow}, c.with(nil))
		case args[0].literal("exec"), args[0].literal("screen"):
			w.run(c.with(w.skipOptions(args[1:], wrapper{valued: "t"})))
		}
		return unknownFlow
	}
	if o := parseOptions(c.args, valued); o.has("ls", "list", "wipe", "v") || o.has("r", "x") && !o.has("m") {
		return unknownFlow
	}
	if inner := w.skipOptions(c.args, wrapper{valued: valued}); len(inner) > 0 {
		w.run(c.with(inner))
	}
	return unknownFlow
}

// typed returns the text of what screen is told to type: ^M and \n end a line.
func typed(s string) string {
	return strings.NewReplacer("^M", "\n", `\015`, "\n", `\n`, "\n", `\r`, "\n", "\r", "\n").Replace(s)
}
