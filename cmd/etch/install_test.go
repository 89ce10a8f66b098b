package main

import (
	"slices"
	"testing"

	"github.com/etch-audit/etch/install"
	"github.com/etch-audit/etch/internal/hookrun"
)

// Whatever is put into an agent's settings is understood when the agent starts
// it, by each name of the agent.
func TestInstalledAgentsAreKnown(t *testing.T) {
	for _, a := range install.Agents() {
		for _, name := range append([]string{a.Name}, a.Aliases...) {
			known := hookrun.AgentNamed(name)
			if known == nil || known.Name != a.Name {
				t.Errorf("%s: \"etch hook\" takes it for %v, want %s", name, known, a.Name)
			}
		}
		if !slices.Equal(install.Named(a.Name).Events, a.Events) {
			t.Errorf("%s is not found by its name", a.Name)
		}
		for _, event := range a.Events {
			for _, args := range [][]string{
				{a.Name, event}, {a.Name, event, "--guard", "--log", "/x.log", "--config", "/c.toml"},
			} {
				c, ok := hookrun.Parse(args)
				if !ok || c.Agent != a.Name || c.Event != event || c.Guard != (len(args) > 2) || len(args) > 2 && (c.Log != "/x.log" || c.Config != "/c.toml") {
					t.Errorf("%q: got %+v, %v", args, c, ok)
				}
			}
		}
	}
}
