package risk

import "strings"

// auditRules judge what removes traces.
func auditRules() []entry[rule] {
	return []entry[rule]{
		{"history fc", (*walker).history},
		{"unset", (*walker).unset},
		{"auditctl", (*walker).auditctl},
		{"etch", (*walker).etch},
		{"journalctl", (*walker).journalctl},
		{"wevtutil clear-eventlog remove-eventlog", (*walker).eventLog},
		{"touch", (*walker).touch},
		{"logrotate", (*walker).logrotate},
		{"shopt", (*walker).shopt},
	}
}

func (w *walker) history(c *call) {
	o := parseOptions(c.args, "d")
	switch {
	case c.name == "fc" && (o.has("p") || o.has("P")):
		if o.has("P") || o.operand(0) == "" || !keepsHistory(o.operands[0]) {
			w.report(High, "history-tamper", "the shell's history is put aside")
		}
	case c.name == "fc":
	case o.has("c", "d", "clear"), containsField("clear delete", o.operand(0)): // the words are fish's
		w.report(High, "history-tamper", "removes entries of the shell's history")
	case o.has("w", "a", "n") && len(o.operands) > 0 && !keepsHistory(o.operands[0]):
		w.report(High, "history-tamper", "the shell's history is written to "+o.operands[0].text)
	}
}

// keepsHistory reports whether a history that is written to a file is kept there.
func keepsHistory(file word) bool {
	return file.open || file.text != "" && !within(file.text, "/dev") && !within(file.text, "/proc")
}

// historyFile judges where a shell is told to keep its history: nowhere, or where it is
// soon gone.
func (w *walker) historyFile(file word) {
	switch {
	case !keepsHistory(file):
		w.report(High, "history-tamper", "the shell stops keeping its history")
	case within(file.text, "/tmp") || within(file.text, "/var/tmp") || within(file.text, "/run"):
		w.report(Medium, "history-tamper", "the shell keeps its history in "+file.text)
	}
}

func (w *walker) shopt(c *call) {
	if o := parseOptions(c.args, ""); o.has("u") && o.operand(0) == "histappend" {
		w.report(Medium, "history-tamper", "the shell's history is written over")
	}
}

func (w *walker) unset(c *call) {
	for _, x := range c.args {
		switch {
		case containsField("HISTFILE HISTSIZE HISTFILESIZE SAVEHIST PROMPT_COMMAND histfile savehist fish_history", x.text):
			w.report(High, "history-tamper", "the shell stops keeping its history")
		case !strings.HasPrefix(x.text, "-"):
			delete(w.vars, x.text)
		}
	}
}

func (w *walker) auditctl(c *call) {
	o := parseOptions(c.args, "e b f r w p k a A d")
	e, ok := o.get("e")
	if o.has("D", "d", "W") || ok && e.literal("0") {
		w.report(Critical, "audit-tamper", "auditctl stops the kernel's audit trail")
	}
}

// etch judges what makes this program record less: its hooks taken out.
func (w *walker) etch(c *call) {
	if o := parseOptions(c.args, "scope bin log config"); o.operand(0) == "install" && o.has("uninstall") {
		w.report(High, "audit-tamper", "takes the audit trail's hooks out of agents' settings")
	}
}

func (w *walker) journalctl(c *call) {
	for _, f := range parseOptions(c.args, "u n o since until").flags {
		if strings.HasPrefix(f.name, "vacuum") || f.name == "rotate" {
			w.report(High, "log-tamper", "journalctl removes the system's logs")
		}
	}
}

func (w *walker) eventLog(c *call) {
	if c.name != "wevtutil" || len(c.args) > 0 && (c.args[0].literal("cl") || c.args[0].literal("clear-log")) {
		w.report(Critical, "log-tamper", "empties the event log")
	}
}

// touch judges setting a file's times, which hides when it was changed.
func (w *walker) touch(c *call) {
	o := parseOptions(c.args, "d date t r reference")
	for _, x := range o.operands {
		class, ok := protectionOf(w.resolve(x))
		if ok && (class.id == "audit-tamper" || class.id == "log-tamper") {
			w.report(class.level, class.id, "touches "+x.text+", "+class.why)
		}
	}
}

func (w *walker) logrotate(c *call) {
	if o := parseOptions(c.args, ""); o.has("f", "force") {
		w.report(Medium, "log-tamper", "logrotate moves logs on before their time")
	}
}
