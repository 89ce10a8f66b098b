package peer

import (
	"encoding/json"
	"time"

	"github.com/etch-audit/etch"
)

// An entry is an event as a program writes it that has no encoder of its own:
// a struct for encoding/json, as the seed's serde types are. Only the members
// that package events fills are there.
type entry struct {
	Timestamp time.Time `json:"timestamp"`
	EventID   string    `json:"event_id"`
	EventType string    `json:"event_type"`
	SessionID string    `json:"session_id,omitempty"`
	Actor     actor     `json:"actor"`
	Action    action    `json:"action"`
	Result    result    `json:"result"`
	Security  *security `json:"security,omitempty"`
	Egress    *egress   `json:"egress,omitempty"`
}

type actor struct {
	Channel  string `json:"channel"`
	UserID   string `json:"user_id"`
	Username string `json:"username"`
	Agent    string `json:"agent,omitempty"`
}

type action struct {
	Tool        string          `json:"tool,omitempty"`
	Command     string          `json:"command,omitempty"`
	Arguments   json.RawMessage `json:"arguments,omitempty"`
	Resource    string          `json:"resource,omitempty"`
	Cwd         string          `json:"cwd,omitempty"`
	RiskLevel   string          `json:"risk_level"`
	RiskReasons []string        `json:"risk_reasons,omitempty"`
	Approved    bool            `json:"approved"`
	ApprovedBy  string          `json:"approved_by,omitempty"`
	Allowed     bool            `json:"allowed"`
	ClaimSource string          `json:"claim_source,omitempty"`
	MCPServerID string          `json:"mcp_server_id,omitempty"`
}

type result struct {
	Success       bool   `json:"success"`
	Type          string `json:"type"`
	Reason        string `json:"reason,omitempty"`
	Message       string `json:"message,omitempty"`
	ExitCode      *int64 `json:"exit_code,omitempty"`
	DurationMS    int64  `json:"duration_ms"`
	ErrorCategory string `json:"error_category,omitempty"`
	ErrorDomain   string `json:"error_domain,omitempty"`
	ErrorPhase    string `json:"error_phase,omitempty"`
}

type security struct {
	PolicyViolation    bool    `json:"policy_violation"`
	RateLimitRemaining *uint64 `json:"rate_limit_remaining,omitempty"`
	SandboxBackend     string  `json:"sandbox_backend,omitempty"`
	PolicyMatch        string  `json:"policy_match,omitempty"`
	InjectionFlagged   bool    `json:"injection_flagged,omitempty"`
}

type egress struct {
	URL           string  `json:"url"`
	Host          string  `json:"host"`
	Method        string  `json:"method"`
	Status        *int64  `json:"status,omitempty"`
	ResponseBytes *uint64 `json:"response_bytes,omitempty"`
	Blocked       bool    `json:"blocked"`
}

func newEntry(ev *etch.Event) entry {
	a, r := ev.Action, ev.Result
	e := entry{
		Timestamp: ev.Timestamp, EventID: ev.ID, EventType: string(ev.Type), SessionID: ev.SessionID,
		Actor: actor{ev.Actor.Channel, ev.Actor.UserID, ev.Actor.Username, ev.Actor.Agent},
		Action: action{
			a.Tool, a.Command, a.Arguments, a.Resource, a.Cwd, string(a.Risk), a.RiskReasons,
			a.Approved, a.ApprovedBy, a.Allowed, string(a.ClaimSource), a.MCPServerID,
		},
		Result: result{
			r.Type == etch.Success, string(r.Type), r.Reason, r.Message, pointer(r.ExitCode),
			r.Duration.Milliseconds(), r.ErrorCategory, r.ErrorDomain, r.ErrorPhase,
		},
	}
	if s := ev.Security; s != nil {
		e.Security = &security{s.PolicyViolation, pointer(s.RateLimitRemaining), s.SandboxBackend, s.PolicyMatch, s.InjectionFlagged}
	}
	if g := ev.Egress; g != nil {
		e.Egress = &egress{g.URL, g.Host, g.Method, pointer(g.Status), pointer(g.ResponseBytes), g.Blocked}
	}
	return e
}

// pointer returns nil for what is absent.
func pointer[T any](o etch.Optional[T]) *T {
	v, ok := o.Get()
	if !ok {
		return nil
	}
	return &v
}
