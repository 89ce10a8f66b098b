package question

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// fakeName is the name under which the test's program is an etch that knows
// nothing but the questions. It shows that the harness asks as it should and
// heeds the answers.
const fakeName = "fake-etch"

func TestMain(m *testing.M) {
	if Child() {
		return
	}
	if filepath.Base(os.Args[0]) == fakeName {
		if err := fake(os.Args[1], os.Args[2:], os.Stdout); err != nil {
			_, _ = fmt.Fprintf(os.Stderr, "etch: error: %v\n", err) // there is nobody else to tell
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// fakeEtch returns the path of a fake etch.
func fakeEtch(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), fakeName)
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func fake(subcommand string, args []string, out io.Writer) error {
	if subcommand == "version" {
		_, err := fmt.Fprintln(out, "fake")
		return err
	}
	dir := filepath.Dir(flagOf(args, "--log"))
	switch subcommand {
	case "index":
		return fakeIndex(dir)
	case "archive":
		return fakeArchive(dir)
	case "audit":
		return fakeAudit(dir, args, out)
	default:
		return fmt.Errorf("unknown command %q", subcommand)
	}
}

func fakeIndex(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, indexDir), 0o700); err != nil {
		return err
	}
	all, err := fakeSegments(dir)
	for _, path := range all[:len(all)-1] {
		number := strings.Split(filepath.Base(path), ".")[1]
		if err := os.WriteFile(filepath.Join(dir, indexDir, number+".idx"), []byte("x"), 0o600); err != nil {
			return err
		}
	}
	return err
}

func fakeArchive(dir string) error {
	rotated, err := rotatedSegments(dir)
	for _, path := range rotated {
		if err := os.Rename(path, path+".zst"); err != nil {
			return err
		}
	}
	return err
}

// fakeSegments returns plain and "archived" segments.
func fakeSegments(dir string) ([]string, error) {
	archived, err := filepath.Glob(filepath.Join(dir, "audit.[0-9]*.log.zst"))
	if err != nil {
		return nil, err
	}
	plain, err := segments(dir)
	return append(archived, plain...), err
}

func fakeAudit(dir string, args []string, out io.Writer) error {
	paths, err := fakeSegments(dir)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	for _, path := range paths {
		if err := appendFile(&text, path); err != nil {
			return err
		}
	}
	counts := map[string]int{}
	var lines []string
	for line := range strings.Lines(text.String()) {
		if !strings.Contains(line, fakeNeedle(args)) {
			continue
		}
		var l aLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			return err
		}
		if fakeMatch(args, &l) {
			counts[l.Actor.Username]++
			lines = append(lines, line)
		}
	}
	if slices.Contains(args, "--count-by") {
		return fakeCounts(counts, out)
	}
	if slices.Contains(args, "-n") {
		lines = slices.Repeat([]string{"1 record\n"}, 20)
	}
	_, err = io.WriteString(out, strings.Join(lines, ""))
	return err
}

// fakeNeedle returns what every line has that matches; where all do, only a few.
func fakeNeedle(args []string) string {
	switch {
	case slices.Contains(args, "--user"):
		return flagOf(args, "--user")
	case slices.Contains(args, "--violations-only"):
		return `"policy_violation":true`
	case slices.Contains(args, "--where"):
		return `,"risk_reasons":[`
	case slices.Contains(args, "--grep"):
		return flagOf(args, "--grep")
	default:
		return `"event_type":"log_`
	}
}

func fakeMatch(args []string, l *aLine) bool {
	switch {
	case slices.Contains(args, "--user"):
		return l.Actor.Username == flagOf(args, "--user")
	case slices.Contains(args, "--violations-only"):
		since, err := time.Parse(time.RFC3339, flagOf(args, "--since"))
		until, err2 := time.Parse(time.RFC3339, flagOf(args, "--until"))
		return err == nil && err2 == nil && l.Security.Violation && !l.Timestamp.Before(since) && l.Timestamp.Before(until)
	case flagOf(args, "--where") == "risk >= high and type = command_execution":
		return l.Type == "command_execution" && (l.Action.Risk == "high" || l.Action.Risk == "critical")
	case slices.Contains(args, "--grep") && slices.Contains(args, "-F"):
		return strings.Contains(l.Action.Command, flagOf(args, "--grep"))
	default:
		return true
	}
}

func fakeCounts(counts map[string]int, out io.Writer) error {
	groups := []map[string]any{}
	for user, n := range counts {
		groups = append(groups, map[string]any{"user": user, "count": n})
	}
	return json.NewEncoder(out).Encode(groups)
}

// flagOf returns the argument behind a flag, or "".
func flagOf(args []string, name string) string {
	if i := slices.Index(args, name); i >= 0 && i+1 < len(args) {
		return args[i+1]
	}
	return ""
}
