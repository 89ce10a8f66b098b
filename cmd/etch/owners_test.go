package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/etch-audit/etch"
)

// TestDaemonThatSaysItIsAnother shows that the seals of a daemon that names another user
// than the one whose files it writes are not taken at their word, and that of a copy
// nothing is said but that word.
func TestDaemonThatSaysItIsAnother(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files have no such owners here")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.log")
	other := fmt.Sprint(os.Getuid() + 997)
	log, err := etch.Create(path, &etch.Options{Daemon: other})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Append(t.Context(), &etch.Event{Type: etch.AuthSuccess, Labels: map[string]string{"sender_uid": other}}); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("etch", args...).CombinedOutput()
		if err != nil {
			t.Errorf("%v: %v", args, err)
		}
		return string(out)
	}
	but := fmt.Sprintf("but files or keys of the log are of user %d", os.Getuid())
	if out := run("status", "--log", path); !strings.Contains(out, "user "+other+", as it says, "+but) {
		t.Errorf("status:\n%s", out)
	}
	if out := run("verify", "--log", path); !strings.Contains(out, "user "+other+", as the seals say, "+but) || !strings.Contains(out, "but agents ran as user "+other+" too") {
		t.Errorf("verify:\n%s", out)
	}
	if err := os.Rename(filepath.Join(dir, "audit.keys"), filepath.Join(dir, "elsewhere")); err != nil {
		t.Fatal(err)
	}
	if out := run("verify", dir); !strings.Contains(out, "user "+other+", as the seals say: whose its files and keys were when they were written cannot be seen here\n") {
		t.Errorf("verify of a copy:\n%s", out)
	}
}
