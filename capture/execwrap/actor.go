package execwrap

import (
	"cmp"
	"os"
	"os/user"

	"github.com/etch-audit/etch"
)

// ActorOf returns who acts, by the process and its environment: the user's
// name and id, the host, channel "cli" and the agent. ETCH_USER, ETCH_USER_ID,
// ETCH_CHANNEL, ETCH_AGENT, ETCH_AGENT_ID, ETCH_MODEL and ETCH_HOST win over
// what it finds; what it cannot find is left empty.
func ActorOf(getenv func(string) string) etch.Actor {
	actor := etch.Actor{
		Channel:  cmp.Or(getenv("ETCH_CHANNEL"), "cli"),
		UserID:   getenv("ETCH_USER_ID"),
		Username: getenv("ETCH_USER"),
		Agent:    cmp.Or(getenv("ETCH_AGENT"), AgentOf(getenv).Name),
		AgentID:  getenv("ETCH_AGENT_ID"),
		Model:    getenv("ETCH_MODEL"),
		Host:     getenv("ETCH_HOST"),
	}
	// The name of one user and the id of another would make a third: who is
	// named by either is not looked up.
	if actor.Username == "" && actor.UserID == "" {
		// USER and LOGNAME are the caller's to set; the user database is not.
		if u, err := user.Current(); err == nil {
			actor.Username, actor.UserID = u.Username, u.Uid
		}
	}
	if actor.Host == "" {
		actor.Host, _ = os.Hostname() // without a name it is left out
	}
	return actor
}

// SessionOf returns the session that a command belongs to: ETCH_SESSION, or the
// agent's own.
func SessionOf(getenv func(string) string) string {
	return cmp.Or(getenv("ETCH_SESSION"), AgentOf(getenv).Session)
}
