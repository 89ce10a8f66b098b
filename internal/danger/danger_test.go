package danger_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/danger"
)

func TestOf(t *testing.T) {
	for _, test := range []struct {
		name   string
		event  etch.Event
		want   etch.Risk
		reason string
	}{
		{"no action", etch.Event{}, "", ""},
		{"a command", etch.Event{Action: &etch.Action{Tool: "shell", Command: "rm -rf /"}}, etch.RiskCritical, "rm-recursive"},
		{"a harmless one", etch.Event{Action: &etch.Action{Tool: "bash", Command: "echo 'rm -rf /'"}}, etch.RiskLow, ""},
		{"a command among arguments", etch.Event{Action: &etch.Action{Tool: "bash", Arguments: []byte(`{"command":"rm -rf /"}`)}}, etch.RiskCritical, "rm-recursive"},
		{"other arguments", etch.Event{Action: &etch.Action{Tool: "bash", Arguments: []byte(`{"command":{"x":1}}`)}}, etch.RiskHigh, "its command cannot be read"},
		{"arguments of another tool", etch.Event{Action: &etch.Action{Tool: "notes", Arguments: []byte(`{"command":"rm -rf /"}`)}}, etch.RiskLow, ""},
		{"a tool", etch.Event{Action: &etch.Action{Tool: "file_write"}}, etch.RiskMedium, "tool-label"},
		{"an unknown tool", etch.Event{Action: &etch.Action{Tool: "x"}}, etch.RiskLow, ""},
		{"no tool", etch.Event{Action: &etch.Action{Resource: "/x"}}, etch.RiskLow, ""},
	} {
		got, reasons := danger.Of(&test.event)
		if got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
		if all := strings.Join(reasons, "; "); (test.reason == "") != (all == "") || !strings.Contains(all, test.reason) {
			t.Errorf("%s: got reasons %q, want %q", test.name, all, test.reason)
		}
	}
}

// The command of a tool is judged wherever its arguments have it.
func TestOfArguments(t *testing.T) {
	for _, test := range []struct {
		tool      string
		source    etch.ClaimSource
		arguments string
		want      etch.Risk
	}{
		{"bash", "", `{"command":"rm -rf /"}`, etch.RiskCritical},
		{"bash", "", `{"command":"ls"}`, etch.RiskLow},
		{"bash", "", `{"timeout":5}`, etch.RiskHigh}, // by its label
		{"note", "", `{"command":"rm -rf /"}`, etch.RiskLow},
		{"start_process", etch.ClaimMCP, `{"command":"rm -rf /"}`, etch.RiskCritical},
		{"start_process", etch.ClaimMCP, `{"cmd":["bash","-c","rm -rf /"]}`, etch.RiskCritical},
		{"start_process", etch.ClaimMCP, `{"args":["-rf","/"],"command":"rm"}`, etch.RiskCritical},
		{"start_process", etch.ClaimMCP, `{"command":"rm -rf /","command":"ls"}`, etch.RiskCritical},
		{"start_process", etch.ClaimMCP, `{"command":"ls","c\u006fmmand":"rm -rf /"}`, etch.RiskCritical},
		{"start_process", etch.ClaimMCP, `{"COMMAND":"rm -rf /"}`, etch.RiskCritical},
		{"editor", etch.ClaimMCP, `{"command":"view","path":"/a"}`, etch.RiskLow},
		{"search", etch.ClaimMCP, `{"query":"rm -rf /"}`, etch.RiskLow},
		{"search", etch.ClaimMCP, `["rm -rf /"]`, etch.RiskLow},
		{"search", etch.ClaimMCP, `{"query":{},"a":`, etch.RiskLow},
		{"start_process", etch.ClaimMCP, `{"command":"rm","args":"-rf /"}`, etch.RiskCritical},
		{"start_process", etch.ClaimMCP, `{"command":["rm","-rf","/",1]}`, etch.RiskCritical},
		{"start_process", etch.ClaimMCP, `{"command":"rm","args":["-rf",7,true,"/"]}`, etch.RiskCritical},
		{"start_process", etch.ClaimMCP, `{"command":{}}`, etch.RiskHigh},
		{"start_process", etch.ClaimMCP, `{"command":[["rm","-rf","/"]]}`, etch.RiskHigh},
		{"start_process", etch.ClaimMCP, `{"command":"ls","args":{"0":"-l"}}`, etch.RiskHigh},
		{"start_process", etch.ClaimMCP, `{"args":["-l",{}],"command":"ls"}`, etch.RiskHigh},
		{"start_process", etch.ClaimMCP, `{"command":"rm -rf /","args":{}}`, etch.RiskCritical},
		{"start_process", etch.ClaimMCP, `{"command":["ls",1],"args":null}`, etch.RiskLow},
		{"start_process", etch.ClaimMCP, `{"command":null,"args":[]}`, etch.RiskLow},
		{"start_process", etch.ClaimMCP, `{"command":{},"a":`, etch.RiskHigh},
		{"start_process", etch.ClaimMCP, `{"a":1,"command":NaN}`, etch.RiskHigh},
		// A text behind a command is a piece of shell, a word, or words.
		{"run", etch.ClaimMCP, `{"command":"sh","args":"-c 'rm -rf /'"}`, etch.RiskCritical},
		{"run", etch.ClaimMCP, `{"command":"sh -c","args":"rm -rf /"}`, etch.RiskCritical},
		{"run", etch.ClaimMCP, `{"command":["bash","-c"],"args":"rm -rf /"}`, etch.RiskCritical},
		{"run", etch.ClaimMCP, `{"command":"rm","args":"# -rf /"}`, etch.RiskCritical},
		{"run", etch.ClaimMCP, `{"command":"job","args":"sh -c 'rm -rf /'"}`, etch.RiskCritical},
		{"run", etch.ClaimMCP, `{"command":"job","args":"-- /bin/bash -c \"rm -rf /\""}`, etch.RiskCritical},
		{"run", etch.ClaimMCP, `{"args":["x","SH.EXE","-c","rm -rf /"],"command":"job"}`, etch.RiskCritical},
		{"run", etch.ClaimMCP, `{"command":"job","args":"` + strings.Repeat("sh ", 17) + `-c ls"}`, etch.RiskHigh},
		{"run", etch.ClaimMCP, `{"command":"job","args":"sh -c ls"}`, etch.RiskLow},
		{"run", etch.ClaimMCP, `{"command":"git","args":"commit -m 'rm -rf /'"}`, etch.RiskLow},
		{"run", etch.ClaimMCP, `{"command":"grep","args":["sh -c 'rm -rf /'","file"]}`, etch.RiskLow},
		{"forward", etch.ClaimMCP, `{"name":"x","arguments":{"path":"/a"}}`, etch.RiskLow}, // follows no command
		// Deeper, and in texts.
		{"forward", etch.ClaimMCP, `{"name":"x","arguments":{"command":"rm -rf /"}}`, etch.RiskCritical},
		{"run", etch.ClaimMCP, `{"params":{"cmd":"rm","args":["-rf","/"]}}`, etch.RiskCritical},
		{"run", etch.ClaimMCP, `{"steps":[{"command":"ls"},{"Command":"rm -rf /"}]}`, etch.RiskCritical},
		{"run", etch.ClaimMCP, `{"a":1e999,"params":"{\"c\\u006fmmand\":\"rm -rf /\"}"}`, etch.RiskCritical},
		{"run", etch.ClaimMCP, `"{\"command\":\"rm -rf /\"}"`, etch.RiskCritical},
		{"run", etch.ClaimMCP, `[{"command":"rm -rf /"}]`, etch.RiskCritical},
		{"run", etch.ClaimMCP, `{"command":" [\"rm\", \"-rf\", \"/\"]"}`, etch.RiskCritical},
		{"run", etch.ClaimMCP, `{"command":"[\"rm\"]","args":"[\"-rf\",\"/\"]"}`, etch.RiskCritical},
		{"run", etch.ClaimMCP, `{"command":"rm","args":"[\"-rf\",\"/\"]"}`, etch.RiskCritical},
		{"run", etch.ClaimMCP, `{"command":{"command":"rm -rf /"}}`, etch.RiskCritical},
		{"run", etch.ClaimMCP, `{"params":{"command":"job","args":{"0":"-l"}}}`, etch.RiskHigh},
		{"run", etch.ClaimMCP, strings.Repeat(`{"command":`, 20) + `"ls"` + strings.Repeat("}", 20), etch.RiskHigh},
		{"run", etch.ClaimMCP, `{"params":{"command":"rm -rf /"},"x":NaN}`, etch.RiskCritical},
		{"schema", etch.ClaimMCP, `{"properties":{"command":{"type":"string"},"args":{"type":"array"}}}`, etch.RiskLow},
		{"write", etch.ClaimMCP, `{"text":"[ -e command ] && rm -rf /"}`, etch.RiskLow},
		{"file_write", etch.ClaimMCP, `{"meta":{"command":"ls"}}`, etch.RiskMedium}, // its label
		{"note", "", `{"a":{"command":"rm -rf /"}}`, etch.RiskLow},
	} {
		got, reasons := danger.Of(&etch.Event{Action: &etch.Action{Tool: test.tool, ClaimSource: test.source, Arguments: json.RawMessage(test.arguments)}})
		if got != test.want || (got == etch.RiskLow) != (len(reasons) == 0) {
			t.Errorf("%s %s: got %s %q, want %s", test.tool, test.arguments, got, reasons, test.want)
		}
	}
}
