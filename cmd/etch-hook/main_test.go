package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// initialized finds what the runtime says of packages before main: GODEBUG=inittrace=1.
var initialized = regexp.MustCompile(`(?m)^init (\S+) @.*, (\d+) bytes, (\d+) allocs$`)

// beforeMain are the packages of this module that may do something before main, and why.
var beforeMain = map[string]string{
	"github.com/etch-audit/etch/internal/alone": "it is there for that",
	"github.com/etch-audit/etch":                "its errors are those of internal/journal: some pointers are copied",
}

// TestBeforeMain: an agent waits for this program's start twice a call, so that its
// packages make nothing then that a call may not ask for. What is a table belongs into
// the program's file (a literal, or a generated one), what is made of something into a
// later.Value. The bounds on what other people's packages make are a tenth above what
// they were: a larger sum is to be looked at, and not just to be raised.
func TestBeforeMain(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the bounds are those of linux/amd64")
	}
	out := startTrace(t)
	found := initialized.FindAllStringSubmatch(string(out), -1)
	if len(found) < 10 {
		t.Fatalf("the runtime's trace is not as expected:\n%s", out)
	}
	size, allocations := 0, 0
	for _, m := range found {
		if strings.HasPrefix(m[1], "github.com/etch-audit/etch") && beforeMain[m[1]] == "" {
			t.Errorf("package %s makes something before main (%s bytes in %s allocations)", m[1], m[2], m[3])
		}
		if m[1] == "net" {
			t.Error("package net is linked in: internal/socket and net/netip have what of it is wanted")
		}
		size, allocations = size+number(t, m[2]), allocations+number(t, m[3])
	}
	t.Logf("%d packages, %d bytes in %d allocations", len(found), size, allocations)
	const maxPackages, maxSize, maxAllocations = 62, 56_000, 330
	if len(found) > maxPackages || size > maxSize || allocations > maxAllocations {
		t.Errorf("%d packages make %d bytes in %d allocations before main, want at most %d, %d and %d",
			len(found), size, allocations, maxPackages, maxSize, maxAllocations)
	}
}

// startTrace builds the program as releases are, and returns what the runtime tells of
// its start. It is used wrongly: then it does no more than to say so.
func startTrace(t *testing.T) []byte {
	t.Helper()
	program := filepath.Join(t.TempDir(), "etch-hook.exe")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var told bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	cmd.Stderr = &told
	err := cmd.Run()
	if code := cmd.ProcessState.ExitCode(); code != 2 {
		t.Fatalf("exit code %d (%v), want 2: %s", code, err, &told)
	}
	return told.Bytes()
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
