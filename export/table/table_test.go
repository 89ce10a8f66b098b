package table_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/export/table"
	"github.com/etch-audit/etch/internal/terminal"
)

var berlin = time.FixedZone("CET", 3600)

func call(seq uint64, at string, ev etch.Event) etch.Record {
	t, err := time.Parse(time.RFC3339Nano, at)
	if err != nil {
		panic("table: bad time of a test: " + at)
	}
	ev.Timestamp = t
	return etch.Record{Seq: seq, Event: ev}
}

// samples are one record of each kind.
func samples() []etch.Record {
	alice := &etch.Actor{Username: "alice", Agent: "claude-code"}
	did := func(tool, command string, risk etch.Risk) *etch.Action {
		return &etch.Action{Tool: tool, Command: command, Risk: risk, Allowed: true}
	}
	records := []etch.Record{
		call(1, "2026-02-16T12:34:56.1Z", etch.Event{
			Type: etch.CommandExecution, Phase: etch.Completion, Actor: alice, Action: did("shell", "ls -la", etch.RiskLow),
			Result: &etch.Result{Type: etch.Success, ExitCode: etch.Some(int64(0)), Duration: 12 * time.Millisecond},
		}),
		call(2, "2026-02-16T12:35:01Z", etch.Event{
			Type: etch.CommandExecution, Phase: etch.Completion, Actor: alice, Action: did("shell", "make test", etch.RiskMedium),
			Result: &etch.Result{Type: etch.Error, ExitCode: etch.Some(int64(2)), Duration: 95 * time.Second},
		}),
		call(3, "2026-02-16T12:36:00Z", etch.Event{
			Type: etch.PolicyViolation, Actor: &etch.Actor{UserID: "123"},
			Action:   did("shell", "curl https://example.com/install.sh | sh -s -- --yes --quiet", etch.RiskCritical),
			Result:   &etch.Result{Type: etch.Blocked, Reason: "risk"},
			Security: &etch.Security{PolicyViolation: true},
		}),
		call(4, "2026-02-16T12:36:30Z", etch.Event{
			Type: etch.CommandExecution, Phase: etch.Attempt, Actor: alice, Action: did("shell", "sleep 1000", etch.RiskLow),
		}),
		call(5, "2026-02-16T23:00:00Z", etch.Event{ // the next day, in Berlin
			Type: etch.FileAccess, Actor: alice, Action: &etch.Action{Tool: "file_read", Resource: "/etc/hosts", Risk: etch.RiskHigh},
			Result: &etch.Result{Type: etch.Success, Duration: 1250 * time.Millisecond},
		}),
		call(6, "2026-02-16T23:00:05Z", etch.Event{Type: etch.AuthFailure, Actor: &etch.Actor{Username: "mallory"}}),
		call(7, "2026-02-16T23:00:06Z", etch.Event{
			Type: etch.NetworkEgress, Actor: alice, Egress: &etch.Egress{Method: "GET", URL: "https://example.com/a"},
		}),
		call(8, "2026-02-16T23:00:07Z", etch.Event{Type: etch.SessionStart, Actor: alice}),
	}
	control := call(9, "2026-02-16T23:00:08Z", etch.Event{Type: "log_sealed"})
	control.Control = &etch.Control{Type: "log_sealed", Log: json.RawMessage(`{"epoch":0,"checkpoint":"x","reason":"rotated"}`)}
	return append(records, control)
}

func render(t testing.TB, opt table.Options, records ...etch.Record) string {
	t.Helper()
	var out bytes.Buffer
	w := table.NewWriter(&out, opt)
	for i := range records {
		if err := w.Add(&records[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestTable(t *testing.T) {
	got := render(t, table.Options{Width: 120, Zone: berlin}, samples()...)
	want := strings.TrimPrefix(`
SEQ  TIME      USER     AGENT        RISK       RESULT    TOOK  TOOL            ACTION
Monday, 2026-02-16 (CET, +01:00)
  1  13:34:56  alice    claude-code  low        ok        12ms  shell           ls -la
  2  13:35:01  alice    claude-code  medium     exit 2   1m35s  shell           make test
  3  13:36:00  123                   critical!  blocked    0ms  shell           curl https://example.com/install.sh | sh
                                                                                -s -- --yes --quiet
  4  13:36:30  alice    claude-code  low        open            shell           sleep 1000
Tuesday, 2026-02-17 (CET, +01:00)
  5  00:00:00  alice    claude-code  high       ok        1.2s  file_read       /etc/hosts
  6  00:00:05  mallory                          failed          auth_failure
  7  00:00:06  alice    claude-code                             network_egress  GET https://example.com/a
  8  00:00:07  alice    claude-code                             session_start
  9  00:00:08                                                   log_sealed      epoch 0, rotated
`, "\n")
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("table (-got +want):\n%s", diff)
	}
}

// TestAgents: what agents tell beside their calls.
func TestAgents(t *testing.T) {
	action := func(a etch.Action) *etch.Action { return &a }
	arguments := func(text string) *etch.Action { return &etch.Action{Arguments: json.RawMessage(text)} }
	const digest = `"sha256":"21ea7f77c07d6a36f53b6a64580de7402ad1921841234c33a8f2769eafee8b2f"`
	for _, test := range []struct {
		event etch.Event
		want  string
	}{
		{etch.Event{Type: etch.UserPrompt, Action: arguments(`{"prompt":{"bytes":20,` + digest + `}}`)}, "user_prompt 20 bytes"},
		{etch.Event{Type: etch.UserPrompt, Action: arguments(`{"prompt":"mend it"}`)}, "user_prompt mend it"},
		{etch.Event{Type: etch.UserPrompt, Action: arguments(`{"prompt":{"bytes":"x"}}`)}, `user_prompt {"prompt":{"bytes":"x"}}`},
		{etch.Event{Type: etch.ApprovalRequest, Action: action(etch.Action{Tool: "bash", Command: "ls"})}, "asked bash ls"},
		{
			etch.Event{Type: etch.SecurityEvent, Action: action(etch.Action{Tool: "settings", Resource: "/p/.env", RiskReasons: []string{"hooks-off: X is set"}})},
			"settings /p/.env: X is set",
		},
		{etch.Event{Type: etch.SecurityEvent, Action: action(etch.Action{Tool: "settings", Resource: "/p/.env"})}, "settings /p/.env"},
	} {
		text := render(t, table.Options{Zone: berlin}, call(7, "2026-02-16T12:34:56Z", test.event))
		row := strings.Split(strings.TrimSpace(text), "\n")[2]
		if got := strings.Join(strings.Fields(row)[2:], " "); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}

func TestNarrow(t *testing.T) {
	got := render(t, table.Options{Width: 80, Zone: berlin}, samples()...)
	want := strings.TrimPrefix(`
SEQ TIME     USER    AGENT       RISK      RESULT   TOOK ACTION
Monday, 2026-02-16 (CET, +01:00)
  1 13:34:56 alice   claude-code low       ok       12ms ls -la
  2 13:35:01 alice   claude-code medium    exit 2  1m35s make test
  3 13:36:00 123                 critical! blocked   0ms curl https://example.co
                                                         m/install.sh | sh -s --
                                                         --yes --quiet
  4 13:36:30 alice   claude-code low       open          sleep 1000
Tuesday, 2026-02-17 (CET, +01:00)
  5 00:00:00 alice   claude-code high      ok       1.2s file_read /etc/hosts
  6 00:00:05 mallory                       failed        auth_failure
  7 00:00:06 alice   claude-code                         network_egress GET
                                                         https://example.com/a
  8 00:00:07 alice   claude-code                         session_start
  9 00:00:08                                             log_sealed epoch 0,
                                                         rotated
`, "\n")
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("table (-got +want):\n%s", diff)
	}
}

// No width is passed, as long as it has room for the least there is to say.
func TestNoLineIsWider(t *testing.T) {
	for width := 40; width < 200; width++ {
		for line := range strings.Lines(render(t, table.Options{Width: width, Sealed: func(uint64) bool { return true }}, samples()...)) {
			line = strings.TrimSuffix(line, "\n")
			if n := terminal.Width(line); n > width && !strings.HasPrefix(line, "Monday") {
				t.Errorf("width %d: %d columns: %q", width, n, line)
			}
		}
	}
}

func TestNothingIsCutWithoutAWidth(t *testing.T) {
	records := samples()
	records[0].Event.Actor = &etch.Actor{Username: strings.Repeat("u", 50), Agent: strings.Repeat("a", 50)}
	records[0].Event.Action = &etch.Action{Tool: strings.Repeat("t", 50), Command: strings.Repeat("c", 500)}
	// More than are looked at ahead: what comes later is not cut either.
	var many []etch.Record
	for range 150 {
		many = append(many, samples()[0])
	}
	got := render(t, table.Options{}, append(many, records...)...)
	for _, want := range []string{strings.Repeat("u", 50), strings.Repeat("a", 50), strings.Repeat("t", 50), strings.Repeat("c", 500)} {
		if !strings.Contains(got, want) {
			t.Errorf("%q… was cut", want[:5])
		}
	}
	if strings.Contains(got, "…") {
		t.Error("something was cut")
	}
}

func TestSealed(t *testing.T) {
	got := render(t, table.Options{Sealed: func(seq uint64) bool { return seq < 2 }}, samples()[:2]...)
	if !strings.Contains(got, "  12ms  yes     shell") || !strings.Contains(got, " 1m35s  no      shell") {
		t.Errorf("no word about seals in\n%s", got)
	}
}

// TestAskedFor shows what was done, and what was asked for where that is something else.
func TestAskedFor(t *testing.T) {
	told := &etch.Action{Command: "rm -rf /", Risk: etch.RiskCritical}
	arguments, err := etch.AppendAsked(nil, told)
	if err != nil {
		t.Fatal(err)
	}
	for command, want := range map[string]string{"ls": "ls (asked for: rm -rf /)", "rm -rf /": "rm -rf /"} {
		out := render(t, table.Options{}, call(1, "2026-02-16T12:34:56Z", etch.Event{
			Type: etch.CommandExecution, Phase: etch.Completion, Result: &etch.Result{Type: etch.Success},
			Action: &etch.Action{Tool: "shell", Command: command, Arguments: arguments, Risk: etch.RiskCritical, Allowed: true},
		}))
		if !strings.Contains(out, want) || strings.Count(out, "rm -rf /") != 1 {
			t.Errorf("%s: want %q in\n%s", command, want, out)
		}
	}
}

func TestAllPhases(t *testing.T) {
	got := render(t, table.Options{AllPhases: true}, samples()[3])
	if !strings.Contains(got, "attempt") || strings.Contains(got, "open") {
		t.Errorf("an attempt beside its completion is shown as\n%s", got)
	}
}

// A new day is told also where only the zone's offset has changed.
func TestHeadings(t *testing.T) {
	var records []etch.Record
	for i, at := range []string{"2026-02-16T22:59:59Z", "2026-02-16T23:00:00Z", "2026-02-15T12:00:00Z", "2026-02-15T12:00:01Z"} {
		records = append(records, call(uint64(i), at, etch.Event{Type: etch.UserPrompt}))
	}
	got := render(t, table.Options{Zone: berlin}, records...)
	var days []string
	for line := range strings.Lines(got) {
		if strings.Contains(line, "day, ") {
			days = append(days, strings.TrimSpace(line))
		}
	}
	want := []string{"Monday, 2026-02-16 (CET, +01:00)", "Tuesday, 2026-02-17 (CET, +01:00)", "Sunday, 2026-02-15 (CET, +01:00)"}
	if diff := cmp.Diff(days, want); diff != "" {
		t.Errorf("days (-got +want):\n%s", diff)
	}
	if utc := render(t, table.Options{}, records[0]); !strings.Contains(utc, "2026-02-16 (UTC)\n") {
		t.Errorf("UTC is not named in\n%s", utc)
	}
	unnamed := render(t, table.Options{Zone: time.FixedZone("-03", -3*3600)}, records[0])
	if !strings.Contains(unnamed, "2026-02-16 (-03:00)\n") {
		t.Errorf("the offset is not named in\n%s", unnamed)
	}
}

func TestEmpty(t *testing.T) {
	if got := render(t, table.Options{Width: 80}); got != "" {
		t.Errorf("no record makes %q", got)
	}
}

func TestColour(t *testing.T) {
	got := render(t, table.Options{Colour: true}, samples()...)
	for _, want := range []string{"\x1b[1;97;41mcritical!\x1b[0m", "\x1b[31mhigh\x1b[0m", "\x1b[32mok\x1b[0m", "\x1b[33mopen\x1b[0m", "\x1b[1;35mblocked\x1b[0m"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in the table", want)
		}
	}
	if plain := render(t, table.Options{}, samples()...); strings.ContainsRune(plain, '\x1b') {
		t.Errorf("colour where none was asked for: %q", plain)
	}
}

func TestOutcome(t *testing.T) {
	for _, test := range []struct {
		ev   etch.Event
		want string
	}{
		{etch.Event{Result: &etch.Result{Type: etch.Success}}, "ok"},
		{etch.Event{Result: &etch.Result{Type: etch.Error, ExitCode: etch.Some(int64(137))}}, "exit 137"},
		{etch.Event{Result: &etch.Result{Type: etch.Error}}, "error"},
		{etch.Event{Result: &etch.Result{Type: etch.Error, ExitCode: etch.Some(int64(0))}}, "error"},
		{etch.Event{Result: &etch.Result{}}, "failed"},
		{etch.Event{Result: &etch.Result{Type: etch.Timeout}}, "timeout"},
		{etch.Event{Result: &etch.Result{Type: etch.Rollback}}, "rollback"},
		{etch.Event{Result: &etch.Result{Type: "new\x1b"}}, `new\x1b`},
		{etch.Event{Phase: etch.Attempt}, "attempt"},
		{etch.Event{Type: etch.AuthSuccess}, "ok"},
		{etch.Event{Type: etch.ApprovalDecision, Action: &etch.Action{Approved: true}}, "approved"},
		{etch.Event{Type: etch.ApprovalDecision, Action: &etch.Action{}}, "denied"},
		{etch.Event{Type: etch.PolicyViolation, Action: &etch.Action{}}, "denied"},
		{etch.Event{Type: etch.SessionEnd}, ""},
	} {
		if got := table.Outcome(&test.ev); got != test.want {
			t.Errorf("Outcome(%+v) = %q, want %q", test.ev, got, test.want)
		}
	}
}

func TestTook(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0ms", 999 * time.Millisecond: "999ms", time.Second: "1.0s", 9999 * time.Millisecond: "9.9s", 10 * time.Second: "10s",
		59*time.Second + 999*time.Millisecond: "59s", time.Minute: "1m00s", 61 * time.Second: "1m01s", time.Hour - 1: "59m59s",
		time.Hour: "1h00m", 100*time.Hour + 5*time.Minute: "100h05m",
	} {
		if got := table.Took(d); got != want {
			t.Errorf("Took(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestShort(t *testing.T) {
	var out bytes.Buffer
	s := table.NewShort(&out, table.Options{Zone: berlin, Width: 100, Sealed: func(seq uint64) bool { return seq < 3 }})
	records := samples()
	for i := range records {
		if err := s.Add(&records[i]); err != nil {
			t.Fatal(err)
		}
	}
	want := strings.TrimPrefix(`
1 2026-02-16T13:34:56.100000+01:00 alice claude-code low ok 12ms sealed shell ls -la
2 2026-02-16T13:35:01.000000+01:00 alice claude-code medium exit 2 1m35s sealed shell make test
3 2026-02-16T13:36:00.000000+01:00 123 - critical! blocked 0ms unsealed shell curl https://example.…
4 2026-02-16T13:36:30.000000+01:00 alice claude-code low open - unsealed shell sleep 1000
5 2026-02-17T00:00:00.000000+01:00 alice claude-code high ok 1.2s unsealed file_read /etc/hosts
6 2026-02-17T00:00:05.000000+01:00 mallory - - failed - unsealed auth_failure -
7 2026-02-17T00:00:06.000000+01:00 alice claude-code - - - unsealed network_egress GET https://exam…
8 2026-02-17T00:00:07.000000+01:00 alice claude-code - - - unsealed session_start -
9 2026-02-17T00:00:08.000000+01:00 - - - - - unsealed log_sealed epoch 0, rotated
`, "\n")
	if diff := cmp.Diff(out.String(), want); diff != "" {
		t.Errorf("lines (-got +want):\n%s", diff)
	}
}

// Where names leave the action no room, the widest give way: no line is wider than the
// screen, and the action keeps what it needs.
func TestShortFits(t *testing.T) {
	long := strings.Repeat("n", 50)
	r := call(123456, "2026-02-16T12:34:56Z", etch.Event{
		Type: etch.CommandExecution, Actor: &etch.Actor{Username: long, Agent: long},
		Action: &etch.Action{Tool: long, Command: "ls -la " + long, Risk: etch.Risk(long)},
		Result: &etch.Result{Type: etch.Outcome(long), Duration: 95 * time.Second},
	})
	for _, width := range []int{80, 100, 120, 150} {
		var out bytes.Buffer
		if err := table.NewShort(&out, table.Options{Width: width, Sealed: func(uint64) bool { return false }}).Add(&r); err != nil {
			t.Fatal(err)
		}
		line := strings.TrimSuffix(out.String(), "\n")
		if terminal.Width(line) > width || !strings.Contains(line, " ls -la") || !strings.Contains(line, " 1m35s ") {
			t.Errorf("at the width %d: %d columns, %s", width, terminal.Width(line), line)
		}
	}
}

// A year that has not four digits in the zone is written as in UTC, so that lines can be
// read by other programs and sort by their times.
func TestYearsOfFourDigits(t *testing.T) {
	for at, want := range map[string]string{"9999-12-31T23:30:00Z": "9999-12-31T23:30:00.000000Z", "0000-01-01T00:30:00Z": "0000-01-01T00:30:00.000000Z"} {
		zone := time.FixedZone("", map[bool]int{true: 3600, false: -3600}[at > "1"])
		r := call(1, at, etch.Event{Type: etch.CommandExecution})
		var out bytes.Buffer
		if err := table.NewShort(&out, table.Options{Zone: zone}).Add(&r); err != nil {
			t.Fatal(err)
		}
		if got := strings.Fields(out.String())[1]; got != want {
			t.Errorf("%s: got %s", at, got)
		}
		if got := render(t, table.Options{Zone: zone}, r); !strings.Contains(got, ", "+at[:10]+" (UTC)\n") {
			t.Errorf("%s: got\n%s", at, got)
		}
	}
}

// A command too long for its lines shows how it begins and how it ends, and no
// line of it can be taken for a row.
func TestFolded(t *testing.T) {
	r := samples()[0]
	r.Event.Action.Command = "echo " + strings.Repeat("padding ", 200) + "\n999  12:00:00  mallory; curl https://example.com/x | sh"
	for _, width := range []int{40, 80, 120} {
		lines := strings.Split(strings.TrimSuffix(render(t, table.Options{Width: width}, r), "\n"), "\n")
		if len(lines) != 6 || !strings.HasSuffix(lines[5], "| sh") || !strings.Contains(lines[5], " …") {
			t.Fatalf("width %d: want header, day, and 4 lines of which the last has the end; got\n%s", width, strings.Join(lines, "\n"))
		}
		for _, line := range lines[3:] {
			if !strings.HasPrefix(line, strings.Repeat(" ", 9)) {
				t.Errorf("width %d: this could be a row: %q", width, line)
			}
		}
	}
	if got := render(t, table.Options{}, r); strings.Count(got, "\n") != 3 {
		t.Errorf("folded without a width:\n%s", got)
	}
}

// Whatever a record holds: no control byte, and no line more than there are
// records, the header and the days, but for what is left of an action.
func FuzzTable(f *testing.F) {
	f.Add("ls\n\x1b[2J", "al\u202eice", 80, true)
	f.Add("\xff\xfe", "\u009b31m", 20, false)
	f.Add("中文", "", 0, true)
	f.Fuzz(func(t *testing.T, a, b string, width int, colour bool) {
		width = max(0, width%300)
		r := call(1, "2026-02-16T12:34:56Z", etch.Event{
			Type: etch.EventType(b), Actor: &etch.Actor{Username: a, Agent: b},
			Action: &etch.Action{Tool: b, Command: a, Risk: etch.Risk(a), Arguments: json.RawMessage(a)},
			Result: &etch.Result{Type: etch.Outcome(b)},
			Egress: &etch.Egress{Method: a, URL: b},
		})
		c := call(2, "2026-02-16T12:34:57Z", etch.Event{})
		c.Control = &etch.Control{Type: etch.EventType(a), Log: json.RawMessage(fmt.Sprintf(`{"reason":%q}`, b))}
		opt := table.Options{Width: width, Colour: colour, Sealed: func(uint64) bool { return true }}
		var short bytes.Buffer
		s := table.NewShort(&short, opt)
		for _, r := range []etch.Record{r, c} {
			if err := s.Add(&r); err != nil {
				t.Fatal(err)
			}
		}
		checkLines(t, short.String(), 2)
		checkLines(t, withoutFolds(t, render(t, opt, r, c), width), 4)
	})
}

// withoutFolds takes away the lines on which actions go on.
func withoutFolds(t *testing.T, out string, width int) string {
	t.Helper()
	var rows strings.Builder
	folds := 0
	for line := range strings.Lines(out) {
		switch {
		case !strings.HasPrefix(line, strings.Repeat(" ", 9)):
			folds = 0
			rows.WriteString(line)
		case folds == 3 || width == 0:
			t.Errorf("an action goes on: %q", out)
		default:
			folds++
		}
	}
	return rows.String()
}

func checkLines(t *testing.T, out string, lines int) {
	t.Helper()
	if n := strings.Count(out, "\n"); n != lines {
		t.Errorf("%d lines, want %d: %q", n, lines, out)
	}
	for _, own := range []string{"2", "1;36", "32", "33", "31", "1;97;41", "1;35", "0"} {
		out = strings.ReplaceAll(out, "\x1b["+own+"m", "")
	}
	for _, r := range strings.ReplaceAll(out, "\n", "") {
		if unicode.In(r, unicode.C, unicode.Zl, unicode.Zp) {
			t.Fatalf("%U in %q", r, out)
		}
	}
}

// Where there is a width, a name of any length leaves the action its room.
func TestShortCutsNames(t *testing.T) {
	long := strings.Repeat("n", 5_000)
	r := etch.Record{Event: etch.Event{Type: etch.CommandExecution, Actor: &etch.Actor{Username: long, Agent: long}, Action: &etch.Action{Tool: long, Command: "ls -la"}}}
	for width, want := range map[int]int{0: 15_000, 200: 0} {
		var out bytes.Buffer
		if err := table.NewShort(&out, table.Options{Width: width}).Add(&r); err != nil {
			t.Fatal(err)
		}
		line := strings.TrimSuffix(out.String(), "\n")
		if got := strings.Count(line, "n"); got < want || width > 0 && terminal.Width(line) > width || !strings.HasSuffix(line, " ls -la") {
			t.Errorf("at the width %d: %d columns, %.300s", width, terminal.Width(line), line)
		}
	}
}
