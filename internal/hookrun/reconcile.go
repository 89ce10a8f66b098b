package hookrun

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/internal/site"
)

// flushed is how long an agent may take to write the end of its transcript, once
// it has told its hooks that the session is over.
const flushed = 5 * time.Second

// WaitFlag is the flag of "etch reconcile" by which it is told so.
const WaitFlag = "wait"

// Reconciles reports whether the transcripts of an agent can be read. The readers are
// no part of a hook.
func Reconciles(agent string) bool {
	switch agent {
	case "claude-code", "codex", "copilot", "gemini", "qwen":
		return true
	}
	return false
}

// maxReconciled is how many sessions one hook has reconciled: each takes a process.
const maxReconciled = 4

// reconcileLater starts what records the calls of a session that its hooks
// missed, where this hook has told of the session's end, or has found sessions that are
// over without one. The agent is not kept waiting: it is a process of its own,
// in a session of its own.
func (r *run) reconcileLater() error {
	over := r.over()
	if len(over) == 0 || r.process.Start == nil || r.process.Etch == nil || !r.resolved.Hooks.Reconcile || !r.comparable() {
		return nil
	}
	program, err := r.process.Etch()
	if err != nil {
		return err
	}
	var errs []error
	for _, session := range over[:min(len(over), maxReconciled)] {
		errs = append(errs, r.reconcile(program, session))
	}
	return errors.Join(errs...)
}

// reconcile starts what reconciles one session.
func (r *run) reconcile(program string, session hook.LostSession) error {
	args := []string{"reconcile", session.Agent, "--session=" + session.ID, "--fill", "--" + WaitFlag + "=" + flushed.String()}
	log, config := r.Log, r.Config
	if r.NoEnv { // transcripts are found by the agent's environment, all else is not
		log, config = r.resolved.LogPath(), os.DevNull
		if r.resolved.Found {
			config = r.resolved.Path
		}
	}
	if log != "" {
		args = append(args, "--log="+log)
	}
	if config != "" {
		args = append(args, "--config="+config)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return weakens(name) || r.NoEnv && strings.HasPrefix(name, "ETCH_")
	})
	detach(cmd)
	words, err := openErrors(ErrorsFile(r.to.path))
	if err != nil {
		return err
	}
	cmd.Stderr = words
	return errors.Join(r.process.Start(cmd), words.Close())
}

// comparable reports whether this user has the log to compare with. That of a
// machine's daemon is another user's.
func (r *run) comparable() bool {
	dir := filepath.Dir(r.resolved.LogPath())
	return r.to.socket == "" || filepath.Dir(r.to.socket) == dir && site.MayWrite(dir) == nil
}

// over returns the sessions that are over as this hook has told or found, if their
// agents write transcripts that can be read.
func (r *run) over() []hook.LostSession {
	r.mu.Lock()
	defer r.mu.Unlock()
	var over []hook.LostSession
	at := slices.IndexFunc(r.events, func(ev *etch.Event) bool {
		return ev.Type == etch.SessionEnd && ev.Actor != nil && ev.Actor.AgentID == ""
	})
	if at >= 0 && r.known != nil {
		over = append(over, hook.LostSession{Agent: r.known.Name, ID: r.events[at].SessionID})
	}
	if r.turn != nil {
		over = append(over, r.turn.Lost...)
	}
	return slices.DeleteFunc(over, func(s hook.LostSession) bool { return s.ID == "" || !Reconciles(s.Agent) })
}
