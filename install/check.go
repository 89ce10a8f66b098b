package install

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/etch-audit/etch/internal/hookform"
	"github.com/etch-audit/etch/internal/settings"
)

// A Level says how bad a finding is.
type Level string

// The levels.
const (
	Problem Level = "problem" // calls are not recorded, or will not be
	Warning Level = "warning" // calls are recorded, and something should be known
	Unknown Level = "unknown" // it could not be told
)

// A Finding is what was found about an agent's settings.
type Finding struct {
	Check string // what was looked at: hooks, program, switch, file, trust, log, session
	Level Level
	What  string
	Where string // a file, with its line where there is one; may be empty
	Mend  string // what can be done; may be empty
}

// A Source is a file in which the agent looks for hooks.
type Source struct {
	Path  string
	Scope Scope
	Hooks int // of this program
}

// A State is how an agent's settings are.
type State struct {
	Found    bool
	Program  string // the path of the agent's own, "" where it is not in the search path
	Sources  []Source
	Findings []Finding

	// Commands are what the hooks start, without the event: the program and its
	// arguments, each once.
	Commands [][]string
}

// A source is a file that an agent reads, by which hooks come or go.
type source struct {
	path  string
	scope Scope
	form  form // nil: it is TOML, which has no hooks but may switch them off
}

// Check looks at every file from which the agent takes hooks, in the order of
// its own precedence, and says what keeps hooks from being run. Log is the log
// that their records are expected in, "" where any will do; own is the one that
// hooks record into which name neither log nor configuration and heed no
// environment.
func (a *Agent) Check(m Machine, log, own string) State {
	c := checking{a: a, m: m, log: log, own: own, State: State{Found: a.Found(m), Program: a.Program(m)}}
	for _, s := range once(a.read(m)) {
		c.look(s)
	}
	if a.dotEnv != nil {
		for _, path := range a.dotEnv(m) {
			c.lookDotEnv(path, false)
		}
	}
	if a.ownEnv != nil {
		for _, path := range a.ownEnv(m) {
			c.lookDotEnv(path, true)
		}
	}
	if a.shadows != nil {
		c.lookShadows(a.shadows(m))
	}
	c.conclude()
	return c.State
}

// Hooked reports whether a file that the agent reads has a hook of this program.
func (a *Agent) Hooked(m Machine) bool { return len(a.Check(m, "", "").Commands) > 0 }

// Logs returns the logs that the agent's hooks of a scope name, each once; ""
// stands for the one of the configuration. There are none where there are no hooks.
func (a *Agent) Logs(m Machine, scope Scope) []string {
	c := checking{a: a, m: m}
	for _, s := range a.read(m) {
		if s.scope == scope {
			c.look(s)
		}
	}
	var logs []string
	for _, f := range c.seen {
		if !slices.Contains(logs, f.log) {
			logs = append(logs, f.log)
		}
	}
	return logs
}

// once leaves out sources of which a later one is the same file: in the home directory
// the project's are the user's own.
func once(all []source) []source {
	var kept []source
	for i, s := range all {
		if !slices.ContainsFunc(all[i+1:], func(other source) bool { return other.path == s.path }) {
			kept = append(kept, s)
		}
	}
	return kept
}

// read returns the files that an agent reads, the most powerful first.
func (a *Agent) read(m Machine) []source {
	var all []source
	if a.sources != nil {
		all = a.sources(a, m)
	}
	for _, scope := range []Scope{Managed, Project, User} {
		for _, t := range a.places(a, m, scope) {
			s := source{path: t.path, scope: scope, form: t.form}
			if _, isSwitch := t.form.(featureSwitch); isSwitch {
				s.form = nil
			}
			all = append(all, s)
		}
	}
	return all
}

// A checking is one look at an agent.
type checking struct {
	State
	a   *Agent
	m   Machine
	log string
	own string

	seen        []found // hooks of this program
	env         []setVariable
	off         []Finding
	lists       []offList
	managedOff  bool // the switch is the administrator's: nothing survives it
	managedOnly bool // the administrator lets no other hooks run

	trusted   map[string]trustState // by trustKey
	trustFile string
}

// A found is a hook of this program in a file that the agent reads.
type found struct {
	source
	line int
	standing
	name []byte // JSON, that the agent knows it by; nil where it has none
	text []byte // JSON, of its command line
	key  string // of a hook that wants trust: its place in the file
	hash string
	command
}

func (c *checking) add(check string, level Level, where, mend, format string, args ...any) {
	c.Findings = append(c.Findings, Finding{check, level, fmt.Sprintf(format, args...), where, mend})
}

// look reads one file.
func (c *checking) look(s source) {
	text, err := read(s.path)
	if err != nil {
		level := Unknown
		if errors.Is(err, os.ErrPermission) && s.scope == Managed {
			level = Warning
		}
		c.add("file", level, s.path, "", "it cannot be read: %v", cause(err))
		return
	}
	if text == nil {
		return
	}
	n := len(c.seen)
	switch f := s.form.(type) {
	case ownFile:
		if f.holds(text) {
			c.seen = append(c.seen, found{source: s, line: lineOf(text, commandLine), standing: f.standing(text), command: f.command(text)})
		}
	case hookFile:
		c.lookJSON(s, f, text)
	case nil:
		c.lookTOML(s, text)
	}
	if s.form != nil {
		c.Sources = append(c.Sources, Source{s.path, s.scope, len(c.seen) - n})
	}
}

func cause(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	return err
}

// lineOf returns the line that a text stands in, 1 where it does not.
func lineOf(text []byte, part string) int {
	before, _, _ := strings.Cut(string(text), part)
	return 1 + strings.Count(before, "\n")
}

func (c *checking) lookJSON(s source, f hookFile, text []byte) {
	doc, err := settings.Parse(text)
	if err == nil {
		err = doc.Fits(f.dialect)
	}
	if err != nil {
		e, _ := errors.AsType[*settings.Error](err)
		c.add("file", Problem, fmt.Sprintf("%s:%d", s.path, e.Line), "put it right: the agent leaves out the whole file",
			"%s does not read this file: %v", c.a.Title, err)
		return
	}
	if doc.Root() == nil {
		return
	}
	if n, why := f.misfit(doc); n != nil {
		c.add("file", Problem, fmt.Sprintf("%s:%d", s.path, doc.Line(n.Start())), "put it right: the agent leaves out the whole file",
			"%s does not read this file: %s", c.a.Title, why)
		return
	}
	if err := f.ambiguous(doc); err != nil {
		c.unclear(s, err)
	}
	for _, e := range f.entries(doc) {
		c.seen = append(c.seen, found{
			source: s, line: doc.Line(e.node.Start()), standing: f.standing(doc, e), command: withEvent(e.command, e.event),
			name: e.member(doc, "name"), text: e.member(doc, "command"), key: trustKey(s.path, e), hash: trustHash(doc, e),
		})
	}
	for _, w := range c.a.switches {
		if n, err := doc.Member(w.path...); err != nil {
			c.unclear(s, err)
		} else if n != nil {
			c.lookSwitch(s, doc, n, w)
		}
	}
	c.lookEnvironment(s, doc)
	if n, err := doc.Member("allowManagedHooksOnly"); err == nil && n != nil && s.scope == Managed && n.Kind() == settings.True {
		c.managedOnly = true
	}
}

// lookShadows tells of files for which the agent may leave out the hooks.
func (c *checking) lookShadows(paths []string) {
	for _, path := range paths {
		if _, err := os.Stat(path); err == nil {
			c.add("file", Warning, path, "have all hooks in one place: put these into settings.json, and remove this file",
				"where this file is, %s is said to read no hooks of settings.json, where those of etch are", c.a.Title)
		}
	}
}

// unclear says that a file says twice, or in another type, what hooks depend on: agents take
// the last, or leave it out.
func (c *checking) unclear(s source, err error) {
	where := s.path
	if e, ok := errors.AsType[*settings.Error](err); ok {
		where = fmt.Sprintf("%s:%d", s.path, e.Line)
	}
	if !slices.ContainsFunc(c.Findings, func(f Finding) bool { return f.Check == "file" && f.Where == where }) {
		c.add("file", Problem, where, "put it right, and run etch install "+c.a.Name, "%s may not read this as it looks: %v", c.a.Title, err)
	}
}

// withEvent names the event by the list that the hook stands in: that is when
// the agent starts it.
func withEvent(c command, event string) command {
	c.event = event
	return c
}

func (c *checking) lookTOML(s source, text []byte) {
	doc, err := settings.ParseTOML(text)
	if err != nil {
		e, _ := errors.AsType[*settings.Error](err)
		c.add("file", Problem, fmt.Sprintf("%s:%d", s.path, e.Line), "put it right", "%s does not read this file: %v", c.a.Title, err)
		return
	}
	for _, w := range c.a.switches {
		if doc.Value(w.path...) == w.off {
			c.off = append(c.off, Finding{
				Check: "switch", Level: Problem, Where: fmt.Sprintf("%s:%d", s.path, doc.Line(w.path...)),
				What: strings.Join(w.path, ".") + " switches hooks off", Mend: "etch install " + c.a.Name,
			})
		}
	}
	if c.a.trusts && doc.Value("allow_managed_hooks_only") == true {
		c.managedOnly = true
	}
	if c.a.trusts && s.scope == User {
		c.trust(s, doc)
	}
}

// conclude says what the files mean together.
func (c *checking) conclude() {
	c.concludeSwitches()
	if c.managedOnly {
		c.seen = slices.DeleteFunc(c.seen, func(f found) bool { return f.scope != Managed })
		if len(c.seen) == 0 {
			c.add("switch", Problem, "", "sudo etch install "+c.a.Name+" --managed", "the managed settings let no other hooks run than their own")
		}
	}
	if c.a.trusts {
		c.concludeTrust()
	}
	c.concludeEvents()
	c.concludePrograms()
	c.concludeConfig()
	c.concludeLog()
	c.concludeEnvironment()
	c.concludeSessions()
}

// concludeEvents looks whether each event has a hook that is run as it was installed.
func (c *checking) concludeEvents() {
	mend := "etch install " + c.a.Name
	if len(c.seen) == 0 {
		if !c.managedOnly {
			c.add("hooks", Problem, "", mend, "no settings that %s reads have a hook of etch", c.a.Title)
		}
		return
	}
	if _, whole := c.seen[0].form.(ownFile); whole {
		if s := c.seen[0].standing; s.verdict != hookform.Fine {
			c.add("hooks", Warning, c.seen[0].path, mend, "%s", s.why)
		}
		return // a file that is written whole has them all, or is none of ours
	}
	var missing []string
	var faults []fault
	for _, event := range c.a.Events {
		best, ok := c.best(event)
		switch {
		case !ok:
			missing = append(missing, event)
		case best.verdict != hookform.Fine:
			i := slices.IndexFunc(faults, func(f fault) bool { return f.standing == best.standing })
			if i < 0 {
				i = len(faults)
				faults = append(faults, fault{found: best})
			}
			faults[i].events = append(faults[i].events, event)
		}
	}
	if len(missing) > 0 {
		c.add("hooks", Problem, c.seen[0].path, mend, "no hook of etch at %s", strings.Join(missing, ", "))
	}
	for _, f := range faults {
		level := map[bool]Level{true: Problem, false: Warning}[f.verdict == hookform.Idle]
		at := strings.Join(f.events, ", ")
		if len(f.events) == len(c.a.Events) {
			at = "every event"
		}
		c.add("hooks", level, fmt.Sprintf("%s:%d", f.path, f.line), mend,
			"the hooks at %s are not as etch install writes them: %s", at, f.why)
	}
}

// A fault is what is wrong with the hooks at some events: found is the first.
type fault struct {
	found
	events []string
}

// best returns the hook of an event that stands best, and whether there is any.
func (c *checking) best(event string) (best found, ok bool) {
	for _, f := range c.seen {
		if f.event == event && (!ok || f.verdict < best.verdict) {
			best, ok = f, true
		}
	}
	return best, ok
}

// concludePrograms looks whether what the hooks start is there, and is this
// program.
func (c *checking) concludePrograms() {
	told := map[string]bool{}
	for _, f := range c.seen {
		plain := f.command
		plain.event, plain.guard = "", false
		words := append([]string{f.binary}, plain.args()...)
		if !slices.ContainsFunc(c.Commands, func(w []string) bool { return slices.Equal(w, words) }) {
			c.Commands = append(c.Commands, words)
		}
		if told[f.binary] {
			continue
		}
		told[f.binary] = true
		where, mend := fmt.Sprintf("%s:%d", f.path, f.line), "etch install "+c.a.Name
		info, err := os.Stat(f.binary)
		switch {
		case !filepath.IsAbs(f.binary) && c.m.GOOS == runtime.GOOS:
			c.add("program", Warning, where, mend, "the hooks start %q, which is looked for wherever the agent's search path leads", f.binary)
		case err != nil:
			c.add("program", Problem, where, mend, "the hooks start %s: %v", f.binary, cause(err))
		case !info.Mode().IsRegular() || runtime.GOOS != "windows" && info.Mode()&0o111 == 0:
			c.add("program", Problem, where, mend, "the hooks start %s, which is no program", f.binary)
		case c.m.Binary != "" && !sameProgram(info, c.m.Binary) && isHookProgram(f.binary) && !sameProgram(info, c.m.Hooks):
			c.add("program", Warning, where, mend, "the hooks start %s, which is not of this etch (%s)", f.binary, c.m.Binary)
		case c.m.Binary != "" && !sameProgram(info, c.m.Binary) && !isHookProgram(f.binary):
			c.add("program", Warning, where, mend, "the hooks start %s, which is not this etch (%s)", f.binary, c.m.Binary)
		}
	}
}

func sameProgram(info os.FileInfo, path string) bool {
	other, err := os.Stat(path)
	return err == nil && os.SameFile(info, other)
}

// concludeConfig looks whether the configurations are there that the hooks name.
func (c *checking) concludeConfig() {
	told := map[string]bool{}
	for _, f := range c.seen {
		path := f.command.config
		if _, err := os.Stat(path); path == "" || told[path] || slices.Contains(c.m.Configs, path) || !errors.Is(err, os.ErrNotExist) {
			continue
		}
		told[path] = true
		c.add("log", Warning, fmt.Sprintf("%s:%d", f.path, f.line), "put it back, or: etch install "+c.a.Name+` --config ""`,
			"the hooks name the configuration %s, which is not there: what it said of log, policy and refusals does not count", path)
	}
}

// concludeLog looks whether the hooks record into the log that is looked at.
func (c *checking) concludeLog() {
	told := map[string]bool{}
	for _, f := range c.seen {
		log := f.command.log
		if log == "" && f.command.config == "" && f.noEnv {
			log = c.own
		}
		if log != "" && c.log != "" && filepath.Clean(log) != filepath.Clean(c.log) && !told[log] {
			told[log] = true
			c.add("log", Warning, fmt.Sprintf("%s:%d", f.path, f.line),
				fmt.Sprintf("look there: etch doctor --log %s; or have them record here: etch install %s --log %s", log, c.a.Name, c.log),
				"the hooks record into %s, not into %s", log, c.log)
		}
	}
}
