package etch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A jqAsker draws conditions, each as an expression and as a program of jq.
type jqAsker struct{ *rand.Rand }

func (a jqAsker) of(from ...string) string { return from[a.IntN(len(from))] }

func (a jqAsker) tree(depth int) (expr, program string) {
	if depth == 0 || a.IntN(3) == 0 {
		return a.term()
	}
	left, leftJQ := a.tree(depth - 1)
	if a.IntN(4) == 0 {
		return "not (" + left + ")", "(" + leftJQ + " | not)"
	}
	right, rightJQ := a.tree(depth - 1)
	op := a.of("and", "or")
	return fmt.Sprintf("(%s) %s (%s)", left, op, right), fmt.Sprintf("(%s %s %s)", leftJQ, op, rightJQ)
}

func jsonText(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // it is a text
	}
	return string(b)
}

func (a jqAsker) term() (expr, program string) {
	switch a.IntN(7) {
	case 0:
		return a.level()
	case 1:
		return a.number()
	case 2:
		at := time.Date(2026, 2, 16, a.IntN(24), a.IntN(60), 0, 0, time.UTC)
		op := a.of("<", "<=", ">", ">=")
		return fmt.Sprintf("time %s %q", op, at.Format(time.RFC3339)), fmt.Sprintf("(.timestamp %s %q)", op, at.Format("2006-01-02T15:04:05.000000Z"))
	case 3:
		failed := `(.result != null and .result.type != "success")`
		denied := `(.result.type == "blocked" or (.action != null and .action.allowed != true))`
		violation := `(.event_type == "policy_violation" or .security.policy_violation == true)`
		i := a.IntN(3)
		return []string{"failed", "denied", "violation"}[i], []string{failed, denied, violation}[i]
	}
	return a.text()
}

func (a jqAsker) level() (expr, program string) {
	levels := []string{"low", "medium", "high", "critical"}
	i := a.IntN(len(levels))
	op := a.of("=", "!=", "<", "<=", ">", ">=")
	rank := `({"low":1,"medium":2,"high":3,"critical":4}[.action.risk_level // ""] // 0)`
	switch op {
	case "=":
		program = fmt.Sprintf("(%s == %d)", rank, i+1)
	case "!=":
		program = fmt.Sprintf("(%s != %d)", rank, i+1)
	default:
		program = fmt.Sprintf("(%s | . > 0 and . %s %d)", rank, op, i+1)
	}
	return fmt.Sprintf("risk %s %s", op, levels[i]), program
}

func (a jqAsker) number() (expr, program string) {
	n, op := a.IntN(4), a.of("=", "!=", "<", "<=", ">", ">=")
	switch op {
	case "=", "!=":
		return fmt.Sprintf("exit_code %s %d", op, n), fmt.Sprintf("(.result.exit_code %s %d)", strings.Replace(op, "=", "==", 1-len(op)/2), n)
	}
	return fmt.Sprintf("exit_code %s %d", op, n), fmt.Sprintf("(.result.exit_code | . != null and . %s %d)", op, n)
}

// jqTexts are fields of texts, where jq finds them, and what they may hold.
var jqTexts = []struct{ name, path string }{
	{"username", ".actor.username"},
	{"channel", ".actor.channel"},
	{"tool", ".action.tool"},
	{"command", ".action.command"},
	{"session", ".session_id"},
	{"reason", ".result.reason"},
	{"label.team", ".labels.team"},
}

// jqWords are what texts are made of: all that has to be escaped in some form.
var jqWords = []string{"alice", "Bob", "make test", `say "no"`, `C:\tmp`, "é世🙂", "a\nb\tc", "<&>", "\u2028", "\x7f\x01", "/etc/passwd", "tool_call"}

func (a jqAsker) text() (expr, program string) {
	f := jqTexts[a.IntN(len(jqTexts))]
	word := a.of(jqWords...)
	quoted := jsonText(word)
	switch a.IntN(4) {
	case 0:
		return f.name + " != " + quoted, fmt.Sprintf("(%s != %s)", f.path, quoted)
	case 1:
		part := a.of("a.", "[A-Z]", "^m", "t$", "世", `\\`, "no\"$", "&")
		return f.name + " ~ " + jsonText(part), fmt.Sprintf("(%s // \"\" | test(%s))", f.path, jsonText(part))
	case 2:
		other := jsonText(a.of(jqWords...))
		return fmt.Sprintf("%s in (%s, %s)", f.name, quoted, other), fmt.Sprintf("(%s == %s or %s == %s)", f.path, quoted, f.path, other)
	}
	return f.name + " = " + quoted, fmt.Sprintf("(%s == %s)", f.path, quoted)
}

// event draws an event.
func (a jqAsker) event(i int) *Event {
	ev := &Event{
		Type: EventType(a.of("tool_call", "policy_violation", "command_execution", "session_start")), SessionID: a.of(append(jqWords, "")...),
		Timestamp: time.Date(2026, 2, 16, a.IntN(24), a.IntN(60), a.IntN(60), a.IntN(1e6)*1000, time.UTC),
	}
	if a.IntN(4) > 0 {
		ev.Actor = &Actor{Username: a.of(append(jqWords, "")...), Channel: a.of(append(jqWords, "")...)}
	}
	if a.IntN(4) > 0 {
		ev.Action = &Action{Tool: a.of(jqWords...), Command: fmt.Sprint(a.of(jqWords...), a.of("", strings.Repeat(" and so on", 20))), Allowed: a.IntN(2) == 0}
		ev.Action.Risk = Risk(a.of("", "low", "medium", "high", "critical"))
	}
	if a.IntN(3) > 0 {
		ev.Result = &Result{Type: Outcome(a.of("success", "blocked", "error", "timeout"))}
		if ev.Result.Type == Blocked {
			ev.Result.Reason = a.of(jqWords...)
		}
		if a.IntN(2) == 0 {
			ev.Result.ExitCode = Some(int64(a.IntN(4)))
		}
	}
	if a.IntN(3) == 0 {
		ev.Security = &Security{PolicyViolation: a.IntN(2) == 0}
	}
	if i%3 == 0 {
		ev.Labels = map[string]string{"team": a.of(jqWords...)}
	}
	return ev
}

// TestAskedOfJQ asks random questions of a random log, and jq the same of the
// lines that the log gives: with indexes and without.
func TestAskedOfJQ(t *testing.T) {
	jq, err := exec.LookPath("jq")
	if err != nil {
		t.Skip("jq answers the same questions, and is not here: make tools")
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	a := jqAsker{rand.New(rand.NewPCG(seed, 0))}
	path := filepath.Join(t.TempDir(), "audit.log")
	log, err := Create(path, &Options{NoIndex: true, Rotate: BySize}) // but for the one that is made below, and no midnight makes a segment
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second segment is the active one
		if _, err := log.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		var events []*Event
		for i := range 400 {
			events = append(events, a.event(i))
		}
		if _, err := log.AppendBatch(t.Context(), events); err != nil {
			t.Fatal(err)
		}
	}
	if made, err := log.Index(t.Context(), nil); made != 1 || err != nil {
		t.Fatalf("%d segments are indexed, want 1: %v", made, err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	const asked = 60
	var exprs []string
	var program strings.Builder
	for i := range asked {
		expr, p := a.tree(3)
		exprs = append(exprs, expr)
		fmt.Fprintf(&program, "(if %s then \"%d \\(.seq)\" else empty end),\n", p, i)
	}
	program.WriteString("empty")
	want := jqAnswers(t, jq, program.String(), path, asked)
	hits := 0
	for i, expr := range exprs {
		where, err := ParseFilter(expr, time.Now())
		if err != nil {
			t.Fatalf("%s: %v", expr, err)
		}
		for _, q := range []Query{{Where: where}, {Where: where, NoIndex: true}, {Where: where, LinesOnly: true}} {
			q.AllPhases = true
			q.Notify = func(s string) { t.Errorf("%s: %s", expr, s) }
			var got strings.Builder
			for rec, err := range readerOf(t, path).Records(t.Context(), q) {
				if err != nil {
					t.Fatal(err)
				}
				got.WriteString(fmt.Sprintln(rec.Seq))
			}
			if diff := cmp.Diff(got.String(), want[i]); diff != "" {
				t.Errorf("%s (no index %t, lines only %t): got before what jq says: %s", expr, q.NoIndex, q.LinesOnly, diff)
			}
			hits += strings.Count(got.String(), "\n")
		}
	}
	if hits == 0 {
		t.Error("nothing is ever found")
	}
}

func readerOf(t *testing.T, path string) *Reader {
	t.Helper()
	r, err := OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// jqAnswers gives the stored lines of all events to jq and returns the numbers that
// it says each question finds.
func jqAnswers(t *testing.T, jq, program, path string, asked int) []string {
	t.Helper()
	var lines bytes.Buffer
	for rec, err := range readerOf(t, path).Records(t.Context(), Query{AllPhases: true, LinesOnly: true, NoIndex: true}) {
		if err != nil {
			t.Fatal(err)
		}
		lines.Write(rec.Raw)
		lines.WriteByte('\n')
	}
	cmd := exec.CommandContext(t.Context(), jq, "-r", program)
	cmd.Stdin = &lines
	var problem strings.Builder
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("jq: %v: %s\n%s", err, problem.String(), program)
	}
	answers := make([]string, asked)
	for line := range strings.Lines(string(out)) {
		var i int
		var seq uint64
		if _, err := fmt.Sscan(line, &i, &seq); err != nil {
			t.Fatalf("jq says %q: %v", line, err)
		}
		answers[i] += fmt.Sprintln(seq)
	}
	return answers
}
