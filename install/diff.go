package install

import (
	"bytes"
	"fmt"
	"strings"
)

const (
	// contextLines are shown around what changes.
	contextLines = 3
	// maxCells bounds the table by which two texts are compared.
	maxCells = 4 << 20
)

// Diff returns the change of the file as a unified diff; empty where there is
// none.
func (c *Change) Diff() string {
	if c.None() || c.Made && len(c.After) == 0 {
		return ""
	}
	old, now := c.Path, c.Path
	if c.Made {
		old = "/dev/null"
	}
	if c.Gone {
		now = "/dev/null"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "--- %s\n+++ %s\n", old, now)
	for _, h := range hunks(script(lines(c.Before), lines(c.After))) {
		h.write(&b)
	}
	return b.String()
}

// lines cuts a text after its line feeds.
func lines(text []byte) []string {
	var all []string
	for line := range bytes.Lines(text) {
		all = append(all, string(line))
	}
	return all
}

// A change of one line: ' ' both have it, '-' the old one, '+' the new one.
type lineChange struct {
	op   byte
	text string
}

// script returns the lines that make the new text of the old one.
func script(old, now []string) []lineChange {
	var head, tail []lineChange
	for len(old) > 0 && len(now) > 0 && old[0] == now[0] {
		head = append(head, lineChange{' ', old[0]})
		old, now = old[1:], now[1:]
	}
	for len(old) > 0 && len(now) > 0 && old[len(old)-1] == now[len(now)-1] {
		tail = append(tail, lineChange{' ', old[len(old)-1]})
		old, now = old[:len(old)-1], now[:len(now)-1]
	}
	head = append(head, middle(old, now)...)
	for i := len(tail) - 1; i >= 0; i-- {
		head = append(head, tail[i])
	}
	return head
}

// middle compares by the longest common subsequence; texts too long for that
// are taken to have nothing in common.
func middle(old, now []string) []lineChange {
	var all []lineChange
	width := len(now) + 1
	common := make([]int32, 0)
	if (len(old)+1)*width <= maxCells {
		common = make([]int32, (len(old)+1)*width)
		for i := len(old) - 1; i >= 0; i-- {
			for j := len(now) - 1; j >= 0; j-- {
				if old[i] == now[j] {
					common[i*width+j] = 1 + common[(i+1)*width+j+1]
				} else {
					common[i*width+j] = max(common[(i+1)*width+j], common[i*width+j+1])
				}
			}
		}
	}
	i, j := 0, 0
	for i < len(old) || j < len(now) {
		switch {
		case i < len(old) && j < len(now) && old[i] == now[j] && len(common) > 0:
			all = append(all, lineChange{' ', old[i]})
			i, j = i+1, j+1
		case i < len(old) && (j == len(now) || len(common) == 0 || common[(i+1)*width+j] >= common[i*width+j+1]):
			all = append(all, lineChange{'-', old[i]})
			i++
		default:
			all = append(all, lineChange{'+', now[j]})
			j++
		}
	}
	return all
}

// A hunk is a piece of a script with the lines around it.
type hunk struct {
	old, now int // lines before it
	lines    []lineChange
}

func hunks(script []lineChange) []hunk {
	var all []hunk
	var old, now, same int
	open := false
	for i, l := range script {
		if l.op != ' ' {
			if !open {
				begin := max(i-contextLines, i-same)
				before := i - begin
				all = append(all, hunk{old - before, now - before, append([]lineChange(nil), script[begin:i]...)})
				open = true
			}
			same = 0
		} else {
			same++
		}
		if open {
			h := &all[len(all)-1]
			h.lines = append(h.lines, l)
			if same > 2*contextLines {
				h.lines = h.lines[:len(h.lines)-same+contextLines]
				same, open = same-contextLines, false
			}
		}
		if l.op != '+' {
			old++
		}
		if l.op != '-' {
			now++
		}
	}
	if open && same > contextLines {
		h := &all[len(all)-1]
		h.lines = h.lines[:len(h.lines)-same+contextLines]
	}
	return all
}

func (h hunk) write(b *strings.Builder) {
	var old, now int
	for _, l := range h.lines {
		if l.op != '+' {
			old++
		}
		if l.op != '-' {
			now++
		}
	}
	fmt.Fprintf(b, "@@ -%s +%s @@\n", span(h.old, old), span(h.now, now))
	for _, l := range h.lines {
		b.WriteByte(l.op)
		b.WriteString(l.text)
		if !strings.HasSuffix(l.text, "\n") {
			b.WriteString("\n\\ No newline at end of file\n")
		}
	}
}

// span writes where a hunk is: an empty one names the line before it.
func span(before, count int) string {
	if count > 0 {
		before++
	}
	if count == 1 {
		return fmt.Sprint(before)
	}
	return fmt.Sprintf("%d,%d", before, count)
}
