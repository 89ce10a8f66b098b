package redact_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/corpus"
	"github.com/etch-audit/etch/redact"
)

// classes are the corpus' classes by the rules that find them. A rule that
// stands for several counts where it is mostly used.
var classes = map[string][]string{
	"assignment":  {"password", "token", "secret", "key", "credentials"},
	"header":      {"authorization", "cookie"},
	"jwt":         {"jwt"},
	"private-key": {"private-key", "age-key", "note-key"},
	"url":         {"url-password", "url-token", "signature"},
	"provider": {
		"aws-key-id", "github-token", "gitlab-token", "google-key", "slack-token", "stripe-key", "openai-key", "anthropic-key", "huggingface-token",
		"npm-token", "pypi-token", "sendgrid-key", "twilio-key", "digitalocean-token", "databricks-token", "vault-token", "telegram-token",
		"discord-token", "service-token",
	},
}

// A score counts what masking found of one class.
type score struct{ secrets, found, false int }

func (s score) recall() float64    { return float64(s.found) / float64(s.secrets) }
func (s score) precision() float64 { return float64(s.found) / float64(s.found+s.false) }

var ruleInMask = regexp.MustCompile(`\[REDACTED:([a-z-]+)\]`)

// TestCorpus measures recall and precision on the corpus and asks for 95 % of
// each class of rules.
func TestCorpus(t *testing.T) {
	secrets, harmless := corpus.Secrets(), corpus.Harmless()
	if len(secrets) < 500 || len(harmless) < 500 {
		t.Errorf("got %d texts with secrets and %d without, want 500 of each", len(secrets), len(harmless))
	}
	classOf := make(map[string]string)
	for class, rules := range classes {
		for _, r := range rules {
			classOf[r] = class
		}
	}
	for _, r := range redact.Rules() {
		if classOf[r] == "" {
			t.Errorf("the rule %s has no class", r)
		}
	}
	scores := make(map[string]score)
	for _, c := range secrets {
		s := scores[c.Class]
		s.secrets++
		masked, n := redact.Text(c.Text)
		if strings.Contains(masked, c.Secret) || n == 0 {
			t.Logf("secrets.txt:%d: not found: %q", c.Line, c.Text)
		} else {
			s.found++
		}
		scores[c.Class] = s
	}
	for _, c := range harmless {
		masked, _ := redact.Text(c.Text)
		for _, m := range ruleInMask.FindAllStringSubmatch(masked, -1) {
			s := scores[classOf[m[1]]]
			s.false++
			scores[classOf[m[1]]] = s
			t.Logf("harmless.txt:%d: masked: %q", c.Line, masked)
		}
	}
	for _, class := range slices.Sorted(maps.Keys(scores)) {
		s := scores[class]
		t.Logf("%-12s %3d secrets, recall %5.1f %%, precision %5.1f %%", class, s.secrets, 100*s.recall(), 100*s.precision())
		if s.recall() < 0.95 || s.precision() < 0.95 {
			t.Errorf("%s: recall %.3f, precision %.3f, want 0.95 of each", class, s.recall(), s.precision())
		}
	}
}
