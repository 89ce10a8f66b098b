package archtest

import "strings"

// An owner is a package that may import a third-party module outside tests.
type owner struct {
	module string
	pkg    string
	reason string
}

var owners = []owner{
	{"golang.org/x/mod", "internal/merkle", "tree hashes, proofs and signed notes are the reviewed ones of the checksum database"},
	{"golang.org/x/mod", "internal/keys", "notes are signed with the keys that it holds"},
	{"golang.org/x/mod", "internal/control", "control records carry signed notes"},
	{"golang.org/x/mod", "internal/journal", "signs the note of a broken epoch"},
	{"golang.org/x/mod", "verify", "opens the signed notes"},
	{"golang.org/x/sys", "internal/vfs", "locks and directory syncs that package os does not have"},
	{"github.com/klauspost/compress", "internal/archive", "zstd in pure Go, its decoder bounded in memory and fuzzed by its author"},
	{"mvdan.cc/sh/v3", "risk", "a command is judged by its syntax tree, not by substrings"},
	{"mvdan.cc/sh/v3", "redact", "what a shell would run of a text that is masked, in its tests"},
	{"github.com/pelletier/go-toml/v2", "config", "errors with line and column, unknown keys refused"},
	{"github.com/pelletier/go-toml/v2", "internal/settings", "where a value stands in a file of TOML"},
	{"github.com/spf13/cobra", "cmd/etch", "subcommands, help and completion"},
	{"github.com/spf13/pflag", "cmd/etch", "cobra's flags"},
	{"golang.org/x/sys", "internal/socket", "a connection that package os holds, without package net"},
	{"golang.org/x/sys", "internal/needle", "memory that must not be read, in its tests"},
	{"golang.org/x/sys", "capture/hook", "when a process was started, which package os does not say"},
	{"golang.org/x/sys", "internal/site", "what package os does not say of who may write"},
	{"golang.org/x/sys", "internal/hookrun", "how a program is started that outlives its console"},
	{"golang.org/x/sys", "cmd/etch", "what package os does not say of a disk and of who may write"},
	{"golang.org/x/sys", "server", "who is on the other side of a socket"},
	{"golang.org/x/term", "cmd/etch", "whether a stream is a terminal, and how wide"},
	{"golang.org/x/mod", "internal/archtest", "the module's path"},
}

// testModules are imported by tests alone; a user's build never has them.
var testModules = []string{
	"github.com/google/go-cmp",
	"github.com/rogpeppe/go-internal",
	"pgregory.net/rapid",
}

func ownerRule(table []owner, tests []string, places []layer) rule {
	return rule{
		name:   "owners",
		reason: "a module used in one place can be judged, replaced and kept out of the library's closure",
		check:  func(t *tree) []finding { return checkOwners(t, table, tests, places) },
	}
}

func checkOwners(t *tree, table []owner, tests []string, places []layer) []finding {
	var found []finding
	used := make(map[string]bool) // modules in tests, and owners as "pkg module"
	for _, p := range t.own() {
		forTests := layerOf(p.path, places).testOnly
		for _, f := range p.files {
			for _, imported := range sortedValues(f.imports) {
				if _, local := t.local(imported); local || isStandard(imported) {
					continue
				}
				by := ownerOf(p, imported, table)
				if by == "" && (f.test || forTests) {
					by = moduleOf(imported, tests)
				}
				if by == "" {
					found = append(found, finding{f.path, "imports " + imported + ", which its package does not own"})
				}
				used[by] = true
			}
		}
	}
	for _, o := range table {
		if !used[o.pkg+" "+o.module] {
			found = append(found, finding{o.pkg, "is said to own " + o.module + ", and does not import it"})
		}
	}
	for _, m := range tests {
		if !used[m] {
			found = append(found, finding{m, "is said to be for tests, and no test imports it"})
		}
	}
	return found
}

// ownerOf returns "pkg module" of the entry by which a package owns an import,
// "" where it does not.
func ownerOf(p *pkg, imported string, table []owner) string {
	for _, o := range table {
		if o.pkg == p.path && inModule(imported, o.module) {
			return o.pkg + " " + o.module
		}
	}
	return ""
}

// moduleOf returns the one of some modules that an import is from, "" if none.
func moduleOf(imported string, modules []string) string {
	for _, m := range modules {
		if inModule(imported, m) {
			return m
		}
	}
	return ""
}

// isStandard reports whether an import is of the standard library: the first
// element of any other path has a dot.
func isStandard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}

func inModule(imported, module string) bool {
	return imported == module || strings.HasPrefix(imported, module+"/")
}
