// Command invariants shows that the promises of docs/invariants.md are held by
// tests that would notice if they were not.
//
// Each row of the page's table names a promise, a test and a break: a call of
// broken.Is at the check that keeps the promise. The command builds each test
// binary once, with the build tag etch_broken, and runs each row's test twice:
// with every check in place it must pass, with the named check broken it must
// fail, and must have come to the broken check. The same binary serves both, so
// that nothing but the break can be the cause.
//
// A row without a test, a break that no code knows, a break in the code without
// a row, a promise without a row: each is an error. So is a trace of the
// switches in a normal build of the program.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	g := gate{root: ".", page: "docs/invariants.md", out: os.Stdout}
	if err := g.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "invariants: error:", err)
		stop()
		os.Exit(1)
	}
}

// A gate checks the promises and the table on page against the tree at root. Paths on the page
// are relative to root, which holds the go.mod.
type gate struct {
	root string
	page string
	out  io.Writer
}

// run returns nil only when every row holds in both directions. It goes on
// after a row's fault, so that one run tells all of them.
func (g gate) run(ctx context.Context) (err error) {
	promises, rows, err := readPage(g.root, g.page)
	if err != nil {
		return err
	}
	hooks, err := findHooks(g.root)
	if err != nil {
		return err
	}
	if err := match(rows, hooks, promises); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "etch-invariants-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := g.searchPrograms(ctx, dir); err != nil {
		return err
	}
	return g.runRows(ctx, dir, rows)
}

// match compares the page, which makes so many promises, with the code.
func match(rows []row, hooks map[string]string, promises int) error {
	var errs []error
	kept := make(map[int]bool)
	named := make(map[string]bool)
	pairs := make(map[string]bool)
	for _, r := range rows {
		kept[r.promise] = true
		named[r.hook] = true
		if _, ok := hooks[r.hook]; !ok {
			errs = append(errs, fmt.Errorf("%s: no code asks broken.Is(%q)", r.place, r.hook))
		}
		if pair := r.name() + " " + r.hook; pairs[pair] {
			errs = append(errs, fmt.Errorf("%s: %s with %s stands twice", r.place, r.name(), r.hook))
		} else {
			pairs[pair] = true
		}
	}
	for n := range promises {
		if !kept[n+1] {
			errs = append(errs, fmt.Errorf("promise %d has no row", n+1))
		}
	}
	for hook, place := range hooks {
		if !named[hook] {
			errs = append(errs, fmt.Errorf("%s: break %q has no row", place, hook))
		}
	}
	return errors.Join(errs...)
}
