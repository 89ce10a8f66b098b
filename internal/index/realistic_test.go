package index_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// A trail makes events like those of agents at work: 2,000 users of whom a few
// do most, 64 sessions at a time, risks at 80, 15, 4.5 and 0.5 %, lines of
// about 512 bytes.
type trail struct {
	rand     *rand.Rand
	zipf     *rand.Zipf
	now      time.Time
	step     time.Duration
	sessions [64]trailSession
	seq      int
}

type trailSession struct {
	id   string
	user int
	cwd  string
	left int
}

var trailStart = time.Date(2026, 2, 16, 0, 0, 0, 0, time.UTC)

func newTrail(seed uint64, step time.Duration) *trail {
	r := rand.New(rand.NewPCG(seed, 1))
	return &trail{rand: r, zipf: rand.NewZipf(r, 1.05, 1, 1999), now: trailStart, step: step}
}

func (t *trail) word(n int) string {
	const digits = "0123456789abcdefghjkmnpqrstvwxyz"
	b := make([]byte, n)
	for i := range b {
		b[i] = digits[t.rand.IntN(len(digits))]
	}
	return string(b)
}

func (t *trail) pick(from []string) string { return from[t.rand.IntN(len(from))] }

// next returns the next record.
func (t *trail) next() *record {
	t.now = t.now.Add(time.Duration(t.rand.Float64() * 2 * float64(t.step))).Truncate(time.Microsecond)
	s := &t.sessions[t.rand.IntN(len(t.sessions))]
	if s.left == 0 {
		user := int(t.zipf.Uint64())
		*s = trailSession{"s-" + t.word(8), user, "/home/user/" + t.pick(trailWords), 10 + t.rand.IntN(60)}
	}
	s.left--
	names := []string{"alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy"}
	name := "@" + names[s.user%10]
	if n := s.user / 10; n > 0 {
		name += strconv.Itoa(n)
	}
	r := &record{time: t.now, hasTime: true}
	r.set(fieldUser, name)
	r.set(fieldUserID, strconv.Itoa(10_000+s.user*7919))
	r.set(fieldChannel, []string{"cli", "telegram", "slack"}[s.user%3])
	r.set(fieldSession, s.id)
	risk := "low"
	switch n := t.rand.IntN(1000); {
	case n >= 995:
		risk = "critical"
	case n >= 950:
		risk = "high"
	case n >= 800:
		risk = "medium"
	}
	r.set(fieldRisk, risk)
	outcome := "success"
	if t.rand.IntN(12) == 0 {
		outcome = t.pick([]string{"error", "timeout", "error", "error"})
	}
	r.set(fieldViolation, strconv.FormatBool(t.rand.IntN(100) == 0))
	r.set(fieldOutcome, outcome)
	t.act(r, s)
	r.line = t.line(r, s)
	t.seq++
	return r
}

func (t *trail) act(r *record, s *trailSession) {
	switch n := t.rand.IntN(100); {
	case n < 75:
		r.set(fieldType, "command_execution")
		command := t.fill(t.pick(trailCommands))
		if t.rand.IntN(10) == 0 {
			command = "cd " + t.pick(trailWords) + " && " + command + " && " + t.fill(t.pick(trailCommands))
		}
		if t.rand.IntN(100) == 0 {
			for range 2 + t.rand.IntN(12) {
				command += fmt.Sprintf("\n\tif err := %s(%q); err != nil {", t.pick(trailWords), t.pick(trailFiles))
			}
		}
		r.set(fieldCommand, command)
		r.text = append(r.text, command)
	case n < 92:
		r.set(fieldType, "file_access")
		r.set(fieldTool, "file_write")
		resource := s.cwd + "/" + t.pick(trailFiles)
		r.set(fieldResource, resource)
		r.text = append(r.text, resource)
	default:
		r.set(fieldType, t.pick([]string{"tool_call", "network_egress"}))
		r.set(fieldTool, t.pick([]string{"mcp_search", "fetch"}))
		r.text = append(r.text, `{"query":"`+t.pick(trailWords)+" "+t.pick(trailWords)+`","limit":20}`)
	}
}

func (t *trail) fill(template string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(template, "%")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		switch after[0] {
		case 'f':
			b.WriteString(t.pick(trailFiles))
		case 'w':
			b.WriteString(t.pick(trailWords))
		case 'n':
			b.WriteString(strconv.Itoa(1 + t.rand.IntN(400)))
		case 'x':
			b.WriteString(t.word(12))
		}
		template = after[1:]
	}
}

// line returns the record as it would be stored. What an index is told does not
// depend on it: only its length does.
func (t *trail) line(r *record, s *trailSession) string {
	return fmt.Sprintf(`{"seq":%d,"timestamp":%q,"event_id":"evt_%s","event_type":%q,"session_id":%q,`+
		`"actor":{"channel":%q,"user_id":%q,"username":%q},"action":{"command":%q,"risk_level":%q,"approved":true,"allowed":true},`+
		`"result":{"success":true,"type":%q,"exit_code":0,"duration_ms":%d},"security":{"policy_violation":false},"signature":"SHA256:%s"}`,
		t.seq, t.now.Format("2006-01-02T15:04:05.000000Z"), t.word(26), r.one(fieldType), s.id,
		r.one(fieldChannel), r.one(fieldUserID), r.one(fieldUser), strings.Join(r.text, " "), r.one(fieldRisk),
		r.one(fieldOutcome), t.rand.IntN(2000), t.word(43))
}

var (
	trailCommands = []string{
		`ls -la`, `git status --short`, `git diff --stat HEAD~%n`, `git log --oneline -n %n -- %f`,
		`go test ./internal/%w -run 'Test%w' -count=1`, `go build ./... 2>&1 | head -n %n`,
		`cat %f | head -n %n`, `sed -n '%n,%np' %f`, `rg -n "%w" --type go -g '!vendor' | head -%n`,
		`grep -rn "func (%w \*%w)" --include='*.go' .`, `find . -name '*.%w' -newer %f -not -path './.git/*'`,
		`python3 -m pytest tests/test_%w.py -q -k "%w and not slow"`, `npm run lint -- --max-warnings=%n`,
		`jq '.%w[] | {%w, %w}' %f`, `echo "größe: $(du -sh %f | cut -f1)"`, `make %w`,
		`npm install --save-dev %w@%n`, `git commit -am "fix: %w in %w"`, `git push origin %w-%n`, `git show %x`,
		`docker build -t %w:%n -f %f .`, `curl -fsSL https://example.com/%w/v%n.tar.gz -o /tmp/%x`, `mv %f %f`,
		`rm -rf ./build/%w`, `sudo systemctl restart %w`, `chmod -R 777 %f`, `psql -c 'DROP DATABASE %w'`,
	}
	trailFiles = []string{
		"main.go", "internal/server/handler.go", "pkg/store/store_test.go", "README.md", "src/components/Table.tsx",
		"config/production.yaml", "go.mod", "package.json", "migrations/0042_add_index.sql", "tests/test_billing.py",
		"docs/guide/größen.md", "Cargo.toml", "scripts/deploy.sh", "deploy/values.yaml",
	}
	trailWords = []string{
		"server", "store", "index", "cache", "parser", "invoice", "queue", "worker", "gateway", "report", "metric",
		"search", "upload", "retry", "schema", "render", "cursor", "merge", "policy", "segment",
	}
)
