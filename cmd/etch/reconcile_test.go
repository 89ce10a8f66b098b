package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/vfs"
)

// What a hook has just put into the spool is left alone for a while, as the hook may be
// at it. Who fills the log waits for that, and does not give up.
func TestFillWaitsForTheSpool(t *testing.T) {
	path := testLog(t, 1)
	home := filepath.Dir(path)
	lock, err := vfs.OS().OpenLock(strings.TrimSuffix(path, ".log") + ".lock")
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Acquire(patiently); err != nil {
		t.Fatal(err)
	}
	runsHook(t, path, 1)
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	// As if it had been killed nine seconds ago, before it came to the end of the file.
	spooled, err := filepath.Glob(filepath.Join(home, "audit.spool", "*.spool"))
	if err != nil || len(spooled) != 1 {
		entries, _ := os.ReadDir(filepath.Join(home, "audit.spool"))
		t.Fatalf("the spool has %v, %v", entries, err)
	}
	ago := time.Now().Add(-9 * time.Second)
	unfinished := strings.TrimSuffix(spooled[0], ".spool") + ".new"
	if err := errors.Join(os.Rename(spooled[0], unfinished), os.Chtimes(unfinished, ago, ago)); err != nil {
		t.Fatal(err)
	}
	fill := exec.Command("etch", "reconcile", "claude-code", "--fill", "--log", path)
	fill.Env = append(os.Environ(), "HOME="+home, "CLAUDE_CONFIG_DIR="+home)
	out, err := fill.CombinedOutput()
	if strings.Contains(string(out), "try again") || !strings.Contains(string(out), "no transcript was found") {
		t.Errorf("%v: %s", err, out)
	}
	if found := callsIn(t, path); found["toolu_1"] != 1 {
		t.Errorf("calls on record: %v", found)
	}
}
