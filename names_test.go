package etch

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestParseNames(t *testing.T) {
	types := EventTypes()
	if len(types) != 14 || types[0] != CommandExecution {
		t.Errorf("EventTypes() = %v", types)
	}
	types[0] = "changed"
	if EventTypes()[0] != CommandExecution {
		t.Error("EventTypes returns its own list")
	}
	for _, want := range EventTypes() {
		if got, err := ParseEventType(string(want)); got != want || err != nil || want.IsControl() {
			t.Errorf("ParseEventType(%q) = %q, %v", want, got, err)
		}
	}
	for _, want := range phases {
		if got, err := ParsePhase(string(want)); got != want || err != nil {
			t.Errorf("ParsePhase(%q) = %q, %v", want, got, err)
		}
	}
	for _, want := range outcomes {
		if got, err := ParseOutcome(string(want)); got != want || err != nil {
			t.Errorf("ParseOutcome(%q) = %q, %v", want, got, err)
		}
	}
	for rank, want := range []Risk{RiskLow, RiskMedium, RiskHigh, RiskCritical} {
		if got, err := ParseRisk(string(want)); got != want || err != nil || got.Rank() != rank+1 {
			t.Errorf("ParseRisk(%q) = %q of rank %d, %v", want, got, got.Rank(), err)
		}
	}
	for _, r := range []Risk{"", "extreme"} {
		if r.Rank() != 0 {
			t.Errorf("the rank of %q is %d, want 0", r, r.Rank())
		}
	}
}

func TestRiskReaches(t *testing.T) {
	levels := []Risk{"", "extreme", RiskLow, RiskMedium, RiskHigh, RiskCritical}
	for limit, refused := range map[Risk]string{ // one letter a level, in their order
		"": "------", "extreme": "xxxxxx", RiskLow: "xxxxxx", RiskMedium: "---xxx", RiskHigh: "----xx", RiskCritical: "-----x",
	} {
		for i, level := range levels {
			if got, want := level.Reaches(limit), refused[i] == 'x'; got != want {
				t.Errorf("%q reaches the limit %q: %v, want %v", level, limit, got, want)
			}
		}
	}
}

func TestParseNameErrors(t *testing.T) {
	tests := []struct{ in, nearest, text string }{
		{"crtical", "critical", `"crtical" is not a risk level (low, medium, high, critical); did you mean "critical"?`},
		{"hihg", "high", `"hihg" is not a risk level (low, medium, high, critical); did you mean "high"?`},
		{"Medium", "medium", `"Medium" is not a risk level (low, medium, high, critical); did you mean "medium"?`},
		{"severe", "", `"severe" is not a risk level (low, medium, high, critical)`},
		{"", "", `"" is not a risk level (low, medium, high, critical)`},
		{strings.Repeat("x", 100), "", `"` + strings.Repeat("x", 100) + `" is not a risk level (low, medium, high, critical)`},
	}
	for _, tt := range tests {
		r, err := ParseRisk(tt.in)
		e, ok := errors.AsType[*NameError](err)
		if !ok || r != "" {
			t.Errorf("ParseRisk(%q) = %q, %v, want a NameError", tt.in, r, err)
			continue
		}
		if e.Nearest != tt.nearest || e.Error() != tt.text {
			t.Errorf("ParseRisk(%q): %s; nearest %q, want %s; nearest %q", tt.in, e.Error(), e.Nearest, tt.text, tt.nearest)
		}
	}
}

func TestValidate(t *testing.T) {
	if err := fullEvent().Validate(); err != nil {
		t.Errorf("the full event is not valid: %v", err)
	}
	tests := []struct {
		change func(*Event)
		want   []string
	}{
		{func(e *Event) { e.Type = "" }, []string{"event_type is missing"}},
		{func(e *Event) { e.Type = "log_sealed" }, []string{`event_type: "log_sealed" is not`}},
		{func(e *Event) { e.Type = "quux" }, []string{`event_type: "quux" is not`}},
		{func(e *Event) { e.Phase = "x" }, []string{`phase: "x" is not`}},
		{func(e *Event) { e.Action.Risk, e.Result.Type = "x", "y" }, []string{`action.risk_level: "x" is not`, `result.type: "y" is not`}},
		{func(e *Event) { e.Action.ClaimSource = "x" }, []string{`action.claim_source: "x" is not`}},
	}
	for _, tt := range tests {
		ev := fullEvent()
		tt.change(ev)
		err := ev.Validate()
		if err == nil {
			t.Errorf("want an error with %q", tt.want)
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		if !slices.EqualFunc(lines, tt.want, strings.HasPrefix) {
			t.Errorf("error is %q, want %q", lines, tt.want)
		}
	}
	ev := fullEvent()
	if n := testing.AllocsPerRun(100, func() { _ = ev.Validate() }); n != 0 {
		t.Errorf("Validate allocates %v times for a valid event, want 0", n)
	}
}
