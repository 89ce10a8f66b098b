package hookform_test

import (
	"testing"

	"github.com/etch-audit/etch/internal/hookform"
	"github.com/google/go-cmp/cmp"
)

func TestJudge(t *testing.T) {
	for _, test := range []struct {
		name, value string
		want        hookform.Verdict
	}{
		{"matcher", `""`, hookform.Fine},
		{"matcher", `"\u002a"`, hookform.Fine},
		{"matcher", `"Bash"`, hookform.Idle},
		{"matcher", `null`, hookform.Fine},
		{"matcher", `7`, hookform.Idle},
		{"type", `"command"`, hookform.Fine},
		{"type", `"prompt"`, hookform.Idle},
		{"timeout", `5`, hookform.Fine},
		{"timeout", `5000`, hookform.Fine},
		{"timeout", `0.5`, hookform.Fine},
		{"timeout", `0`, hookform.Idle},
		{"timeout", `-1`, hookform.Idle},
		{"timeoutSec", `"5"`, hookform.Idle},
		{"async", `false`, hookform.Fine},
		{"async", `true`, hookform.Idle},
		{"async", `"yes"`, hookform.Idle},
		{"enabled", `false`, hookform.Idle},
		{"enabled", `true`, hookform.Fine},
		{"disabled", `true`, hookform.Idle},
		{"if", `"Bash(never:*)"`, hookform.Idle},
		{"onFailure", `"block"`, hookform.Fine},
		{"onFailure", `"other"`, hookform.Strange},
		{"statusMessage", `"recording"`, hookform.Fine},
		{"env", `{"A":"b"}`, hookform.Strange},
	} {
		if got := hookform.Judge(test.name, []byte(test.value)); got != test.want {
			t.Errorf("%s: %s is judged %d, want %d", test.name, test.value, got, test.want)
		}
	}
}

func TestWords(t *testing.T) {
	for _, test := range []struct {
		line    string
		windows bool
		words   []string
		plain   bool
	}{
		{"/usr/bin/etch-hook codex Stop --no-env", false, []string{"/usr/bin/etch-hook", "codex", "Stop", "--no-env"}, true},
		{" a\tb ", false, []string{"a", "b"}, true},
		{`'/opt/my $tools/e' "b c"`, false, []string{"/opt/my $tools/e", "b c"}, true},
		{`'it'\''s' a\ b`, false, []string{"it's", "a b"}, true},
		{`& 'C:\Program Files (x86)\e.exe' a`, true, []string{`C:\Program Files (x86)\e.exe`, "a"}, true},
		{`C:\x\e.exe a`, true, []string{`C:\x\e.exe`, "a"}, true},
		{"e a </dev/null", false, []string{"e", "a", "</dev/null"}, false},
		{"e a;true", false, []string{"e", "a;true"}, false},
		{"e a && b", false, []string{"e", "a", "&&", "b"}, false},
		{"e a\nb", false, []string{"e", "a", "b"}, false},
		{"e a # b", false, []string{"e", "a", "#", "b"}, false},
		{"e a#b", false, []string{"e", "a#b"}, true},
		{`e "$HOME/x"`, false, []string{"e", "$HOME/x"}, false},
		{`e \$x`, false, []string{"e", "$x"}, true},
		{"e `x`", false, []string{"e", "`x`"}, false},
		{"e 'a", false, []string{"e", "a"}, false},
		{"", false, nil, true},
	} {
		words, plain := hookform.Words(test.line, test.windows)
		if diff := cmp.Diff(words, test.words); diff != "" || plain != test.plain {
			t.Errorf("%s: plain %v, want %v; words (-got +want):\n%s", test.line, plain, test.plain, diff)
		}
	}
}
