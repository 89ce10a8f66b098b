package main

import (
	"cmp"
	"strings"

	"github.com/etch-audit/etch"
	"github.com/spf13/pflag"
)

// addActorFlags adds the flags that say who acts.
func addActorFlags(f *pflag.FlagSet, actor *etch.Actor) {
	f.StringVar(&actor.Username, "user", "", "the user's `NAME` (env ETCH_USER)")
	f.StringVar(&actor.UserID, "user-id", "", "the user's `ID` (env ETCH_USER_ID)")
	f.StringVar(&actor.Channel, "channel", "", "the `WAY` in, for instance cli or telegram; default cli (env ETCH_CHANNEL)")
	f.StringVar(&actor.Agent, "agent", "", "the agent's `NAME` (env ETCH_AGENT)")
	f.StringVar(&actor.AgentID, "agent-id", "", "the agent's `ID` (env ETCH_AGENT_ID)")
	f.StringVar(&actor.Model, "model", "", "the model's `NAME` (env ETCH_MODEL)")
	f.StringVar(&actor.CallerID, "caller", "", "the caller's `ID`")
	f.StringVar(&actor.Host, "host", "", "the host's `NAME` (env ETCH_HOST)")
}

// overlay returns found with what is said put over it. A user who is named is
// not the one found: the id of one and the name of the other would make a third.
func overlay(found, said etch.Actor) etch.Actor {
	if said.Username != "" || said.UserID != "" {
		found.Username, found.UserID = "", ""
	}
	return etch.Actor{
		Channel:  cmp.Or(said.Channel, found.Channel),
		UserID:   cmp.Or(said.UserID, found.UserID),
		Username: cmp.Or(said.Username, found.Username),
		Agent:    cmp.Or(said.Agent, found.Agent),
		AgentID:  cmp.Or(said.AgentID, found.AgentID),
		Model:    cmp.Or(said.Model, found.Model),
		CallerID: cmp.Or(said.CallerID, found.CallerID),
		Host:     cmp.Or(said.Host, found.Host),
	}
}

// parseLabels reads KEY=VALUE.
func parseLabels(pairs []string) (map[string]string, error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	labels := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, usagef("write --label team=infra", "bad label %q: not KEY=VALUE", pair)
		}
		if _, twice := labels[key]; twice {
			return nil, usagef("", "label %q is given twice", key)
		}
		labels[key] = value
	}
	return labels, nil
}
