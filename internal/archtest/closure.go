package archtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// A closure says what a package may bring along, through whatever imports.
type closure struct {
	pkg      string
	modules  []string // third-party modules it may have; it need not
	packages []string // of this module; nil: all but the forbidden
	not      []string // packages it must not have, with those below them
	noUnsafe bool     // none of its non-standard packages imports unsafe
	reason   string
}

var closures = []closure{
	{
		pkg:     "verify",
		modules: []string{"golang.org/x/mod"},
		packages: []string{
			"verify",
			"internal/broken", // constantly false
			"internal/commit", // it parses a file that it is handed
			"internal/control",
			"internal/processor", // whether there is what lanes needs
			"internal/lanes",     // SHA-256 two at a time: the one assembly that it trusts, and can be built without
			"internal/merkle",
			"internal/record",
			"internal/segment", // it reads; the writer is internal/journal
			"internal/state",   // it parses what the log remembers of itself, without opening a file
		},
		not:      []string{"net", "os/exec", "plugin"},
		noUnsafe: true,
		reason:   "whoever doubts the log must be able to read all of its judge in an hour",
	},
	{
		pkg: ".",
		modules: []string{
			"golang.org/x/mod",
			"golang.org/x/sys",
			"github.com/klauspost/compress", // archived segments
			"github.com/RoaringBitmap/roaring/v2",
		},
		not:    []string{"@/risk", "@/config", "@/cmd", "@/capture"},
		reason: "the library is imported by other people's agents: its dependencies become theirs",
	},
	{
		pkg: "cmd/etch-hook",
		modules: []string{
			"golang.org/x/mod",
			"golang.org/x/sys",
			"github.com/klauspost/compress",
			"github.com/pelletier/go-toml/v2",
			"mvdan.cc/sh/v3",
		},
		not: []string{
			"net/http", "crypto/tls", "crypto/x509", "text/template", "html/template", "log/slog", "flag",
			"net/textproto", "mime", "crypto/rsa", "crypto/ecdsa", "crypto/elliptic", "compress", "archive", "encoding/csv", "encoding/xml",
			"encoding/gob", "debug", "go", "database", "testing", "runtime/pprof", "runtime/trace", "golang.org/x/sys/cpu",
			"@/server", "@/transcript", "@/install", "@/report", "@/export", "@/importer", "@/capture/mcp", "@/capture/otlp",
		},
		reason: "an agent waits for this program's start twice a call: each package makes its tables first",
	},
}

// A dependency is what go list -json says of a package.
type dependency struct {
	ImportPath string
	Standard   bool
	Imports    []string
	Module     *struct{ Path string }
}

// systems are those whose files the closures are looked at for.
var systems = []string{"linux", "darwin", "windows"}

func closureRule(table []closure) rule {
	return rule{
		name:   "closures",
		reason: "what a package drags in is part of what its user must trust",
		check: func(t *tree) []finding {
			var found []finding
			for _, c := range table {
				if gone := t.gone("the table of closures", c.pkg); gone != nil {
					found = append(found, gone...)
					continue
				}
				for _, system := range systems {
					deps, err := listDeps(t.module, c.pkg, system)
					if err != nil {
						found = append(found, finding{c.pkg, err.Error()})
						continue
					}
					found = append(found, checkClosure(t.module, c, deps)...)
				}
			}
			return compactFindings(found)
		},
	}
}

// listDeps asks the go command for everything that a package is built from.
func listDeps(module, pkg, system string) ([]dependency, error) {
	if pkg != "." {
		module += "/" + pkg
	}
	var stderr strings.Builder
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Standard,Imports,Module", module)
	cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH=amd64", "CGO_ENABLED=0")
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, stderr.String())
	}
	var deps []dependency
	stream := json.NewDecoder(strings.NewReader(string(text)))
	for {
		var d dependency
		if err := stream.Decode(&d); errors.Is(err, io.EOF) {
			return deps, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		deps = append(deps, d)
	}
}

func checkClosure(module string, c closure, deps []dependency) []finding {
	var found []finding
	add := func(format string, args ...any) {
		found = append(found, finding{c.pkg, fmt.Sprintf(format, args...) + " (" + c.reason + ")"})
	}
	for _, d := range deps {
		if i := slices.IndexFunc(c.not, func(not string) bool {
			return inModule(d.ImportPath, strings.Replace(not, "@", module, 1))
		}); i >= 0 {
			add("brings %s along", d.ImportPath)
		}
		if d.Standard {
			continue
		}
		if c.noUnsafe && slices.Contains(d.Imports, "unsafe") {
			add("brings %s along, which imports unsafe", d.ImportPath)
		}
		switch local, ok := strings.CutPrefix(d.ImportPath, module+"/"); {
		case ok && c.packages != nil && !slices.Contains(c.packages, local):
			add("brings %s along", local)
		case d.Module != nil && d.Module.Path != module && !slices.Contains(c.modules, d.Module.Path):
			add("brings module %s along", d.Module.Path)
		}
	}
	return found
}

// compactFindings drops what was found more than once.
func compactFindings(found []finding) []finding {
	seen := make(map[finding]bool)
	return slices.DeleteFunc(found, func(f finding) bool {
		again := seen[f]
		seen[f] = true
		return again
	})
}
