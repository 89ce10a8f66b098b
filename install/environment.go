package install

import (
	"fmt"
	"slices"

	"github.com/etch-audit/etch/internal/hookenv"
	"github.com/etch-audit/etch/internal/settings"
)

// A setVariable is one that silences hooks, or bends them and is set by a file of the
// project.
type setVariable struct {
	name, where string
	silences    bool
	unheeded    bool // where it is, it silences nothing
}

// lookEnvironment looks for variables by which settings silence hooks, or those of the
// project would have them record elsewhere, or run something else.
func (c *checking) lookEnvironment(s source, doc *settings.Document) {
	n, err := doc.Member("env")
	if err == nil {
		err = doc.Distinct(n)
	}
	if err != nil {
		c.unclear(s, err)
	}
	if err != nil || n == nil || n.Kind() != settings.Object {
		return
	}
	for _, variable := range n.Children() {
		v := setVariable{name: variable.Name(), where: fmt.Sprintf("%s:%d", s.path, doc.Line(variable.Start()))}
		value, isText := doc.Value(variable).(string)
		if !isText {
			value = string(doc.Text(variable))
		}
		v.silences = hookenv.Silences(c.a.Name, v.name, value)
		// Claude Code takes these from no project (2.1.330).
		v.unheeded = v.silences && c.a == claudeCode && s.scope == Project
		if v.silences || s.scope == Project && hookenv.Bends(v.name) {
			c.env = append(c.env, v)
		}
	}
}

// lookDotEnv looks for them in a file of assignments that the agent reads into its
// environment. What the person's own says besides is nobody else's business.
func (c *checking) lookDotEnv(path string, own bool) {
	text, err := read(path)
	if err != nil {
		c.add("file", Unknown, path, "", "it cannot be read: %v", cause(err))
	}
	for _, a := range hookenv.Assigned(c.a.Name, string(text)) {
		if a.Silences || !own {
			c.env = append(c.env, setVariable{name: a.Name, where: fmt.Sprintf("%s:%d", path, a.Line), silences: a.Silences})
		}
	}
}

// concludeEnvironment says what such variables do: nothing to hooks that heed no
// environment, but for those that decide what code runs.
func (c *checking) concludeEnvironment() {
	heedless := !slices.ContainsFunc(c.seen, func(f found) bool { return !f.noEnv })
	for _, v := range c.env {
		if v.silences {
			c.concludeSilence(v)
			continue
		}
		if heedless && !hookenv.Runs(v.name) {
			c.add("switch", Warning, v.where, "take it out of the file",
				"the project sets %s for the hooks, which do not heed it: nothing of the project should", v.name)
			continue
		}
		c.add("switch", Problem, v.where, "take it out of the file",
			"the project sets %s for the hooks: they may record elsewhere, or not what they should", v.name)
	}
	for _, f := range c.seen {
		if !f.noEnv {
			c.add("log", Warning, fmt.Sprintf("%s:%d", f.path, f.line), "etch install "+c.a.Name,
				"the hooks go by their environment, which settings of a project may set: they can be made to record elsewhere")
			return
		}
	}
}

// concludeSilence says what a variable does for which the agent runs no hooks.
func (c *checking) concludeSilence(v setVariable) {
	if v.unheeded {
		c.add("switch", Warning, v.where, "take it out of the file",
			"the project sets %s, for which %s runs no hooks: it was not seen to heed it there", v.name, c.a.Title)
		return
	}
	c.add("switch", Problem, v.where, "take it out of the file", "%s is set, for which %s runs no hooks", v.name, c.a.Title)
}
