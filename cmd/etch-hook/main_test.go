package main

import (
	"runtime"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/inittrace"
)

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
	packages := inittrace.Of(t, ".", 2) // used wrongly, it does no more than to say so
	for _, p := range packages {
		if strings.HasPrefix(p.Path, "github.com/etch-audit/etch") && beforeMain[p.Path] == "" {
			t.Errorf("package %s makes something before main (%d bytes in %d allocations)", p.Path, p.Bytes, p.Allocs)
		}
		if p.Path == "net" {
			t.Error("package net is linked in: internal/socket and net/netip have what of it is wanted")
		}
	}
	sum := inittrace.Sum(packages)
	t.Logf("%d packages, %d bytes in %d allocations", len(packages), sum.Bytes, sum.Allocs)
	const maxPackages, maxBytes, maxAllocs = 62, 56_000, 330
	if len(packages) > maxPackages || sum.Bytes > maxBytes || sum.Allocs > maxAllocs {
		t.Errorf("%d packages make %d bytes in %d allocations before main, want at most %d, %d and %d",
			len(packages), sum.Bytes, sum.Allocs, maxPackages, maxBytes, maxAllocs)
	}
}
