package install

import (
	_ "embed"
	"encoding/json"
	"path/filepath"
	"strings"
)

// openCodePlugin hands what OpenCode tells its plugins to a hook's process. The
// line that begins with commandLine is written anew by each installation.
//
//go:embed opencode.js
var openCodePlugin string

// OpenCode has no hooks of its own but plugins: this program's is one file.
var openCode = &Agent{
	Name: "opencode", Title: "OpenCode", Seen: true, Restart: true,
	Events:   []string{"chat.message", "tool.execute.before", "tool.execute.after", "event"},
	programs: []string{"opencode"},
	folder:   func(m Machine) string { return m.openCode() },
	places: func(a *Agent, m Machine, scope Scope) []target {
		dir := map[Scope]string{User: m.openCode(), Project: filepath.Join(m.Project, ".opencode")}[scope]
		if dir == "" {
			return nil
		}
		return []target{{
			path: filepath.Join(dir, "plugins", "etch.js"), shared: scope != User,
			form: ownFile{a, "// This is etch's plugin for OpenCode", pluginText},
		}}
	},
}

func (m Machine) openCode() string {
	if dir := m.Getenv("OPENCODE_CONFIG_DIR"); filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(m.dirOf("XDG_CONFIG_HOME", ".config"), "opencode")
}

// pluginText returns the plugin with the command in it.
func pluginText(c command) string {
	words, err := json.Marshal(append([]string{c.binary}, c.args()...))
	if err != nil {
		panic("install: bad command")
	}
	before, rest, _ := strings.Cut(openCodePlugin, commandLine)
	_, after, _ := strings.Cut(rest, "\n")
	return before + commandLine + string(words) + "\n" + after
}
