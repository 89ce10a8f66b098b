package risk

import (
	"bufio"
	"os"
	"strings"
	"testing"
)

// tableRow is one line of testdata/commands.tsv.
type tableRow struct {
	line    int
	level   Level
	rule    string // "-" for none
	command string
}

// readTable reads testdata/commands.tsv: level, first rule id or "-", command,
// separated by tabs. A line feed in the command is written as U+2424.
func readTable(t testing.TB) []tableRow {
	t.Helper()
	f, err := os.Open("testdata/commands.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	var rows []tableRow
	scanner := bufio.NewScanner(f)
	for n := 1; scanner.Scan(); n++ {
		line := scanner.Text()
		if line == "" || strings.HasPrefix(line, "##") {
			continue
		}
		parts := strings.SplitN(line, "\t", 3)
		if len(parts) != 3 {
			t.Fatalf("line %d: got %d fields, want 3: %q", n, len(parts), line)
		}
		level, err := ParseLevel(parts[0])
		if err != nil {
			t.Fatalf("line %d: %v", n, err)
		}
		rows = append(rows, tableRow{n, level, parts[1], strings.ReplaceAll(parts[2], "␤", "\n")})
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// firstRule returns the rule id of the riskiest reason, "-" for none.
func firstRule(a Assessment) string {
	if len(a.Reasons) == 0 {
		return "-"
	}
	id, _, _ := strings.Cut(a.Reasons[0], ": ")
	return id
}

func TestCommandTable(t *testing.T) {
	rows := readTable(t)
	harmless := 0
	seen := map[string]int{}
	for _, r := range rows {
		if before, ok := seen[r.command]; ok {
			t.Errorf("line %d: %q stands on line %d already", r.line, r.command, before)
		}
		seen[r.command] = r.line
		if r.level == Low {
			harmless++
		}
		got := Command(r.command)
		checkInvariants(t, got)
		if got.Level != r.level || firstRule(got) != r.rule {
			t.Errorf("line %d: Command(%q) = %v %q, want %v %s", r.line, r.command, got.Level, got.Reasons, r.level, r.rule)
		}
	}
	if len(rows) < 320 || harmless < 110 {
		t.Errorf("got %d commands, %d of them harmless, want at least 320 and 110", len(rows), harmless)
	}
}

// checkInvariants checks what holds for every assessment.
func checkInvariants(t *testing.T, a Assessment) {
	t.Helper()
	if a.Level > Critical {
		t.Errorf("got level %v, want one of the four", a.Level)
	}
	if (len(a.Reasons) == 0) != (a.Level == Low) {
		t.Errorf("got level %v with reasons %q, want reasons exactly above low", a.Level, a.Reasons)
	}
	if a.Unparsed && a.Level < High {
		t.Errorf("got level %v of something unparsed, want at least high", a.Level)
	}
	if len(a.Reasons) > maxReasons {
		t.Errorf("got %d reasons, want at most %d", len(a.Reasons), maxReasons)
	}
	seen := map[string]bool{}
	for _, r := range a.Reasons {
		id, detail, ok := strings.Cut(r, ": ")
		if !ok || id == "" || detail == "" || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz-") != "" {
			t.Errorf("got reason %q, want <rule-id>: <detail>", r)
		}
		if seen[r] {
			t.Errorf("got reason %q twice", r)
		}
		if strings.ContainsAny(r, "\n\r\x1b\x00") {
			t.Errorf("got reason %q with control characters", r)
		}
		seen[r] = true
	}
}
