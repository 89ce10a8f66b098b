//go:build unix

package main

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/hookrun"
	"github.com/etch-audit/etch/internal/vfs"
)

// TestHookStopped: a hook to which a busy machine gives no processor until long after its
// time keeps its event all the same.
func TestHookStopped(t *testing.T) {
	path := testLog(t, 1)
	lock, err := vfs.OS().OpenLock(strings.TrimSuffix(path, ".log") + ".lock")
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Acquire(patiently); err != nil {
		t.Fatal(err)
	}
	cmd := hookCmd(path, strings.NewReader(payloadOf(1)), "claude-code", "PreToolUse")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-time.After(60 * time.Millisecond) // it is at work, or will be
	stopped := cmd.Process.Signal(syscall.SIGSTOP)
	<-time.After(hookrun.Usual().Ends + 500*time.Millisecond)
	if err := errors.Join(stopped, cmd.Process.Signal(syscall.SIGCONT), cmd.Wait()); err != nil {
		t.Errorf("%v: want exit 0", err)
	}
	if info := spooled(t, path); info.Events != 1 {
		t.Errorf("spool %+v, want 1 event\n%s", info, errorsOf(path))
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	drainAll(t, path)
	if found := callsIn(t, path); found["toolu_1"] != 1 {
		t.Errorf("calls on record: %v", found)
	}
}
