package verify_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/etch-audit/etch/verify"
)

// Rows of docs/threat-model.md that a miss is excused by.
const (
	limitCurrent  = "| the same among sealed lines of the current epoch |"
	limitUnsealed = "| the same after the last seal |"
	limitSeals    = "| strip the seals of the newest lines, so that none is left after them |"
	limitCut      = "| cut the tail, at a seal or not |"
	limitBack     = "| roll log **and** state back together to an earlier true state |"
	limitEver     = "| T3 | the operator, or whoever has held the keys all along | only what a head outside proves |"
	limitState    = "| forge the state |"
	limitTakeover = "A line that is written past the synced position by somebody with the MAC key is taken over"
	limitHead     = "Records after the newest outside head have only local protection"
)

// A damage is what an attacker leaves: the files, and the epoch keys at the
// log's home where he has changed those too.
type damage struct {
	files  map[string][]byte
	epochs []string
}

// An attack is one thing done by somebody with some keys. What must come of it
// stands in want, in the order of the situations: F, found; T, told that the
// lines concerned are not sealed; U, undecided; -, not seen at all. T and -
// must be a row of the threat model.
type attack struct {
	name  string
	do    func(t *testing.T, l *lab, th *thief) damage
	want  map[attacker]string
	limit string
	kinds []verify.Kind // where it is found, one of these is told; none: whatever
}

// redo changes the sheets of a log, makes it again and forges its state.
func redo(change func(t *testing.T, th *thief, all []sheet) []sheet) func(*testing.T, *lab, *thief) damage {
	return func(t *testing.T, l *lab, th *thief) damage {
		files, f := th.remake(t, change(t, th, sheets(t, l.files)))
		files["audit.state"] = slices.Concat(l.files["audit.state"][:4096], f.state(l.files["audit.state"], len(files["audit.log"])))
		return damage{files: files}
	}
}

// swapFiles changes files as they are.
func swapFiles(change func(files map[string][]byte)) func(*testing.T, *lab, *thief) damage {
	return func(_ *testing.T, l *lab, _ *thief) damage {
		files := maps.Clone(l.files)
		change(files)
		return damage{files: files}
	}
}

// event returns where the event with a number is.
func event(t *testing.T, all []sheet, n int) (s, r int) {
	t.Helper()
	for s := range all {
		for r := range all[s].rows {
			if strings.Contains(all[s].rows[r].body, fmt.Sprintf(`"make %d"`, n)) {
				return s, r
			}
		}
	}
	t.Fatalf("no event %d", n)
	return 0, 0
}

// Events of the log of makeLab: one of each age.
const (
	inEpoch0 = 4  // sealed, its epoch is over
	inEpoch1 = 12 // the same, later than the keys of epoch 1 were first in use
	inEpoch2 = 17 // sealed, in the epoch of today
	unsealed = 31
)

func edit(n int) func(*testing.T, *thief, []sheet) []sheet {
	return func(t *testing.T, _ *thief, all []sheet) []sheet {
		s, r := event(t, all, n)
		all[s].rows[r].body = strings.Replace(all[s].rows[r].body, "make", "fake", 1)
		return all
	}
}

func remove(n int) func(*testing.T, *thief, []sheet) []sheet {
	return func(t *testing.T, _ *thief, all []sheet) []sheet {
		s, r := event(t, all, n)
		all[s].rows = slices.Delete(all[s].rows, r, r+1)
		return all
	}
}

func insert(n int) func(*testing.T, *thief, []sheet) []sheet {
	return func(t *testing.T, _ *thief, all []sheet) []sheet {
		s, r := event(t, all, n)
		forged := row{body: strings.Replace(all[s].rows[r].body, "make", "fake", 1)}
		all[s].rows = slices.Insert(all[s].rows, r, forged)
		return all
	}
}

// move puts the first event into the place of the second.
func move(from, to int) func(*testing.T, *thief, []sheet) []sheet {
	return func(t *testing.T, th *thief, all []sheet) []sheet {
		s, r := event(t, all, from)
		moved := all[s].rows[r]
		all = remove(from)(t, th, all)
		s, r = event(t, all, to)
		all[s].rows = slices.Insert(all[s].rows, r, moved)
		return all
	}
}

// each changes every row; one that is left empty is taken out.
func each(change func(s int, r row) row) func(*testing.T, *thief, []sheet) []sheet {
	return func(_ *testing.T, _ *thief, all []sheet) []sheet {
		for s := range all {
			var rows []row
			for _, r := range all[s].rows {
				if r = change(s, r); r.body != "" {
					rows = append(rows, r)
				}
			}
			all[s].rows = rows
		}
		return all
	}
}

// all is what must come of an attack whoever the attacker is.
func all(want string) map[attacker]string {
	m := make(map[attacker]string)
	for a := range attackers {
		m[a] = want
	}
	return m
}

// by is what must come of it for each of the attackers in their order.
func by(want ...string) map[attacker]string {
	m := make(map[attacker]string)
	for a, w := range want {
		m[attacker(a)] = w
	}
	return m
}

// TestAttackMatrix lets each attacker do what he can to a log of the real
// writer. Each attack is found, or is a limit that the threat model names.
func TestAttackMatrix(t *testing.T) {
	model, err := os.ReadFile("../docs/threat-model.md")
	if err != nil {
		t.Fatal(err)
	}
	l := makeLab(t, true)
	for _, a := range slices.Concat(lineAttacks(), stripAttacks(), controlAttacks(), fileAttacks(), tailAttacks(), stateAttacks(), indexAttacks()) {
		for who, want := range a.want {
			t.Run(a.name+"/"+who.String(), func(t *testing.T) {
				d := a.do(t, l, l.thief(who))
				if d.epochs == nil {
					d.epochs = l.epochKeys(t, l.disk)
				}
				for where := range situations {
					l.expect(t, &a, d, where, want[where])
				}
			})
			if strings.ContainsAny(want, "T-") && !strings.Contains(string(model), a.limit) || a.limit == "" && strings.ContainsAny(want, "T-") {
				t.Errorf("%s/%v: the threat model has no row %q", a.name, who, a.limit)
			}
		}
	}
}

// expect judges what is reported of an attack in a situation.
func (l *lab) expect(t *testing.T, a *attack, d damage, where situation, want byte) {
	t.Helper()
	r := l.report(t, d.files, where, d.epochs)
	switch {
	case want == 'F' && r.Verdict != verify.Damaged:
		t.Errorf("%v: went unreported", where)
	case want == 'F' && len(a.kinds) > 0 && !slices.ContainsFunc(r.Faults, func(f verify.Fault) bool { return slices.Contains(a.kinds, f.Kind) }):
		t.Errorf("%v: got %+v, want one of %v", where, r.Faults, a.kinds)
	case want == 'U' && r.Verdict != verify.Undecided:
		t.Errorf("%v: got %s, want undecided", where, r.Verdict)
	case want == 'T' && (r.Verdict == verify.Damaged || r.Summary.UnsealedTail == 0 || !told(r, "not sealed yet")):
		t.Errorf("%v: got %s, %d unsealed, %v: want to be told of an unsealed tail", where, r.Verdict, r.Summary.UnsealedTail, r.Faults)
	case want == '=' && r.Verdict != verify.Intact:
		t.Errorf("%v: got %s %+v, want an intact log", where, r.Verdict, r.Faults)
	case want == '-' && r.Verdict == verify.Damaged:
		t.Errorf("%v: a limit is none any more: %+v", where, r.Faults)
	}
	if r.Verdict == verify.Intact && where != withHead && !told(r, "no head held outside was compared") {
		t.Errorf("%v: it is not said that no head was compared", where)
	}
}

// told reports whether a report says that something is not covered.
func told(r *verify.Report, what string) bool {
	return slices.ContainsFunc(r.NotChecked, func(s string) bool { return strings.Contains(s, what) })
}
