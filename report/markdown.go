package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes the report as GitHub-flavoured Markdown. Texts of the log
// stand in code, where nothing that they hold is markup.
func (r *Report) WriteMarkdown(w io.Writer) error {
	b := bufio.NewWriter(w)
	put := func(format string, args ...any) { _, _ = fmt.Fprintf(b, format, args...) } // kept until Flush
	d := r.view()
	put("# %s\n\n", d.title)
	put("**%s**: %s\n\n", d.verdict.word, escape(d.verdict.text))
	for _, line := range d.verdict.lines {
		put("- %s\n", code(line))
	}
	if len(d.verdict.lines) > 0 {
		put("\n")
	}
	put("| | |\n|---|---|\n")
	for _, f := range d.facts {
		if f.name == "log" || f.name == "only" {
			f.value = code(f.value)
		} else {
			f.value = escape(f.value)
		}
		put("| %s | %s |\n", f.name, f.value)
	}
	for i := range d.sections {
		s := &d.sections[i]
		put("\n## %s\n", s.title)
		if s.intro != "" {
			put("\n%s\n", escape(s.intro))
		}
		if len(s.rows) > 0 {
			put("\n%s", s.markdown())
		}
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// markdown returns the table. The notes of its rows are its last column.
func (s *section) markdown() string {
	var b strings.Builder
	titles, rule := "|", "|"
	for _, c := range s.columns {
		titles += " " + escape(c.title) + " |"
		if c.right {
			rule += "---:|"
		} else {
			rule += "---|"
		}
	}
	if s.because != "" {
		titles, rule = titles+" "+s.because+" |", rule+"---|"
	}
	b.WriteString(titles + "\n" + rule + "\n")
	for i := range s.rows {
		b.WriteByte('|')
		for j, c := range s.rows[i].cells {
			b.WriteString(" " + markdownCell(&s.columns[j], c) + " |")
		}
		if s.because != "" {
			b.WriteString(" " + code(s.rows[i].note) + " |")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func markdownCell(c *column, content cell) string {
	switch {
	case content.bar != nil:
		return strings.TrimRight((&text{}).bar(content.bar, plainBar/2), " ")
	case c.log && content.tone != faint:
		return code(content.text)
	}
	return escape(content.text)
}

// special is what may be markup somewhere.
const special = "\\`*_{}[]<>()#+!|~&$@:\"'="

// escape returns a text whose every special character is a character reference:
// other than a backslash, that holds in every dialect, and in cells of tables.
func escape(text string) string {
	if !strings.ContainsAny(text, special) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if r < 0x80 && strings.ContainsRune(special, r) && !strings.ContainsRune("():=+'", r) {
			fmt.Fprintf(&b, "&#%d;", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// code returns a harmless text as code. What would end it, or the cell that it
// stands in, makes it code of HTML: between backticks nothing can be escaped.
func code(text string) string {
	if text == "" {
		return ""
	}
	if strings.ContainsAny(text, "`|\\") || text[0] == ' ' || text[len(text)-1] == ' ' {
		return "<code>" + escapeAll(text) + "</code>"
	}
	return "`" + text + "`"
}

// escapeAll is escape of a text that somebody else has chosen: everything but
// letters, digits and blanks between them.
func escapeAll(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r < 0x80 && r != ' ' && r != '-' && r != '/' && r != '.' && r != ',' &&
			(r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			fmt.Fprintf(&b, "&#%d;", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
