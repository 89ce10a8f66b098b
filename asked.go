package etch

import (
	"bytes"
	"encoding/json"
	"errors"
)

// AskedArgument is the member of a completion's arguments that says what the
// attempt asked for, where something else was done: another hook, or a person, may
// change a call's input before it runs. It is an object, and has the attempt's
// command, arguments, resource, cwd, risk and risk_reasons as they are stored.
//
// Such a completion stands for the attempt, which then has no row of its own, only
// if it tells all of it: its text is found in the completion, and its risk is not
// above the completion's. So a completion that somebody has made up hides nothing.
const AskedArgument = "asked"

// An asked is what AskedArgument says.
type asked struct {
	Command     string          `json:"command,omitempty"`
	Arguments   json.RawMessage `json:"arguments,omitempty"`
	Resource    string          `json:"resource,omitempty"`
	Cwd         string          `json:"cwd,omitempty"`
	Risk        Risk            `json:"risk,omitempty"`
	RiskReasons []string        `json:"risk_reasons,omitempty"`
}

// AskedFor returns what an attempt asked for, of a completion that says that
// something else was done; nil for all others.
func (ev *Event) AskedFor() *Action {
	if ev.Action == nil || ev.Phase != Completion || !bytes.Contains(ev.Action.Arguments, askedMark) {
		return nil
	}
	var outer struct{ Asked *asked }
	if json.Unmarshal(ev.Action.Arguments, &outer) != nil || outer.Asked == nil {
		return nil
	}
	a := outer.Asked
	return &Action{
		Tool: ev.Action.Tool, Command: a.Command, Arguments: a.Arguments, Resource: a.Resource, Cwd: a.Cwd,
		Risk: a.Risk, RiskReasons: a.RiskReasons, Allowed: true,
	}
}

// AppendAsked returns arguments, a JSON object or nothing, with what an attempt's
// action asked for as their last member.
func AppendAsked(arguments json.RawMessage, attempt *Action) (json.RawMessage, error) {
	var told bytes.Buffer
	e := json.NewEncoder(&told)
	e.SetEscapeHTML(false) // arguments are compared as they are stored
	if err := e.Encode(asked{
		attempt.Command, attempt.Arguments, attempt.Resource, attempt.Cwd, attempt.Risk, attempt.RiskReasons,
	}); err != nil {
		return nil, err
	}
	out := bytes.TrimSpace(arguments)
	out = append([]byte(nil), bytes.TrimSuffix(out, []byte("}"))...)
	switch {
	case len(out) == 0:
		out = append(out, '{')
	case len(bytes.TrimSpace(out)) > 1:
		out = append(out, ',')
	}
	out = append(append(append(out, `"`+AskedArgument+`":`...), bytes.TrimSpace(told.Bytes())...), '}')
	if !json.Valid(out) {
		return nil, errors.New("arguments are no object")
	}
	return out, nil
}

// askedMark stands in all arguments with such a member.
var askedMark = []byte(`"` + AskedArgument + `":{`)

// askedOf returns what a completion says that its attempt asked for; nil where it
// says nothing, or less than its attempt's risk wants.
func askedOf(r row) *asked {
	arguments := r.arguments()
	if !bytes.Contains(arguments, askedMark) {
		return nil
	}
	var outer struct{ Asked *asked }
	if json.Unmarshal(arguments, &outer) != nil || outer.Asked == nil {
		return nil
	}
	own := ""
	r.texts(memberRisk, "", func(s string) bool { own = s; return true })
	if outer.Asked.Risk.Rank() > Risk(own).Rank() {
		return nil
	}
	return outer.Asked
}

// appendCall is appendCall of the attempt: what it asked for is as told, and all
// else is the completion's.
func (a *asked) appendCall(dst []byte, r row) []byte {
	dst = r.appendParts(dst, callID)
	for i, id := range callMembers {
		switch id {
		case memberCommand:
			dst = appendText(dst, id, a.Command)
		case memberArguments:
			dst = appendText(dst, id, string(a.Arguments))
		case memberResource:
			dst = appendText(dst, id, a.Resource)
		case memberCwd:
			dst = appendText(dst, id, a.Cwd)
		case memberRisk:
			dst = appendText(dst, id, string(a.Risk))
		case memberReasons:
			for _, reason := range a.RiskReasons {
				dst = appendText(dst, id, reason)
			}
		default:
			dst = r.appendParts(dst, callMembers[i:i+1])
		}
	}
	return append(appendPart(appendSender(dst, r), memberAction, nil), 0)
}

// appendText is appendPart of a text that may be empty, and then is none.
func appendText(dst []byte, id memberID, text string) []byte {
	if text == "" {
		return dst
	}
	return appendPart(dst, id, []byte(text))
}
