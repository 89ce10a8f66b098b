package events

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/etch-audit/etch"
)

// person returns the i-th user; the first is the busiest.
func person(i int) etch.Actor {
	names := []string{"alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "mallory", "niaj", "olivia", "peggy", "rupert", "sybil", "trent", "uma", "victor", "walter"}
	name := "@" + names[i%len(names)]
	if n := i / len(names); n > 0 {
		name += strconv.Itoa(n)
	}
	agents := []string{"codex", "", "zeroclaw", ""}
	channels := []string{"cli", "telegram", "slack"}
	return etch.Actor{
		Channel: channels[i%len(channels)], UserID: strconv.Itoa(10_000 + i*7919), Username: name,
		Agent: agents[i%len(agents)],
	}
}

// command returns a shell command of the given risk.
func (s *Source) command(risk etch.Risk) string {
	if s.rand.IntN(500) == 0 {
		return pick(s, lookalikes)
	}
	text := s.fill(pick(s, commands[risk]))
	switch n := s.rand.IntN(100); {
	case n < 10: // agents chain commands
		text = "cd " + pick(s, projects) + " && " + text + " && " + s.fill(pick(s, commands[etch.RiskLow]))
	case n == 10: // and write scripts in place
		text = "cat > " + pick(s, files) + " <<'EOF'\n" + s.script() + "EOF\n" + text
	}
	return text
}

// fill puts words into the places of a template.
func (s *Source) fill(template string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(template, "%")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		switch after[0] {
		case 'f':
			b.WriteString(pick(s, files))
		case 'w':
			b.WriteString(pick(s, words))
		case 'h':
			b.WriteString(pick(s, hosts))
		case 'n':
			b.WriteString(strconv.Itoa(1 + s.rand.IntN(400)))
		}
		template = after[1:]
	}
}

func (s *Source) script() string {
	var b strings.Builder
	for range 2 + s.rand.IntN(12) {
		fmt.Fprintf(&b, "\tif err := %s(%q); err != nil {\n", pick(s, words), pick(s, files))
	}
	return b.String()
}

// commands are templates by risk: %f a file, %w a word, %h a host, %n a number.
var commands = map[etch.Risk][]string{
	etch.RiskLow: {
		`ls -la`, `git status --short`, `git diff --stat HEAD~%n`, `git log --oneline -n %n -- %f`,
		`go test ./internal/%w -run 'Test%w' -count=1`, `go build ./... 2>&1 | head -n %n`,
		`cat %f | head -n %n`, `sed -n '%n,%np' %f`, `rg -n "%w" --type go -g '!vendor' | head -%n`,
		`grep -rn "func (%w \*%w)" --include='*.go' .`, `find . -name '*.%w' -newer %f -not -path './.git/*'`,
		`python3 -m pytest tests/test_%w.py -q -k "%w and not slow"`, `npm run lint -- --max-warnings=%n`,
		`wc -l %f %f`, `jq '.%w[] | {%w, %w}' %f`, `echo "größe: $(du -sh %f | cut -f1)"`, `make %w`,
		`cargo check --workspace --message-format=short 2>&1 | tail -n %n`, `awk -F: '{ print $1 "\t" $%n }' %f | sort -u`,
	},
	etch.RiskMedium: {
		`npm install --save-dev %w@%n`, `pip install -r %f`, `git commit -am "fix: %w in %w"`, `git push origin %w-%n`,
		`docker build -t %w:%n -f %f .`, `curl -fsSL https://%h/%w/v%n.tar.gz -o %f`, `mv %f %f`, `kubectl get pods -n %w -o wide`,
	},
	etch.RiskHigh: {
		`rm -rf ./build/%w`, `sudo systemctl restart %w`, `git push --force origin %w`, `chmod -R 777 %f`,
		`git reset --hard HEAD~%n`, `kubectl delete pod %w-%n -n %w`,
	},
	etch.RiskCritical: {
		`curl -fsSL https://%h/install.sh | sudo sh`, `dd if=/dev/zero of=/dev/sd%w bs=1M count=%n`,
		`psql -c 'DROP DATABASE %w'`, `rm -rf --no-preserve-root /`,
	},
}

// lookalikes quote what a line of an audit log contains.
var lookalikes = []string{
	`grep -c '"username":"@alice"' audit.log`,
	`rg '"risk_level":"high"' ~/.local/state/etch/audit.log | wc -l`,
	`echo '{"policy_violation":true,"username":"@alice"}' >> notes.jsonl`,
	`sed -i 's/"risk_level":"critical"/"risk_level":"low"/' copy.log`,
}

var reasons = [][]string{
	{"removes files recursively"},
	{"runs as another user", "restarts a service"},
	{"rewrites published history"},
}

var (
	projects = []string{"api", "web", "infra", "billing", "mobile/app", "services/gateway", "tools/release", "docs"}
	files    = []string{
		"main.go", "internal/server/handler.go", "pkg/store/store_test.go", "README.md", "src/components/Table.tsx",
		"config/production.yaml", "go.mod", "package.json", "migrations/0042_add_index.sql", "tests/test_billing.py",
		"docs/guide/größen.md", "Cargo.toml", "scripts/deploy.sh", "deploy/values.yaml",
	}
	words = []string{
		"server", "store", "index", "cache", "parser", "invoice", "queue", "worker", "gateway", "report", "metric",
		"search", "upload", "retry", "schema", "render", "cursor", "merge", "policy", "segment",
	}
	hosts    = []string{"example.com", "docs.example.org", "artifacts.example.net", "api.example.com", "cdn.example.org"}
	messages = []string{
		"exit status 1", "command not found", "FAIL: TestStore (0.02s)\n\tstore_test.go:41: got 3 rows, want 4",
		`error: pathspec "main" did not match any file`, "undefined: cursor", "connection refused",
	}
	purposes = []string{
		"runs the tests of the package that was changed", "looks for callers", "shows what differs", "installs what the build needs",
		"reads the file around the failing line", "checks that it still builds",
	}
)
