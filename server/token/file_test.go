package token

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// add makes a token in the file.
func add(t *testing.T, f *File, name string) (secret string) {
	t.Helper()
	err := f.Change(func(l *List) (err error) {
		secret, err = l.Make(name, Send)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// knows reports whether a secret lets in.
func knows(t *testing.T, f *File, secret string) bool {
	t.Helper()
	l, err := f.List()
	if err != nil {
		t.Fatal(err)
	}
	_, ok := l.Find(secret)
	return ok
}

func TestFileAbsent(t *testing.T) {
	f := Open(filepath.Join(t.TempDir(), "keys", "tokens"))
	if knows(t, f, "x") {
		t.Error("a file that is not there lets somebody in")
	}
	secret := add(t, f, "a")
	if !knows(t, f, secret) {
		t.Error("a token that was made lets nobody in")
	}
	if runtime.GOOS == "windows" {
		return
	}
	for path, want := range map[string]fs.FileMode{f.Path(): 0o600, filepath.Dir(f.Path()): 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want mode %04o", path, info.Mode(), err, want)
		}
	}
}

// TestFileChanges shows that another process's changes count at once.
func TestFileChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	daemon, person := Open(path), Open(path)
	one := add(t, person, "one")
	two := add(t, person, "two")
	if !knows(t, daemon, one) || !knows(t, daemon, two) {
		t.Fatal("tokens that were made are not known")
	}
	if err := person.Change(func(l *List) error { return l.Revoke("one") }); err != nil {
		t.Fatal(err)
	}
	if knows(t, daemon, one) || !knows(t, daemon, two) {
		t.Error("a revoked token is known, or another is not any more")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if knows(t, daemon, two) {
		t.Error("the tokens of a file that is gone are known")
	}
}

// TestFileUntrusted shows that a file which turns bad lets nobody in, neither by
// what it says now nor by what it said before.
func TestFileUntrusted(t *testing.T) {
	dir := t.TempDir()
	for name, spoil := range map[string]func(path string) error{
		"readable":  func(path string) error { return os.Chmod(path, 0o640) },
		"writable":  func(path string) error { return os.Chmod(path, 0o602) },
		"bad":       func(path string) error { return os.WriteFile(path, []byte("x\n"), 0o600) },
		"too long":  func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("#\n", maxFile/2+1)), 0o600) },
		"directory": func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
	} {
		if runtime.GOOS == "windows" && strings.HasSuffix(name, "able") {
			continue
		}
		f := Open(filepath.Join(dir, name))
		add(t, f, "a")
		if _, err := f.List(); err != nil {
			t.Fatal(err)
		}
		if err := spoil(f.Path()); err != nil {
			t.Fatal(err)
		}
		l, err := f.List()
		if err == nil || l != nil || !strings.Contains(err.Error(), f.Path()) {
			t.Errorf("%s: %v, %v, want an error that names the file", name, l, err)
		}
		if strings.HasSuffix(name, "able") && (!errors.Is(err, ErrPermissions) || !strings.Contains(err.Error(), "run chmod 600 "+f.Path())) {
			t.Errorf("%s: %v does not say what to do", name, err)
		}
		if err := f.Change(func(*List) error { return nil }); err == nil {
			t.Errorf("%s: it is written over", name)
		}
	}
}

// TestFileFailedChange shows that a change which fails changes nothing.
func TestFileFailedChange(t *testing.T) {
	f := Open(filepath.Join(t.TempDir(), "tokens"))
	secret := add(t, f, "a")
	refused := errors.New("refused")
	err := f.Change(func(l *List) error { return errors.Join(l.Revoke("a"), refused) })
	if !errors.Is(err, refused) || !knows(t, f, secret) {
		t.Errorf("Change = %v, want %v and the token still there", err, refused)
	}
}

// TestFileConcurrent shows that no change is lost where several are made at once.
func TestFileConcurrent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			f := Open(path)
			if err := f.Change(func(l *List) error { _, err := l.Make(fmt.Sprint("t", i), Send); return err }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	l, err := Open(path).List()
	if err != nil || len(l.Tokens()) != 8 {
		t.Errorf("%d tokens, %v, want 8", len(l.Tokens()), err)
	}
}
