package mcp

import (
	"encoding/json"
	"time"

	"github.com/etch-audit/etch"
)

// Options say what is recorded of sessions, and how.
type Options struct {
	// Name is what the server is known by in the records; empty: the name that
	// it gives itself.
	Name string
	// Actor is who acts. Where it names no agent, it is what the client calls
	// itself.
	Actor etch.Actor
	// SessionID is the agent's session; empty: each MCP session is one by itself.
	SessionID string
	// Command is what starts the server, and Cwd where, for the record.
	Command, Cwd string
	// Resource is the server's address, where it has one.
	Resource string
	// Labels are put on every event.
	Labels map[string]string
	// Arguments returns what is recorded of the arguments of a call, and a
	// digest of all of them, which may be empty. Nil: they are recorded as they are.
	Arguments func(tool string, arguments json.RawMessage) (kept json.RawMessage, digest string)
	// Output records what came out of calls, instead of its length and SHA-256,
	// and whole messages of errors; Prompts what people and models are asked.
	Output, Prompts bool
	// Strict passes a client's request on only when its attempt is on record.
	Strict bool
	// Deny refuses the calls of a client at or above a risk; empty: none. What is
	// refused is not passed on, recorded as refused, and answered by an error. What
	// cannot be judged is refused too: what is no message, or one that readers
	// differ about. So the client's bytes are held back until a message is whole.
	Deny etch.Risk
	// Judge returns the risk of a call, whose arguments are as they were sent, and
	// the reasons; it must not change the event. Nil, where there is a Deny:
	// everything is refused.
	Judge func(*etch.Event) (etch.Risk, []string)
	// GoOn goes on where something cannot be recorded. Otherwise nothing more is
	// passed on then, and the session ends.
	GoOn bool
	// Now is the clock; nil: [time.Now].
	Now func() time.Time
}

func (o *Options) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}
