package agents

import (
	"encoding/json"
	"net/http"
	"strings"
)

// NewAnthropic starts a server that speaks Anthropic's Messages API, which
// Claude Code, Qwen Code and Copilot can be pointed at. The scenario is the one
// that the newest text of the user names, the step the number of answers since
// then, so that a request that is repeated gets the same answer.
func NewAnthropic(script Script) *Server { return start(script, answerMessages) }

// A messagesRequest is what is read of a request.
type messagesRequest struct {
	Model    string          `json:"model"`
	Stream   bool            `json:"stream"`
	Tools    []any           `json:"tools"`
	Messages []messagesEntry `json:"messages"`
}

type messagesEntry struct {
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"` // a string, or a list of blocks
}

// text returns the text of an entry.
func (e messagesEntry) text() string {
	var text string
	if json.Unmarshal(e.Content, &text) == nil {
		return text
	}
	var blocks []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if json.Unmarshal(e.Content, &blocks) != nil {
		return ""
	}
	var texts []string
	for _, b := range blocks {
		if b.Type == "text" {
			texts = append(texts, b.Text)
		}
	}
	return strings.Join(texts, "\n")
}

// place returns the scenario and the step that the request is at.
func (r *messagesRequest) place() (scenario string, step int) {
	for _, m := range r.Messages {
		switch m.Role {
		case "user":
			if name, ok := chosen(m.text()); ok {
				scenario, step = name, 0
			}
		case "assistant":
			step++
		}
	}
	return scenario, step
}

func answerMessages(s *Server, a *answer) {
	switch {
	case strings.HasSuffix(a.path, "/count_tokens"):
		a.object(http.StatusOK, object{"input_tokens": 100})
		return
	case !strings.HasSuffix(a.path, "/v1/messages"):
		a.object(http.StatusNotFound, object{"type": "error", "error": object{"type": "not_found_error", "message": "no such path"}})
		return
	}
	var req messagesRequest
	if err := json.Unmarshal(a.body, &req); err != nil {
		a.object(http.StatusBadRequest, object{"type": "error", "error": object{"type": "invalid_request_error", "message": err.Error()}})
		return
	}
	scenario, n := req.place()
	step := s.Script.step(scenario, n)
	switch {
	case scenario == "refused":
		a.object(http.StatusBadRequest, object{"type": "error", "error": object{"type": "invalid_request_error", "message": "the script says so"}})
		return
	case len(req.Tools) == 0: // a question on the side: the title of the session, for instance
		step = Say(`{"title": "A session", "isNewTopic": true}`)
	}
	m := s.message(&req, step)
	if !req.Stream {
		a.object(http.StatusOK, m)
		return
	}
	streamMessage(a, m)
}

var messagesUsage = object{"input_tokens": 12, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 7}

// message returns a whole answer.
func (s *Server) message(req *messagesRequest, step Step) object {
	var content []object
	reason := "end_turn"
	for _, b := range step {
		if b.Tool == "" {
			content = append(content, object{"type": "text", "text": b.Text})
			continue
		}
		reason = "tool_use"
		content = append(content, object{"type": "tool_use", "id": s.id("toolu_"), "name": b.Tool, "input": b.Input})
	}
	return object{
		"id": s.id("msg_"), "type": "message", "role": "assistant", "model": req.Model, "content": content,
		"stop_reason": reason, "stop_sequence": nil, "usage": messagesUsage,
	}
}

// streamMessage sends an answer event by event.
func streamMessage(a *answer, m object) {
	a.stream()
	begun := object{}
	for k, v := range m {
		begun[k] = v
	}
	begun["content"], begun["stop_reason"] = []object{}, nil
	a.event("message_start", object{"type": "message_start", "message": begun})
	content, _ := m["content"].([]object)
	for i, block := range content {
		empty, delta := object{"type": "text", "text": ""}, object{"type": "text_delta", "text": block["text"]}
		if input, ok := block["input"].(json.RawMessage); ok {
			empty = object{"type": "tool_use", "id": block["id"], "name": block["name"], "input": object{}}
			delta = object{"type": "input_json_delta", "partial_json": string(input)}
		}
		a.event("content_block_start", object{"type": "content_block_start", "index": i, "content_block": empty})
		a.event("content_block_delta", object{"type": "content_block_delta", "index": i, "delta": delta})
		a.event("content_block_stop", object{"type": "content_block_stop", "index": i})
	}
	a.event("message_delta", object{
		"type": "message_delta", "delta": object{"stop_reason": m["stop_reason"], "stop_sequence": nil}, "usage": messagesUsage,
	})
	a.event("message_stop", object{"type": "message_stop"})
}
