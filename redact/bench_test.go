package redact_test

import (
	"strings"
	"testing"

	"github.com/etch-audit/etch/redact"
)

// cleanCommand is 300 bytes as agents write them, with nothing to mask.
const cleanCommand = `cd /home/me/src/project && go build -o ./bin/tool ./cmd/tool && git log --author=me --since="2 weeks ago" --pretty=format:'%h %s' | ` +
	`grep -v "^Merge" | head -n 40 > /tmp/changes.txt; curl -fsSL https://example.com/releases/v1.2.3/checksums.txt | sha256sum -c - && echo "done: $(date +%H:%M)" >> notes.md; ls`

func BenchmarkTextClean(b *testing.B) {
	b.SetBytes(int64(len(cleanCommand)))
	b.ReportAllocs()
	for b.Loop() {
		redact.Text(cleanCommand)
	}
}

func BenchmarkTextMasked(b *testing.B) {
	in := expand(`export GITHUB_TOKEN=ghp_{36}; ` + cleanCommand + ` && mysql -u root -phunter2 shop`)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		redact.Text(in)
	}
}

func BenchmarkJSONClean(b *testing.B) {
	in := []byte(`{"command":` + quote(cleanCommand) + `,"timeout":120,"description":"builds the tool"}`)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		redact.JSON(in)
	}
}

func BenchmarkArgvClean(b *testing.B) {
	in := strings.Fields(cleanCommand)
	b.ReportAllocs()
	for b.Loop() {
		redact.Argv(in)
	}
}

func BenchmarkHostile(b *testing.B) {
	for _, unit := range []string{"=", "a:a:a:", `password="`, "sk-ghp_", "a://b:c/", "mysql -u "} {
		in := strings.Repeat(unit, 1<<20/len(unit))
		b.Run(unit, func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				redact.Text(in)
			}
		})
	}
}

// quote returns s as a JSON string.
func quote(s string) string {
	return `"` + strings.NewReplacer(`"`, `\"`, `\`, `\\`).Replace(s) + `"`
}
