// Package hook makes events of what coding agents tell their hooks.
//
// A hook is a program that an agent starts at some point of its work, with a
// JSON payload on its standard input. Each start is a [Delivery]. [Sessions]
// remembers, for each session of an agent, the calls that have begun and not
// ended, so that deliveries to separate processes become the two records of one
// call, a delivery that comes twice is recorded once, and a call of whose end
// no hook tells is ended all the same.
//
// What is special of an agent stands in its [Agent], made by a package of its
// own below this one. None of them fails: bytes that cannot be understood
// become an event that says so.
//
// # What is not kept
//
// What came out of a call is its length and SHA-256 unless [Recording] says
// otherwise: of the text that the agent gives as the result, as it gives it. So
// are prompts and the contents of files, and there the SHA-256 is that of the
// text with its secrets masked: a digest of a short secret tells it to whoever
// can guess. Environments are never kept.
//
// BUG(hook): Agents without call ids (Gemini, Copilot) do not say which of two
// calls of one tool and one input ended first: of those that began at once the elder is
// taken, else the later.
//
// BUG(hook): What runs without a hook is not seen: commands that a person types
// with "!", agents started with their hooks off, and calls that an agent
// refuses before it asks its hooks. docs/agents.md lists them.
package hook

import (
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/redact"
)

// An Agent is what is special of one coding agent. It is not changed after it
// was made, and safe for concurrent use. Only Name is required: what is nil is
// as for the agents that share one shape of payloads.
type Agent struct {
	Name    string   // in actor.agent
	Aliases []string // other names that people give it

	// Event returns what an event tells, by its name as the agent writes it,
	// and whether it is one that this agent alone has.
	Event func(name string) (Kind, bool)
	// Tool returns what a tool touches, and whether it is one that this agent
	// alone has.
	Tool func(name string) (ToolKind, bool)
	// CommandMember is the member of a shell tool's input that has the command, where it is
	// not one of those that agents share: it counts before them.
	CommandMember string
	// Adapt completes a message that was decoded by the shape that agents share.
	Adapt func(m *Message)
	// End says in m.Call how the call ended that m tells of, by its response.
	End func(m *Message)
	// Outlives reports whether a call of a tool may run on after its turn.
	Outlives func(tool string) bool
	// Unended says how a call ended of which its agent gave an attempt and
	// then, by the end of the turn or of the session, no word. m tells of that end.
	Unended func(m *Message, c *Call, asked bool)
	// Settings returns the files that may switch the agent's hooks off, in a
	// session in cwd.
	Settings func(cwd string, getenv func(string) (string, bool)) []string
	// Comments says that those files may have comments; of the other agents' one with
	// a comment is left out, as is one that is no JSON for another reason.
	Comments bool
	// Misfit returns which member of a settings file, that of the name or one inside, is of
	// another type than the agent wants, for which it leaves out the whole file, and what it
	// wants there; "" elsewhere. nil is an agent of which none such is known.
	Misfit func(file, name string, value []byte) (member, wants string)
	// Answers returns what the agent takes for "go on" from an event, and for a
	// refusal, which it must not be asked for where it has none.
	Answers func(event string, kind Kind) (goOn Answer, deny func(reason string) Answer)
	// Posted returns what the agent takes for a refusal where it asks by HTTP, which
	// has no exit codes: nil where it takes nothing so.
	Posted func(kind Kind, reason string) []byte
}

// An Answer is what a hook's process says to the agent.
type Answer struct {
	Stdout, Stderr []byte
	Exit           int
}

// A Delivery is one start of a hook's process by an agent.
type Delivery struct {
	Agent   *Agent
	Event   string // as the settings name it to the process; may be ""
	Payload []byte // what came on standard input
	Getenv  func(string) (string, bool)
	Parent  int       // the process id of what started the process; 0: unknown
	Now     time.Time // when it was started
	// Last says that time is up, and that what is made of this one is what counts: of the
	// other turns of the same delivery that one [Sessions] begins, before it or behind it,
	// none is heeded. It is for the one turn that whoever gives up begins itself.
	Last      bool
	Actor     etch.Actor // who runs the agent, as far as the process can tell
	Recording Recording
	// Remote says that the payload did not come from a process of this one's own
	// user: what paths it names is not looked at, so that nobody has files read
	// that are not his to read.
	Remote bool
	// Sender is who has sent the payload, as somebody vouches for who takes those of
	// many: what one of them delivers is not taken for a second delivery of what
	// another has, whatever session both name. "" is the process's own user.
	Sender string

	// Classify judges the risk of an attempt, so that its completion can repeat it;
	// nil leaves that to whoever appends.
	Classify func(*etch.Event) (etch.Risk, []string)
	// Masker returns what masks as the log does: what is remembered of an attempt
	// is what its record says. nil, or what returns nil, masks without tags.
	Masker func() *redact.Masker
}

// GoOn returns what the agent takes for "go on" from a hook of an event.
func (a *Agent) GoOn(event string) Answer {
	goOn, _ := a.answers(event)
	return goOn
}

// Deny returns what makes the agent refuse what a hook of an event was asked
// about, and whether anything does. It never does where the refusal would keep
// the agent from ending.
func (a *Agent) Deny(event, reason string) (Answer, bool) {
	goOn, deny := a.answers(event)
	if deny == nil {
		return goOn, false
	}
	return deny(cutText(reason, maxKept)), true
}

// DenyPosted is Deny for an event that the agent has sent by HTTP: the body of the
// answer. It is what Deny says on standard output, where that says it all.
func (a *Agent) DenyPosted(event, reason string) (body []byte, ok bool) {
	answer, ok := a.Deny(event, reason)
	switch {
	case !ok:
		return nil, false
	case answer.Exit == 0 && len(answer.Stdout) > 0:
		return answer.Stdout, true
	case a.Posted != nil:
		body = a.Posted(a.eventKind(event), cutText(reason, maxKept))
	}
	return body, len(body) > 0
}

// Stops reports whether a hook of an event runs at the end of a turn or of a
// session, from which a refusal would keep the agent.
func (a *Agent) Stops(event string) bool { return a.eventKind(event).stops() }

// Asks reports whether a hook of an event is asked whether a call may run.
func (a *Agent) Asks(event string) bool {
	kind := a.eventKind(event)
	return kind == AttemptEvent || kind == PermissionEvent
}

// Changes reports whether a hook of an event is told that the agent's settings have changed.
func (a *Agent) Changes(event string) bool { return a.eventKind(event) == ConfigEvent }

func (a *Agent) answers(event string) (Answer, func(string) Answer) {
	kind := a.eventKind(event)
	if a.Answers == nil {
		return SharedAnswers(event, kind)
	}
	goOn, deny := a.Answers(event, kind)
	if kind.stops() {
		deny = nil
	}
	return goOn, deny
}

// SharedAnswers are the answers of most agents: silence to go on, and exit code
// 2 with the reason on standard error to refuse a call or a prompt.
func SharedAnswers(_ string, kind Kind) (Answer, func(reason string) Answer) {
	switch kind {
	case AttemptEvent, PromptEvent:
		return Answer{}, Exit2
	}
	return Answer{}, nil
}

// Exit2 is the answer with exit code 2 and a reason on standard error.
func Exit2(reason string) Answer { return Answer{Stderr: []byte(reason + "\n"), Exit: 2} }

func (a *Agent) eventKind(name string) Kind {
	if a.Event != nil {
		if kind, ok := a.Event(name); ok {
			return kind
		}
	}
	return kindOfEvent(foldEvent(name))
}

func (a *Agent) kind(c *Call) ToolKind {
	if c.Server != "" {
		return MCPTool
	}
	if a.Tool != nil {
		if kind, ok := a.Tool(c.Tool); ok {
			return kind
		}
	}
	return kindOfTool(c.Tool)
}
