package risk

import (
	"errors"
	"strings"
	"testing"
)

func TestToolOf(t *testing.T) {
	tests := []struct{ name, privilege, sanitization string }{
		{"shell", "high", "env_blocklist + command_blocklist"},
		{"shell_exec", "high", "env_blocklist + command_blocklist"},
		{"shellfish", "high", "env_blocklist + command_blocklist"},
		{"bash", "high", "env_blocklist + command_blocklist"},
		{"bash_tool", "low", "schema_only"},
		{"exec", "high", "env_blocklist + command_blocklist"},
		{"execute", "low", "schema_only"},
		{"web_scrape", "medium", "validate_url + SSRF + domain_policy"},
		{"web_scrape_page", "medium", "validate_url + SSRF + domain_policy"},
		{"fetch", "medium", "validate_url + SSRF + domain_policy"},
		{"fetch_url", "low", "schema_only"},
		{"scrape", "medium", "validate_url + SSRF + domain_policy"},
		{"scraper", "medium", "validate_url + SSRF + domain_policy"},
		{"file", "medium", "path_sandbox"},
		{"file_read", "medium", "path_sandbox"},
		{"file_write", "medium", "path_sandbox"},
		{"files", "medium", "path_sandbox"},
		{"Shell", "low", "schema_only"},
		{"memory_search", "low", "schema_only"},
		{"", "low", "schema_only"},
	}
	for _, tt := range tests {
		want := Tool{tt.name, tt.privilege, tt.sanitization}
		if got := ToolOf(tt.name); got != want {
			t.Errorf("ToolOf(%q) = %+v, want %+v", tt.name, got, want)
		}
	}
}

func TestWriteToolSummaryQuotes(t *testing.T) {
	var b strings.Builder
	if err := WriteToolSummary(&b, []string{"x\ny", "", "a=b"}); err != nil {
		t.Fatal(err)
	}
	want := `tool risk summary tool="x\ny" privilege_level=low expected_sanitization=schema_only
tool risk summary tool="" privilege_level=low expected_sanitization=schema_only
tool risk summary tool="a=b" privilege_level=low expected_sanitization=schema_only
`
	if got := b.String(); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestWriteToolSummaryError(t *testing.T) {
	broken := errors.New("disk full")
	if err := WriteToolSummary(brokenWriter{broken}, []string{"bash"}); !errors.Is(err, broken) {
		t.Errorf("WriteToolSummary = %v, want %v", err, broken)
	}
	if err := WriteToolSummary(brokenWriter{broken}, nil); err != nil {
		t.Errorf("WriteToolSummary of no tools = %v, want nil", err)
	}
}
