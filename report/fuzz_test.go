package report

import (
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/etch-audit/etch"
)

var style = regexp.MustCompile(`(?s)<style>.*</style>`)

// Whatever stands in an event, the page has the tags that the template has, and
// each row of Markdown's tables as many cells as its head.
func FuzzForms(f *testing.F) {
	for _, text := range []string{"\x1b[2J", "<script>alert(1)</script>", "\u202egnp", "a`b``c|d\\|e\\", "]]><!--", "{{.}}", "\r\n# x", "</style>", "\xff\u2028\u0085", "", " ", "-"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		g := newGatherer(Options{From: from, Until: until, User: ""})
		r := run(1, from, text, text)
		r.Event.Type = etch.EventType(text)
		r.Event.Actor.Agent, r.Event.Action.Tool, r.Event.Action.RiskReasons = text, text, []string{text}
		r.Event.Action.Risk, r.Event.Result = etch.Risk(text), &etch.Result{Type: etch.Outcome(text), Message: text}
		g.add(r)
		r.Seq, r.Event.Action.Risk = 2, etch.RiskHigh
		g.add(r)
		made := g.report(text)
		var page, markdown, screen strings.Builder
		if made.WriteHTML(&page) != nil || made.WriteMarkdown(&markdown) != nil || made.WriteText(&screen, TextOptions{Width: 70}) != nil {
			t.Fatal("a builder takes everything")
		}
		tags := style.ReplaceAllString(page.String(), "")
		if got, want := strings.Count(tags, "<"), strings.Count(tags, ">"); got != want || strings.Count(tags, "<script") > 0 {
			t.Errorf("%d tags open, %d close:\n%s", got, want, tags)
		}
		for name, shown := range map[string]string{"page": page.String(), "markdown": markdown.String(), "text": screen.String()} {
			if i := strings.IndexFunc(shown, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
				t.Errorf("%s: %q is hidden", name, shown[i:min(i+20, len(shown))])
			}
		}
		cells := 0
		for line := range strings.Lines(markdown.String()) {
			n := strings.Count(line, "|")
			if n > 0 && cells > 0 && n != cells {
				t.Errorf("%d cells, want %d: %s", n, cells, line)
			}
			cells = n
		}
	})
}
