package hookform

import (
	"bytes"
	"encoding/json"
	"strings"
)

// JudgeSwitch judges the value, which is JSON, of a member that switches all hooks of an
// agent off, by its name with dots: "disableAllHooks" or "hooksConfig.enabled". [Idle] is
// a value for which the agent runs none, [Strange] one of another type than it should be,
// for which it runs them all the same, as far as is known. Where a value is given twice,
// it is to be that which the agent takes: the last.
//
// Qwen Code 0.24.4 and Gemini CLI 0.61.0 go by what JavaScript takes for true, whatever
// they say of the file; Claude Code 2.1.330 leaves out the whole file for another type
// ([ClaudeMisfit]). Of the others it is not known: with any value that JavaScript takes
// for true they are said to run none.
func JudgeSwitch(agent, member string, value []byte) Verdict {
	text := strings.TrimSpace(string(value))
	switch {
	case text == "":
		return Fine
	case member == "hooksConfig.enabled":
		// null is what was not said.
		return judged(text, text != "null" && !truthy(text))
	case agent == "claude-code":
		return judged(text, text == "true")
	}
	return judged(text, truthy(text))
}

func judged(text string, off bool) Verdict {
	switch {
	case off:
		return Idle
	case text == "true", text == "false":
		return Fine
	}
	return Strange
}

// truthy reports whether JavaScript takes a value of JSON for true.
func truthy(text string) bool {
	switch text[0] {
	case 't', '{', '[':
		return true
	case '"':
		return text != `""`
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		mantissa, _, _ := strings.Cut(strings.ToLower(text), "e")
		return strings.ContainsAny(mantissa, "123456789") // what is too small for a number is a larger one here
	}
	return false
}

// Disables reports whether a list of hooks that are switched off, the value of
// hooksConfig.disabled, has the hook of that name and that command: all JSON, empty where
// nothing is said. A hook goes by its name where it has one, else by its command. A text
// in place of the list is taken for it, and has every name that is part of it.
func Disables(list, name, command []byte) bool {
	key := name
	if text := strings.TrimSpace(string(name)); text == "" || !truthy(text) {
		key = command
	}
	wanted, ok := scalar(key)
	if !ok {
		return false
	}
	var names []json.RawMessage
	if json.Unmarshal(list, &names) != nil {
		all, ok := scalar(list)
		whole, isText := all.(string)
		part, named := wanted.(string)
		return ok && isText && named && strings.Contains(whole, part)
	}
	for _, n := range names {
		if got, ok := scalar(n); ok && got == wanted {
			return true
		}
	}
	return false
}

// scalar returns the value of a text, a number, true or false.
func scalar(value []byte) (any, bool) {
	value = bytes.TrimSpace(value)
	if len(value) == 0 || value[0] == '{' || value[0] == '[' || value[0] == 'n' {
		return nil, false
	}
	var v any
	err := json.Unmarshal(value, &v)
	return v, err == nil
}
