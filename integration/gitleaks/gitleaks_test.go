package gitleaks

import (
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/corpus"
	"github.com/etch-audit/etch/redact"
	"github.com/zricethezav/gitleaks/v8/detect"
)

// TestFindsWhatGitleaksFinds shows that no secret of the corpus that gitleaks
// finds is left in masked text, and counts what each finds.
func TestFindsWhatGitleaksFinds(t *testing.T) {
	detector, err := detect.NewDetectorDefaultConfig()
	if err != nil {
		t.Fatal(err)
	}
	cases := corpus.Secrets()
	theirs, ours := 0, 0
	for _, c := range cases {
		masked, _ := redact.Text(c.Text)
		if !strings.Contains(masked, c.Secret) {
			ours++
		}
		findings := detector.DetectString(c.Text)
		if len(findings) > 0 {
			theirs++
		}
		for _, f := range findings {
			if strings.Contains(masked, f.Secret) {
				t.Errorf("secrets.txt:%d: gitleaks finds %q by its rule %s, and it is left in %q", c.Line, f.Secret, f.RuleID, masked)
			}
		}
	}
	if theirs == 0 {
		t.Error("gitleaks has found nothing: the comparison shows nothing")
	}
	falseTheirs, falseOurs := 0, 0
	harmless := corpus.Harmless()
	for _, c := range harmless {
		if _, n := redact.Text(c.Text); n > 0 {
			falseOurs++
		}
		if len(detector.DetectString(c.Text)) > 0 {
			falseTheirs++
		}
	}
	t.Logf("of %d secrets gitleaks finds %d, etch %d; of %d harmless texts gitleaks accuses %d, etch %d",
		len(cases), theirs, ours, len(harmless), falseTheirs, falseOurs)
}

func BenchmarkCommand(b *testing.B) {
	const command = `cd /home/me/src/project && go build -o ./bin/tool ./cmd/tool && git log --author=me | head -n 40 > /tmp/changes.txt`
	detector, err := detect.NewDetectorDefaultConfig()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("gitleaks", func(b *testing.B) {
		for b.Loop() {
			detector.DetectString(command)
		}
	})
	b.Run("etch", func(b *testing.B) {
		for b.Loop() {
			redact.Text(command)
		}
	})
}
