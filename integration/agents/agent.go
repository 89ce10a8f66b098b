package agents

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// An Agent is a published program that is put to the test.
type Agent struct {
	Name    string // as "etch install" takes it
	Package string // in the npm registry
	Version string // the one whose wire format is known

	serve func(Script) *Server
	setup func(h *Home, s *Server) error // settings and environment, before hooks are installed
	argv  func(dir string) []string      // the program below its installation, and its arguments but for the prompt
}

// All are the agents that can be put to the test.
var All = []*Agent{
	{
		Name: "claude-code", Package: "@anthropic-ai/claude-code", Version: "2.1.330",
		serve: NewAnthropic, setup: setupClaude, argv: func(dir string) []string {
			return []string{
				filepath.Join(dir, "node_modules/@anthropic-ai/claude-code-"+platform(), "claude"),
				"--permission-mode", "bypassPermissions", "--output-format", "stream-json", "--verbose", "-p",
			}
		},
	},
	{
		Name: "codex", Package: "@openai/codex", Version: "0.169.0",
		serve: NewResponses, setup: setupCodex, argv: func(dir string) []string {
			return []string{
				filepath.Join(dir, "node_modules/.bin/codex"), "exec",
				"--dangerously-bypass-approvals-and-sandbox", "--dangerously-bypass-hook-trust", "--skip-git-repo-check", "--json",
			}
		},
	},
	{
		Name: "gemini", Package: "@google/gemini-cli", Version: "0.61.0",
		serve: NewGemini, setup: setupGemini, argv: func(dir string) []string {
			return []string{filepath.Join(dir, "node_modules/.bin/gemini"), "-m", "gemini-2.5-pro", "--yolo", "-o", "stream-json", "-p"}
		},
	},
	{
		Name: "qwen", Package: "@qwen-code/qwen-code", Version: "0.24.4",
		serve: NewAnthropic, setup: setupQwen, argv: func(dir string) []string {
			return []string{filepath.Join(dir, "node_modules/.bin/qwen"), "--auth-type", "anthropic", "-o", "stream-json", "--yolo"}
		},
	},
	{
		Name: "copilot", Package: "@github/copilot", Version: "1.0.102",
		serve: NewAnthropic, setup: setupCopilot, argv: func(dir string) []string {
			return []string{filepath.Join(dir, "node_modules/.bin/copilot"), "--output-format", "json", "--allow-all-tools", "-p"}
		},
	},
}

// platform is how npm names the packages of this system's binaries.
func platform() string {
	arch := runtime.GOARCH
	if arch == "amd64" {
		arch = "x64"
	}
	return runtime.GOOS + "-" + arch
}

// setenv adds variables to the environment of the home.
func (h *Home) setenv(vars ...string) { h.Env = append(h.Env, vars...) }

func setupClaude(h *Home, s *Server) error {
	h.setenv("ANTHROPIC_BASE_URL="+s.URL, "ANTHROPIC_API_KEY=of-no-use", "IS_SANDBOX=1", // root may bypass permissions in a sandbox only
		"DISABLE_TELEMETRY=1", "DISABLE_ERROR_REPORTING=1", "DISABLE_AUTOUPDATER=1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1")
	return h.Write(".claude/settings.json", `{
  "permissions": {"deny": ["Bash(cat secret.txt)", "Read(./secret.txt)"]},
  "cleanupPeriodDays": 30
}
`)
}

func setupCodex(h *Home, s *Server) error {
	h.setenv("CODEX_HOME="+filepath.Join(h.Dir, ".codex"), "SCRIPT_KEY=of-no-use")
	return h.Write(".codex/config.toml", fmt.Sprintf(`model = "gpt-5.5"
model_provider = "script"
check_for_update_on_startup = false

[model_providers.script]
name = "script"
base_url = "%s/v1"
env_key = "SCRIPT_KEY"
wire_api = "responses"
request_max_retries = 1
stream_max_retries = 1

[analytics]
enabled = false

[features]
hooks = true
`, s.URL))
}

func setupGemini(h *Home, s *Server) error {
	h.setenv("GEMINI_API_KEY=of-no-use", "GOOGLE_GEMINI_BASE_URL="+s.URL, "GEMINI_TELEMETRY_ENABLED=false", "NO_BROWSER=1")
	return h.Write(".gemini/settings.json", `{
  // a person's own settings, which stay
  "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": false}},
  "general": {"enableAutoUpdate": false, "disableAutoUpdate": true, "disableUpdateNag": true},
  "privacy": {"usageStatisticsEnabled": false},
  "telemetry": {"enabled": false},
  "ide": {"enabled": false}
}
`)
}

func setupQwen(h *Home, s *Server) error {
	h.setenv("ANTHROPIC_API_KEY=of-no-use", "ANTHROPIC_BASE_URL="+s.URL, "ANTHROPIC_MODEL=script", "OPENAI_API_KEY=of-no-use", "NO_BROWSER=1")
	return h.Write(".qwen/settings.json", `{
  "security": {"auth": {"selectedType": "anthropic"}, "folderTrust": {"enabled": false}},
  "general": {"disableAutoUpdate": true, "enableAutoUpdate": false},
  "privacy": {"usageStatisticsEnabled": false},
  "telemetry": {"enabled": false},
  "model": {"name": "script"}
}
`)
}

func setupCopilot(h *Home, s *Server) error {
	h.setenv("COPILOT_PROVIDER_BASE_URL="+s.URL, "COPILOT_PROVIDER_TYPE=anthropic", "COPILOT_PROVIDER_API_KEY=of-no-use",
		"COPILOT_MODEL=claude-sonnet-4", "COPILOT_OFFLINE=true", "COPILOT_AUTO_UPDATE=false")
	return os.MkdirAll(filepath.Join(h.Dir, ".copilot"), 0o700)
}
