package etch

import (
	"encoding/json"
	"time"
)

// An EventType says what kind of thing happened. The empty type is not valid.
type EventType string

// The event types. The first six are those of the seed formats.
const (
	CommandExecution    EventType = "command_execution"
	FileAccess          EventType = "file_access"
	ConfigurationChange EventType = "configuration_change"
	AuthSuccess         EventType = "auth_success"
	AuthFailure         EventType = "auth_failure"
	PolicyViolation     EventType = "policy_violation"
	ToolCall            EventType = "tool_call"
	ApprovalRequest     EventType = "approval_request"
	ApprovalDecision    EventType = "approval_decision"
	SessionStart        EventType = "session_start"
	SessionEnd          EventType = "session_end"
	UserPrompt          EventType = "user_prompt"
	NetworkEgress       EventType = "network_egress"
	SecurityEvent       EventType = "security_event"
)

// A Phase ties the two records of one call together by their call id. A
// completion repeats actor and action, so that it alone tells the whole event.
type Phase string

// The phases of a call.
const (
	Attempt    Phase = "attempt"
	Completion Phase = "completion"
)

// A Risk is a risk level; the empty Risk is an absent one.
type Risk string

// The risk levels, in rising order.
const (
	RiskLow      Risk = "low"
	RiskMedium   Risk = "medium"
	RiskHigh     Risk = "high"
	RiskCritical Risk = "critical"
)

// An Outcome is the type of a result.
type Outcome string

// The outcomes of Zeph's tagged result.
const (
	Success  Outcome = "success"
	Blocked  Outcome = "blocked"
	Error    Outcome = "error"
	Timeout  Outcome = "timeout"
	Rollback Outcome = "rollback"
)

// An Optional is a value that may be absent; its zero value is. Absent is not
// zero: an exit code of 0 is stored, an absent one is left out.
type Optional[T any] struct {
	value T
	set   bool
}

// Some returns an Optional that holds v.
func Some[T any](v T) Optional[T] { return Optional[T]{v, true} }

// Get returns the value and reports whether there is one.
func (o Optional[T]) Get() (T, bool) { return o.value, o.set }

// An Event is what an agent did: one action, an attempt at one, or something
// that bears on its security. Only Type is required; Append fills Timestamp
// and ID where they are zero. Empty strings and nil pointers are absent.
//
// Strings may hold any bytes, and come back as they were. So do Arguments that
// are not valid JSON; valid ones lose the white space between their tokens.
// An event that does not fit in a line is cut: see [Cut].
//
// Append neither keeps nor changes the event it is given.
type Event struct {
	Timestamp time.Time // start of the action; stored in UTC, whole microseconds, years 0 to 9999
	ID        string    // event_id: "evt_" and a sortable id
	Type      EventType
	Phase     Phase
	CallID    string
	SessionID string
	TurnID    string
	TraceID   string
	Actor     *Actor
	Action    *Action
	Result    *Result
	Security  *Security
	Egress    *Egress
	Labels    map[string]string
}

// LabelInferred says of a completion that nobody told of the call's end: whoever recorded
// it has inferred one, by the event that is the label's value for instance. Of the records
// of one call the next completion behind it counts in its place: queries then leave it out,
// as they do attempts. One that violated a policy stays.
const LabelInferred = "inferred"

// LabelSenderUID and LabelSenderToken say who has sent an event to a daemon: the user,
// as the kernel says, and the name of the token. A daemon alone gives them (see package
// server). A record of one sender is never of the same call as one of another sender or
// of none: see [Record.SameCall].
const (
	LabelSenderUID   = "sender_uid"
	LabelSenderToken = "sender_token_name"
)

// An Actor is who acted: the person, the agent and the way in.
type Actor struct {
	Channel  string
	UserID   string
	Username string
	Agent    string
	AgentID  string
	Model    string
	CallerID string
	Host     string
}

// An Action is what was, or was to be, done.
type Action struct {
	Tool        string
	Command     string
	Arguments   json.RawMessage // a JSON value, normally an object
	Resource    string
	Cwd         string
	Risk        Risk
	RiskReasons []string
	Approved    bool
	ApprovedBy  string
	Allowed     bool
	ClaimSource ClaimSource
	MCPServerID string
	Skill       string
}

// A ClaimSource is the provenance of a tool's result, as Zeph names it.
type ClaimSource string

// The claim sources.
const (
	ClaimShell       ClaimSource = "shell"
	ClaimFileSystem  ClaimSource = "file_system"
	ClaimWebScrape   ClaimSource = "web_scrape"
	ClaimMCP         ClaimSource = "mcp"
	ClaimA2A         ClaimSource = "a2a"
	ClaimCodeSearch  ClaimSource = "code_search"
	ClaimDiagnostics ClaimSource = "diagnostics"
	ClaimMemory      ClaimSource = "memory"
)

// A Result is how the action ended. Whether it succeeded is its Type: the
// stored member success is true exactly when Type is [Success].
type Result struct {
	Type          Outcome
	Reason        string           // stored with Blocked only
	Message       string           // stored with Error only
	Restored      Optional[uint64] // stored with Rollback only
	Deleted       Optional[uint64] // stored with Rollback only
	ExitCode      Optional[int64]
	Duration      time.Duration // stored as duration_ms: whole milliseconds, never negative
	Truncated     bool
	ErrorCategory string
	ErrorDomain   string
	ErrorPhase    string
	OutputBytes   Optional[uint64]
	OutputSHA256  string
}

// A Security is what policies and guards said of the action.
type Security struct {
	PolicyViolation           bool
	RateLimitRemaining        Optional[uint64]
	SandboxBackend            string
	PolicyMatch               string
	AdversarialPolicyDecision string // "allow", "deny:<reason>" or "error:<message>"
	InjectionFlagged          bool
	EmbeddingAnomalous        bool // a flag only: no distance is ever stored
	CrossBoundaryMCPToACP     bool
	TrustLevel                string
	SourceKind                string
	Redactions                uint64 // how many secrets were masked; left out when 0
}

// An Egress is one hop of an outgoing network request.
type Egress struct {
	URL           string
	Host          string
	Method        string
	Status        Optional[int64]
	ResponseBytes Optional[uint64]
	Blocked       bool
	BlockReason   string
	Hop           Optional[uint64]
}
