package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/execwrap"
	"github.com/spf13/pflag"
)

// eventFlags are the flags that describe one event.
type eventFlags struct {
	base     etch.Event // what belongs to no object
	actor    etch.Actor
	action   etch.Action
	result   etch.Result
	security etch.Security
	egress   etch.Egress

	time      string
	arguments string
	succeeded bool
	failed    bool
	labels    []string
}

func (e *eventFlags) add(f *pflag.FlagSet) {
	nameVar(f, &e.base.Type, etch.ParseEventType, "type", "the event's `TYPE`, for instance file_access; default with --command: command_execution")
	nameVar(f, &e.base.Phase, etch.ParsePhase, "phase", "`PHASE`: attempt or completion")
	f.StringVar(&e.time, "time", "", "`TIME` when the action began, RFC 3339; default: now")
	f.StringVar(&e.base.CallID, "call-id", "", "the `ID` that ties attempt and completion")
	f.StringVar(&e.base.SessionID, "session", "", "the session `ID` (env ETCH_SESSION)")
	f.StringVar(&e.base.TurnID, "turn", "", "the turn `ID`")
	f.StringVar(&e.base.TraceID, "trace", "", "the trace `ID`")
	addActorFlags(f, &e.actor)
	e.addAction(f)
	e.addResult(f)
	e.addSecurity(f)
	f.StringArrayVar(&e.labels, "label", nil, "a label `KEY=VALUE`; may be repeated")
}

func (e *eventFlags) addAction(f *pflag.FlagSet) {
	a := &e.action
	f.StringVar(&a.Tool, "tool", "", "the tool's `NAME`")
	f.StringVar(&a.Command, "command", "", "the shell `COMMAND`")
	f.StringVar(&e.arguments, "arguments", "", "the tool's arguments, `JSON`")
	f.StringVar(&a.Resource, "resource", "", "`WHAT` it was done to: a path, an address")
	f.StringVar(&a.Cwd, "cwd", "", "the `DIRECTORY` it was done in")
	nameVar(f, &a.Risk, etch.ParseRisk, "risk", "`LEVEL`: low, medium, high or critical; default: judged by the command or the tool")
	f.StringArrayVar(&a.RiskReasons, "risk-reason", nil, "a `REASON` of --risk; may be repeated")
	f.BoolVar(&a.Approved, "approved", false, "it was approved")
	f.StringVar(&a.ApprovedBy, "approved-by", "", "`WHO` approved it; implies --approved")
	f.BoolVar(&a.Allowed, "allowed", false, "policy allowed it")
	nameVar(f, &a.ClaimSource, etch.ParseClaimSource, "claim-source", "`SOURCE` of the result, for instance shell or file_system")
	f.StringVar(&a.MCPServerID, "mcp-server", "", "the MCP server's `ID`")
	f.StringVar(&a.Skill, "skill", "", "the skill's `NAME`")
}

func (e *eventFlags) addResult(f *pflag.FlagSet) {
	r := &e.result
	f.BoolVar(&e.succeeded, "success", false, "it succeeded: --outcome success")
	f.BoolVar(&e.failed, "failed", false, "it failed: --outcome error")
	nameVar(f, &r.Type, etch.ParseOutcome, "outcome", "`OUTCOME`: success, blocked, error, timeout or rollback")
	f.StringVar(&r.Reason, "reason", "", "`REASON` why it was blocked; implies --outcome blocked")
	f.StringVar(&r.Message, "message", "", "the error's `MESSAGE`; implies --failed")
	optionalVar(f, &r.ExitCode, parseSigned, "exit-code", "the exit `CODE`; 0 implies --success, any other --failed")
	f.DurationVar(&r.Duration, "duration", 0, "`TIME` it took, for instance 1.5s")
	optionalVar(f, &r.Restored, parseUnsigned, "restored", "`COUNT` of files restored by a rollback")
	optionalVar(f, &r.Deleted, parseUnsigned, "deleted", "`COUNT` of files deleted by a rollback")
	f.BoolVar(&r.Truncated, "truncated", false, "the output was cut")
	optionalVar(f, &r.OutputBytes, parseUnsigned, "output-bytes", "the `SIZE` of the output")
	f.StringVar(&r.OutputSHA256, "output-sha256", "", "the hash of the output, `HEX`")
	f.StringVar(&r.ErrorCategory, "error-category", "", "its `CATEGORY`, for instance policy_blocked or timeout")
	f.StringVar(&r.ErrorDomain, "error-domain", "", "its `DOMAIN`, for instance action or system")
	f.StringVar(&r.ErrorPhase, "error-phase", "", "the `PHASE` it is of")
}

func (e *eventFlags) addSecurity(f *pflag.FlagSet) {
	s := &e.security
	f.BoolVar(&s.PolicyViolation, "violation", false, "it violates a policy")
	f.StringVar(&s.PolicyMatch, "policy-match", "", "the `RULE` that matched")
	f.StringVar(&s.AdversarialPolicyDecision, "policy-decision", "", "`DECISION`: allow, deny:REASON or error:MESSAGE")
	f.StringVar(&s.SandboxBackend, "sandbox", "", "the sandbox's `NAME`")
	optionalVar(f, &s.RateLimitRemaining, parseUnsigned, "rate-limit-remaining", "`COUNT` of calls left")
	f.BoolVar(&s.InjectionFlagged, "injection", false, "an injection was detected")
	f.BoolVar(&s.EmbeddingAnomalous, "embedding-anomalous", false, "its embedding is an outlier")
	f.BoolVar(&s.CrossBoundaryMCPToACP, "cross-boundary", false, "it crosses from MCP to ACP")
	f.StringVar(&s.TrustLevel, "trust-level", "", "`LEVEL` of trust in its source")
	f.StringVar(&s.SourceKind, "source-kind", "", "`KIND` of its source")
	g := &e.egress
	f.StringVar(&g.URL, "url", "", "the `URL` that was requested")
	f.StringVar(&g.Host, "url-host", "", "the `HOST` that was requested")
	f.StringVar(&g.Method, "method", "", "the request's `METHOD`")
	optionalVar(f, &g.Status, parseSigned, "status", "the response's `STATUS`")
	optionalVar(f, &g.ResponseBytes, parseUnsigned, "response-bytes", "the `SIZE` of the response")
	f.BoolVar(&g.Blocked, "url-blocked", false, "the request was blocked")
	f.StringVar(&g.BlockReason, "block-reason", "", "`REASON` for that; implies --url-blocked")
	optionalVar(f, &g.Hop, parseUnsigned, "hop", "its `NUMBER` in a chain of redirects")
}

// event returns the event described. An object of which nothing is said is left
// out, but for the actor, which is found out.
func (e *eventFlags) event(std stdio) (*etch.Event, error) {
	event := e.base
	if event.Type == "" && e.action.Command != "" {
		event.Type = etch.CommandExecution
	}
	if event.Type == "" {
		return nil, usagef("for instance --type command_execution; or \"-\" to read events from stdin", "no --type given")
	}
	if err := e.settle(); err != nil {
		return nil, err
	}
	var err error
	if event.Labels, err = parseLabels(e.labels); err != nil {
		return nil, err
	}
	if e.time != "" {
		if event.Timestamp, err = time.Parse(time.RFC3339Nano, e.time); err != nil {
			return nil, usagef("write it as 2026-02-16T12:34:56Z", "bad --time %q", e.time)
		}
	}
	event.Actor = new(overlay(execwrap.ActorOf(std.getenv), e.actor))
	event.SessionID = cmp.Or(event.SessionID, execwrap.SessionOf(std.getenv))
	event.Action = said(e.action, !reflect.DeepEqual(e.action, etch.Action{}))
	event.Result = said(e.result, e.result != etch.Result{})
	event.Security = said(e.security, e.security != etch.Security{})
	event.Egress = said(e.egress, e.egress != etch.Egress{})
	return &event, nil
}

func said[T any](object T, any bool) *T {
	if !any {
		return nil
	}
	return &object
}

// settle draws the conclusions that the flags' help tells, and finds what
// contradicts itself.
func (e *eventFlags) settle() error {
	if e.arguments != "" {
		if !json.Valid([]byte(e.arguments)) {
			return usagef("for instance --arguments '{\"path\":\"/etc/passwd\"}'", "--arguments is not JSON")
		}
		e.action.Arguments = json.RawMessage(e.arguments)
	}
	e.action.Approved = e.action.Approved || e.action.ApprovedBy != ""
	e.egress.Blocked = e.egress.Blocked || e.egress.BlockReason != ""
	outcome, by := e.result.Type, "--outcome "+string(e.result.Type)
	for _, c := range e.conclusions() {
		switch {
		case !c.holds:
		case outcome == "":
			outcome, by = c.outcome, c.flag
		case outcome != c.outcome && !c.weak:
			return usagef("give one of the two", "%s and %s contradict each other", by, c.flag)
		}
	}
	e.result.Type = outcome
	return nil
}

// A conclusion is the outcome that a flag implies; a weak one gives way.
type conclusion struct {
	flag    string
	holds   bool
	outcome etch.Outcome
	weak    bool
}

func (e *eventFlags) conclusions() []conclusion {
	r := e.result
	_, restored := r.Restored.Get()
	_, deleted := r.Deleted.Get()
	code, exited := r.ExitCode.Get()
	return []conclusion{
		{"--success", e.succeeded, etch.Success, false},
		{"--failed", e.failed, etch.Error, false},
		{"--reason", r.Reason != "", etch.Blocked, false},
		{"--message", r.Message != "", etch.Error, false},
		{"--restored", restored, etch.Rollback, false},
		{"--deleted", deleted, etch.Rollback, false},
		{"--exit-code", exited && code == 0, etch.Success, true},
		{"--exit-code", exited && code != 0, etch.Error, true},
	}
}

// A namedValue is a flag whose value is one of a list of names.
type namedValue[T ~string] struct {
	target *T
	parse  func(string) (T, error)
}

func nameVar[T ~string](f *pflag.FlagSet, target *T, parse func(string) (T, error), name, usage string) {
	f.Var(namedValue[T]{target, parse}, name, usage)
}

func (v namedValue[T]) Set(s string) error {
	value, err := v.parse(s)
	if err == nil {
		*v.target = value
	}
	return err
}

func (v namedValue[T]) String() string {
	if v.target == nil { // pflag asks a zero value too
		return ""
	}
	return string(*v.target)
}

func (namedValue[T]) Type() string { return "name" }

// An optionalValue is a flag whose absence is not zero.
type optionalValue[T any] struct {
	target *etch.Optional[T]
	parse  func(string) (T, error)
}

func optionalVar[T any](f *pflag.FlagSet, target *etch.Optional[T], parse func(string) (T, error), name, usage string) {
	f.Var(optionalValue[T]{target, parse}, name, usage)
}

func (v optionalValue[T]) Set(s string) error {
	value, err := v.parse(s)
	if err == nil {
		*v.target = etch.Some(value)
	}
	return err
}

func (v optionalValue[T]) String() string {
	if v.target == nil {
		return ""
	}
	value, ok := v.target.Get()
	if !ok {
		return ""
	}
	return strings.TrimSpace(fmt.Sprint(value))
}

func (optionalValue[T]) Type() string { return "number" }

func parseSigned(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) }

func parseUnsigned(s string) (uint64, error) { return strconv.ParseUint(s, 10, 64) }
