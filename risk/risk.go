// Package risk says how risky a shell command, an argument vector or a tool
// is, and why.
//
// A command is parsed, not searched: quoting, escapes, constant variables,
// brace expansion, constant command substitutions, functions, aliases,
// here-documents and the programs that run other programs (sudo, env, xargs,
// find -exec, sh -c, ssh, tmux, systemd-run and some three hundred like them) are
// followed to the call that is made in the end, and the call is judged. Text of
// PowerShell and of cmd.exe is read by their own rules. Text that is only printed, searched for or
// committed is not a command and is not judged as one.
//
// The verdict is an aid for people and policies, never a sandbox. It looks at
// one command line and knows nothing of the file system, of the environment
// or of what a program does once it runs. What it cannot see into it names
// as such instead of calling it harmless.
//
// # Reasons
//
// A reason is "<rule-id>: <detail>". Rule ids are stable and kebab-case
// (rm-recursive, privilege-escalation, pipe-to-shell). Details name commands
// and paths, never the values of options, so that a reason repeats no secret
// of the command line.
//
// # Known gaps
//
// BUG(risk): A script file, Makefile target, package script or git hook that
// is not written by the same command line is not opened: "make clean" and
// "./deploy.sh" are Low whatever they do.
//
// BUG(risk): A program that runs another one and that no table knows is
// followed only to a shell with -c among its words, and to the text of options
// named command, cmd or exec.
//
// BUG(risk): PowerShell that bash's grammar refuses is read as PowerShell, and
// is high for not being bash. Functions and objects of PowerShell are not followed.
//
// BUG(risk): Shell text that well-known programs print to be evaluated
// (ssh-agent, direnv hook, kubectl completion) is taken for theirs, by their names.
//
// BUG(risk): Programs in other languages (python -c, perl -e, node -e, awk) are
// scanned for the string literals they hand to a shell and for well-known
// calls; a program that builds these at run time is not understood.
//
// BUG(risk): A variable that takes several values (loops, branches) is
// tried with up to four of them, all variables in step, not in every
// combination.
//
// BUG(risk): A variable of the surrounding environment is unknown, also when
// it names a command: such a call is medium, or high when an argument is
// dangerous by itself.
//
// BUG(risk): Constant output is computed for echo, printf, cat, base64 -d, rev,
// tr, xxd -r -p and a few more; other filters give "unknown text", which is
// high when a shell reads it.
//
// BUG(risk): What a program such as jq or perl writes is unknown text: a setting
// that it changes in a file is judged by the file's name alone.
//
// BUG(risk): What runs in a container or on another host is judged as if it
// ran here.
//
// BUG(risk): The zsh and fish dialects are read as bash; what only they
// understand is unparsed, and so high.
package risk

import (
	"fmt"
)

// Level orders risks: Low < Medium < High < Critical.
type Level uint8

// The levels. Low is what a developer calls harmless; Medium is an ordinary
// effect that lasts or leaves the machine; High loses work, hands out rights or
// secrets, or cannot be seen into; Critical is catastrophe or attack.
const (
	Low Level = iota
	Medium
	High
	Critical
)

var levelNames = [...]string{"low", "medium", "high", "critical"}

// String returns "low", "medium", "high" or "critical".
func (l Level) String() string {
	if int(l) >= len(levelNames) {
		return fmt.Sprintf("level(%d)", uint8(l))
	}
	return levelNames[l]
}

// ParseLevel is the inverse of [Level.String]; it accepts nothing else.
func ParseLevel(s string) (Level, error) {
	for i, name := range levelNames {
		if s == name {
			return Level(i), nil
		}
	}
	return Low, fmt.Errorf("unknown risk level %q: want low, medium, high or critical", s)
}

// Assessment is a verdict. Reasons is empty exactly when Level is Low.
type Assessment struct {
	// Level is the level of the riskiest reason.
	Level Level
	// Reasons says why, riskiest first, each once, as "<rule-id>: <detail>".
	Reasons []string
	// Unparsed reports that part of the command could not be read or was not
	// looked at; the level is then at least High.
	Unparsed bool
}

// Command judges a shell command line in the bash dialect; what bash's grammar
// refuses is tried as mksh and as POSIX shell. It never fails: what cannot
// be parsed is at least High, with what could be read judged as well. Time and
// memory are bounded whatever the input; past 64 KiB the rest is not read.
func Command(shell string) Assessment {
	w := newWalker()
	w.shell(shell, flow{})
	return w.assessment()
}

// Argv judges an argument vector as exec passes it: no word is split,
// expanded or matched against files, but programs that run others are looked
// into as [Command] does.
func Argv(argv []string) Assessment {
	w := newWalker()
	if len(argv) == 0 {
		return w.assessment()
	}
	size := 0
	words := make([]word, 0, min(len(argv), maxFields))
	for _, a := range argv {
		size += len(a)
		if size > maxInput || len(words) == maxFields {
			w.blind("too-long", "the arguments are longer than what is looked at")
			break
		}
		words = append(words, literalWord(a))
	}
	w.run(&call{argv: words})
	return w.assessment()
}
