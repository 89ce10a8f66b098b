package filter

import (
	"testing"
	"time"
)

// A flatRow is a row as a scan has it: nothing in it is made for a question.
type flatRow struct {
	user, kind, risk, command string
	at                        time.Time
	exit                      int64
	violation                 bool
}

func (r *flatRow) Texts(field int, _ string, holds func(string) bool) bool {
	switch field {
	case fieldUser:
		return holds(r.user)
	case fieldType:
		return holds(r.kind)
	case fieldRisk:
		return holds(r.risk)
	case fieldCommand:
		return holds(r.command)
	}
	return false
}

func (r *flatRow) Number(field int) (int64, bool)  { return r.exit, field == fieldExit }
func (r *flatRow) Time(int) (time.Time, bool)      { return r.at, true }
func (r *flatRow) Flag(field int) (value, ok bool) { return r.violation, field == fieldViolation }

var benchRow = &flatRow{
	user: "@alice", kind: "command_execution", risk: "high", command: "git push --force origin main",
	at: time.Date(2026, 2, 16, 12, 0, 0, 0, time.UTC), exit: 1, violation: true,
}

// What a scan asks of millions of rows. Each is true of benchRow.
var benchExprs = []struct{ name, text string }{
	{"equal", `user = alice`},
	{"in", `type in (file_access, command_execution)`},
	{"level", `risk >= high`},
	{"time", `time >= 2026-02-16 and time < 2026-02-17`},
	{"number", `exit != 0`},
	{"flag", `violation`},
	{"match", `command ~ force`},
	{"all", `user = alice and risk >= high and (violation or exit in (1, 2)) and not user = bob and time <= yesterday`},
}

func TestMatchDoesNotAllocate(t *testing.T) {
	for _, b := range benchExprs {
		e := mustParse(t, b.text)
		if !e.Match(benchRow) {
			t.Errorf("%s: it does not match", b.text)
		}
		if n := testing.AllocsPerRun(100, func() { e.Match(benchRow) }); n != 0 {
			t.Errorf("%s: got %v allocations a row, want 0", b.text, n)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	for _, x := range benchExprs {
		e := mustParse(b, x.text)
		b.Run(x.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !e.Match(benchRow) {
					b.Fatal("it does not match")
				}
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	text := benchExprs[len(benchExprs)-1].text
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(testSchema, text, testNow); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNeedles(b *testing.B) {
	e := mustParse(b, `command ~ '(?i)curl .*(https?|ftp)://[a-z]+\.evil\.(com|net)' and user in (alice, bob)`)
	b.ReportAllocs()
	for b.Loop() {
		if Needles(e) == nil {
			b.Fatal("there are none")
		}
	}
}
