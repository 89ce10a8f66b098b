package reconcile

import (
	"strings"
	"time"

	"github.com/etch-audit/etch"
)

// An acting says who acted from some record on.
type acting struct {
	from  time.Time
	actor etch.Actor // without what is the agent's own
}

// takeActor takes who acted, as the record of a hook says.
func (l *logged) takeActor(ev *etch.Event) {
	if ev.Actor == nil {
		return
	}
	is := etch.Actor{Channel: ev.Actor.Channel, UserID: ev.Actor.UserID, Username: ev.Actor.Username, Host: ev.Actor.Host}
	if n := len(l.actors); n == 0 || l.actors[n-1].actor != is {
		for _, name := range []*string{&is.Channel, &is.UserID, &is.Username, &is.Host} {
			*name = strings.Clone(*name) // it must not hold the whole record in memory
		}
		l.actors = append(l.actors, acting{ev.Timestamp, is})
	}
}

// actorAt returns who acted at a time, as the hooks of the session told; nil where they
// told of nobody. Before the first record it is who is in that.
func (l *logged) actorAt(at time.Time) *etch.Actor {
	var found *etch.Actor
	for i := range l.actors {
		if a := &l.actors[i]; found == nil || !a.from.After(at) {
			found = &a.actor
		}
	}
	return found
}
