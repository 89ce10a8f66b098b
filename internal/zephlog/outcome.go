package zephlog

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/etch-audit/etch"
)

// takeResult takes the tagged result. One of a type that is not known, or that
// has a member more or less than its type, also stays in the label.
func takeResult(e *etch.Event, value []byte) bool {
	found, err := split(value)
	if err != nil || len(found) == 0 || found[0].name != "type" {
		return false
	}
	kind, ok := unquote(found[0].value)
	outcome, err := etch.ParseOutcome(kind)
	if !ok || err != nil {
		return false
	}
	r := e.Result
	r.Type = outcome
	rest := found[1:]
	switch outcome {
	case etch.Blocked:
		return takeOnly(rest, "reason", &r.Reason)
	case etch.Error:
		return takeOnly(rest, "message", &r.Message)
	case etch.Rollback:
		return takeCounts(rest, r)
	}
	return len(rest) == 0
}

func takeOnly(rest []pair, name string, at *string) bool {
	value, ok := find(rest, name)
	if !ok {
		return false
	}
	s, ok := unquote(value)
	if ok {
		*at = s
	}
	return ok && len(rest) == 1
}

func takeCounts(rest []pair, r *etch.Result) bool {
	restored, _ := find(rest, "restored")
	deleted, _ := find(rest, "deleted")
	n, ok := count(restored)
	if ok {
		r.Restored = etch.Some(n)
	}
	m, also := count(deleted)
	if also {
		r.Deleted = etch.Some(m)
	}
	return ok && also && len(rest) == 2
}

// unknownOutcome is the message of a result that says of no outcome: Zeph has no
// way to say that nothing is known.
const unknownOutcome = "no outcome is recorded"

func giveResult(dst []byte, e *etch.Event) []byte {
	r := whole(e).Result
	switch kind := outcomeOf(e); kind {
	case etch.Blocked:
		reason := r.Reason
		if reason == "" && r.Type != etch.Blocked {
			reason = whole(e).Security.PolicyMatch
		}
		return append(appendString(append(dst, `{"type":"blocked","reason":`...), reason), '}')
	case etch.Error:
		message := r.Message
		if r.Type != etch.Error {
			message = unknownOutcome
		}
		return append(appendString(append(dst, `{"type":"error","message":`...), message), '}')
	case etch.Rollback:
		restored, _ := r.Restored.Get()
		deleted, _ := r.Deleted.Get()
		dst = strconv.AppendUint(append(dst, `{"type":"rollback","restored":`...), restored, 10)
		dst = strconv.AppendUint(append(dst, `,"deleted":`...), deleted, 10)
		return append(dst, '}')
	default:
		dst = append(dst, `{"type":"`...)
		dst = append(dst, kind...)
		return append(dst, `"}`...)
	}
}

// outcomeOf returns how an event ended in Zeph's words. A decision to let
// something happen is a success there.
func outcomeOf(e *etch.Event) etch.Outcome {
	if e.Result != nil && e.Result.Type != "" {
		return e.Result.Type
	}
	switch {
	case !e.Action.Allowed:
		return etch.Blocked
	case e.Type == etch.ApprovalDecision:
		return etch.Success
	}
	return etch.Error
}

// giveTool gives the tool; Zeph's name of a shell, or the type of the event,
// where it has none.
func giveTool(dst []byte, e *etch.Event) []byte {
	switch {
	case e.Action.Tool != "" || e.Actor != nil && e.Actor.Agent == Agent:
		return appendString(dst, e.Action.Tool)
	case e.Type == etch.CommandExecution:
		return append(dst, `"shell"`...)
	}
	return appendString(dst, string(e.Type))
}

// giveCommand gives the command; the arguments as JSON, as Zeph's gates do, or
// what it was about, where there is none.
func giveCommand(dst []byte, e *etch.Event) []byte {
	a := e.Action
	switch {
	case a.Command != "":
		return appendString(dst, a.Command)
	case len(a.Arguments) > 0:
		return appendString(dst, string(a.Arguments))
	}
	return appendString(dst, a.Resource)
}

// settleEntry fills in what follows from an entry: what type of event it is,
// and whether it was allowed.
func settleEntry(e *etch.Event) {
	decision := e.Security.AdversarialPolicyDecision
	denied := strings.HasPrefix(decision, "deny:")
	e.Action.Allowed = e.Result.Type != etch.Blocked && !denied
	e.Security.PolicyViolation = denied || e.Result.Type == etch.Blocked && isPolicy(e.Result.ErrorCategory)
	e.Type = typeOf(e)
}

// isPolicy reports whether a block of that category is for what the call was,
// and not for want of a confirmation or of quota.
func isPolicy(category string) bool {
	return category == "" || category == "policy_blocked" || category == "pre_execution_block"
}

func typeOf(e *etch.Event) etch.EventType {
	switch {
	case isDecision(e):
		return etch.ApprovalDecision
	case e.Action.ClaimSource == etch.ClaimShell || isShell(e.Action.Tool):
		return etch.CommandExecution
	case e.Action.ClaimSource == etch.ClaimFileSystem:
		return etch.FileAccess
	}
	return etch.ToolCall
}

// isDecision reports whether an entry is the word of a gate that let a call
// pass: the executor writes another one for the execution itself.
func isDecision(e *etch.Event) bool {
	_, exited := e.Result.ExitCode.Get()
	gate := e.Security.AdversarialPolicyDecision != "" || e.Security.PolicyMatch != ""
	return gate && e.Result.Type == etch.Success && e.Result.Duration == 0 && !exited
}

func isShell(tool string) bool { return tool == "shell" || tool == "bash" || tool == "exec" }

// settleEgress fills in what follows from an egress record, which has no result
// of its own.
func settleEgress(e *etch.Event) {
	e.Action.Allowed = !e.Egress.Blocked
	e.Security.PolicyViolation = e.Egress.Blocked
	status, answered := e.Egress.Status.Get()
	switch {
	case e.Egress.Blocked:
		e.Result.Type, e.Result.Reason = etch.Blocked, e.Egress.BlockReason
	case answered && status < 400:
		e.Result.Type = etch.Success
	default:
		e.Result.Type = etch.Error
	}
}

// texts returns the strings of a list, and whether it is one.
func texts(value []byte) ([]string, bool) {
	var names []string
	if value[0] != '[' || json.Unmarshal(value, &names) != nil {
		return nil, false
	}
	return names, true
}
