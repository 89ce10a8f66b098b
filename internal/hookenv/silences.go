package hookenv

import (
	"path/filepath"
	"strings"
)

// Silences reports whether a variable of that value, in the environment that an agent
// has when it begins or in the settings it goes by, keeps it from running hooks: those
// of the person's own settings at least. The agents take 1, true, yes and on for yes, in
// capital letters as well. Every other value but those that say no counts too: one that
// a file puts together of others is told by nobody, and the next version may take more.
func Silences(agent, variable, value string) bool {
	if !silent(agent, variable) {
		return false
	}
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "", "0", "false", "no", "off":
		return false
	}
	return true
}

// silent reports whether an agent has a mode without hooks that a variable stands for.
// Claude Code 2.1.330 and Qwen Code 0.24.4 were tried; Codex, Gemini CLI and Copilot CLI
// have none. Windows does not tell small letters from capital ones.
func silent(agent, variable string) bool {
	switch name := strings.ToUpper(variable); agent {
	case "claude-code":
		return name == "CLAUDE_CODE_SIMPLE" || name == "CLAUDE_CODE_SAFE_MODE" || name == "CLAUDE_CODE_RESTRICTED"
	case "qwen":
		return name == "QWEN_CODE_SIMPLE" || name == "QWEN_CODE_SAFE_MODE"
	}
	return false
}

// OwnFiles returns the files of assignments that agents of Gemini's family look for in
// the home directory, there or not: what [Files] leaves out. Settings is the directory of
// the person's settings, with its path. A person may bend his own hooks; but whoever
// wrote the line, hooks that are silenced record nothing.
func OwnFiles(home, settings string) []string {
	var found []string
	for _, dir := range [...]string{settings, filepath.Join(home, filepath.Base(settings)), home} {
		if path := filepath.Join(dir, ".env"); filepath.IsAbs(path) && (len(found) == 0 || found[0] != path) {
			found = append(found, path)
		}
	}
	return found
}
