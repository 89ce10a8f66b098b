// Package antigravity knows what is special of the hooks of Antigravity: a hook
// that says nothing refuses the call, so that every answer is a decision.
package antigravity

import (
	"github.com/etch-audit/etch/capture/hook"
)

var agent = hook.Agent{
	Name:    "antigravity",
	Aliases: []string{"agy"},
	Adapt:   adapt,
	Answers: answers,

	CommandMember: "CommandLine",
}

// Agent returns what is special of Antigravity. All callers share it.
func Agent() *hook.Agent { return &agent }

// adapt reads the call from a member of its own. The step within a
// conversation is what comes nearest to an id of the call.
func adapt(m *hook.Message) {
	c := &m.Call
	call, ok := m.Body.Object("toolCall")
	if !ok {
		return
	}
	if m.Kind == hook.UnknownEvent {
		m.Kind = hook.AttemptEvent // older versions tell of nothing else, and name no event
	}
	c.Tool, c.Input = call.Text("name"), call.Get("args")
	if id := call.Text("id"); id != "" {
		c.ID = id
	} else if step := m.Body.Text("stepIdx"); step != "" && c.Session != "" {
		c.ID = c.Session + "/step-" + step
	}
}

func answers(_ string, kind hook.Kind) (hook.Answer, func(string) hook.Answer) {
	goOn := hook.Say(`{"decision":"allow"}`)
	if kind != hook.AttemptEvent && kind != hook.UnknownEvent {
		return goOn, nil
	}
	return goOn, func(reason string) hook.Answer {
		return hook.Say(`{"decision":"deny","reason":` + hook.Quote(reason) + `}`)
	}
}
