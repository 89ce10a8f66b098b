package install

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Directories that were made for the hooks of several agents are gone with the last of
// them, whichever was installed first, and whichever is taken out first.
func TestSharedDirectories(t *testing.T) {
	pair := [2]*Agent{gemini, antigravity} // ~/.gemini, and ~/.gemini/config
	for _, order := range [][4]int{{0, 1, 0, 1}, {0, 1, 1, 0}, {1, 0, 0, 1}, {1, 0, 1, 0}} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			m := newTestMachine(t)
			before := tree(t, m.Home)
			for _, i := range order[:2] {
				mustInstall(t, pair[i], m, User, m.hook())
			}
			for _, i := range order[2:] {
				mustUninstall(t, pair[i], m, User)
			}
			if diff := cmp.Diff(tree(t, m.Home), before); diff != "" {
				t.Errorf("(-got +before):\n%s", diff)
			}
		})
	}
}

// Every agent's hooks, put in and taken out, leave nothing behind.
func TestAllUninstalled(t *testing.T) {
	m := newTestMachine(t)
	before := tree(t, m.Home)
	for _, a := range Agents() {
		mustInstall(t, a, m, User, m.hook())
	}
	for _, a := range Agents() {
		mustUninstall(t, a, m, User)
	}
	if diff := cmp.Diff(tree(t, m.Home), before); diff != "" {
		t.Errorf("(-got +before):\n%s", diff)
	}
}
