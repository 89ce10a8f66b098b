package keys_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/etch-audit/etch/internal/errorfs"
	"github.com/etch-audit/etch/internal/keys"
	"github.com/etch-audit/etch/internal/memfs"
	"github.com/etch-audit/etch/internal/merkle"
	"github.com/etch-audit/etch/internal/vfs"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put writes a file, durably.
func put(t *testing.T, fsys vfs.FS, path, text string, perm fs.FileMode) {
	t.Helper()
	if err := fsys.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	f, err := fsys.OpenFile(path, os.O_RDWR|os.O_CREATE, perm)
	must(t, err)
	_, err = f.WriteAt([]byte(text), 0)
	must(t, errors.Join(err, f.Sync(), f.Close()))
}

func TestGenerate(t *testing.T) {
	fsys := vfs.OS()
	path := filepath.Join(t.TempDir(), "audit.keys")
	d := keys.At(fsys, path, "")
	set, epoch, err := d.Generate()
	must(t, err)
	if public, err := d.Published(); public != "" || err != nil {
		t.Errorf("Published = %q, %v before anything was", public, err)
	}
	must(t, d.Publish(identityOf(t, set).VKey))
	if public, err := d.Published(); public != identityOf(t, set).VKey || err != nil {
		t.Errorf("Published = %q, %v, want %q", public, err, identityOf(t, set).VKey)
	}
	loaded, err := keys.At(fsys, path, "").Load()
	must(t, err)
	if loaded.Origin != set.Origin || identityOf(t, loaded).VKey != identityOf(t, set).VKey || string(loaded.MAC) != string(set.MAC) {
		t.Errorf("loaded keys are of %s, want %s, or they differ", loaded.Origin, set.Origin)
	}
	current, err := d.Epoch()
	must(t, err)
	pub, err := epoch.Public()
	must(t, err)
	if current.VKey != epoch.VKey || merkle.Origin(pub) != set.Origin {
		t.Errorf("epoch.key is %s, want %s; the origin by it is %s, want %s", current.VKey, epoch.VKey, merkle.Origin(pub), set.Origin)
	}
	if runtime.GOOS == "windows" {
		return
	}
	for name, want := range map[string]fs.FileMode{
		"": fs.ModeDir | 0o700, keys.MACFile: 0o600, keys.IdentityFile: 0o600, keys.EpochFile: 0o600,
	} {
		info, err := fsys.Stat(filepath.Join(path, name))
		must(t, err)
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), want)
		}
	}
}

// TestSigns shows that a key that was read signs what its public half verifies.
func TestSigns(t *testing.T) {
	d := keys.At(memfs.New(), "k", "")
	set, _, err := d.Generate()
	must(t, err)
	epoch, err := d.Epoch()
	must(t, err)
	for _, pair := range []keys.Pair{identityOf(t, set), epoch} {
		text, err := note.Sign(&note.Note{Text: "text\n"}, pair.Signer)
		must(t, err)
		verifier, err := note.NewVerifier(pair.VKey)
		must(t, err)
		if _, err := note.Open(text, note.VerifierList(verifier)); err != nil || verifier.Name() != set.Origin {
			t.Errorf("note by %s: %v", verifier.Name(), err)
		}
	}
}

func TestMACElsewhere(t *testing.T) {
	mem := memfs.New()
	put(t, mem, "mine.key", strings.Repeat("0f", 32)+"\n", 0o600)
	d := keys.At(mem, "k", "mine.key")
	set, _, err := d.Generate()
	must(t, err)
	if string(set.MAC) != strings.Repeat("\x0f", 32) || d.Path(keys.MACFile) != "mine.key" {
		t.Errorf("MAC key is %x of %s, want the one that was there", set.MAC, d.Path(keys.MACFile))
	}
	if _, err := mem.Stat("k/mac.key"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("mac.key: %v, want none in the directory", err)
	}
}

func TestPermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // which has no such bits
	}
	for _, name := range []string{keys.MACFile, keys.IdentityFile, keys.EpochFile, keys.NextFile} {
		for _, perm := range []fs.FileMode{0o644, 0o640, 0o604, 0o602, 0o700 | 0o010} {
			mem := memfs.New()
			d := keys.At(mem, "k", "")
			_, _, err := d.Generate()
			must(t, err)
			_, err = d.PrepareNext("etch.log/x")
			must(t, err)
			put(t, mem, d.Path(name), "x", perm)
			_, err = d.Load()
			if _, epochErr := d.Epoch(); err == nil {
				err = epochErr
			}
			if _, nextErr := d.Next(); err == nil {
				err = nextErr
			}
			if !errors.Is(err, keys.ErrPermissions) || !strings.Contains(err.Error(), "chmod 600 "+d.Path(name)) {
				t.Errorf("%s with mode %v: %v, want %v and the chmod", name, perm, err, keys.ErrPermissions)
			}
		}
	}
}

func TestNotAKey(t *testing.T) {
	for _, text := range []string{"", "\x00\x00\x00", "PRIVATE+KEY+x", strings.Repeat("00", 31), strings.Repeat("x", 5000)} {
		for _, name := range []string{keys.MACFile, keys.IdentityFile} {
			mem := memfs.New()
			d := keys.At(mem, "k", "")
			_, _, err := d.Generate()
			must(t, err)
			put(t, mem, d.Path(name), text, 0o600)
			if _, err := d.Load(); !errors.Is(err, keys.ErrNotKey) {
				t.Errorf("%s of %.20q: %v, want %v", name, text, err, keys.ErrNotKey)
			}
		}
	}
}

func TestNothing(t *testing.T) {
	d := keys.At(memfs.New(), "k", "")
	if _, err := d.Load(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load: %v, want %v", err, fs.ErrNotExist)
	}
	if _, err := d.Next(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Next: %v, want %v", err, fs.ErrNotExist)
	}
}

// TestGenerateCrash interrupts Generate at every change of the disk: it can be
// done again, and nothing says meanwhile that there is a log.
func TestGenerateCrash(t *testing.T) {
	for k := 0; ; k++ {
		mem := memfs.New()
		var left []*memfs.FS
		fsys := errorfs.Wrap(mem, crashAt(k, func() {
			left = []*memfs.FS{mem.Clone(), mem.Crash(memfs.None()), mem.Crash(memfs.All())}
		}))
		_, _, err := keys.At(fsys, "k", "").Generate()
		if !fsys.Crashed() {
			must(t, err)
			return
		}
		for _, mem := range left {
			d := keys.At(mem, "k", "")
			if public, err := d.Published(); public != "" || err != nil {
				t.Errorf("change %d: Published = %q, %v", k, public, err)
			}
			if _, _, err := d.Generate(); err != nil {
				t.Errorf("change %d: Generate again: %v", k, err)
			}
			if _, err := d.Load(); err != nil {
				t.Errorf("change %d: Load: %v", k, err)
			}
		}
	}
}

// crashAt lets the process die at the k-th change of the disk, in the middle
// where it is a write.
func crashAt(k int, hook func()) errorfs.Injector {
	at := errorfs.And(errorfs.KindMatch(errorfs.Mutating...), errorfs.OnIndex(k))
	return errorfs.InjectorFunc(func(op errorfs.Op) errorfs.Fault {
		if !at(op) {
			return errorfs.Fault{}
		}
		return errorfs.CrashShort(op.N/2, hook)
	})
}

// TestDirectoryOpenToOthers shows that a directory into which others could put
// keys is refused, and one that they can only look at is not.
func TestDirectoryOpenToOthers(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // which has no such bits
	}
	for perm, refused := range map[fs.FileMode]bool{0o700: false, 0o755: false, 0o770: true, 0o720: true, 0o702: true, 0o777: true} {
		path := filepath.Join(t.TempDir(), "audit.keys")
		d := keys.At(vfs.OS(), path, "")
		_, _, err := d.Generate()
		must(t, err)
		must(t, os.Chmod(path, perm))
		_, loadErr := d.Load()
		_, epochErr := d.Epoch()
		_, _, generateErr := d.Generate()
		for _, err := range []error{loadErr, epochErr, generateErr} {
			if !refused {
				must(t, err)
			} else if !errors.Is(err, keys.ErrPermissions) || !strings.Contains(err.Error(), "chmod go-w "+path) {
				t.Errorf("mode %v: %v, want %v and the chmod", perm, err, keys.ErrPermissions)
			}
		}
	}
}

// TestPlanted puts files and links where keys are going to be written: no
// secret goes into them, or takes their mode.
func TestPlanted(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.keys")
	must(t, os.Mkdir(path, 0o700))
	elsewhere := filepath.Join(dir, "elsewhere")
	must(t, os.WriteFile(elsewhere, []byte("mine"), 0o600))
	names := []string{keys.MACFile, keys.IdentityFile, keys.EpochFile, keys.NextFile}
	for _, name := range names {
		tmp := filepath.Join(path, name+".tmp")
		if err := os.Symlink(elsewhere, tmp); err != nil { // Windows may not let us
			must(t, os.WriteFile(tmp, nil, 0o666))
		}
	}
	wide := filepath.Join(path, keys.EpochFile)
	must(t, os.WriteFile(wide, nil, 0o600))
	must(t, os.Chmod(wide, 0o666))
	d := keys.At(vfs.OS(), path, "")
	set, _, err := d.Generate()
	must(t, err)
	_, err = d.PrepareNext(set.Origin)
	must(t, err)
	for _, name := range names {
		info, err := os.Lstat(filepath.Join(path, name))
		must(t, err)
		if !info.Mode().IsRegular() || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want a file of 0600", name, info.Mode())
		}
	}
	if text, err := os.ReadFile(elsewhere); string(text) != "mine" || err != nil {
		t.Errorf("file elsewhere holds %q, %v, want what it held", text, err)
	}
}

func identityOf(t *testing.T, set *keys.Set) keys.Pair {
	t.Helper()
	p, err := set.Identity()
	must(t, err)
	return p
}

// TestLoadBrief tells a key that is none only when it is asked for.
func TestLoadBrief(t *testing.T) {
	fsys := vfs.OS()
	d := keys.At(fsys, filepath.Join(t.TempDir(), "audit.keys"), "")
	set, _, err := d.Generate()
	must(t, err)
	brief, err := d.LoadBrief()
	must(t, err)
	if brief.Origin != set.Origin || string(brief.MAC) != string(set.MAC) || identityOf(t, brief).VKey != identityOf(t, set).VKey {
		t.Errorf("LoadBrief = %q, want %q and the same keys", brief.Origin, set.Origin)
	}
	for text, whole := range map[string]bool{"PRIVATE+KEY+name+00000000+AA==": true, "PRIVATE+KEY+name": false, "": false, "name+x": false, "PRIVATE+KEY++x": false} {
		put(t, fsys, d.Path(keys.IdentityFile), text, 0o600)
		brief, err := d.LoadBrief()
		if (err == nil) != whole || err != nil && !errors.Is(err, keys.ErrNotKey) {
			t.Errorf("%q: LoadBrief = %v", text, err)
		}
		if err == nil {
			_, err = brief.Identity()
		}
		if !errors.Is(err, keys.ErrNotKey) {
			t.Errorf("%q: Identity = %v, want %v", text, err, keys.ErrNotKey)
		}
		if _, err := d.Load(); !errors.Is(err, keys.ErrNotKey) {
			t.Errorf("%q: Load = %v, want %v", text, err, keys.ErrNotKey)
		}
	}
}
