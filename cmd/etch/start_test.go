package main

import (
	"runtime"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/inittrace"
)

// TestBeforeMain: every question pays for the start of this program, so that none of its
// packages makes anything before main: what most command lines do not ask for is a literal
// that the linker lays out, a function, or a later.Value. The bounds on what other people's
// packages make are a tenth above what they were: a larger sum is to be looked at, and not
// just to be raised.
func TestBeforeMain(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the bounds are those of linux/amd64")
	}
	packages := inittrace.Of(t, ".", 0, "version")
	for _, p := range packages {
		if own := p.Path == "main" || strings.HasPrefix(p.Path, "github.com/etch-audit/etch"); own && p.Allocs > 0 {
			t.Errorf("package %s makes %d bytes in %d allocations before main", p.Path, p.Bytes, p.Allocs)
		}
	}
	sum := inittrace.Sum(packages)
	t.Logf("%d packages, %d bytes in %d allocations", len(packages), sum.Bytes, sum.Allocs)
	const maxPackages, maxBytes, maxAllocs = 117, 124_000, 680
	if len(packages) > maxPackages || sum.Bytes > maxBytes || sum.Allocs > maxAllocs {
		t.Errorf("%d packages make %d bytes in %d allocations before main, want at most %d, %d and %d",
			len(packages), sum.Bytes, sum.Allocs, maxPackages, maxBytes, maxAllocs)
	}
}
