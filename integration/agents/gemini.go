package agents

import (
	"encoding/json"
	"net/http"
	"strings"
)

// NewGemini starts a server that speaks Google's generateContent API, which
// Gemini CLI is pointed at. Scenario and step are found as [NewAnthropic] does.
func NewGemini(script Script) *Server { return start(script, answerGenerate) }

// A generateRequest is what is read of a request.
type generateRequest struct {
	Contents []struct {
		Role  string `json:"role"`
		Parts []struct {
			Text string `json:"text"`
		} `json:"parts"`
	} `json:"contents"`
	Tools  []json.RawMessage `json:"tools"`
	Config struct {
		Schema json.RawMessage `json:"responseJsonSchema"`
	} `json:"generationConfig"`
}

// place returns the scenario and the step that the request is at.
func (r *generateRequest) place() (scenario string, step int) {
	for _, c := range r.Contents {
		switch c.Role {
		case "model":
			step++
		case "user":
			for _, p := range c.Parts {
				if name, ok := chosen(p.Text); ok {
					scenario, step = name, 0
				}
			}
		}
	}
	return scenario, step
}

func answerGenerate(s *Server, a *answer) {
	if strings.Contains(a.path, "countTokens") {
		a.object(http.StatusOK, object{"totalTokens": 50})
		return
	}
	var req generateRequest
	if err := json.Unmarshal(a.body, &req); err != nil {
		a.object(http.StatusBadRequest, object{"error": object{"code": 400, "message": err.Error(), "status": "INVALID_ARGUMENT"}})
		return
	}
	scenario, n := req.place()
	step := s.Script.step(scenario, n)
	switch {
	case len(req.Config.Schema) > 0: // a question on the side, which wants an object
		step = Say(`{}`)
	case len(req.Tools) == 0:
		step = Say("A summary.")
	}
	var parts []object
	for _, b := range step {
		if b.Tool == "" {
			parts = append(parts, object{"text": b.Text})
		} else {
			parts = append(parts, object{"functionCall": object{"name": b.Tool, "args": b.Input}})
		}
	}
	whole := object{
		"candidates":    []object{{"content": object{"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}},
		"usageMetadata": object{"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15},
		"modelVersion":  "script", "responseId": s.id("r"),
	}
	if !strings.Contains(a.path, "streamGenerateContent") {
		a.object(http.StatusOK, whole)
		return
	}
	a.stream()
	a.event("", whole)
}
