package otlp

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
)

// log returns the event of a log record, nil where it is none.
func (m *mapper) log(r *logRecord, err error) (*etch.Event, error) {
	if err != nil {
		return nil, err
	}
	switch agent, event := r.event(); agent {
	case "claude-code":
		return m.claude(r, event), nil
	case "codex":
		return m.codex(r, event), nil
	case "gemini", "qwen":
		return m.gemini(r, agent, event), nil
	default:
		return m.session(r, event), nil
	}
}

// event returns the agent whose event the record is, "" where it is nobody's
// that is known, and the event's name without that of the agent. The field for
// the name came late to OTLP: most agents have it in an attribute, or as the body.
func (r *logRecord) event() (agent, name string) {
	named := r.attributes.text("event.name")
	for _, full := range [...]string{named, r.name, r.body.String()} {
		if prefix, event, ok := strings.Cut(full, "."); ok {
			if agent := agentOf(prefix); agent != "" {
				return agent, event
			}
		}
	}
	name = cmp.Or(named, r.name)
	if strings.HasPrefix(name, "session.") {
		return "", name
	}
	return agentOf(r.resource.text("service.name")), name
}

// session returns the event of a session that begins or ends.
func (m *mapper) session(r *logRecord, name string) *etch.Event {
	kind := etch.SessionStart
	switch name {
	case "session.start":
	case "session.end":
		kind = etch.SessionEnd
	default:
		return nil
	}
	i := r.item()
	service := i.resource.text("service.name")
	return m.event(i, cmp.Or(agentOf(service), service), kind)
}

// claude returns the event of a log record of Claude Code.
func (m *mapper) claude(r *logRecord, event string) *etch.Event {
	const agent = "claude-code"
	i := r.item()
	switch event {
	case "user_prompt":
		return m.prompt(r, agent)
	case "tool_result":
		return m.claudeResult(r)
	case "tool_decision":
		c := m.claudeCall(r)
		by := r.attributes.text("source")
		if r.attributes.text("decision") == "reject" {
			c.Outcome, c.Denial = etch.Blocked, hook.Denial{By: claudeBy(by), Reason: by}
		}
		e := m.decision(i, agent, c)
		delete(e.Labels, "input_sha256") // as of a result
		if c.Outcome == etch.Success {
			e.Action.ApprovedBy = by
		}
		return e
	case "permission_mode_changed":
		e := m.event(i, agent, etch.ConfigurationChange)
		e.Action.Tool = "permission_mode"
		e.Action.Arguments = hook.Object("from", r.attributes.text("from_mode"), "to", r.attributes.text("to_mode"), "trigger", r.attributes.text("trigger"))
		return e
	case "plugin_installed":
		e := m.event(i, agent, etch.ConfigurationChange)
		e.Action.Tool, e.Action.Resource = "plugin", r.attributes.text("plugin.name")
		return e
	case "auth":
		return m.claudeAuth(r)
	}
	return nil
}

// claudeAuth returns the event of a log-in or a log-out.
func (m *mapper) claudeAuth(r *logRecord) *etch.Event {
	e := m.event(r.item(), "claude-code", etch.AuthSuccess)
	e.Action.Tool = r.attributes.text("action")
	e.Result = &etch.Result{Type: etch.Success}
	if r.attributes.text("success") == "false" {
		e.Type = etch.AuthFailure
		e.Action.Approved = false
		e.Result = &etch.Result{Type: etch.Error, ErrorCategory: r.attributes.text("error_category")}
	}
	setLabel(e, "auth_method", r.attributes.text("auth_method"))
	return e
}

func claudeBy(source string) string {
	switch {
	case source == "config":
		return hook.ByRule
	case source == "hook":
		return hook.ByHook
	case strings.HasPrefix(source, "user"):
		return hook.ByUser
	}
	return hook.ByUnknown
}

// claudeCall reads which call a record of Claude Code is about. The input is
// there only if the agent was told to send it, and cut where it is long.
func (m *mapper) claudeCall(r *logRecord) *hook.Call {
	c := r.item().call()
	c.ID, c.Tool, c.Outcome = r.attributes.text("tool_use_id"), r.attributes.text("tool_name"), etch.Success
	c.AgentType, c.Mode = r.attributes.text("agent.name"), r.attributes.text("permission_mode")
	c.Input = input(r.attributes.get("tool_input"))
	details := claudeDetails(r)
	if command := details.Text("full_command", "bash_command"); command != "" && c.Input == nil {
		c.Input = hook.Object("command", command)
	}
	if server := details.Text("mcp_server_name"); server != "" {
		c.Server, c.Tool = server, cmp.Or(details.Text("mcp_tool_name"), c.Tool)
	}
	return c
}

// claudeDetails returns the parameters of a tool that Claude Code picks out.
func claudeDetails(r *logRecord) hook.Payload {
	details, _ := hook.ParsePayload(r.attributes.get("tool_parameters").json())
	return details
}

func (m *mapper) claudeResult(r *logRecord) *etch.Event {
	a := r.attributes
	c := m.claudeCall(r)
	c.Duration = millis(a.get("duration_ms"))
	if n, ok := a.get("tool_result_size_bytes").count(); ok {
		c.Output = hook.Output{Known: true, Bytes: n}
	}
	class := a.text("error_type")
	switch {
	case a.text("success") != "false":
	case a.text("decision_type") == "reject":
		by := a.text("decision_source")
		c.Outcome, c.Denial = etch.Blocked, hook.Denial{By: claudeBy(by), Reason: by}
	default:
		fail(c, a.text("error"), class)
	}
	e := m.completion(r.item(), "claude-code", c, c.Duration)
	classify(e, class)
	delete(e.Labels, "input_sha256") // long values were cut: it would be of another input
	if c.Outcome != etch.Blocked && e.Action.Approved {
		e.Action.ApprovedBy = a.text("decision_source")
	}
	if c.Tool == "mcp_tool" || a.has("mcp_server_scope") {
		e.Action.ClaimSource = etch.ClaimMCP
	}
	details := claudeDetails(r)
	e.Action.Skill = details.Text("skill_name")
	if command := details.Text("full_command"); command != "" && e.Type == etch.CommandExecution {
		e.Action.Command = command // whole, other than the one of the input
	}
	return e
}

// codex returns the event of a log record of Codex.
func (m *mapper) codex(r *logRecord, event string) *etch.Event {
	const agent = "codex"
	i, a := r.item(), r.attributes
	switch event {
	case "conversation_starts":
		e := m.event(i, agent, etch.SessionStart)
		setLabel(e, "approval_policy", a.text("approval_policy"))
		setLabel(e, "sandbox_policy", a.text("sandbox_policy"))
		return e
	case "user_prompt":
		return m.prompt(r, agent)
	case "tool_result":
		c := codexCall(r)
		c.Duration = millis(a.get("duration_ms"))
		codexEnd(c, a)
		return m.completion(i, agent, c, c.Duration)
	case "tool_decision":
		c := codexCall(r)
		by := strings.ToLower(a.text("source"))
		decided := a.text("decision")
		if strings.HasPrefix(decided, "approved") {
			e := m.decision(i, agent, c)
			e.Action.ApprovedBy = by
			setLabel(e, "decision", decided)
			return e
		}
		c.Outcome, c.Denial = etch.Blocked, hook.Denial{By: codexBy(by), Reason: decided}
		return m.decision(i, agent, c)
	}
	return nil
}

func codexBy(source string) string {
	switch source {
	case "config":
		return hook.ByRule
	case "user":
		return hook.ByUser
	case "automated_reviewer":
		return hook.ByClassifier
	}
	return hook.ByUnknown
}

func codexCall(r *logRecord) *hook.Call {
	c := r.item().call()
	a := r.attributes
	c.ID, c.Tool, c.Server, c.Outcome = a.text("call_id"), a.text("tool_name"), a.text("mcp_server"), etch.Success
	c.Input = input(a.get("arguments"))
	if name := a.text("agent_name"); name != "/root" {
		c.AgentType = name
	}
	return c
}

// codexEnd reads how a call ended. A command that failed is a success to Codex:
// its exit code stands above its output.
func codexEnd(c *hook.Call, a attributes) {
	output := a.text("output")
	if a.has("output") {
		c.Output = hook.OutputOf([]byte(output))
		c.Output.Cut = a.text("output_truncated") == "true"
	}
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if c.Server != "" || line == "Output:" || c.ExitLine(line, "Process exited with code", "") || c.ExitLine(line, "Exit code:", "") {
			break
		}
	}
	code, exited := c.ExitCode.Get()
	switch {
	case exited && code != 0:
		c.Outcome = etch.Error
		c.SayExit()
	case a.text("success") == "false":
		fail(c, output, "")
	}
}

// gemini returns the event of a log record of Gemini CLI, or of Qwen Code, which
// was made from it.
func (m *mapper) gemini(r *logRecord, agent, event string) *etch.Event {
	i, a := r.item(), r.attributes
	switch strings.TrimPrefix(event, "plan.") {
	case "config":
		if agent == "qwen" {
			return nil // it tells of the session by session.start
		}
		e := m.event(i, agent, etch.SessionStart)
		setLabel(e, "approval_mode", a.text("approval_mode"))
		setLabel(e, "sandbox", a.text("sandbox_enabled"))
		return e
	case "user_prompt":
		return m.prompt(r, agent)
	case "tool_call":
		return m.geminiCall(r, agent)
	case "approval_mode_switch":
		e := m.event(i, agent, etch.ConfigurationChange)
		e.Action.Tool = "approval_mode"
		e.Action.Arguments = hook.Object("from", a.text("from_mode"), "to", a.text("to_mode"))
		return e
	}
	return nil
}

func (m *mapper) geminiCall(r *logRecord, agent string) *etch.Event {
	a := r.attributes
	c := r.item().call()
	c.ID, c.Tool, c.Server, c.Outcome = a.text("call_id", "tool_call_id"), a.text("function_name"), a.text("mcp_server_name"), etch.Success
	c.Input, c.Duration = input(a.get("function_args")), millis(a.get("duration_ms"))
	if n, ok := a.get("content_length").count(); ok {
		c.Output = hook.Output{Known: true, Bytes: n}
	}
	class := a.text("error_type", "error.type")
	decided := a.text("decision")
	message := a.text("error", "error.message")
	switch {
	case decided == "reject":
		c.Outcome, c.Denial = etch.Blocked, hook.Denial{By: hook.ByUser, Reason: cmp.Or(message, decided)}
	case class == "execution_denied", class == "policy_violation":
		c.Outcome, c.Denial = etch.Blocked, hook.Denial{By: hook.ByRule, Reason: cmp.Or(message, class)}
	case a.text("status") == "cancelled":
		c.Outcome, c.End, c.Error = etch.Error, hook.EndInterrupted, "cancelled"
	case a.text("success") == "false":
		fail(c, message, class)
		switch class {
		case "invalid_tool_params":
			c.End = hook.EndInvalid
		case "tool_not_registered":
			c.End = hook.EndUnknownTool
		}
	}
	geminiExit(c, a)
	e := m.completion(r.item(), agent, c, c.Duration)
	classify(e, class)
	if decided != "reject" {
		e.Action.ApprovedBy = decided
	}
	return e
}

// geminiExit reads the exit code of a command. One that failed is a success to
// Gemini CLI, which tells the code beside it; to Qwen Code it is an error, whose
// text ends with it.
func geminiExit(c *hook.Call, a attributes) {
	if metadata, ok := hook.ParsePayload(a.get("metadata").json()); ok {
		if n, err := strconv.ParseInt(metadata.Text("exitCode"), 10, 64); err == nil {
			c.ExitCode = etch.Some(n)
		}
	}
	if c.Outcome == etch.Error && strings.HasPrefix(c.Error, "Command: ") {
		c.ShellTrailer(c.Error)
		if _, exited := c.ExitCode.Get(); exited {
			c.Error = "" // the whole of what came out, for the exit code to say shorter
		}
	}
	if code, exited := c.ExitCode.Get(); exited && code != 0 && c.Outcome != etch.Blocked {
		c.Outcome = etch.Error
		c.SayExit()
	}
}
