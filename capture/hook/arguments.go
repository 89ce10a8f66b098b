package hook

import (
	"encoding/json"
	"strings"
)

// maxKept is the length of the longest text inside arguments that is kept as it
// is: longer ones are files, not parameters.
const maxKept = 4 << 10

// A keep says what of an input is recorded.
type keep struct {
	Recording
	omit     string // the member that is recorded elsewhere
	withhold string // a member that holds a file's content here, though its name does not say so
}

// within returns what holds for values inside.
func (k keep) within() keep { return keep{Recording: k.Recording} }

// appendArguments appends a call's input for the record. Texts that are
// contents of files, and texts of any name longer than maxKept, become their
// length and SHA-256 unless content is set; so do prompts to other agents
// unless prompts is. An environment is always only its names.
func appendArguments(dst []byte, raw json.RawMessage, opt keep, depth int) []byte {
	if len(raw) == 0 || depth > canonicalDepth {
		return appendDigest(dst, string(raw))
	}
	switch raw[0] {
	case '{':
		p, ok := ParsePayload(raw)
		if !ok {
			return appendDigest(dst, string(raw))
		}
		return appendMembers(dst, p, opt, depth)
	case '[':
		dst = append(dst, '[')
		for i, value := range Elements(raw) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendArguments(dst, value, opt.within(), depth+1)
		}
		return append(dst, ']')
	case '"':
		text, ok := Text(raw)
		if !ok || len(text) > maxKept && !opt.Content {
			return appendDigest(dst, text)
		}
		return appendQuoted(dst, text)
	}
	if !json.Valid(raw) {
		return appendDigest(dst, string(raw))
	}
	return append(dst, raw...)
}

func appendMembers(dst []byte, p Payload, opt keep, depth int) []byte {
	dst = append(dst, '{')
	first := true
	for _, m := range p.members {
		if m.name == opt.omit && m.name != "" {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = appendQuoted(dst, m.name)
		dst = append(dst, ':')
		switch nature := natureOf(m.name); {
		case nature == natureEnvironment:
			dst = appendNames(dst, m.value)
		case (nature == natureContent || m.name == opt.withhold && m.name != "") && !opt.Content, nature == naturePrompt && !opt.Prompts:
			dst = appendWithheld(dst, m.value, opt, depth)
		default:
			dst = appendArguments(dst, m.value, opt.within(), depth+1)
		}
	}
	return append(dst, '}')
}

// appendWithheld appends the length and SHA-256 of every text of a value whose
// name says that it is not to be kept. A short word or a flag of such a name
// ("content": true) is none.
func appendWithheld(dst []byte, raw json.RawMessage, opt keep, depth int) []byte {
	if text, ok := Text(raw); ok {
		return appendDigest(dst, text)
	}
	if len(raw) > 0 && (raw[0] == '[' || raw[0] == '{') {
		if isDigest(raw) {
			return append(dst, raw...)
		}
		return appendDigest(dst, string(appendCanonical(nil, raw, 0)))
	}
	return appendArguments(dst, raw, opt.within(), depth+1)
}

// isDigest reports whether a value is what appendDigest made: what is in the
// log already stays as it is.
func isDigest(raw json.RawMessage) bool {
	p, ok := ParsePayload(raw)
	return ok && p.Len() == 2 && p.Get("bytes") != nil && len(p.Text("sha256")) == 64
}

// appendNames appends the names of an environment, without its values: agents
// put secrets into it.
func appendNames(dst []byte, raw json.RawMessage) []byte {
	dst = append(dst, '[')
	if p, ok := ParsePayload(raw); ok {
		for i, m := range p.members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendQuoted(dst, m.name)
		}
		return append(dst, ']')
	}
	for i, value := range Elements(raw) {
		text, _ := Text(value)
		name, _, _ := strings.Cut(text, "=")
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendQuoted(dst, name)
	}
	return append(dst, ']')
}

// A nature is what a member of a tool's input holds, by its name.
type nature uint8

const (
	natureParameter nature = iota
	natureContent
	naturePrompt
	natureEnvironment
)

// natureOf knows the names of the tools of all agents: an MCP server's tool
// that writes files names its parameters as they do.
func natureOf(name string) nature {
	switch name {
	case "content", "contents", "file_text", "fileText", "file_content", "text_content",
		"old_string", "new_string", "oldString", "newString", "old_str", "new_str", "oldText", "newText",
		"new_source", "newSource", "old_source", "insert_text", "insertText", "code_edit", "CodeEdit", "CodeContent",
		"TargetContent", "ReplacementContent", "patch", "patchText", "patch_text", "diff", "unified_diff",
		"replacement", "ai_proposed_content", "modified_content":
		return natureContent
	case "prompt", "initialPrompt", "prompt_text":
		return naturePrompt
	case "env", "environment", "environ", "envVars", "env_vars":
		return natureEnvironment
	}
	return natureParameter
}
