package install

import (
	"path/filepath"
	"slices"

	"github.com/etch-audit/etch/internal/hookenv"
	"github.com/etch-audit/etch/internal/hookform"
	"github.com/etch-audit/etch/internal/settings"
)

// seconds is how long an agent waits for a hook. The hook itself gives up long
// before; what is left is for a machine that is busy.
const seconds = 5

// Claude Code gives the line to a shell. It would take the arguments as a list of
// their own, without one; but older versions, and VS Code, which reads the same
// file, would start the program without its arguments then, and take what it
// says for a refusal of every call. WorktreeCreate is left out because a
// hook of it takes over the making of worktrees, MessageDisplay because it comes
// with every piece of text, FileChanged because it watches files by name.
var claudeCode = &Agent{
	Name: "claude-code", Aliases: []string{"claude"}, Title: "Claude Code", Seen: true,
	Events: []string{
		"SessionStart", "SessionEnd", "Setup", "UserPromptSubmit",
		"PreToolUse", "PostToolUse", "PostToolUseFailure", "PostToolBatch", "PermissionRequest", "PermissionDenied",
		"SubagentStart", "SubagentStop", "Stop", "StopFailure", "PostModelSwitch", "Elicitation", "ElicitationResult",
		"ConfigChange", "InstructionsLoaded", "CwdChanged", "DirectoryAdded", "WorktreeRemove",
	},
	programs: []string{"claude"},
	guards:   "ConfigChange", blocks: "PreToolUse",
	switches: []offSwitch{{[]string{"disableAllHooks"}, true}},
	sources: func(a *Agent, m Machine) []source {
		var all []source
		dropIns, _ := filepath.Glob(escapeGlob(m.claudeManaged("managed-settings.d")) + "/*.json") // the pattern is a good one
		slices.Reverse(dropIns)
		for _, path := range dropIns {
			all = append(all, source{path: path, scope: Managed, form: claudeForm(a).file(m, Managed, path)[0].form})
		}
		local := filepath.Join(m.Project, ".claude", "settings.local.json")
		return append(all, source{path: local, scope: Project, form: claudeForm(a).file(m, Project, local)[0].form})
	},
	folder: func(m Machine) string { return m.dirOf("CLAUDE_CONFIG_DIR", ".claude") },
	places: func(a *Agent, m Machine, scope Scope) []target {
		path := map[Scope]string{
			User:    filepath.Join(m.dirOf("CLAUDE_CONFIG_DIR", ".claude"), "settings.json"),
			Project: filepath.Join(m.Project, ".claude", "settings.json"),
			Managed: m.claudeManaged("managed-settings.json"),
		}[scope]
		return claudeForm(a).file(m, scope, path)
	},
	notes: func(_ Machine, scope Scope) []string {
		if scope == Managed {
			return nil
		}
		return []string{`a file of the project can switch all hooks off ("disableAllHooks"); hooks of --managed cannot be switched off, and --guard refuses such a change while a session runs`}
	},
}

func claudeForm(a *Agent) hookFile {
	return hookFile{
		agent: a, dialect: settings.Dialect{BOM: true}, misfits: hookform.ClaudeMisfit,
		handler: func(c command) handler {
			// On Windows the shell is Git's bash.
			return handler{Type: "command", Command: c.line(posix), Timeout: seconds}
		},
	}
}

func (m Machine) claudeManaged(below ...string) string {
	return m.perMachine("/etc/claude-code", "/Library/Application Support/ClaudeCode", `C:\Program Files\ClaudeCode`, below...)
}

// codexSwitch is what switches Codex's hooks off. Codex's switches name the same, so that
// doctor finds what an installation mends: they are a literal, as all that is made before
// main is.
var codexSwitch = featureSwitch{"features", [2]string{"hooks", "codex_hooks"}}

// Codex gives the line to a shell, and waits for the hooks of an end for three
// seconds, whatever they say. PreModelRequest and PostModelRequest come with
// every request to the model.
var codex = &Agent{
	Name: "codex", Title: "Codex", Seen: true, Restart: true,
	Events: []string{
		"SessionStart", "SessionEnd", "UserPromptSubmit", "PreToolUse", "PermissionRequest", "PostToolUse",
		"SubagentStart", "SubagentStop", "Stop", "Interrupt",
	},
	programs: []string{"codex"},
	switches: []offSwitch{{[]string{"features", "hooks"}, false}, {[]string{"features", "codex_hooks"}, false}},
	trusts:   true,
	sources: func(_ *Agent, m Machine) []source {
		return []source{{path: filepath.Join(m.codexManaged(), "requirements.toml"), scope: Managed}}
	},
	folder: func(m Machine) string { return m.dirOf("CODEX_HOME", ".codex") },
	places: func(a *Agent, m Machine, scope Scope) []target {
		dir := map[Scope]string{
			User: m.dirOf("CODEX_HOME", ".codex"), Project: filepath.Join(m.Project, ".codex"), Managed: m.codexManaged(),
		}[scope]
		targets := codexForm(a, m).file(m, scope, filepath.Join(dir, "hooks.json"))
		return append(targets, target{
			path: filepath.Join(dir, "config.toml"), form: codexSwitch, optional: true, shared: scope != User,
		})
	},
	notes: func(_ Machine, scope Scope) []string {
		if scope == Managed {
			return nil
		}
		return []string{`Codex skips hooks that it was not told to trust, without a word: start it, type /hooks, and trust those of etch. It forgets when they change; "etch doctor codex" says whether it trusts them. Those of --scope managed need no trust`}
	},
}

func codexForm(a *Agent, m Machine) hookFile {
	return hookFile{
		agent: a, dialect: strict,
		handler: func(c command) handler {
			h := handler{Type: "command", Command: c.line(m.shell(cmdExe)), Timeout: seconds}
			if c.event == "SessionEnd" || c.event == "Interrupt" {
				h.Timeout = 3
			}
			return h
		},
	}
}

func (m Machine) codexManaged() string {
	return m.perMachine("/etc/codex", "/etc/codex", `C:\ProgramData\OpenAI\Codex`)
}

// Gemini CLI counts in milliseconds and puts variables into every text of its
// settings. BeforeModel, AfterModel and BeforeToolSelection come with every
// request, or piece of an answer.
var gemini = &Agent{
	Name: "gemini", Aliases: []string{"gemini-cli"}, Title: "Gemini CLI", Seen: true, Restart: true,
	Events:   []string{"SessionStart", "SessionEnd", "BeforeAgent", "AfterAgent", "BeforeTool", "AfterTool", "Notification"},
	programs: []string{"gemini"},
	switches: []offSwitch{{[]string{"hooksConfig", "enabled"}, false}, {[]string{"hooksConfig", "disabled"}, programName}},
	dotEnv:   func(m Machine) []string { return hookenv.Files(m.Project, m.geminiHome(), ".gemini") },
	folder:   func(m Machine) string { return filepath.Join(m.geminiHome(), ".gemini") },
	places: func(a *Agent, m Machine, scope Scope) []target {
		path := map[Scope]string{
			User:    filepath.Join(m.geminiHome(), ".gemini", "settings.json"),
			Project: filepath.Join(m.Project, ".gemini", "settings.json"),
			Managed: m.geminiManaged(),
		}[scope]
		return noted(a, m, 1000*seconds).file(m, scope, path)
	},
}

// geminiHome returns what Gemini CLI takes for the home directory.
func (m Machine) geminiHome() string { return m.dirOf("GEMINI_CLI_HOME") }

func (m Machine) geminiManaged() string {
	return m.perMachine("/etc/gemini-cli", "/Library/Application Support/GeminiCli", `C:\ProgramData\gemini-cli`, "settings.json")
}

// Qwen Code is a child of Gemini CLI with the hooks of Claude Code.
var qwen = &Agent{
	Name: "qwen", Aliases: []string{"qwen-code"}, Title: "Qwen Code", Seen: true, Restart: true,
	Events: []string{
		"SessionStart", "SessionEnd", "UserPromptSubmit", "PreToolUse", "PostToolUse", "PostToolUseFailure", "PostToolBatch",
		"PermissionRequest", "PermissionDenied", "SubagentStart", "SubagentStop", "Stop", "StopFailure", "InstructionsLoaded",
	},
	programs: []string{"qwen"},
	switches: []offSwitch{{[]string{"disableAllHooks"}, true}, {[]string{"hooksConfig", "enabled"}, false}, {[]string{"hooksConfig", "disabled"}, programName}},
	dotEnv:   func(m Machine) []string { return hookenv.Files(m.Project, m.Home, ".qwen") },
	ownEnv:   func(m Machine) []string { return hookenv.OwnFiles(m.Home, m.dirOf("QWEN_HOME", ".qwen")) },
	folder:   func(m Machine) string { return m.dirOf("QWEN_HOME", ".qwen") },
	places: func(a *Agent, m Machine, scope Scope) []target {
		path := map[Scope]string{
			User:    filepath.Join(m.dirOf("QWEN_HOME", ".qwen"), "settings.json"),
			Project: filepath.Join(m.Project, ".qwen", "settings.json"),
			Managed: m.qwenManaged(),
		}[scope]
		return noted(a, m, seconds).file(m, scope, path)
	},
}

func (m Machine) qwenManaged() string {
	return m.perMachine("/etc/qwen-code", "/Library/Application Support/QwenCode", `C:\ProgramData\qwen-code`, "settings.json")
}

// noted is the form of Gemini CLI and its children: comments, but no trailing
// commas, and a name for each hook.
func noted(a *Agent, m Machine, timeout int) hookFile {
	return hookFile{
		agent: a, dialect: settings.Dialect{Comments: true}, variables: true,
		handler: func(c command) handler {
			return handler{Type: "command", Name: programName, Command: c.line(m.shell(powershell)), Timeout: timeout}
		},
	}
}

// Copilot CLI reads every file of its hooks directory; VS Code does too. The
// events in camel case carry more than those that it shares with others.
var copilot = &Agent{
	Name: "copilot", Aliases: []string{"copilot-cli", "github-copilot"}, Title: "GitHub Copilot", Seen: true, Restart: true,
	Events: []string{
		"sessionStart", "sessionEnd", "userPromptSubmitted", "preToolUse", "permissionRequest", "postToolUse", "postToolUseFailure",
		"subagentStart", "subagentStop", "agentStop",
	},
	programs: []string{"copilot"},
	switches: []offSwitch{{[]string{"disableAllHooks"}, true}},
	folder:   func(m Machine) string { return m.dirOf("COPILOT_HOME", ".copilot") },
	places: func(a *Agent, m Machine, scope Scope) []target {
		path := map[Scope]string{
			User:    filepath.Join(m.dirOf("COPILOT_HOME", ".copilot"), "hooks", "etch.json"),
			Project: filepath.Join(m.Project, ".github", "hooks", "etch.json"),
		}[scope]
		if path == "" {
			return nil
		}
		return hookFile{
			agent: a, dialect: strict, flat: true, version: true,
			handler: func(c command) handler {
				return handler{Type: "command", Bash: c.line(posix), PowerShell: c.line(powershell), TimeoutSec: seconds}
			},
		}.file(m, scope, path)
	},
	notes: func(Machine, Scope) []string {
		return []string{"Copilot refuses a call whose hook fails: should etch be removed from the machine, run \"etch install --uninstall copilot\" first"}
	},
}

// Cursor tells of one shell command twice, as a shell command and as a tool:
// the tool's events are enough.
var cursor = &Agent{
	Name: "cursor", Aliases: []string{"cursor-agent"}, Title: "Cursor", Restart: true,
	Events: []string{
		"sessionStart", "sessionEnd", "beforeSubmitPrompt", "preToolUse", "postToolUse", "postToolUseFailure",
		"subagentStart", "subagentStop", "stop",
	},
	programs: []string{"cursor", "cursor-agent"},
	folder:   func(m Machine) string { return filepath.Join(m.Home, ".cursor") },
	places: func(a *Agent, m Machine, scope Scope) []target {
		path := map[Scope]string{
			User:    filepath.Join(m.Home, ".cursor", "hooks.json"),
			Project: filepath.Join(m.Project, ".cursor", "hooks.json"),
			Managed: m.perMachine("/etc/cursor", "/Library/Application Support/Cursor", `C:\ProgramData\Cursor`, "hooks.json"),
		}[scope]
		return hookFile{
			agent: a, dialect: strict, flat: true, version: true,
			handler: func(c command) handler { return handler{Command: c.line(m.shell(powershell)), Timeout: seconds} },
		}.file(m, scope, path)
	},
}

// Windsurf has no failure and no session: its events are before and after.
var windsurf = &Agent{
	Name: "windsurf", Aliases: []string{"cascade"}, Title: "Windsurf", Restart: true,
	Events: []string{
		"pre_user_prompt", "pre_run_command", "post_run_command", "pre_read_code", "post_read_code", "pre_write_code", "post_write_code",
		"pre_mcp_tool_use", "post_mcp_tool_use", "post_cascade_response",
	},
	programs: []string{"windsurf"},
	folder:   func(m Machine) string { return filepath.Join(m.Home, ".codeium", "windsurf") },
	places: func(a *Agent, m Machine, scope Scope) []target {
		path := map[Scope]string{
			User:    filepath.Join(m.Home, ".codeium", "windsurf", "hooks.json"),
			Project: filepath.Join(m.Project, ".windsurf", "hooks.json"),
			Managed: m.perMachine("/etc/windsurf", "/Library/Application Support/Windsurf", `C:\ProgramData\Windsurf`, "hooks.json"),
		}[scope]
		return hookFile{
			agent: a, dialect: strict, flat: true,
			handler: func(c command) handler {
				h := handler{Command: c.line(posix), ShowOutput: new(bool)}
				if m.GOOS == "windows" {
					h.PowerShell = c.line(powershell)
				}
				return h
			},
		}.file(m, scope, path)
	},
}

// Goose finds plugins in directories: this program is one.
var goose = &Agent{
	Name: "goose", Title: "Goose", Restart: true,
	Events:   []string{"SessionStart", "SessionEnd", "UserPromptSubmit", "PreToolUse", "PostToolUse", "PostToolUseFailure", "Stop"},
	programs: []string{"goose"},
	folder:   func(m Machine) string { return filepath.Join(m.dirOf("XDG_CONFIG_HOME", ".config"), "goose") },
	places: func(a *Agent, m Machine, scope Scope) []target {
		dir := map[Scope]string{User: m.Home, Project: m.Project}[scope]
		if dir == "" {
			return nil
		}
		return hookFile{
			agent: a, dialect: strict,
			handler: func(c command) handler {
				return handler{Type: "command", Command: c.line(m.shell(cmdExe)), Timeout: seconds}
			},
		}.file(m, scope, filepath.Join(dir, ".agents", "plugins", programName, "hooks", "hooks.json"))
	},
}

// Droid's documentation says that it reads hooks.json, and settings.json only where there is no
// such file (docs.factory.ai/harness/hooks); its users report that settings.json alone works
// (github.com/Factory-AI/factory/issues/3). Either may be so where both are there.
var droid = &Agent{
	Name: "droid", Aliases: []string{"factory"}, Title: "Droid", Restart: true,
	Events: []string{
		"SessionStart", "SessionEnd", "UserPromptSubmit", "PreToolUse", "PostToolUse", "SubagentStop", "Stop",
	},
	programs: []string{"droid"},
	folder:   func(m Machine) string { return filepath.Join(m.Home, ".factory") },
	shadows: func(m Machine) []string {
		return []string{filepath.Join(m.Project, ".factory", "hooks.json"), filepath.Join(m.Home, ".factory", "hooks.json")}
	},
	places: func(a *Agent, m Machine, scope Scope) []target {
		path := map[Scope]string{
			User: filepath.Join(m.Home, ".factory", "settings.json"), Project: filepath.Join(m.Project, ".factory", "settings.json"),
		}[scope]
		if path == "" {
			return nil
		}
		return hookFile{
			agent: a, dialect: settings.Dialect{Comments: true},
			handler: func(c command) handler {
				return handler{Type: "command", Command: c.line(m.shell(cmdExe)), Timeout: seconds}
			},
		}.file(m, scope, path)
	},
}

// Antigravity takes a hook that says nothing for a refusal: this program's
// always says that the call may go on. Names of hooks stand around the events.
var antigravity = &Agent{
	Name: "antigravity", Aliases: []string{"agy"}, Title: "Antigravity", Restart: true,
	Events:   []string{"PreToolUse", "PostToolUse"},
	programs: []string{"agy", "antigravity"},
	folder:   func(m Machine) string { return filepath.Join(m.Home, ".gemini", "config") },
	places: func(a *Agent, m Machine, scope Scope) []target {
		path := map[Scope]string{
			User: filepath.Join(m.Home, ".gemini", "config", "hooks.json"), Project: filepath.Join(m.Project, ".agents", "hooks.json"),
		}[scope]
		if path == "" {
			return nil
		}
		return hookFile{
			agent: a, dialect: strict, root: programName,
			handler: func(c command) handler {
				return handler{Type: "command", Command: c.line(m.shell(powershell)), Timeout: seconds}
			},
		}.file(m, scope, path)
	},
	notes: func(Machine, Scope) []string {
		return []string{"Antigravity refuses a call whose hook gives no answer: should etch be removed from the machine, run \"etch install --uninstall antigravity\" first"}
	},
}
