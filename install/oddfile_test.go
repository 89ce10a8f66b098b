package install

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// modes returns every file below a directory with its mode, and what symbolic links
// lead to.
func modes(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		found[path] = info.Mode().String()
		if info.Mode()&fs.ModeSymlink != 0 {
			to, err := os.Readlink(path)
			found[path] += " " + to
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// An oddPlace is a way in which a settings file may be where it is.
type oddPlace struct {
	perm  fs.FileMode
	links int // symbolic links that lead to it
	rel   bool
}

// put writes a settings file so, below a home.
func (o oddPlace) put(t *testing.T, home, path, text string) {
	t.Helper()
	at := path
	for n := range o.links {
		next := filepath.Join(home, "dotfiles", strings.Repeat("x", n+1), "settings")
		put(t, next, "")
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			if err := os.Remove(at); err != nil {
				t.Fatal(err)
			}
		}
		to := next
		if o.rel {
			rel, err := filepath.Rel(filepath.Dir(at), next)
			if err != nil {
				t.Fatal(err)
			}
			to = rel
		}
		if err := os.Symlink(to, at); err != nil {
			t.Fatal(err)
		}
		at = next
	}
	put(t, at, text)
	if err := os.Chmod(at, o.perm); err != nil {
		t.Fatal(err)
	}
}

// Settings of every agent, of any style, mode and place, are the same to the byte once
// hooks were put into them and taken out, by one version of this program after another;
// so are their modes, and the links that lead to them.
func TestOddPlaces(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	pick := func(n int) int { return r.IntN(n) }
	rounds := 400
	if testing.Short() {
		rounds = 60
	}
	counts := map[string]int{}
	for range rounds {
		a := agents[pick(len(agents))]
		m := newTestMachine(t)
		target := a.places(a, m, User)[0]
		form, ok := target.form.(hookFile)
		if !ok {
			continue // a file of this program's own: somebody else's is refused
		}
		texts := oddities(form.dialect.Comments, form.dialect.BOM)
		text := texts[pick(len(texts))]
		if _, err := form.put([]byte(text), m.hook()); err != nil {
			counts["refused"]++ // hooks of another form; that it is left alone TestRefusals shows
			continue
		}
		place := oddPlace{perm: []fs.FileMode{0o600, 0o644, 0o640, 0o444, 0o400, 0o664, 0o777}[pick(7)], links: max(0, pick(5)-2), rel: pick(2) == 0}
		if runtime.GOOS == "windows" {
			place = oddPlace{perm: 0o600} // modes mean little there, and links need rights
		}
		place.put(t, m.Home, target.path, text)
		want, wantModes := tree(t, m.Home), modes(t, m.Home)
		for n := range 1 + pick(3) {
			m.Now = m.Now.Add(time.Duration(n) * time.Minute)
			h := Hook{Binary: []string{"/usr/local/bin/etch", "/opt/a b/etch", "/usr/bin/" + HookProgram}[pick(3)]}
			if pick(3) == 0 {
				h.Log = new("/var/log/it's.log")
			}
			mustInstall(t, a, m, User, h)
			if got := modes(t, m.Home); got[target.path] != wantModes[target.path] {
				t.Errorf("%s: %s became %s", a.Name, wantModes[target.path], got[target.path])
			}
		}
		mustUninstall(t, a, m, User)
		if diff := cmp.Diff(tree(t, m.Home), want); diff != "" {
			t.Errorf("%s %+v: not restored (-got +want):\n%s", a.Name, place, diff)
		}
		if diff := cmp.Diff(modes(t, m.Home), wantModes); diff != "" {
			t.Errorf("%s %+v: modes (-got +want):\n%s", a.Name, place, diff)
		}
		counts[a.Name]++
	}
	t.Logf("%v", counts)
	if len(counts) < 8 {
		t.Errorf("only %v", counts)
	}
}
