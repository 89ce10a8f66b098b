package table

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestJudge(t *testing.T) {
	figures := Figures{
		"ours":   {Unit: "events/s", Values: []float64{100, 400, 200}},
		"peer":   {Unit: "events/s", Values: []float64{10, 10, 10}},
		"other":  {Unit: "events/s", Values: []float64{5, 20, 40}},
		"fast":   {Unit: "ms", Values: []float64{3, 4, 5}},
		"slow":   {Unit: "ms", Values: []float64{12, 12, 12}},
		"slower": {Unit: "ms", Values: []float64{30, 3}}, // two rounds
		"none":   {Missing: "not installed"},
		"zero":   {Unit: "allocations", Values: []float64{0}},
	}
	for _, test := range []struct {
		row             Row
		value, min, max float64
		holds, aimed    bool
	}{
		// 100/10, 400/20, 200/40
		{Row{Kind: Faster, Ours: "ours", Theirs: []string{"peer", "other"}, Must: 15, Aim: 20}, 10, 5, 20, false, false},
		{Row{Kind: Cheaper, Ours: "fast", Theirs: []string{"slow"}, Must: 0.5, Aim: 0.3}, 4. / 12, 3. / 12, 5. / 12, true, false},
		{Row{Kind: Quicker, Ours: "fast", Theirs: []string{"slow"}, Must: 3, Aim: 3}, 3, 12. / 5, 4, true, true},
		// 12/3, 3/4: the better of the peers, in the rounds that all of them have
		{Row{Kind: Quicker, Ours: "fast", Theirs: []string{"slow", "slower"}, Must: 1}, (4 + 0.75) / 2, 0.75, 4, true, true},
		{Row{Kind: Quicker, Ours: "fast", Theirs: []string{"none", "slow"}, Must: 4}, 3, 12. / 5, 4, false, true},
		{Row{Kind: Within, Ours: "zero", Must: 0}, 0, 0, 0, true, true},
		{Row{Kind: Reached, Ours: "fast", Must: 4.5}, 4, 3, 5, false, true},
		{Row{Kind: Shown, Ours: "fast"}, 4, 3, 5, true, true},
	} {
		o := test.row.Judge(figures)
		if o.Value != test.value || o.Min != test.min || o.Max != test.max || o.Holds() != test.holds || o.Aimed() != test.aimed {
			t.Errorf("%+v: %g in %g..%g, holds: %t, aimed: %t; want %+v", test.row, o.Value, o.Min, o.Max, o.Holds(), o.Aimed(), test)
		}
	}
}

// TestMissing shows that a row without a side says why, and holds nothing.
func TestMissing(t *testing.T) {
	figures := Figures{
		"etch": {Unit: "ms", Values: []float64{3}},
		"rg":   {Missing: "not installed"},
		"grep": {Missing: "exit status 2"},
	}
	for _, row := range []Row{
		{Name: "q1", Kind: Quicker, Ours: "etch", Theirs: []string{"rg", "grep"}},
		{Name: "q1", Kind: Cheaper, Ours: "rg", Theirs: []string{"etch"}, Must: 3},
		{Name: "q1", Kind: Within, Ours: "rg"},
		{Name: "q1", Kind: Within, Ours: "unknown"},
	} {
		o := row.Judge(figures)
		if o.Missing == "" || o.Holds() || o.Aimed() {
			t.Errorf("%+v: missing %q, holds: %t", row, o.Missing, o.Holds())
		}
		report := Report{Outcomes: []Outcome{o}}
		if text := report.String(); !strings.Contains(text, "MISSING q1: "+o.Missing) {
			t.Errorf("the report does not say that the row is missing:\n%s", text)
		}
		if _, err := json.Marshal(report); err != nil {
			t.Error(err)
		}
	}
	o := (&Row{Kind: Quicker, Ours: "etch", Theirs: []string{"rg", "grep"}}).Judge(figures)
	if want := "rg: not installed; grep: exit status 2"; o.Missing != want {
		t.Errorf("missing: %q, want %q", o.Missing, want)
	}
}

func TestReport(t *testing.T) {
	figures := Figures{"etch": {Unit: "ms", Values: []float64{3}}, "rg": {Unit: "ms", Values: []float64{30}}}
	row := Row{Name: "q1", Kind: Quicker, Ours: "etch", Theirs: []string{"rg"}, Must: 10, Aim: 25}
	report := Report{Machine: ThisMachine(), Options: "briefly", Outcomes: []Outcome{row.Judge(figures)}, Notes: []string{"no jq"}}
	text := report.String()
	for _, want := range []string{"briefly\n", "q1", "etch 3 ms", "rg 30 ms", "10.00x", ">= 10x", ">= 25x", "holds", "\nno jq\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report does not show %q:\n%s", want, text)
		}
	}
}

func TestMedian(t *testing.T) {
	if got := Median([]float64{5, 1, 3}); got != 3 {
		t.Errorf("median of three: %g, want 3", got)
	}
	if got := Median([]float64{5, 1, 3, 9}); got != 4 {
		t.Errorf("median of four: %g, want 4", got)
	}
}

func TestChoose(t *testing.T) {
	rows := []Row{{Name: "a", Ours: "x", Theirs: []string{"y"}}, {Name: "b", Ours: "x"}}
	chosen, err := Choose(rows, []string{"b"})
	if err != nil || !slices.Equal(Names(chosen), []string{"b"}) {
		t.Errorf("chosen are %v, %v; want b", Names(chosen), err)
	}
	if _, err := Choose(rows, []string{"c"}); err == nil {
		t.Error("a row was chosen that is not there")
	}
	if got, want := Sides(rows), []string{"x", "y"}; !slices.Equal(got, want) {
		t.Errorf("sides are %v, want %v", got, want)
	}
}

func TestMarkdown(t *testing.T) {
	figures := Figures{"etch": {Unit: "ms", Values: []float64{3}}, "rg": {Unit: "ms", Values: []float64{30}}, "dgst": {Missing: "a | b"}}
	rows := []Row{
		{Name: "q1", What: "one user", Kind: Quicker, Ours: "etch", Theirs: []string{"rg"}, Must: 10, Aim: 25},
		{Name: "verify", What: "all of it", Kind: Quicker, Ours: "etch", Theirs: []string{"dgst"}, Must: 2},
		{Name: "alone", What: "alone", Kind: Within, Ours: "etch", Must: 5},
		{Name: "shown", What: "for information", Kind: Shown, Ours: "etch"},
	}
	var report Report
	for _, row := range rows {
		report.Outcomes = append(report.Outcomes, row.Judge(figures))
	}
	want := `| row | etch | peer | ratio or figure | at least | aim |
|---|---|---|---|---|---|
| ` + "`q1`" + `: one user | 3 ms | rg 30 ms | 10.00 × (10.00–10.00) | ≥ 10 × | ≥ 25 × |
| ` + "`verify`" + `: all of it | | | missing: dgst: a \| b | ≥ 2 × | |
| ` + "`alone`" + `: alone | 3 ms | | 3.00 (3.00–3.00) | ≤ 5 | |
| ` + "`shown`" + `: for information | 3 ms | | 3.00 (3.00–3.00) | | |
`
	if diff := cmp.Diff(report.Markdown(), want); diff != "" {
		t.Errorf("got (-), want (+):\n%s", diff)
	}
}
