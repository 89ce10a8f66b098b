package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// limit bounds one run of one test. A broken check may well make a test wait
// for what never comes; that is no finding.
const limit = 3 * time.Minute

// A binary is one package's test program.
type binary struct {
	path  string
	dir   string   // where its tests expect to run
	flags []string // what this package's tests need besides
}

// searchPrograms builds every command the normal way and looks for the name of
// the switch: a program that could be told to break its promises must not exist.
func (g gate) searchPrograms(ctx context.Context, dir string) error {
	list, err := g.goTool(ctx, "list", "-f", `{{if eq .Name "main"}}{{.ImportPath}}{{end}}`, "./cmd/...")
	if err != nil {
		return err
	}
	programs := strings.Fields(list)
	if len(programs) == 0 {
		return errors.New("no program below cmd to search for switches")
	}
	for i, program := range programs {
		path := filepath.Join(dir, fmt.Sprintf("program%d", i))
		if _, err := g.goTool(ctx, "build", "-o", path, program); err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if bytes.Contains(text, []byte("ETCH_BROKEN")) {
			return fmt.Errorf("%s: a normal build contains the switches of internal/broken", program)
		}
	}
	return nil
}

// runRows runs every row both ways, as many at a time as there are processors.
func (g gate) runRows(ctx context.Context, dir string, rows []row) error {
	binaries, err := g.buildTests(ctx, dir, rows)
	if err != nil {
		return err
	}
	var (
		wait  sync.WaitGroup
		slots = make(chan struct{}, runtime.GOMAXPROCS(0))
		errs  = make([]error, len(rows))
		lines = make([]string, len(rows))
	)
	for i, r := range rows {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			start := time.Now()
			report := filepath.Join(dir, fmt.Sprintf("row%d", i))
			errs[i] = binaries[r.pkg].show(ctx, r, report)
			verdict := "held"
			if errs[i] != nil {
				verdict = "FAULT"
			}
			lines[i] = fmt.Sprintf("%-5s %6.1fs  %s  %s", verdict, time.Since(start).Seconds(), r.name(), r.hook)
		})
	}
	wait.Wait()
	for _, line := range lines {
		if _, err := fmt.Fprintln(g.out, line); err != nil {
			return err
		}
	}
	return errors.Join(errs...)
}

// buildTests builds the test program of each package that rows name.
func (g gate) buildTests(ctx context.Context, dir string, rows []row) (map[string]binary, error) {
	binaries := make(map[string]binary)
	for _, r := range rows {
		if _, ok := binaries[r.pkg]; ok {
			continue
		}
		path, err := filepath.Abs(filepath.Join(dir, fmt.Sprintf("tests%d.exe", len(binaries))))
		if err != nil {
			return nil, err
		}
		if _, err := g.goTool(ctx, "test", "-c", "-tags", "etch_broken", "-o", path, "./"+r.pkg); err != nil {
			return nil, fmt.Errorf("%s: %w", r.place, err)
		}
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("%s: package %s has no tests", r.place, r.pkg)
		}
		deps, err := g.goTool(ctx, "list", "-test", "-deps", "./"+r.pkg)
		if err != nil {
			return nil, err
		}
		b := binary{path: path, dir: filepath.Join(g.root, filepath.FromSlash(r.pkg))}
		if slices.Contains(strings.Fields(deps), "pgregory.net/rapid") {
			// Else each failure that is wanted here leaves a file in testdata.
			b.flags = append(b.flags, "-rapid.nofailfile")
		}
		binaries[r.pkg] = b
	}
	return binaries, nil
}

// show returns nil when r's test passes, and fails once r's check is broken.
func (b binary) show(ctx context.Context, r row, report string) error {
	text, err := b.run(ctx, r.test, "", "")
	if fault := faultIntact(r, text, err); fault != "" {
		return fmt.Errorf("%s: %s %s\n%s", r.place, r.name(), fault, text)
	}
	text, err = b.run(ctx, r.test, r.hook, report)
	_, statErr := os.Stat(report)
	if fault := faultBroken(r, text, err, statErr == nil); fault != "" {
		return fmt.Errorf("%s: %s %s (break %s)\n%s", r.place, r.name(), fault, r.hook, text)
	}
	return nil
}

// faultIntact says what is wrong with a run that has every check in place.
func faultIntact(r row, text string, err error) string {
	switch {
	case err == nil && strings.Contains(text, "--- PASS: "+r.test+" "):
		return ""
	case err == nil && strings.Contains(text, "--- SKIP: "+r.test+" "):
		return "is skipped"
	case err == nil:
		return "is no test"
	}
	return "does not pass with every check in place: " + err.Error()
}

// faultBroken says what is wrong with a run whose check is broken. A test that
// fails for another reason than the break shows as little as one that passes.
func faultBroken(r row, text string, err error, reached bool) string {
	switch {
	case err == nil:
		return "passes although its check is broken: it does not show the promise"
	case strings.Contains(text, "panic: test timed out"):
		return "hangs with its check broken, and so names no fault"
	case !strings.Contains(text, "--- FAIL: "+r.test+" "):
		return "does not end as a failed test with its check broken: " + err.Error()
	case !reached:
		return "fails without having come to the broken check"
	}
	return ""
}

// run runs one test with one check broken, or none.
func (b binary) run(ctx context.Context, test, hook, report string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit+time.Minute)
	defer cancel()
	args := append([]string{"-test.v", "-test.run", pattern(test), "-test.timeout", limit.String()}, b.flags...)
	cmd := exec.CommandContext(ctx, b.path, args...)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "ETCH_BROKEN="+hook, "ETCH_BROKEN_REPORT="+report)
	cmd.WaitDelay = 10 * time.Second // a test's own processes may outlive it
	text, err := cmd.CombinedOutput()
	return string(text), err
}

// pattern matches exactly one test or subtest.
func pattern(test string) string {
	var parts []string
	for part := range strings.SplitSeq(test, "/") {
		parts = append(parts, "^"+regexp.QuoteMeta(part)+"$")
	}
	return strings.Join(parts, "/")
}

// goTool runs the go command in the root and returns its standard output.
func (g gate) goTool(ctx context.Context, args ...string) (string, error) {
	var stderr strings.Builder
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = g.root
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(text), nil
}
