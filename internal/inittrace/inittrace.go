// Package inittrace tells tests what a program does before its main function: what the
// Go runtime says of each package under GODEBUG=inittrace=1.
package inittrace

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// line is one of the runtime's: GODEBUG=inittrace=1.
var line = regexp.MustCompile(`(?m)^init (\S+) @.*, (\d+) bytes, (\d+) allocs$`)

// A Package is one that does something before main.
type Package struct {
	Path          string // "main" is the program itself
	Bytes, Allocs int
}

// Of builds the program of a directory as releases are built, runs it with the arguments,
// and returns its packages that do something before main, in their order. The program
// must end with the exit code.
func Of(t *testing.T, dir string, code int, args ...string) []Package {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program.exe")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", program, ".")
	build.Dir = dir
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var told bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	cmd.Stderr = &told
	err := cmd.Run()
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("exit code %d (%v), want %d: %s", got, err, code, &told)
	}
	var all []Package
	for _, m := range line.FindAllStringSubmatch(told.String(), -1) {
		all = append(all, Package{m[1], number(t, m[2]), number(t, m[3])})
	}
	if len(all) < 10 {
		t.Fatalf("the runtime's trace is not as expected:\n%s", &told)
	}
	return all
}

// Sum returns what packages make together.
func Sum(of []Package) (total Package) {
	for _, p := range of {
		total.Bytes += p.Bytes
		total.Allocs += p.Allocs
	}
	return total
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
