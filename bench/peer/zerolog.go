package peer

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"

	"github.com/etch-audit/etch"
)

// A logger is zerolog writing the same members to a file, as programs log: one
// write(2) an event, nothing synced, nothing signed.
type logger struct {
	file *os.File
	log  zerolog.Logger
}

func openZerolog(dir string) (Peer, error) {
	zerolog.TimeFieldFormat = time.RFC3339Nano
	f, err := os.OpenFile(filepath.Join(dir, "audit.log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return &logger{f, zerolog.New(f)}, nil
}

// Append always returns nil: zerolog tells no caller that a write has failed.
func (l *logger) Append(_ context.Context, ev *etch.Event) error {
	e := l.log.Log().
		Time("timestamp", ev.Timestamp).
		Str("event_id", ev.ID).
		Str("event_type", string(ev.Type)).
		Str("session_id", ev.SessionID)
	logActor(e, ev.Actor)
	logAction(e, ev.Action)
	logResult(e, ev.Result)
	if ev.Security != nil {
		logSecurity(e, ev.Security)
	}
	if ev.Egress != nil {
		logEgress(e, ev.Egress)
	}
	e.Send()
	return nil
}

func logActor(e *zerolog.Event, a *etch.Actor) {
	d := zerolog.Dict().Str("channel", a.Channel).Str("user_id", a.UserID).Str("username", a.Username)
	logText(d, "agent", a.Agent)
	e.Dict("actor", d)
}

func logAction(e *zerolog.Event, a *etch.Action) {
	d := zerolog.Dict()
	logText(d, "tool", a.Tool)
	logText(d, "command", a.Command)
	if len(a.Arguments) > 0 {
		d.RawJSON("arguments", a.Arguments)
	}
	logText(d, "resource", a.Resource)
	logText(d, "cwd", a.Cwd)
	d.Str("risk_level", string(a.Risk))
	if len(a.RiskReasons) > 0 {
		d.Strs("risk_reasons", a.RiskReasons)
	}
	d.Bool("approved", a.Approved)
	logText(d, "approved_by", a.ApprovedBy)
	d.Bool("allowed", a.Allowed)
	logText(d, "claim_source", string(a.ClaimSource))
	logText(d, "mcp_server_id", a.MCPServerID)
	e.Dict("action", d)
}

func logResult(e *zerolog.Event, r *etch.Result) {
	d := zerolog.Dict().Bool("success", r.Type == etch.Success).Str("type", string(r.Type))
	logText(d, "reason", r.Reason)
	logText(d, "message", r.Message)
	if v, ok := r.ExitCode.Get(); ok {
		d.Int64("exit_code", v)
	}
	d.Int64("duration_ms", r.Duration.Milliseconds())
	logText(d, "error_category", r.ErrorCategory)
	logText(d, "error_domain", r.ErrorDomain)
	logText(d, "error_phase", r.ErrorPhase)
	e.Dict("result", d)
}

func logSecurity(e *zerolog.Event, s *etch.Security) {
	d := zerolog.Dict().Bool("policy_violation", s.PolicyViolation)
	if v, ok := s.RateLimitRemaining.Get(); ok {
		d.Uint64("rate_limit_remaining", v)
	}
	logText(d, "sandbox_backend", s.SandboxBackend)
	logText(d, "policy_match", s.PolicyMatch)
	if s.InjectionFlagged {
		d.Bool("injection_flagged", true)
	}
	e.Dict("security", d)
}

func logEgress(e *zerolog.Event, g *etch.Egress) {
	d := zerolog.Dict().Str("url", g.URL).Str("host", g.Host).Str("method", g.Method)
	if v, ok := g.Status.Get(); ok {
		d.Int64("status", v)
	}
	if v, ok := g.ResponseBytes.Get(); ok {
		d.Uint64("response_bytes", v)
	}
	e.Dict("egress", d.Bool("blocked", g.Blocked))
}

// logText leaves out what is absent, as the log does.
func logText(d *zerolog.Event, name, text string) {
	if text != "" {
		d.Str(name, text)
	}
}

func (l *logger) Close() error { return l.file.Close() }
