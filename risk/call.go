package risk

import (
	"path"
	"slices"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/syntax"
)

// call is one program or builtin being run.
type call struct {
	argv   []word // the name and the arguments
	in     flow   // what it reads
	hasIn  bool   // its input is not the terminal's
	redirs redirects

	name string // the base name, lower case, without version: "python" for /usr/bin/python3.12
	args []word // argv without the name
	read flow   // what the files among the arguments hold, filled in by judging
}

// with returns the call that a wrapper makes in the end.
func (c *call) with(argv []word) *call {
	return &call{argv: argv, in: c.in, hasIn: c.hasIn, redirs: c.redirs}
}

// rule judges the calls of one command.
type rule func(w *walker, c *call)

// special handles a command that runs other commands or prints something
// that matters; it returns the command's output.
type special func(w *walker, c *call) flow

// An entry says what is done with the commands of some names, which blanks separate.
type entry[T any] struct {
	names string
	do    T
}

// has reports whether a name is one of the entry's.
func (e entry[T]) has(name string) bool {
	return containsField(e.names, name)
}

// specialTables are all tables of what handles single commands.
func specialTables() [][]entry[special] {
	return [][]entry[special]{specialTable(), windowsSpecials()}
}

// ruleTables are all tables of rules.
func ruleTables() [][]entry[rule] {
	return [][]entry[rule]{
		fileRules(), permissionRules(), networkRules(), transferRules(), gitRules(),
		databaseRules(), systemRules(), infraRules(), secretRules(), auditRules(), windowsRules(), embeddedRules(),
	}
}

// tables are what is known of commands, by their names.
type tables struct {
	wrappers map[string][]*wrapper
	specials map[string]special
	rules    map[string][]rule
}

// known are the tables once they are worth making. It has no initial value, which
// could not name them: their functions reach back to run.
var known struct {
	once   sync.Once
	tables tables
}

// knownTables returns the tables; the first call makes them.
func knownTables() *tables {
	known.once.Do(func() { known.tables = makeTables() })
	return &known.tables
}

func makeTables() tables {
	made := tables{wrappers: map[string][]*wrapper{}, specials: map[string]special{}, rules: map[string][]rule{}}
	for i := range wrappers {
		for name := range strings.FieldsSeq(wrappers[i].names) {
			made.wrappers[name] = append(made.wrappers[name], &wrappers[i])
		}
	}
	for _, table := range specialTables() {
		for _, e := range table {
			for name := range strings.FieldsSeq(e.names) {
				made.specials[name] = e.do
			}
		}
	}
	for _, table := range ruleTables() {
		for _, e := range table {
			for name := range strings.FieldsSeq(e.names) {
				made.rules[name] = append(made.rules[name], e.do)
			}
		}
	}
	return made
}

// specialOf returns what handles a command that runs others, nil where it is none.
func specialOf(name string) special {
	if manyLookups() {
		return knownTables().specials[name]
	}
	return searchSpecial(name)
}

func searchSpecial(name string) special {
	for _, table := range specialTables() {
		for _, e := range table {
			if e.has(name) {
				return e.do
			}
		}
	}
	return nil
}

// rulesOf returns the rules of a command in their order.
func rulesOf(name string) []rule {
	if manyLookups() {
		return knownTables().rules[name]
	}
	return searchRules(name)
}

func searchRules(name string) []rule {
	var rules []rule
	for _, table := range ruleTables() {
		for _, e := range table {
			if e.has(name) {
				rules = append(rules, e.do)
			}
		}
	}
	return rules
}

// isKnown reports whether there is a rule for a command.
func isKnown(name string) bool {
	return len(wrappersOf(name)) > 0 || specialOf(name) != nil || len(rulesOf(name)) > 0
}

// run judges a call and returns what it prints.
func (w *walker) run(c *call) flow {
	if len(c.argv) == 0 {
		return flow{}
	}
	if !w.enter() {
		w.leave()
		return unknownFlow
	}
	defer w.leave()
	head := c.argv[0]
	if head.open && !head.glob && !head.flow.tainted() {
		head = knownBase(head)
	}
	if head.open || head.glob {
		return w.dynamic(c)
	}
	c.args = c.argv[1:]
	if body, ok := w.funcs[head.text]; ok && !w.active[head.text] {
		return w.function(head.text, body, c)
	}
	if text, ok := w.aliases[head.text]; ok {
		delete(w.aliases, head.text) // an alias is not expanded in itself
		return w.shell(text+" "+quoteAll(c.args), c.in)
	}
	if strings.ContainsRune(head.text, '/') {
		w.runFile(c, head)
	}
	c.name = commandName(head.text)
	w.cmdlets = w.cmdlets || isCmdlet(c.name)
	if c.onlyHelp() {
		return unknownFlow
	}
	if w.printsShell(c) {
		w.judge(c)
		return flow{some: true, own: true}
	}
	if out, ok := w.wrap(c); ok {
		return out
	}
	if s := specialOf(c.name); s != nil {
		return s(w, c)
	}
	w.judge(c)
	return w.output(c)
}

// knownBase returns a command word of which only the directory is computed
// as one that is known: what runs has the name that stands there.
func knownBase(head word) word {
	_, base, ok := cutLast(head.text, "/")
	if !ok || base == "" || strings.Contains(base, "$") {
		return head
	}
	return literalWord(base)
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// judge applies the rules of a command that runs no other.
func (w *walker) judge(c *call) {
	for _, r := range rulesOf(c.name) {
		r(w, c)
	}
	w.patterns(c)
	w.secretArguments(c)
	w.handedOn(c)
}

// onlyHelp reports whether a call only asks a program what it is.
func (c *call) onlyHelp() bool {
	return len(c.args) == 1 && (c.args[0].literal("--help") || c.args[0].literal("--version"))
}

// function walks a function's body with the call's arguments.
func (w *walker) function(name string, body *syntax.Stmt, c *call) flow {
	saved := w.vars["@"]
	old := map[string]variable{}
	w.active[name] = true
	for i, a := range c.args {
		if i < 9 {
			n := string(rune('1' + i))
			old[n] = w.vars[n]
			w.vars[n] = variable{values: [][]word{{a}}}
		}
	}
	w.vars["@"] = variable{values: [][]word{c.args}}
	star, hadStar := w.vars["*"]
	w.vars["*"] = w.vars["@"]
	out := w.stmt(body, c.in)
	restore(w.vars, "@", saved)
	restore(w.vars, "*", star)
	if !hadStar {
		delete(w.vars, "*")
	}
	for n, v := range old {
		restore(w.vars, n, v)
	}
	delete(w.active, name)
	return out
}

func restore(vars map[string]variable, name string, v variable) {
	if len(v.values) == 0 {
		delete(vars, name)
		return
	}
	vars[name] = v
}

// quoteAll renders known words so that a shell reads them as they are.
func quoteAll(args []word) string {
	var b strings.Builder
	for _, a := range args {
		b.WriteString(" '" + strings.ReplaceAll(a.text, "'", `'\''`) + "'")
	}
	return b.String()
}

// otherNames are programs of several names, each with that which the rules use. It is
// no map: that would be made at the start of every process.
var otherNames = [...][2]string{
	{"nc.openbsd", "nc"},
	{"nc.traditional", "nc"},
	{"ncat", "nc"},
	{"netcat", "nc"},
	{"nodejs", "node"},
	{"gawk", "awk"},
	{"mawk", "awk"},
	{"nawk", "awk"},
	{"mariadb", "mysql"},
	{"mdb", "mysql"},
	{"mongosh", "mongo"},
	{"gsed", "sed"},
	{"grm", "rm"},
	{"unlink", "rm"},
	{"gfind", "find"},
	{"gxargs", "xargs"},
	{"gtar", "tar"},
	{"bsdtar", "tar"},
	{"gdd", "dd"},
	{"gchmod", "chmod"},
	{"gchown", "chown"},
	{"gtimeout", "timeout"},
	{"genv", "env"},
	{"gcp", "cp"},
	{"gmv", "mv"},
	{"gtee", "tee"},
	{"gshred", "shred"},
	{"pypy", "python"},
	{"valkey-cli", "redis-cli"},
	{"opentofu", "terraform"},
	{"tofu", "terraform"},
	{"podman", "docker"},
	{"nerdctl", "docker"},
	{"pwsh", "powershell"},
	{"egrep", "grep"},
	{"fgrep", "grep"},
	{"zgrep", "grep"},
	{"rbash", "bash"},
	{"-bash", "bash"},
	{"yash", "sh"},
	{"fdfind", "fd"},
	{"batcat", "bat"},
	{"nvim", "vim"},
	{"vi", "vim"},
	{"view", "vim"},
	{"ex", "vim"},
	{"kubectl.exe", "kubectl"},
	{"oc", "kubectl"},
	{"k", "kubectl"},
	{"apt", "apt-get"},
	{"slogin", "ssh"},
	{"gsudo", "sudo"},
}

// otherName returns the name that the rules use for a program of several, and any other
// as it is.
func otherName(name string) string {
	for i := range otherNames {
		if otherNames[i][0] == name {
			return otherNames[i][1]
		}
	}
	return name
}

// versioned are the commands whose names carry a version.
var versioned = []string{"python", "perl", "ruby", "php", "pip", "lua", "node", "bash", "pypy", "tclsh", "java", "psql"}

func commandName(s string) string {
	s = strings.ToLower(path.Base(s))
	s = strings.TrimSuffix(s, ".exe")
	if strings.HasPrefix(s, "mkfs.") {
		return "mkfs"
	}
	if t := strings.TrimRight(s, "0123456789.-"); slices.Contains(versioned, t) {
		s = t
	}
	return otherName(s)
}
