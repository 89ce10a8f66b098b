package install

import (
	"fmt"
	"slices"
	"strings"

	"github.com/etch-audit/etch/internal/hookform"
	"github.com/etch-audit/etch/internal/settings"
)

// An offSwitch is a setting that switches hooks off.
type offSwitch struct {
	path []string
	off  any
}

// An offList is one that switches off those that it lists.
type offList struct {
	text []byte  // of the list
	told Finding // where it lists one of this program's
}

// lookSwitch looks at a setting that may switch hooks off, all of them or those
// that it lists.
func (c *checking) lookSwitch(s source, doc *settings.Document, n *settings.Node, w offSwitch) {
	name := strings.Join(w.path, ".")
	told := Finding{
		Check: "switch", Level: Problem, Where: fmt.Sprintf("%s:%d", s.path, doc.Line(n.Start())),
		What: fmt.Sprintf("%s switches hooks off", name), Mend: "take " + name + " out of the file",
	}
	if w.off == programName {
		c.lists = append(c.lists, offList{doc.Text(n), told})
		return
	}
	switch hookform.JudgeSwitch(c.a.Name, name, doc.Text(n)) {
	case hookform.Idle:
		c.off = append(c.off, told)
		c.managedOff = c.managedOff || s.scope == Managed
	case hookform.Strange:
		if c.a == claudeCode {
			return // managed settings: it reads them without such a member
		}
		told.Level, told.What = Warning, fmt.Sprintf("%s is neither true nor false: another version may take it for a switch that is off", name)
		c.Findings = append(c.Findings, told)
	}
}

// concludeSwitches says which switches and lists are of this program's hooks, now that all
// of those are known.
func (c *checking) concludeSwitches() {
	for _, l := range c.lists {
		if c.disables(l.text) {
			c.off = append(c.off, l.told)
		}
	}
	managed := slices.ContainsFunc(c.seen, func(f found) bool { return f.scope == Managed })
	for _, f := range c.off {
		if managed && c.a == claudeCode && !c.managedOff {
			f.Level = Warning
			f.What += ", but not those of the managed settings, which record"
		}
		c.Findings = append(c.Findings, f)
	}
}

// disables reports whether a list has a hook of this program: by the name that an installation
// gives it, or by the one or the command line that one has now.
func (c *checking) disables(list []byte) bool {
	return hookform.Disables(list, []byte(`"`+programName+`"`), nil) ||
		slices.ContainsFunc(c.seen, func(f found) bool {
			return hookform.Disables(list, f.name, f.text) || hookform.Disables(list, f.text, nil)
		})
}
