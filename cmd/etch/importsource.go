package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/etch-audit/etch/capture/source"
	"github.com/etch-audit/etch/capture/zeph"
	"github.com/etch-audit/etch/capture/zeroclaw"
	"github.com/etch-audit/etch/internal/later"
	"github.com/etch-audit/etch/internal/vfs"
)

// An importSource is a program whose logs can be brought in.
type importSource struct {
	name   string
	parser func(*importOptions) (source.Parser, error)
	// families: its rotated files belong together, and are found beside the one
	// that is named.
	families bool
	// keyVariable is where the program itself takes the key of its signatures
	// from; "": it has none.
	keyVariable string
	// databases: it has its records in an SQLite database, with witness anchors.
	databases bool
}

// importSources are the programs in the order of the help.
func importSources() []*importSource {
	return []*importSource{
		{name: "zeroclaw", parser: zeroclawParser(false), families: true, keyVariable: "ZEROCLAW_AUDIT_SIGNING_KEY"},
		{name: "daemonclaw", parser: zeroclawParser(true), families: true, keyVariable: "DAEMONCLAW_AUDIT_SIGNING_KEY", databases: true},
		{name: zeph.Program, parser: func(*importOptions) (source.Parser, error) { return zeph.NewParser(), nil }},
	}
}

func zeroclawParser(daemonclaw bool) func(*importOptions) (source.Parser, error) {
	return func(o *importOptions) (source.Parser, error) {
		p := zeroclaw.NewParser(&zeroclaw.Options{Key: o.key, RequireSignatures: o.requireSignatures, DaemonClaw: daemonclaw})
		if o.anchors == "" {
			return p, nil
		}
		f, err := os.Open(o.anchors)
		if err != nil {
			return nil, fail(exitUsage, "nothing was recorded", fmt.Errorf("--anchors: %w", err))
		}
		defer func() { _ = f.Close() }() // it was only read
		return p, p.Anchors(filepath.Base(o.anchors), f)
	}
}

func importPrograms() []string {
	var names []string
	for _, s := range importSources() {
		names = append(names, s.name)
	}
	return names
}

// source returns the program that is named, and refuses flags that say nothing
// to it.
func (o *importOptions) source() (*importSource, error) {
	all := importSources()
	i := slices.IndexFunc(all, func(s *importSource) bool { return s.name == o.program })
	if i < 0 {
		return nil, unknown("program", o.program, importPrograms(), "programs are "+strings.Join(importPrograms(), ", "))
	}
	s := all[i]
	switch {
	case s.keyVariable == "" && (o.keyFile != "" || o.requireSignatures):
		return nil, usagef("", "%s signs nothing: --key and --require-signatures say nothing to it", s.name)
	case !s.databases && o.anchors != "":
		return nil, usagef("", "%s has no witness anchors: --anchors says nothing to it", s.name)
	case o.dryRun && o.follow:
		return nil, usagef("", "--dry-run records nothing: there is nothing to --follow for")
	}
	return s, nil
}

// maxKeyFile is more than any key takes, and less than what a slip might name.
const maxKeyFile = 4096

// readKey fills in the key of the signatures: that of the file, or else of the
// variable that the program itself takes it from.
func (s *importSource) readKey(o *importOptions, std stdio) error {
	text, from := "", ""
	switch {
	case o.keyFile != "":
		f, err := os.Open(o.keyFile)
		if err != nil {
			return fail(exitUsage, "", fmt.Errorf("--key: %w", err))
		}
		defer func() { _ = f.Close() }() // it was only read
		read, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
		if err != nil {
			return fail(exitUsage, "", fmt.Errorf("--key: %w", err))
		}
		text, from = string(read), "--key"
	case s.keyVariable != "":
		text, from = std.getenv(s.keyVariable), s.keyVariable
	}
	if text == "" && o.keyFile == "" {
		return nil
	}
	var err error
	if o.key, err = zeroclaw.ParseKey(text); err != nil {
		return fail(exitUsage, "", fmt.Errorf("%s: %w", from, err))
	}
	return nil
}

// An importGroup is the files of one family, or files that have nothing to do
// with each other and share a report.
type importGroup struct {
	paths  []string // the oldest first
	active string   // of a family: the path that is written to; "": none is known
	// database: the only path is that of a database.
	database bool
}

// groups returns the files that are named, and those that belong to them. Each
// must be there.
func (s *importSource) groups(o *importOptions) ([]*importGroup, error) {
	var groups []*importGroup
	for _, path := range o.paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fail(exitUsage, "nothing was recorded", err)
		}
		if !info.Mode().IsRegular() {
			return nil, usagef("nothing was recorded", "%s is not a regular file: it cannot be read twice", path)
		}
		is, err := isDatabase(path)
		switch {
		case err != nil:
			return nil, err
		case is && !s.databases:
			return nil, usagef("nothing was recorded", "%s is an SQLite database: %s has none", path, s.name)
		case is:
			groups = append(groups, &importGroup{paths: []string{path}, database: true})
		default:
			groups = s.place(groups, path, o.follow)
		}
	}
	for _, g := range groups {
		g.settle()
	}
	return groups, nil
}

// isDatabase reports whether a file is an SQLite database.
func isDatabase(path string) (bool, error) {
	f, err := vfs.OpenRegular(path)
	if err != nil {
		return false, fail(exitUsage, "nothing was recorded", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	const magic = "SQLite format 3\x00"
	head := make([]byte, len(magic))
	if _, err := io.ReadFull(f, head); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, fmt.Errorf("read %s: %w", path, err)
	}
	return string(head) == magic, nil
}

// place puts a file into its group.
func (s *importSource) place(groups []*importGroup, path string, follow bool) []*importGroup {
	active := path
	if s.families {
		active = unrotated(path)
	}
	i := slices.IndexFunc(groups, func(g *importGroup) bool {
		return !g.database && (!s.families && !follow || unrotated(g.paths[0]) == active)
	})
	if i < 0 {
		groups = append(groups, &importGroup{})
		i = len(groups) - 1
	}
	g := groups[i]
	g.paths = append(g.paths, path)
	if s.families && path == active {
		g.active = active
	}
	return groups
}

// rotatedName is what ZeroClaw makes of NAME when it rotates it.
var rotatedName = later.Value[*regexp.Regexp]{Make: func() *regexp.Regexp { return regexp.MustCompile(`\.([1-9][0-9]?)\.log$`) }}

// unrotated returns the path of the file that a rotated one once was.
func unrotated(path string) string { return rotatedName.Get().ReplaceAllString(path, "") }

// settle adds the rotated files of the active one, and puts all into order.
func (g *importGroup) settle() {
	if g.active == "" {
		return
	}
	g.paths = append(g.paths, rotatedOf(g.active)...)
	slices.Sort(g.paths)
	g.paths = slices.Compact(g.paths)
	zeroclaw.Oldest(g.paths)
}

// rotatedOf returns the rotated files of an active one that are there.
func rotatedOf(active string) []string {
	// A pattern would take the names of directories for one.
	entries, err := os.ReadDir(filepath.Dir(active))
	if err != nil {
		return nil // it is opened next, and fails with a better error
	}
	var paths []string
	for _, e := range entries {
		path := filepath.Join(filepath.Dir(active), e.Name())
		if e.Type().IsRegular() && rotatedName.Get().MatchString(e.Name()) && filepath.Clean(unrotated(path)) == filepath.Clean(active) {
			paths = append(paths, path)
		}
	}
	return paths
}
