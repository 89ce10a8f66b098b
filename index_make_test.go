package etch

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/etch-audit/etch/internal/index"
)

// TestForms builds indexes with and without the forms of columns, of events that
// differ in one choice.
func TestForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		choices := rapid.SliceOfN(rapid.IntRange(0, 59), formChoices, formChoices).Draw(t, "choices")
		for i, chosen := range choices {
			var lines [][]byte
			for choices[i] = range 7 {
				lines = append(lines, formLine(choices))
			}
			choices[i] = chosen
			if !bytes.Equal(indexOf(t, lines, true), indexOf(t, lines, false)) {
				t.Errorf("the index of %q is another one with forms", lines)
			}
		}
	})
}

// formChoices is how many choices a line of formLine is made by.
const formChoices = 12

// formLine returns a line with some of the members that decide about columns.
func formLine(choices []int) []byte {
	at := 0
	choose := func(among ...string) string {
		at++
		return among[choices[at-1]%len(among)]
	}
	ev := outlineEvent()
	ev.Type = EventType(choose("tool_call", "policy_violation", ""))
	ev.SessionID = choose("", "s", "t")
	switch user := choose("full", "none", "", "a", "@a", "\"", "é"); user {
	case "full":
	case "none":
		ev.Actor = nil
	default:
		ev.Actor = &Actor{Username: user}
	}
	ev.Action.Allowed, ev.Action.Approved = choose("no", "yes") == "yes", choose("no", "yes") == "yes"
	ev.Action.Risk, ev.Action.Tool = Risk(choose("", "low", "critical")), choose("", "Bash", "B\\ash")
	switch choose("action", "none", "bare") {
	case "none":
		ev.Action = nil
	case "bare":
		ev.Action = &Action{Command: "c"}
	}
	ev.Security.PolicyViolation = choose("no", "yes") == "yes"
	ev.Result = &Result{Type: Outcome(choose("success", "blocked", "error"))}
	result := choose("result", "untyped", "none")
	if result == "none" {
		ev.Result = nil
	}
	line := bytes.Replace(lineOf(encode(ev)), []byte(`"c","approved":false,"allowed":false`), []byte(`"c"`), 1)
	if i := bytes.Index(line, []byte(`"result":{`)); i >= 0 && result == "untyped" {
		i += len(`"result":{`)
		line = slices.Replace(line, i, i+bytes.IndexByte(line[i:], '}'), []byte(`"exit_code":1`)...)
	}
	if choose("close", "spaced") == "spaced" { // has no outline
		line = bytes.Replace(line, []byte(`"session_id":`), []byte(`"session_id": `), 1)
	}
	return line
}

// indexOf returns the index of lines.
func indexOf(t *rapid.T, lines [][]byte, forms bool) []byte {
	b := index.NewBuilder(indexSpec, 1, 0)
	x := newIndexer()
	for _, line := range lines {
		row, err := x.read(line)
		if err != nil {
			t.Fatalf("%v of %s", err, line)
		}
		if !forms {
			row.Forms = nil
		}
		if err := b.Add(line, row); err != nil {
			t.Fatal(err)
		}
	}
	var file bytes.Buffer
	if _, err := b.Finish(&file); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// TestDeciding has events that differ in one member, and looks which fields of
// columns that shows in.
func TestDeciding(t *testing.T) {
	full := lineOf(encode(outlineEvent()))
	var all outline
	if !all.read(full) {
		t.Fatalf("no outline of %s", full)
	}
	for _, m := range formMembers {
		changed := all
		changed.spans[m.id] = span{}
		for _, inside := range formMembers {
			if m.kind == kindObject && inside.parent == m.id {
				changed.spans[inside.id] = span{}
			}
		}
		for _, c := range indexSpec.Columns {
			for _, id := range c.Fields {
				before, after := valueOf(row{lineValues{&all}}, id, ""), valueOf(row{lineValues{&changed}}, id, "")
				if before != after && !slices.ContainsFunc(deciding(id), func(d memberID) bool { return changed.spans[d] != all.spans[d] }) {
					t.Errorf("field %s is %q without %s, and %q with it", fields[id].Name, after, m.path, before)
				}
			}
		}
	}
}
