package report

import (
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch"
)

var (
	from  = time.Date(2026, 2, 9, 0, 0, 0, 0, time.UTC)
	until = from.AddDate(0, 0, 7)
)

func run(seq int, at time.Time, user, command string) *etch.Record {
	return &etch.Record{Seq: uint64(seq), Event: etch.Event{
		Timestamp: at, Type: etch.CommandExecution,
		Actor:  &etch.Actor{Username: user},
		Action: &etch.Action{Tool: "shell", Command: command, Risk: etch.RiskHigh, Allowed: true},
	}}
}

// What is kept of a command is a hash, and the text of a few.
func TestMemoryIsBounded(t *testing.T) {
	g := newGatherer(Options{From: from, Until: until})
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	long := strings.Repeat("x", 1000)
	const commands = 60_000 // of the period, and as many before it
	for i := range commands {
		g.add(run(i, from.Add(-time.Hour), "alice", fmt.Sprint("old", i, " ", i, long)))
		g.add(run(i, from.Add(time.Hour), "alice", fmt.Sprint("new", i, " ", i, long)))
	}
	grown := heap() - before
	if most := uint64(6*22*commands + 2<<20); grown > most { // six sets, the few texts
		t.Errorf("%d commands take %d bytes, want at most %d", 2*commands, grown, most)
	}
	r := g.report("")
	if r.Commands.Distinct != commands || r.Programs.Distinct != commands || r.Riskiest[0].Seq != commands-1 {
		t.Errorf("%d commands, %d programs, the riskiest is %d", r.Commands.Distinct, r.Programs.Distinct, r.Riskiest[0].Seq)
	}
}

// Where there are too many commands to tell, nothing is told of them.
func TestTooManyCommands(t *testing.T) {
	for _, of := range []string{"old", "new"} {
		g := newGatherer(Options{From: from, Until: until})
		g.oldCommands.most, g.commands.seen.most = 3, 100
		at := from.Add(-time.Hour)
		if of == "new" {
			g.oldCommands.most, g.commands.seen.most = 100, 3
			at = from
		}
		for i := range 4 {
			g.add(run(i, at, "alice", fmt.Sprint("command ", i)))
		}
		r := g.report("")
		if r.Commands.Known || len(r.Commands.List) != 0 || r.Programs.Known != (of == "new") || (len(r.Programs.List) == 0) != (of == "old") {
			t.Errorf("%s: something is told: %+v, %+v", of, r.Commands, r.Programs)
		}
		var b strings.Builder
		if err := r.WriteText(&b, TextOptions{}); err != nil || !strings.Contains(b.String(), "Not told") {
			t.Errorf("%s: %v, got\n%s", of, err, b.String())
		}
	}
}

// Where there are too many names, none of their events is lost.
func TestTooManyNames(t *testing.T) {
	g := newGatherer(Options{From: from, Until: until, Top: 2})
	g.users.most = 3
	for i := range 10 {
		for range 10 - i {
			g.add(run(i, from, fmt.Sprint("user", i), "ls"))
		}
	}
	got := g.report("").Users
	got.List = nil
	if diff := cmp.Diff(got, Names{Distinct: 3, Rest: 55 - 10 - 9, Capped: true}); diff != "" {
		t.Errorf("users (-got +want):\n%s", diff)
	}
}

// Names that begin alike stay two, however long they are.
func TestLongNames(t *testing.T) {
	g := newGatherer(Options{From: from, Until: until})
	long := strings.Repeat("é", 3000)
	g.add(run(1, from.Add(-time.Hour), long+"a", "ls"))
	g.add(run(2, from, long+"a", "ls"))
	g.add(run(3, from, long+"b", "ls"))
	r := g.report("")
	if n := r.Users.List; len(n) != 2 || n[0].New == n[1].New || len(n[0].Name) > maxName || !strings.HasPrefix(n[0].Name, "éé") {
		t.Errorf("got %+v", n)
	}
}

// A command that the log has cut is told from another with the same beginning.
func TestCutCommands(t *testing.T) {
	g := newGatherer(Options{From: from, Until: until})
	for i, at := range []time.Time{from.Add(-time.Hour), from, from} {
		r := run(i, at, "alice", "echo long")
		r.Cuts = []etch.Cut{{Member: "action.command", Bytes: 70000, SHA256: [32]byte{byte(i / 2)}}}
		g.add(r)
	}
	r := g.report("")
	if r.Commands.Distinct != 1 || r.Commands.List[0].Seq != 2 || r.Commands.List[0].What != "echo long…" {
		t.Errorf("got %+v", r.Commands)
	}
}

// What the log tells of itself is counted, and told in words.
func TestNotices(t *testing.T) {
	g := newGatherer(Options{From: from, Until: until, Top: 3})
	seq := 0
	add := func(kind etch.EventType, at time.Time, payload string) {
		seq++
		g.add(&etch.Record{Seq: uint64(seq), Event: etch.Event{Timestamp: at, Type: kind}, Control: &etch.Control{Type: kind, Log: json.RawMessage(payload)}})
	}
	add("log_gap", from.Add(-1), `{"lost":100}`)
	add("log_opened", from, `{}`)
	add("log_sealed", from, `{}`)
	add("log_sealed", from, `{}`)
	add("log_epoch", from, `{}`)
	add("log_gap", from, `{"lost":7,"from":"a","to":"b","cause":"disk full"}`)
	add("log_gap", from, `{"lost":5,"from":"c","to":"d","cause":"disk full"}`)
	add("log_recovered", from, `{"found":"void","segment":2,"offset":77,"bytes":8,"detail":"sync failed"}`)
	add("log_epoch_broken", from, `{"epoch":3,"cause":"key lost"}`)
	add("log_recovered", from, `[]`)
	for i := range 5 { // they take no place of the others
		add("log_gap", from, fmt.Sprintf(`{"lost":%d,"from":"e","to":"f","cause":"full","claimed_by":"uid 7"}`, uint64(i)<<62))
	}
	got := g.report("").Log
	at := Time{from}
	want := LogState{
		Segments: 1, Seals: 2, Epochs: 1, EpochsBroken: 1, Recoveries: 2, Gaps: 2, LostEvents: 12, Damages: []Damage{},
		Notices: []Notice{
			{10, at, "log_recovered", "[]"},
			{9, at, "log_epoch_broken", "epoch 3 began by the identity key alone: key lost"},
			{8, at, "log_recovered", "void, segment 2, offset 77, 8 bytes: sync failed"},
		},
		Claims: Claims{Gaps: 5, LostEvents: math.MaxUint64, List: []Claim{
			{15, at, "uid 7", 0, "0 events lost from e to f: full"},
			{14, at, "uid 7", 3 << 62, "13835058055282163712 events lost from e to f: full"},
			{13, at, "uid 7", 2 << 62, "9223372036854775808 events lost from e to f: full"},
		}},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("log (-got +want):\n%s", diff)
	}
}
