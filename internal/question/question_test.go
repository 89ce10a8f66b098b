package question

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/etch-audit/etch"
)

var noon = time.Date(2026, 2, 16, 12, 0, 0, 0, time.UTC)

// TestQuery shows where each word of a question gets to.
func TestQuery(t *testing.T) {
	for name, c := range map[string]struct {
		asked Question
		want  etch.Query
	}{
		"nothing": {Question{}, etch.Query{}},
		"names": {
			Question{User: "a", Channel: "b", Agent: "c", Session: "d", Tool: "e"},
			etch.Query{User: "a", Channel: "b", Agent: "c", Session: "d", Tool: "e"},
		},
		"switches": {
			Question{Violations: true, Failed: true, Denied: true, Control: true, AllPhases: true, Reverse: true, NoIndex: true, Limit: 3},
			etch.Query{ViolationsOnly: true, Failed: true, Denied: true, Control: true, AllPhases: true, Reverse: true, NoIndex: true, Limit: 3},
		},
		"a level":     {Question{Risk: "high"}, etch.Query{Risk: etch.RiskHigh}},
		"and above":   {Question{Risk: "high+"}, etch.Query{Risk: etch.RiskHigh, RiskAndAbove: true}},
		"types":       {Question{Types: []string{"file_access"}}, etch.Query{Types: []etch.EventType{etch.FileAccess}}},
		"the log's":   {Question{Types: []string{"log_sealed"}}, etch.Query{Types: []etch.EventType{"log_sealed"}, Control: true}},
		"a day":       {Question{Since: "yesterday", Until: "yesterday"}, etch.Query{From: noon.Add(-36 * time.Hour), Until: noon.Add(-12 * time.Hour)}},
		"behind":      {Question{After: "7"}, etch.Query{After: etch.Some(uint64(7))}},
		"known names": {Question{Fields: []string{"seq", "label.x"}, CountBy: []string{"user"}}, etch.Query{}},
	} {
		got, err := c.asked.Query(noon)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(got, c.want, cmpopts.IgnoreUnexported(etch.Query{}), cmp.AllowUnexported(etch.Optional[uint64]{}, etch.Optional[etch.Place]{})); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
}

// TestConditions shows that the words which become conditions all count.
func TestConditions(t *testing.T) {
	log := reader(t, testLog(t, 5)) // commands "command 0" to "command 4"
	for name, c := range map[string]struct {
		asked Question
		want  int
	}{
		"where":            {Question{Where: []string{"command = 'command 3'"}}, 1},
		"words":            {Question{Words: []string{"risk=low", "command!=command 3"}}, 4},
		"grep":             {Question{Grep: []string{"command [12]"}}, 2},
		"grep as it is":    {Question{Grep: []string{"command [12]"}, Fixed: true}, 0},
		"grep, any case":   {Question{Grep: []string{"COMMAND 1"}, IgnoreCase: true}, 1},
		"all of them":      {Question{Where: []string{"risk = low"}, Words: []string{"tool=shell"}, Grep: []string{"2$"}}, 1},
		"two wheres":       {Question{Where: []string{"command != 'command 3'", "command != 'command 1'"}}, 3},
		"two greps":        {Question{Grep: []string{"command [12]", "[23]$"}}, 1},
		"that contradict":  {Question{Where: []string{"risk = high"}, Grep: []string{"2$"}}, 0},
		"now is the clock": {Question{Where: []string{"time >= yesterday"}}, 5},
	} {
		q, err := c.asked.Query(noon)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		n := 0
		for _, err := range Records(t.Context(), log, q, nil) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != c.want {
			t.Errorf("%s: %d records, want %d", name, n, c.want)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		asked      Question
		want, hint string
		column     int
	}{
		{Question{Since: "nwo"}, `since: "nwo" is not a time`, `did you mean "now"?`, 0},
		{Question{Until: "3parsecs"}, `until: "3parsecs" is not a time`, "write 24h", 0},
		{Question{Since: "1h", Until: "2h"}, "since: 1h is not before until, 2h: nothing can match", "", 0},
		{Question{Types: []string{"file_acess"}}, `type: unknown type "file_acess"`, `did you mean "file_access"?`, 0},
		{Question{Types: []string{"log_unheard"}}, `type: unknown type "log_unheard"`, "known are ", 0},
		{Question{Risk: "hgih"}, `risk: unknown risk "hgih"`, `did you mean "high"?`, 0},
		{Question{Risk: "+"}, `risk: unknown risk "+"`, `"high+" is that and above`, 0},
		{Question{After: "-1"}, `after: "-1" is no sequence number`, "it is the seq", 0},
		{Question{Where: []string{"user = "}}, "where: column ", "", 8},
		{Question{Words: []string{"time = today"}}, `"time = today": unknown field`, "it is an expression", 0},
		{Question{Words: []string{"not denied"}}, `"not denied": unknown field`, "it is an expression", 0},
		{Question{Words: []string{"hello"}}, `"hello": `, "words are FIELD=VALUE", 0},
		{Question{Grep: []string{"("}}, "grep: ", "as it stands", 0},
		{Question{Grep: []string{"bad\xff"}}, `grep: "bad\xff" is no valid UTF-8`, "", 0},
		{Question{Grep: []string{"bad\xff"}, Fixed: true}, `grep: "bad\xff" is no valid UTF-8`, "", 0},
		{Question{Fixed: true}, "grep: fixed-strings and ignore-case say how", "", 0},
		{Question{Fields: []string{"usr"}}, `fields: unknown field "usr"`, `did you mean "user"?`, 0},
		{Question{Fields: []string{"label"}}, "fields: label is not one value", "name one: label.NAME", 0},
		{Question{CountBy: []string{"qqqqqq"}}, `count-by: unknown field "qqqqqq"`, "known are ", 0},
	} {
		_, err := c.asked.Query(noon)
		wrong, ok := errors.AsType[*Error](err)
		if !ok || !strings.HasPrefix(err.Error(), c.want) || !strings.Contains(wrong.Hint, c.hint) || wrong.Column != c.column {
			t.Errorf("%+v: %v, hint %q, column %d; want %q, hint %q, column %d", c.asked, err, wrong.Hint, wrong.Column, c.want, c.hint, c.column)
		}
	}
	// Each word that means nothing is told.
	_, err := (&Question{Since: "x", Risk: "y", Fields: []string{"zzzz"}}).Query(noon)
	if got := strings.Count(err.Error(), "\n") + 1; got != 3 {
		t.Errorf("%d errors, want 3: %v", got, err)
	}
}
