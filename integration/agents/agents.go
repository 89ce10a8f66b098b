// Package agents runs real coding agents against scripted model servers, with
// the hooks that "etch install" wrote, and says what reached the log.
//
// A script says what the model answers, step by step: which tools it calls and
// with what. A server on loopback speaks one vendor's wire format and gives the
// script's steps as answers, so that an agent does exactly what a test wants,
// offline but for its own installation. A [Home] is where one agent lives for
// one test: its settings, its project, its log.
//
// The tests need the agents themselves (build tag "agents"); "make test-agents"
// installs and runs them.
package agents

import (
	"encoding/json"
	"regexp"
)

// A Script is what a model says, by the name of the scenario. A prompt chooses
// one with [Prompt].
type Script map[string][]Step

// A Step is one answer of the model: all of its blocks at once. An answer that
// calls no tool ends the turn.
type Step []Block

// A Block is one part of an answer: text, or a call of a tool.
type Block struct {
	Text string

	Tool      string          // "" for text
	Namespace string          // of the tool, where the vendor's format has one
	Input     json.RawMessage // an object; or a JSON string, for a tool that takes free text
}

// Say returns a step that is text alone, and so ends the turn.
func Say(text string) Step { return Step{{Text: text}} }

// Use returns a call of a tool. Input is anything that has a JSON form; it
// panics where it has none.
func Use(tool string, input any) Block {
	raw, err := json.Marshal(input)
	if err != nil {
		panic("agents: input of " + tool + ": " + err.Error())
	}
	return Block{Tool: tool, Input: raw}
}

// Prompt returns a prompt that chooses a scenario.
func Prompt(scenario string) string { return "[[scenario:" + scenario + "]] go" }

var scenarioMark = regexp.MustCompile(`\[\[scenario:(\w+)\]\]`)

// step returns the step of a scenario, the last one where there are no more.
func (s Script) step(scenario string, n int) Step {
	steps, ok := s[scenario]
	switch {
	case !ok:
		return Say("There is no such scenario.")
	case n < len(steps):
		return steps[n]
	default:
		return Say("The script is over.")
	}
}

// chosen returns the scenario that a text of the user chooses, the last one
// where it names several.
func chosen(text string) (string, bool) {
	found := scenarioMark.FindAllStringSubmatch(text, -1)
	if found == nil {
		return "", false
	}
	return found[len(found)-1][1], true
}
