package hook

import (
	"encoding/json"
	"time"

	"github.com/etch-audit/etch"
)

// A Call is one tool call as an agent tells of it: by a hook, or in its
// transcript. Members that the agent does not tell are zero.
type Call struct {
	ID            string // the agent's id of the call; "" where it has none (Gemini, Copilot)
	Session       string
	Turn          string // prompt_id, turn_id
	AgentID       string // of a sub-agent; "" in the main thread
	AgentType     string
	ParentSession string // where the agent gives a sub-agent a session of its own
	Tool          string // as the agent names it
	Server        string // MCP server; "" where the tool is the agent's own
	Input         json.RawMessage
	Digest        string // the InputDigest of the input, where that is made, or all that is remembered of it; else ""
	Cwd           string
	Model         string
	Mode          string // the permission mode
	Start         time.Time
	Duration      time.Duration
	Ended         bool // false: an attempt
	Outcome       etch.Outcome
	Denial        Denial
	End           string // why there was no ordinary end: one of the End constants
	Error         string
	ExitCode      etch.Optional[int64]
	Output        Output
	Source        string // SourceHook or SourceTranscript
}

// What told of a call.
const (
	SourceHook       = "hook"
	SourceTranscript = "transcript"
)

// Why a call had no ordinary end. The empty string is an ordinary one.
const (
	EndInterrupted  = "interrupted"   // by the user, or by a signal that the agent told of
	EndKilled       = "killed"        // the agent's process is gone, or nothing was heard of it for a day
	EndInvalid      = "invalid"       // refused by the tool's own validation of its input
	EndUnknownTool  = "unknown-tool"  // there is no tool of that name
	EndSessionEnded = "session-ended" // the session ended before any word of the call's end
	EndUnknown      = "unknown"       // the turn is over, and nothing told what became of the call
)

// A Denial says who refused a call, and why. The zero Denial is none.
type Denial struct {
	By     string // one of the By constants
	Reason string // in the agent's words; "" where it gave none
}

// Who refuses calls.
const (
	ByRule       = "rule"       // a permission rule of the agent's settings
	ByUser       = "user"       // a person who was asked
	ByHost       = "host"       // the program that the agent runs in
	ByHook       = "hook"       // another hook
	ByMode       = "mode"       // the permission mode, where nobody could be asked
	ByClassifier = "classifier" // the agent's own model of what is safe
	ByPolicy     = "policy"     // the log's own [policy]
	ByUnknown    = "unknown"    // the agent does not tell by whom
)

// An Output is what the agent said came out of a call: as its result has it,
// which may be cut, or be what the agent wrote into its place.
type Output struct {
	Known  bool // there is a result, perhaps an empty one
	Bytes  uint64
	SHA256 string // of those bytes, in lower-case hexadecimal digits
	Cut    bool   // the agent said that it is not all
	Text   []byte // the bytes themselves
}

// Recording says which texts are kept, masked as all of the log is, instead of
// their length and SHA-256. The zero Recording keeps none.
type Recording struct {
	Output  bool // what came out of calls
	Prompts bool // what people typed
	Content bool // contents of files in the inputs of calls: written, edited, patched
}
