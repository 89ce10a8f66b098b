package agents

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// NewResponses starts a server that speaks OpenAI's Responses API, which Codex
// is pointed at. The ids of its calls tell the step, so that it keeps no state.
func NewResponses(script Script) *Server { return start(script, answerResponses) }

// A responsesItem is what is read of one item of a request's input.
type responsesItem struct {
	Type    string          `json:"type"`
	Role    string          `json:"role"`
	CallID  string          `json:"call_id"`
	Content json.RawMessage `json:"content"`
}

// text returns the texts of an item that the user, or another agent, has said.
func (i *responsesItem) text() string {
	switch {
	case i.Type == "agent_message":
	case i.Role != "user" || i.Type != "" && i.Type != "message":
		return ""
	}
	return string(i.Content) // the mark of a scenario has no character that JSON escapes
}

var callStep = regexp.MustCompile(`^call_s(\d+)_`)

// responsesPlace returns the scenario and the step that a request is at.
func responsesPlace(items []responsesItem) (scenario string, step int) {
	for _, item := range items {
		if name, ok := chosen(item.text()); ok {
			scenario, step = name, 0
		}
		if m := callStep.FindStringSubmatch(item.CallID); m != nil {
			if n, err := strconv.Atoi(m[1]); err == nil {
				step = max(step, n+1)
			}
		}
	}
	return scenario, step
}

func answerResponses(s *Server, a *answer) {
	if !strings.HasSuffix(a.path, "/responses") {
		a.object(http.StatusNotFound, object{"error": object{"message": "no such path"}})
		return
	}
	var req struct {
		Model string          `json:"model"`
		Input []responsesItem `json:"input"`
	}
	if err := json.Unmarshal(a.body, &req); err != nil {
		a.object(http.StatusBadRequest, object{"error": object{"message": err.Error(), "type": "invalid_request_error"}})
		return
	}
	scenario, n := responsesPlace(req.Input)
	if scenario == "refused" {
		a.object(http.StatusBadRequest, object{"error": object{"message": "the script says so", "type": "invalid_request_error", "code": "script"}})
		return
	}
	s.streamResponse(a, req.Model, n, s.Script.step(scenario, n))
}

// streamResponse sends the items of a step event by event.
func (s *Server) streamResponse(a *answer, model string, n int, step Step) {
	a.stream()
	sent := 0
	send := func(kind string, v object) {
		v["type"], v["sequence_number"] = kind, sent
		sent++
		a.event(kind, v)
	}
	response := object{"id": s.id("resp_"), "object": "response", "status": "in_progress", "model": model, "output": []object{}}
	send("response.created", object{"response": response})
	var output []object
	for i, b := range step {
		item := s.item(b, n, i)
		send("response.output_item.added", object{"output_index": i, "item": item})
		if b.Tool == "" {
			send("response.output_text.delta", object{"item_id": item["id"], "output_index": i, "content_index": 0, "delta": b.Text})
		}
		send("response.output_item.done", object{"output_index": i, "item": item})
		output = append(output, item)
	}
	send("response.completed", object{"response": object{
		"id": response["id"], "object": "response", "status": "completed", "model": model, "output": output,
		"usage": object{
			"input_tokens": 10, "input_tokens_details": object{"cached_tokens": 0}, "output_tokens": 5,
			"output_tokens_details": object{"reasoning_tokens": 0}, "total_tokens": 15,
		},
	}})
}

// item returns a block as an item of output.
func (s *Server) item(b Block, step, place int) object {
	if b.Tool == "" {
		return object{
			"type": "message", "role": "assistant", "id": s.id("msg_"),
			"content": []object{{"type": "output_text", "text": b.Text}},
		}
	}
	item := object{"type": "function_call", "name": b.Tool, "id": s.id("fc_"), "arguments": string(b.Input)}
	var free string
	if json.Unmarshal(b.Input, &free) == nil { // a tool that takes free text, such as apply_patch
		item = object{"type": "custom_tool_call", "name": b.Tool, "id": s.id("ctc_"), "input": free}
	}
	if b.Namespace != "" {
		item["namespace"] = b.Namespace
	}
	item["call_id"] = fmt.Sprintf("call_s%02d_%d_%s", step, place, s.id(""))
	item["status"] = "completed"
	return item
}
