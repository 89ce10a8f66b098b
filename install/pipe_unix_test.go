//go:build unix

package install

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Whoever owns the directory of an agent's settings may put pipes into it, under any
// name that is read here: none is waited for.
func TestPipesAreNotWaitedFor(t *testing.T) {
	m := newTestMachine(t)
	settings := filepath.Join(m.Home, ".claude", "settings.json")
	if err := os.Mkdir(filepath.Dir(settings), 0o700); err != nil {
		t.Fatal(err)
	}
	mark := settings + madeMark + "20261122T010203Z"
	if err := syscall.Mkfifo(mark, 0o600); err != nil {
		t.Fatal(err)
	}
	if !claudeCode.Found(m) {
		t.Error("a directory with a pipe in it is taken for one that installations have made")
	}
	mustInstall(t, claudeCode, m, User, m.hook())
	text, err := os.ReadFile(settings)
	if err != nil {
		t.Fatal(err)
	}
	for _, mark := range []string{madeMark, backupMark} {
		if err := syscall.Mkfifo(settings+mark+"20991122T010203Z-"+stamp(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mustUninstall(t, claudeCode, m, User)
	if err := errors.Join(os.RemoveAll(settings), syscall.Mkfifo(settings, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := claudeCode.Install(m, User, m.hook(), false); err == nil {
		t.Error("hooks were installed into a pipe")
	}
}
