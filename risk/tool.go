package risk

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Tool is a row of the tool inventory: a label that the design puts on a tool
// by its name. It says what a tool of that name may do and which sanitization
// its inputs are expected to go through; it does not say that the
// sanitization exists or works.
type Tool struct {
	Name                 string
	PrivilegeLevel       string // "high": runs commands, "medium": network or files, "low": schema-checked parameters
	ExpectedSanitization string
}

var toolClasses = []struct {
	prefixes, names         []string
	privilege, sanitization string
}{
	{[]string{"shell"}, []string{"bash", "exec"}, "high", "env_blocklist + command_blocklist"},
	{[]string{"web_scrape", "scrape"}, []string{"fetch"}, "medium", "validate_url + SSRF + domain_policy"},
	{[]string{"file"}, nil, "medium", "path_sandbox"},
}

// ToolOf returns the inventory's row for a tool name. Matching is by exact name
// or by prefix, case-sensitive, the first class that matches.
func ToolOf(name string) Tool {
	for _, class := range toolClasses {
		if slices.Contains(class.names, name) {
			return Tool{name, class.privilege, class.sanitization}
		}
		for _, p := range class.prefixes {
			if strings.HasPrefix(name, p) {
				return Tool{name, class.privilege, class.sanitization}
			}
		}
	}
	return Tool{name, "low", "schema_only"}
}

// WriteToolSummary writes one line a tool, in the order given:
//
//	tool risk summary tool=bash privilege_level=high expected_sanitization="env_blocklist + command_blocklist"
//
// Values that hold anything but plain printable characters are quoted as Go
// strings, so a tool's name can never start a line of its own. It returns
// the writer's first error.
func WriteToolSummary(w io.Writer, tools []string) error {
	for _, name := range tools {
		t := ToolOf(name)
		_, err := fmt.Fprintf(w, "tool risk summary tool=%s privilege_level=%s expected_sanitization=%s\n",
			summaryValue(t.Name), summaryValue(t.PrivilegeLevel), summaryValue(t.ExpectedSanitization))
		if err != nil {
			return fmt.Errorf("write tool summary: %w", err)
		}
	}
	return nil
}

func summaryValue(s string) string {
	plain := s != ""
	for _, r := range s {
		if r <= ' ' || r > '~' || r == '"' || r == '=' || r == '\\' {
			plain = false
		}
	}
	if plain {
		return s
	}
	return fmt.Sprintf("%+q", s)
}
