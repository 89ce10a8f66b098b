package settings

import (
	"math/rand/v2"
	"testing"
)

// Whatever is parsed can be edited and undone, and keeps its other values.
func FuzzEdit(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		f.Add(oddFile(r))
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := Parse([]byte(text))
		if err != nil {
			return
		}
		if d.Root() != nil && d.Root().Kind() != Object {
			if _, err := d.Append([]byte(entry), "hooks", "X"); err == nil {
				t.Errorf("%q: a member was put into what is no object", text)
			}
			return
		}
		checkEdit(t, text)
	})
}

// A file that is parsed as TOML has the value that was set, and no other is
// changed.
func FuzzTOML(f *testing.F) {
	for _, text := range tomlFiles {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkTOML(t, text) })
}
