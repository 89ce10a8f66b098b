package vfs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/vfs"
	"golang.org/x/sys/windows"
)

// What is for its owner alone has an access list that says so and inherits nothing.
func TestOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	if err := vfs.OS().Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		perm os.FileMode
	}{{"secret", 0o600}, {"public", 0o644}} {
		path := filepath.Join(dir, test.name)
		f, err := vfs.OS().OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, test.perm)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"", "secret", "public"} {
		path := filepath.Join(dir, name)
		descriptor, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
		if err != nil {
			t.Fatal(err)
		}
		text := descriptor.String()
		if strings.Count(text, "(A;") != 2 || !strings.Contains(text, ";;;OW)") || !strings.Contains(text, ";;;SY)") {
			t.Errorf("%s: %s, want the owner and the system alone", path, text)
		}
		if name != "public" && !strings.HasPrefix(text, "D:P") {
			t.Errorf("%s: %s inherits from above", path, text)
		}
	}
}
