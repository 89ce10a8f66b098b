package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/install"
	"github.com/etch-audit/etch/internal/hookrun"
)

// What "etch install" writes is what hooks watch: taken out in the middle of a session,
// by whomever, it is told at the end of the turn.
func TestInstalledHooksAreWatched(t *testing.T) {
	for _, a := range install.Agents() {
		if a.Name == "antigravity" {
			continue // it tells of no turn and of no session
		}
		for _, program := range []string{"etch", install.HookProgram} {
			scope := map[bool]install.Scope{true: install.User, false: install.Project}[program == "etch"]
			t.Run(a.Name+" "+program+" "+string(scope), func(t *testing.T) {
				home := filepath.Join(t.TempDir(), "home")
				project := filepath.Join(home, "project")
				if err := os.MkdirAll(project, 0o700); err != nil {
					t.Fatal(err)
				}
				env := map[string]string{"HOME": home, "USERPROFILE": home}
				m := install.Machine{
					Home: home, Project: project, GOOS: runtime.GOOS, Binary: "/usr/local/bin/" + program, Now: time.Now(),
					Getenv: func(name string) string { return env[name] }, LookPath: func(string) (string, error) { return "", os.ErrNotExist },
				}
				if _, err := a.Install(m, scope, install.Hook{Binary: m.Binary}, false); err != nil {
					t.Fatal(err)
				}
				sessions := hook.NewSessions(filepath.Join(home, "hooks"))
				deliver := func(event string) (told bool) {
					payload, err := json.Marshal(map[string]string{"session_id": "s", "hook_event_name": event, "cwd": project})
					if err != nil {
						t.Fatal(err)
					}
					turn, err := sessions.Begin(t.Context(), &hook.Delivery{
						Agent: hookrun.AgentNamed(a.Name), Event: event, Payload: payload, Now: time.Now(),
						Getenv: func(name string) (string, bool) { value, ok := env[name]; return value, ok },
					})
					if err != nil {
						t.Fatal(err)
					}
					for _, e := range turn.Events {
						told = told || e.Type == etch.SecurityEvent && strings.HasPrefix(e.Action.RiskReasons[0], "hooks-off: ")
					}
					if err := turn.Keep(); err != nil {
						t.Fatal(err)
					}
					return told
				}
				if deliver("SessionStart") || deliver("Stop") {
					t.Error("hooks that are there are said to be off")
				}
				if _, err := a.Uninstall(m, scope, false); err != nil {
					t.Fatal(err)
				}
				if !deliver("Stop") {
					t.Error("hooks were taken out, and nothing tells")
				}
			})
		}
	}
}
