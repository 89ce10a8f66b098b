package redact

import (
	"path"
	"slices"
	"strings"

	"github.com/etch-audit/etch/internal/shellword"
)

// vector masks a text that is an argument vector as package shellword writes it, where a word has quotes that readers of
// texts see no end of: what the vector is says more than how it is written. Any other text it returns as it is.
func (m *Masker) vector(s string) (string, int) {
	if !needsWords(s) {
		return s, 0
	}
	words := shellword.Words(s)
	if len(words) < 2 {
		return s, 0
	}
	argv := make([]string, len(words))
	for i, w := range words {
		argv[i] = w.Text
	}
	masked, n := m.Argv(argv)
	if n == 0 {
		return s, 0
	}
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		switch written := s[w.Start:w.End]; {
		case masked[i] == w.Text:
			b.WriteString(written)
		case written == w.Text:
			b.WriteString(masked[i])
		default:
			b.WriteString(shellword.Quote(masked[i : i+1]))
		}
	}
	return b.String(), n
}

// needsWords reports whether a text may be a vector with a word that only its quotes tell the end of: one with a quote or
// with escapes in it, or 'NAME=a b'.
func needsWords(s string) bool {
	for i := 0; ; i++ {
		n := strings.IndexByte(s[i:], '\'')
		if n < 0 {
			return false
		}
		i += n
		if strings.HasPrefix(s[i:], `'\''`) || i > 0 && s[i-1] == '$' {
			return true
		}
		end := i + 1
		for end < len(s) && end-i < maxName && nameByte.in(s[end]) {
			end++
		}
		if end > i+1 && end < len(s) && s[end] == '=' {
			return true
		}
	}
}

// argPlace says what stands before an argument: whether a program takes it for a setting, for code, or nobody knows.
type argPlace struct {
	program string // whose arguments they are
	runs    bool   // it takes them for parts of commands
	code    bool   // the argument is a command or a part of one: only what ends where a command could begin is masked
	setting bool   // the argument is NAME=value as a whole
	header  bool   // or name: value
}

// placeOf returns the place of a vector's first argument.
func placeOf(argv []string) argPlace {
	for _, arg := range argv[:min(len(argv), subWithin)] {
		name := path.Base(arg)
		if !slices.Contains(prefixCommands, name) && strings.IndexByte(arg, '=') < 0 && !strings.HasPrefix(arg, "-") {
			name = strings.TrimSuffix(name, ".exe")
			return argPlace{program: name, runs: slices.Contains(codePrograms, name)}
		}
	}
	return argPlace{}
}

// prefixCommands run the program behind them.
var prefixCommands = words{"sudo", "doas", "env", "nohup", "time", "nice", "exec", "command"}

// next goes on behind an argument.
func (p *argPlace) next(before string) {
	set := p.setting && isAssigned(before)                   // env A=b PASSWORD=x
	p.runs = p.runs || slices.Contains(codePrograms, before) // timeout 5 ssh
	p.code = p.runs || isCodeOption(before)
	p.header = before == "-H" || before == "--header"
	p.setting = set || p.takes(before)
}

// codePrograms take arguments for parts of commands.
var codePrograms = words{"eval", "ssh", "autossh", "rsh", "watch", "parallel"}

// isCodeOption reports whether the argument after an option is code: sh -c, bash -lc, ruby -e, powershell -Command.
func isCodeOption(option string) bool {
	if len(option) < 2 || option[0] != '-' || len(option) > maxName {
		return false
	}
	if option[1] == '-' {
		return option == "--command" || option == "--eval" || option == "--execute"
	}
	return option[len(option)-1] == 'c' || equalFold(option, "-command")
}

// takes reports whether the argument after a word is NAME=value, for the program that has it.
func (p *argPlace) takes(before string) bool {
	switch before {
	case "-e", "-E":
		return slices.Contains(settingPrograms, p.program)
	case "--env", "--build-arg", "--set", "--set-string", "--set-env-vars", "--update-env-vars", "--extra-vars", "--env-var", "--setenv",
		"env", "/usr/bin/env", "export", "declare", "readonly", "setenv":
		return true
	}
	return false
}

// settingPrograms take variables by -e. Others, ruby and perl for instance, take code.
var settingPrograms = words{
	"docker", "podman", "nerdctl", "docker-compose", "podman-compose", "kubectl", "oc", "fly", "flyctl", "heroku", "ansible", "ansible-playbook",
	"lxc", "buildah", "systemd-run", "wrangler", "vercel", "railway", "netlify",
}

// isAssigned reports whether an argument is NAME=value.
func isAssigned(arg string) bool {
	name, _, ok := strings.Cut(arg[:min(len(arg), maxName)], "=")
	return ok && word.all(name)
}

// assignment returns the value that the argument assigns to a secret name, as in --token=x and NAME=x: all that follows. An argument
// that may be a command is left to the reader of texts, who ends where a command could begin.
func (p *argPlace) assignment(arg string) (value, secretName, bool) {
	eq := strings.IndexByte(arg[:min(len(arg), maxName)], '=')
	if p.header {
		eq = strings.IndexByte(arg[:min(len(arg), maxName)], ':')
	}
	if eq < 0 {
		return value{}, secretName{}, false
	}
	name := strings.TrimLeft(arg[:eq], "-")
	if !nameByte.all(name) || name == "" || p.code {
		return value{}, secretName{}, false
	}
	if name == arg[:eq] && !p.setting && !p.header && strings.ContainsAny(arg[eq:], ";|&\n") {
		return value{}, secretName{}, false
	}
	found, ok := lookup(name)
	if !ok || found.query || found.rule == ruleAuthorization || found.rule == ruleCookie {
		return value{}, secretName{}, false
	}
	start := eq + 1
	if arg[eq] == ':' {
		start += blankLen(arg[start:])
	}
	return value{start: start, end: len(arg), quote: '"'}, found, true
}

// setting masks what is written between quotes that open before a name: -e 'PASSWORD=a;b', -H "X-Api-Key: a b". It returns
// where the walk goes on, or 0 where no option says that all up to the quote is a value; it could be a command, then.
func (c *scan) setting(f *field) int {
	q := c.at(f.start - 1)
	if f.rule == ruleAuthorization || f.rule == ruleCookie || f.query {
		return 0
	}
	if !isQuote(q) || f.op != opEqual && f.op != opColon || isQuote(c.at(f.value)) || !c.isSetting(f.start-1, f.op == opColon) {
		return 0
	}
	end := c.quoteEnd(f.value, q)
	if end < 0 {
		return 0
	}
	v := value{start: f.value, end: end, stop: end, quote: q}
	if q == '"' {
		if cut := substitution(c.s[v.start:v.end]); cut >= 0 {
			v.end = v.start + cut
			v.stop = v.end
		}
	}
	return c.mask(v, f.secretName)
}

// isSetting reports whether the quoted word at i is one that a program takes for a setting, or for a header.
func (c *scan) isSetting(i int, header bool) bool {
	start := i
	for start > 0 && i-start < lookahead && strings.IndexByte(";|&\n(`", c.s[start-1]) < 0 {
		start--
	}
	var place argPlace
	found, at := false, 0
	for text := c.s[start:i]; ; {
		text = strings.TrimLeft(text, " \t")
		if text == "" {
			break
		}
		n := strings.IndexAny(text, " \t")
		if n < 0 {
			n = len(text)
		}
		arg := text[:n]
		if name := path.Base(arg); !found && !slices.Contains(prefixCommands, name) && strings.IndexByte(arg, '=') < 0 && arg[0] != '-' {
			place.program, place.runs, found = name, slices.Contains(codePrograms, name), true
		}
		place.next(strings.TrimSuffix(arg, "=")) // --env='NAME=value'
		text, at = text[n:], at+1
	}
	return at > 0 && !place.code && (header && place.header || !header && place.setting)
}

// quoteEnd returns the place of the quote that ends the string of the shell that i is in, or -1 where it is not near. In single quotes '\” is a quote.
func (c *scan) quoteEnd(i int, q byte) int {
	const quote = `'\''`
	for limit := min(len(c.s), i+1<<12); i < limit; i++ {
		switch b := c.s[i]; {
		case b == '\\' && q == '"':
			i++
		case b == q && q == '\'' && strings.HasPrefix(c.s[i:], quote):
			i += len(quote) - 1
		case b == q:
			return i
		}
	}
	return -1
}
