package main

import (
	"strings"
	"testing"

	"github.com/etch-audit/etch/export/table"
)

// A line of --format short fits the screen with names of any length, and its numbers and
// times are whole.
func TestFittedNames(t *testing.T) {
	long := strings.Repeat("n", 50)
	for _, test := range []struct {
		fields string
		row    []string
		width  int
	}{
		{"user,agent,channel,session,tool,type", []string{long, long, long, long, long, long}, 80},
		{"user,agent,channel,session,tool,type", []string{long, long, long, long, long, long}, 200},
		{"seq,time,user,agent,tool", []string{"12345678901234567890", "2026-02-16T13:34:56.100000+01:00", long, long, long}, 100},
		{"user,tool", []string{long, long}, 20},
	} {
		names := strings.Split(test.fields, ",")
		f := fieldTable{fieldSet: fieldSet{names: names}, grid: newGrid(nil, names, table.Options{Width: test.width})}
		row := f.fitted(append([]string(nil), test.row...))
		last := len(row) - 1
		if used := widthOf(expanded(row)); used > test.width || used+8 < test.width {
			t.Errorf("%s: a line takes %d of %d columns: %q", test.fields, used, test.width, row)
		}
		for i, text := range row {
			if kept := test.row[i] == text; kept != (test.row[i] != long) || i < last && len(text) < leastCell {
				t.Errorf("%s: %s is shown as %q", test.fields, names[i], text)
			}
		}
	}
}

// expanded returns a line as a terminal shows it, with a tab stop every eight columns.
func expanded(row []string) string {
	line := ""
	for _, text := range row[:len(row)-1] {
		line += text + " "
		for widthOf(line)%8 > 0 {
			line += " "
		}
	}
	return line + row[len(row)-1]
}
