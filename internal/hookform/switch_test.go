package hookform_test

import (
	"testing"

	"github.com/etch-audit/etch/internal/hookform"
)

func TestJudgeSwitch(t *testing.T) {
	const fine, strange, idle = hookform.Fine, hookform.Strange, hookform.Idle
	for _, test := range []struct {
		agent, member, value string
		want                 hookform.Verdict
	}{
		{"qwen", "disableAllHooks", "", fine},
		{"qwen", "disableAllHooks", "true", idle},
		{"qwen", "disableAllHooks", "false", fine},
		{"qwen", "disableAllHooks", " 1 ", idle},
		{"qwen", "disableAllHooks", "0", strange},
		{"qwen", "disableAllHooks", "-0.0e5", strange},
		{"qwen", "disableAllHooks", "0.1", idle},
		{"qwen", "disableAllHooks", `"true"`, idle},
		{"qwen", "disableAllHooks", `"false"`, idle},
		{"qwen", "disableAllHooks", `""`, strange},
		{"qwen", "disableAllHooks", "{}", idle},
		{"qwen", "disableAllHooks", "[]", idle},
		{"qwen", "disableAllHooks", "null", strange},
		{"copilot", "disableAllHooks", "1", idle},
		{"claude-code", "disableAllHooks", "true", idle},
		{"claude-code", "disableAllHooks", "1", strange},
		{"claude-code", "disableAllHooks", "false", fine},
		{"gemini", "hooksConfig.enabled", "true", fine},
		{"gemini", "hooksConfig.enabled", "false", idle},
		{"gemini", "hooksConfig.enabled", "0", idle},
		{"gemini", "hooksConfig.enabled", `""`, idle},
		{"gemini", "hooksConfig.enabled", `"false"`, strange},
		{"gemini", "hooksConfig.enabled", "null", strange},
		{"gemini", "hooksConfig.enabled", "", fine},
	} {
		if got := hookform.JudgeSwitch(test.agent, test.member, []byte(test.value)); got != test.want {
			t.Errorf("%s %s %s: %d, want %d", test.agent, test.member, test.value, got, test.want)
		}
	}
}

func TestDisables(t *testing.T) {
	for _, test := range []struct {
		list, name, command string
		want                bool
	}{
		{`["a","x"]`, `"x"`, `"etch"`, true},
		{`["a","\u0078"]`, `"x"`, `"etch"`, true},
		{`["etch"]`, `"x"`, `"etch"`, false}, // it goes by its name
		{`["etch"]`, ``, `"etch"`, true},
		{`["etch"]`, `""`, `"etch"`, true},
		{`["etch"]`, `null`, `"etch"`, true},
		{`[null]`, ``, ``, false},
		{`[]`, `"x"`, `"etch"`, false},
		{``, `"x"`, `"etch"`, false},
		{`{"x":1}`, `"x"`, `"etch"`, false},
		{`"a x b"`, `"x"`, `"etch"`, true},
		{`"a"`, `"x"`, `"etch"`, false},
		{`[5]`, `5`, `"etch"`, true},
		{`["5"]`, `5`, `"etch"`, false},
		{`[["x"],{"x":"x"}]`, `"x"`, ``, false},
		{`["x"`, `"x"`, ``, false},
	} {
		if got := hookform.Disables([]byte(test.list), []byte(test.name), []byte(test.command)); got != test.want {
			t.Errorf("%s of %s, %s: %v, want %v", test.list, test.name, test.command, got, test.want)
		}
	}
}
