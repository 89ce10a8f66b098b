package execwrap

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/shellword"
	"github.com/etch-audit/etch/risk"
)

// actionOf returns what running a command is, while nobody has refused it.
func actionOf(argv []string, judged risk.Assessment, cwd, tool, skill string) *etch.Action {
	return &etch.Action{
		Tool:        cmp.Or(tool, "shell"),
		Command:     shellword.Quote(argv),
		Cwd:         cwd,
		Risk:        etch.Risk(judged.Level.String()),
		RiskReasons: judged.Reasons,
		Approved:    true,
		Allowed:     true,
		ClaimSource: etch.ClaimShell,
		Skill:       skill,
	}
}

// recordRefusal records that a command, which the event tells, is not started, also
// where ctx has ended. That the configuration skips it is no failure.
func recordRefusal(ctx context.Context, to etch.Recorder, event *etch.Event, judged risk.Assessment, deny etch.Risk) error {
	etch.ScopeOf(ctx).Fill(event)
	event.Type = etch.PolicyViolation
	event.Action.Approved, event.Action.Allowed = false, false
	event.Result = &etch.Result{
		Type: etch.Blocked, Reason: refusalReason(judged, deny),
		ErrorCategory: "policy_blocked", ErrorDomain: "action",
	}
	event.Security = &etch.Security{PolicyViolation: true, PolicyMatch: "deny_risk=" + string(deny)}
	_, err := to.Append(context.WithoutCancel(ctx), event)
	if errors.Is(err, etch.ErrSkipped) {
		return nil
	}
	return err
}

func refusalReason(judged risk.Assessment, deny etch.Risk) string {
	reason := fmt.Sprintf("risk %s is at or above the limit %s", judged.Level, deny)
	if len(judged.Reasons) > 0 {
		reason += ": " + strings.Join(judged.Reasons, "; ")
	}
	return reason
}
