package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/etch-audit/etch/bench/table"
)

// ratio returns the outcome of a row that compares with a side.
func ratio(row, side string, value float64) table.Outcome {
	return table.Outcome{Row: row, Theirs: []table.Figure{{Side: side}}, Value: value, Bound: 10}
}

// bars returns the width of each bar of a picture.
func bars(t *testing.T, svg []byte) []string {
	t.Helper()
	var widths []string
	d := xml.NewDecoder(strings.NewReader(string(svg)))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return widths
		}
		if err != nil {
			t.Fatalf("not XML: %v\n%s", err, svg)
		}
		e, ok := token.(xml.StartElement)
		if !ok || e.Name.Local != "rect" {
			continue
		}
		attr := map[string]string{}
		for _, a := range e.Attr {
			attr[a.Name.Local] = a.Value
		}
		if attr["class"] == "bar" {
			widths = append(widths, attr["width"])
		}
	}
}

func TestDrawBars(t *testing.T) {
	missing := ratio("archived", "rg/q1", 5)
	missing.Missing = "there is none"
	outcomes := []table.Outcome{
		ratio("q1", "rg/q1", 10), ratio("q1-files", "rg/q1/files", 0.1), ratio("a<b", "rg/q1", 100),
		ratio("q1-sqlite", "sqlite/q1", 2), missing,
	}
	text, err := json.Marshal(table.Report{Outcomes: outcomes})
	if err != nil {
		t.Fatal(err)
	}
	svg, err := drawAny(text)
	if err != nil {
		t.Fatal(err)
	}
	// From 0.1 to 100 there are three powers of ten: a third of the width each.
	want := "116.7 116.7 233.3"
	if got := strings.Join(bars(t, svg), " "); got != want {
		t.Errorf("the bars are %s wide, want %s", got, want)
	}
	for _, want := range []string{"a&lt;b", "100 ×", "one user's records (rg: all cores)", "prefers-color-scheme:dark"} {
		if !strings.Contains(strings.ReplaceAll(string(svg), "&#39;", "'"), want) {
			t.Errorf("the picture does not contain %q:\n%s", want, svg)
		}
	}
}

func TestDrawBarsRefuses(t *testing.T) {
	for _, outcomes := range [][]table.Outcome{
		nil,
		{ratio("q1-sqlite", "sqlite/q1", 2)},
		{ratio("q1", "rg/q1", 0)},
	} {
		if svg, err := drawBars(outcomes); err == nil {
			t.Errorf("%+v was drawn: %s", outcomes, svg)
		}
	}
}
