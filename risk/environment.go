package risk

import (
	"strings"

	"github.com/etch-audit/etch/internal/later"
)

// assignment judges what setting a variable of the shell does by itself.
func (w *walker) assignment(name string, value word) {
	switch name {
	case "HISTFILE", "histfile":
		w.historyFile(value)
	case "fish_history":
		if value.literal("") {
			w.report(High, "history-tamper", "the shell stops keeping its history")
		}
	case "HISTIGNORE":
		if value.literal("*") {
			w.report(High, "history-tamper", "the shell stops keeping its history")
		}
	case "HISTSIZE", "HISTFILESIZE", "SAVEHIST", "savehist":
		if value.literal("0") {
			w.report(High, "history-tamper", "the shell stops keeping its history")
		}
	case "PROMPT_COMMAND", "BASH_ENV", "ENV":
		if !value.open && strings.Contains(value.text, " ") {
			w.shell(value.text, flow{})
		}
	}
}

// loaders are the variables through which a program is made to run other
// code than its own.
var loaders = later.Value[map[string]string]{Make: func() map[string]string {
	return map[string]string{
		"LD_PRELOAD": "a library is loaded into the program", "LD_AUDIT": "a library is loaded into the program",
		"DYLD_INSERT_LIBRARIES": "a library is loaded into the program", "BASH_ENV": "a file is run before every script",
		"ENV": "a file is run before every shell", "NODE_OPTIONS": "code is loaded into every node process",
		"PYTHONSTARTUP": "a file is run before python", "PERL5OPT": "code is loaded into perl", "RUBYOPT": "code is loaded into ruby",
	}
}}

// shellVariables are run as shell text by the program that reads them.
var shellVariables = later.Value[map[string]bool]{Make: func() map[string]bool {
	return map[string]bool{
		"GIT_SSH_COMMAND": true, "GIT_PAGER": true, "PAGER": true, "GIT_EDITOR": true, "EDITOR": true, "VISUAL": true,
		"GIT_EXTERNAL_DIFF": true, "GIT_SEQUENCE_EDITOR": true, "GIT_ASKPASS": true, "SSH_ASKPASS": true, "LESSOPEN": true,
		"MANPAGER": true, "BROWSER": true, "PROMPT_COMMAND": true, "GIT_PROXY_COMMAND": true,
	}
}}

// environment judges a variable given to a program.
func (w *walker) environment(name string, value word) {
	if why, ok := loaders.Get()[name]; ok && value.text != "" {
		level := High
		if name == "NODE_OPTIONS" && !strings.Contains(value.text, "require") && !strings.Contains(value.text, "import") {
			level = Low
		}
		w.report(level, "code-injection", name+": "+why)
	}
	if shellVariables.Get()[name] && value.text != "" && !value.open {
		w.shell(value.text, flow{})
	}
}
