package mcp

import "testing"

// systemHasNo reports whether a server cannot end with an exit code here.
func systemHasNo(exit int) bool { return exit > ExitSignal }

// kills is asked on systems with signals alone.
func kills(t *testing.T, _ string) { t.Helper() }
