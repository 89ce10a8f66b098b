package site

import (
	"os"
	"path/filepath"
	"testing"
)

// TestWhoseSocketIsTrusted: root appoints a daemon's user by giving it a directory.
func TestWhoseSocketIsTrusted(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("wants several users: only root may become another")
	}
	top, err := os.MkdirTemp("/run", "etch-test")
	if err != nil {
		t.Skipf("nothing can be made below /run: %v", err)
	}
	defer func() {
		if err := os.RemoveAll(top); err != nil {
			t.Error(err)
		}
	}()
	dir := filepath.Join(top, "etch")
	for _, err := range []error{os.Chmod(top, 0o755), os.Mkdir(dir, 0o755), os.Chown(dir, 4242, 4242)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if !appointed(dir, 4242) {
		t.Error("a directory that root has given away: got that it is not")
	}
	if appointed(dir, 4243) {
		t.Error("somebody else's socket there: got that root appointed them")
	}
	if err := os.Chmod(top, 0o777); err != nil {
		t.Fatal(err)
	}
	if appointed(dir, 4242) {
		t.Error("a directory that anybody could have made: got that root gave it")
	}
	if open := t.TempDir(); appointed(open, 0) {
		t.Errorf("%s lies where anybody may write: got that root gave it", open)
	}
}
