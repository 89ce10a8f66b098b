package archtest

import (
	"go/ast"
	"slices"
	"strings"
)

// A ban keeps names of one package out of the code, but for the packages
// allowed. Tests, what serves only them, and the gate's own packages are free.
type ban struct {
	title   string
	imports string   // the package the names belong to
	names   []string // none: every name of it
	upTo    int      // the highest level it holds for
	allowed map[string]string
	reason  string
}

const everywhere = 100

var bans = []ban{
	{
		title:   "files",
		imports: "os",
		names: []string{
			"Chmod", "Chown", "Chtimes", "CopyFS", "Create", "CreateTemp", "DirFS", "Lchown", "Link", "Lstat", "Mkdir",
			"MkdirAll", "MkdirTemp", "NewFile", "Open", "OpenFile", "OpenInRoot", "OpenRoot", "ReadDir", "ReadFile",
			"Readlink", "Remove", "RemoveAll", "Rename", "Root", "Stat", "Symlink", "Truncate", "WriteFile",
		},
		upTo: everywhere,
		allowed: map[string]string{
			"internal/vfs":     "it is the seam",
			"internal/broken":  "tells the gate that a break was reached, in no build but the gate's",
			"config":           "reads the configuration file, which is no file of the log",
			"cmd/etch":         "reads its input and writes its reports, which are no files of the log",
			"internal/hookrun": "writes what went wrong with hooks, which is no file of the log",
			"internal/site":    "looks whose a socket is, and whether it may write",
			"transcript":       "reads what agents wrote, which are no files of the log",
			"install":          "edits agents' settings, which are no files of the log",
			"internal/hookenv": "finds a project's files of variables, which are no files of the log",
			"internal/socket":  "has package os wait for a socket, which is no file of the log",
		},
		reason: "a file touched past internal/vfs is one that no crash test and no fault injector ever sees",
	},
	{
		title:   "system calls",
		imports: "syscall",
		upTo:    5,
		allowed: map[string]string{
			"internal/child": "signals and the ends of processes, no files",
		},
		reason: "a system call past internal/vfs is one that no crash test ever sees",
	},
	{
		title:   "clock",
		imports: "time",
		names:   []string{"Now", "Since", "Until"},
		upTo:    everywhere,
		allowed: map[string]string{
			".":                "the default of Options.Now",
			"internal/vfs":     "bounds the wait for a lock",
			"capture/execwrap": "measures how long a command runs",
			"capture/hook":     "bounds the wait for a lock by its context",
			"server":           "the default of Options.Now; deadlines of connections are of the system's clock",
			"server/api":       "deadlines of connections are of the system's clock",
			"capture/mcp":      "measures how long calls take, and how long a server is silent",
			"cmd/etch":         "the edge where times are asked for",
			"internal/hookrun": "the default of Process.Now",
		},
		reason: "time enters at the edges as an option, so that tests decide what time it is",
	},
	{
		title:   "sleep",
		imports: "time",
		names:   []string{"Sleep"},
		upTo:    everywhere,
		allowed: map[string]string{
			"internal/vfs": "the systems have no lock with a bounded wait",
		},
		reason: "who waits for an event waits for a channel and a context",
	},
	{
		title:   "exit",
		imports: "os",
		names:   []string{"Exit"},
		upTo:    everywhere,
		allowed: map[string]string{
			"cmd/etch":         "the program's own end",
			"cmd/etch-hook":    "the program's own end",
			"internal/hookrun": "hands the program's end to whom time is up for",
		},
		reason: "only a program may end itself; a library returns its errors",
	},
	{
		title:   "log",
		imports: "log",
		upTo:    everywhere,
		reason:  "an error is returned or handled, never printed by the way",
	},
}

func banRules(table []ban, places []layer) []rule {
	var rules []rule
	for _, b := range table {
		rules = append(rules, rule{
			name:   b.title,
			reason: b.reason,
			check:  func(t *tree) []finding { return checkBan(t, b, places) },
		})
	}
	return rules
}

func checkBan(t *tree, b ban, places []layer) []finding {
	var found []finding
	used := make(map[string]bool)
	for _, p := range t.own() {
		if l := layerOf(p.path, places); l.testOnly || l.level == apart || l.level > b.upTo {
			continue
		}
		for _, f := range p.code() {
			uses := b.uses(t, f)
			if _, ok := b.allowed[p.path]; ok {
				used[p.path] = used[p.path] || len(uses) > 0
				continue
			}
			found = append(found, uses...)
		}
	}
	for name := range b.allowed {
		if !used[name] {
			found = append(found, finding{name, "is excused from the ban on " + b.title + ", and does not need it"})
		}
	}
	slices.SortFunc(found, func(a, b finding) int { return strings.Compare(a.String(), b.String()) })
	return found
}

// uses returns each place where a file names what is banned.
func (b ban) uses(t *tree, f *file) []finding {
	var found []finding
	if _, dot := f.imports["."+b.imports]; dot {
		found = append(found, finding{f.path, "imports " + b.imports + " without a name"})
	}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		imported, name, ok := f.selector(n)
		if ok && imported == b.imports && (len(b.names) == 0 || slices.Contains(b.names, name)) {
			found = append(found, t.find(n, "uses %s.%s", imported, name))
		}
		return true
	})
	return found
}

// awake are the test files that may sleep on the wall clock: other processes do
// not live in a bubble.
var awake = map[string]string{
	"internal/vfs/lock_test.go": "kills a process at some moment while it takes and releases a lock",
}

func sleepRule(allowed map[string]string) rule {
	return rule{
		name:   "sleeping tests",
		reason: "a test that sleeps on the wall clock is slow on a fast machine and wrong on a slow one",
		check:  func(t *tree) []finding { return checkSleep(t, allowed) },
	}
}

func checkSleep(t *tree, allowed map[string]string) []finding {
	var found []finding
	used := make(map[string]bool)
	for _, p := range t.own() {
		for _, f := range p.files {
			if !f.test {
				continue
			}
			sleeps := t.sleeps(f)
			if _, ok := allowed[f.path]; !ok {
				found = append(found, sleeps...)
			}
			used[f.path] = len(sleeps) > 0
		}
	}
	for name := range allowed {
		if !used[name] {
			found = append(found, finding{name, "may sleep, and does not"})
		}
	}
	return found
}

// sleeps returns each time.Sleep of a file outside of what it hands to
// synctest.Test.
func (t *tree) sleeps(f *file) []finding {
	var found []finding
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			imported, name, _ := f.selector(call.Fun)
			if imported == "testing/synctest" && name == "Test" {
				return false
			}
		}
		if imported, name, ok := f.selector(n); ok && imported == "time" && name == "Sleep" {
			found = append(found, t.find(n, "sleeps outside of synctest"))
		}
		return true
	})
	return found
}
