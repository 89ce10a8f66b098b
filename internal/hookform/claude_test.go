package hookform

import (
	"strings"
	"testing"
)

// misfit is ClaudeMisfit in one text.
func misfit(name, value string) string {
	member, wants := ClaudeMisfit(name, []byte(value))
	if member == "" {
		return wants
	}
	return member + ": " + wants
}

// Each member of the table wants one type of value, and takes no other: a wrong type of any
// of them is told, whatever it is; a member that nobody knows may be anything.
func TestClaudeMisfit(t *testing.T) {
	values := map[byte]string{'"': `"x"`, 't': "false", '0': "-5", '{': "{}", '[': "[]", 'n': "null"}
	seen := map[string]bool{}
	for _, m := range claudeMembers {
		for name := range strings.FieldsSeq(m.names) {
			if seen[name] {
				t.Errorf("%s is there twice", name)
			}
			seen[name] = true
			for kind, value := range values {
				if got, wrong := misfit(name, value), strings.IndexByte(m.takes, kind) < 0; (got != "") != wrong {
					t.Errorf("%s of %s: got %q", name, value, got)
				}
			}
		}
	}
	if len(seen) < 100 {
		t.Errorf("%d members: want all that were seen", len(seen))
	}
	for _, test := range []struct{ name, value, want string }{
		{"disableAllHooks", `"true"`, "disableAllHooks: true or false"},
		{"disableAllHooks", "true", ""},
		{"permissions", "5", "permissions: an object"},
		{"model", "5", "model: a text"},
		{"env", "5", "env: an object"},
		{"cleanupPeriodDays", `"5"`, "cleanupPeriodDays: a number"},
		{"permissions", `{"allow":[],"deny":"x"}`, "permissions.deny: a list"},
		{"permissions", `{"deny":"x","deny":[]}`, ""}, // the last counts
		{"permissions", `{"noSuchMember":5}`, ""},
		{"env", `{"allow":5}`, ""},
		{"hooks", "5", ""}, // it leaves out the hooks alone
		{"noSuchMember", "5", ""},
		{"model agent", "5", ""},
		{"", "5", ""},
		{"model", "", ""},
	} {
		if got := misfit(test.name, test.value); got != test.want {
			t.Errorf("%s of %s: got %q, want %q", test.name, test.value, got, test.want)
		}
	}
}
