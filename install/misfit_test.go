package install

import (
	"path/filepath"
	"testing"
)

// The managed settings Claude Code reads whatever the type of a member is, without that member.
func TestManagedMisfit(t *testing.T) {
	m := newTestMachine(t)
	newBinary(t, &m)
	mustInstall(t, claudeCode, m, Managed, m.hook())
	put(t, filepath.Join(m.Root, "etc", "claude-code", "managed-settings.d", "x.json"), `{"model": 5, "disableAllHooks": "true"}`)
	if found := claudeCode.Check(m, "", "").Findings; len(found) != 0 {
		t.Errorf("got %+v", found)
	}
}
