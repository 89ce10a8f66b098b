package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/terminal"
	"github.com/etch-audit/etch/report"
	"github.com/etch-audit/etch/verify"
)

// forms are all that a report can be shown as.
var forms = []struct {
	name  string
	write func(*report.Report, io.Writer) error
}{
	{"plain.txt", func(r *report.Report, w io.Writer) error { return r.WriteText(w, report.TextOptions{}) }},
	{"screen.txt", func(r *report.Report, w io.Writer) error {
		return r.WriteText(w, report.TextOptions{Width: 80, Colour: true})
	}},
	{"report.md", (*report.Report).WriteMarkdown},
	{"report.html", (*report.Report).WriteHTML},
	{"report.json", func(r *report.Report, w io.Writer) error {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", " ")
		return encoder.Encode(r)
	}},
}

func show(t *testing.T, r *report.Report, write func(*report.Report, io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(r, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// hostile is what nobody should be able to do to a reader.
var hostile = []string{
	"\x1b[2J\x1b]0;owned\x07", "<script>alert(1)</script>", "\u202egnp.exe", "a`b``c|d\\|e\\", "]]><!--", "{{.}}", "\r\nX: y\n\n# heading",
	"</style><style>*{display:none}", "\" onload=\"x", "\xff\xfe\u2028\u0085", "| --- |", "[x](javascript:alert(1))", strings.Repeat("ab ", 22000),
}

// sample is a report of a busy week, a log in trouble, and hostile texts.
func sample(t *testing.T) *report.Report {
	t.Helper()
	var events []*etch.Event
	texts := []string{"go test ./...", "git status", "cd web && npm run build", "rg -n main"}
	for i := range 120 {
		at := monday.AddDate(0, 0, -8).Add(time.Duration(i) * 3 * time.Hour)
		ev := command(at, []string{"@alice", "bob", "carol"}[i*i%3], texts[i%4], []etch.Risk{etch.RiskLow, etch.RiskLow, etch.RiskMedium, ""}[i%4])
		switch {
		case i%17 == 3:
			ev.Result = &etch.Result{Type: etch.Error, Message: "exit status 2", ExitCode: etch.Some(int64(2))}
		case i%23 == 5:
			ev.Action = &etch.Action{Tool: "shell", Command: "sudo rm -rf /srv/data", Risk: etch.RiskHigh, RiskReasons: []string{"privilege-escalation: sudo runs rm", "rm-recursive: rm -rf removes /srv/data"}}
			ev.Result = &etch.Result{Type: etch.Blocked, Reason: "at or above deny_risk"}
			ev.Security = &etch.Security{PolicyViolation: true}
		}
		events = append(events, ev)
	}
	for i, text := range hostile {
		ev := command(made.Add(time.Duration(i-60)*time.Minute), text, text, etch.RiskCritical)
		ev.Actor.Agent, ev.Action.Tool, ev.Action.RiskReasons = text, text, []string{"rule: " + text}
		ev.Action.Allowed = i%2 == 0
		ev.Result = &etch.Result{Type: etch.Error, Message: text}
		events = append(events, ev)
	}
	opts := week()
	opts.Top = 20
	r := gather(t, newLog(t, made, events...), opts)
	r.Origin = "etch.log/0123"
	r.Log = report.LogState{
		Segments: 1, Seals: 9, Epochs: 2, EpochsBroken: 1, Recoveries: 1, Gaps: 1, LostEvents: 12,
		Notices: []report.Notice{
			{Seq: 131, Timestamp: report.Time{Time: made.Add(-time.Hour)}, Type: "log_gap", Detail: "12 events lost: disk full"},
			{Seq: 90, Timestamp: report.Time{Time: made.Add(-2 * time.Hour)}, Type: "log_recovered", Detail: "torn-tail \x1b[31m"},
		},
		Claims: report.Claims{Gaps: 1, LostEvents: 4000, List: []report.Claim{
			{Seq: 133, Timestamp: report.Time{Time: made.Add(-time.Hour)}, ClaimedBy: "token \x1b[31m<b>", Lost: 4000, Detail: "4000 events lost: \x1b[31m<script>"},
		}},
		Unreadable: 2, Damages: []report.Damage{{Segment: "audit.log", Offset: 512, Detail: "bad <line>\u202e"}},
	}
	found := &verify.Report{Verdict: verify.Damaged, FaultCount: 3, Undecided: []string{}, Faults: []verify.Fault{
		{Kind: verify.Edited, Segment: "audit.log", Offset: new(int64(512)), Seq: new(uint64(17)), Detail: "the line's MAC is not that of its bytes"},
		{Kind: verify.Truncated, Segment: "audit.log", FromSeq: new(uint64(40)), ToSeq: new(uint64(44)), Detail: "the end is gone"},
	}}
	found.Summary.Records, found.Summary.Tier = 134, verify.TierLocal
	r.SetVerification(found, 15)
	return r
}

// Each form is what the golden file says. ETCH_UPDATE_GOLDEN writes them.
func TestForms(t *testing.T) {
	r := sample(t)
	for _, form := range forms {
		path := filepath.Join("testdata", form.name)
		got := show(t, r, form.write)
		if os.Getenv("ETCH_UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			at := 0
			for at < min(len(got), len(want)) && got[at] == want[at] {
				at++
			}
			from := max(0, at-80)
			t.Errorf("%s differs at byte %d: got %q, want %q", path, at, got[from:min(len(got), at+80)], want[from:min(len(want), at+80)])
		}
	}
}

// Nothing that a log holds moves a cursor.
func TestFormsAreHarmless(t *testing.T) {
	r := sample(t)
	colours := regexp.MustCompile("\x1b\\[[0-9;]*m")
	for _, form := range forms {
		text := show(t, r, form.write)
		if form.name == "report.json" {
			continue // it holds the texts as they are, escaped
		}
		if form.name == "screen.txt" {
			text = colours.ReplaceAllString(text, "")
		}
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			if harmless := terminal.Text(line); harmless != line {
				t.Errorf("%s: %q", form.name, line)
			}
			if form.name == "screen.txt" && terminal.Width(line) > 80 {
				t.Errorf("%d columns: %q", terminal.Width(line), line)
			}
		}
	}
}

// The page holds no element and no attribute that loads or runs anything, and
// its policy allows its own style only.
func TestPage(t *testing.T) {
	text := show(t, sample(t), (*report.Report).WriteHTML)
	elements := []string{
		"html", "head", "meta", "title", "style", "body", "header", "div", "h1", "h2", "p", "strong", "span", "ul", "li", "dl", "dt", "dd", "main",
		"figure", "figcaption", "svg", "desc", "line", "text", "g", "rect", "section", "table", "thead", "tbody", "tr", "th", "td", "code", "small", "footer",
	}
	attributes := []string{
		"lang", "charset", "http-equiv", "content", "name", "class", "id", "aria-label", "aria-labelledby", "aria-hidden", "role", "scope",
		"viewBox", "preserveAspectRatio", "x", "y", "x1", "x2", "y1", "y2", "width", "height", "rx", "text-anchor",
	}
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	tables, depth := 0, 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.EndElement:
			depth--
		case xml.StartElement:
			depth++
			if e.Name.Local == "table" {
				tables++
			}
			if !slices.Contains(elements, e.Name.Local) {
				t.Errorf("element %s", e.Name.Local)
			}
			for _, a := range e.Attr {
				if !slices.Contains(attributes, a.Name.Local) {
					t.Errorf("attribute %s of %s", a.Name.Local, e.Name.Local)
				}
			}
		}
	}
	if depth != 0 || tables < 12 {
		t.Errorf("%d elements are not closed, %d tables", depth, tables)
	}
	_, rest, _ := strings.Cut(text, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	policy := "default-src &#39;none&#39;; style-src &#39;sha256-" + strings.ReplaceAll(base64.StdEncoding.EncodeToString(sum[:]), "+", "&#43;") + "&#39;"
	if !strings.Contains(text, policy) {
		t.Errorf("the policy does not allow the style of the page: want %s in %s", policy, regexp.MustCompile(`content="[^"]*"`).FindString(text))
	}
	if strings.Contains(style, "url(") || strings.Contains(style, "@import") {
		t.Error("the style loads something")
	}
}

// In Markdown a text is code that ends where it should, and each row of a table
// has as many cells as its head.
func TestMarkdown(t *testing.T) {
	text := show(t, sample(t), (*report.Report).WriteMarkdown)
	if tags := regexp.MustCompile(`<[^>]*>?`).FindAllString(strings.NewReplacer("<code>", "", "</code>", "").Replace(withoutSpans(text)), -1); tags != nil {
		t.Errorf("markup: %q", tags)
	}
	cells := 0
	for line := range strings.Lines(text) {
		n := strings.Count(line, "|")
		switch {
		case n == 0:
			cells = 0
		case cells == 0:
			cells = n
		case n != cells:
			t.Errorf("%d cells, want %d: %s", n-1, cells-1, line)
		}
	}
}

// withoutSpans leaves out what stands between backticks.
func withoutSpans(text string) string {
	return regexp.MustCompile("`[^`\n]*`").ReplaceAllString(text, "")
}

// JSON holds the texts as they are, as far as they are characters and short.
func TestJSON(t *testing.T) {
	text := show(t, sample(t), forms[4].write)
	var got struct {
		Made     string
		Riskiest []struct {
			What  string
			Seq   uint64
			Count uint64
		}
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if want := "2026-02-16T09:00:00.000000Z"; got.Made != want {
		t.Errorf("made %s, want %s", got.Made, want)
	}
	for _, want := range hostile {
		want = strings.ToValidUTF8(want, "\ufffd\ufffd")
		found := false
		for _, c := range got.Riskiest {
			begin, cut := strings.CutSuffix(c.What, "…")
			found = found || c.What == want || cut && len(want) > 2000 && strings.HasPrefix(want, begin)
		}
		if !found {
			t.Errorf("no %.40q among the riskiest", want)
		}
	}
	if strings.Contains(text, ": null,\n \"denied\"") || !strings.Contains(text, `"undecided": []`) {
		t.Error("an empty list is null")
	}
}

// Small logs have a report in every form: no record, no event, one event,
// nothing in the period.
func TestSmall(t *testing.T) {
	one := command(monday.Add(time.Hour), "alice", "ls", etch.RiskLow)
	for _, test := range []struct {
		name   string
		reader *etch.Reader
		want   string
	}{
		{"no event", newLog(t, made), "Nothing was denied."},
		{"nothing in the period", newLog(t, made, command(monday.AddDate(0, 0, -30), "alice", "ls", etch.RiskLow)), "No command that was not in the log before this period."},
		{"one event", newLog(t, made, one), "all of them: the log begins in this period"},
		{"an event that says nothing", newLog(t, made, &etch.Event{Timestamp: monday, Type: etch.SessionStart}), "(no user)"},
	} {
		r := gather(t, test.reader, week())
		for _, form := range forms {
			text := show(t, r, form.write)
			if form.name != "report.json" && !strings.Contains(strings.NewReplacer("&#40;", "(", "&#41;", ")").Replace(text), test.want) {
				t.Errorf("%s: %s: %q is not in\n%s", test.name, form.name, test.want, text)
			}
			if strings.Contains(text, "NaN") || strings.Contains(text, "%!") {
				t.Errorf("%s: %s:\n%s", test.name, form.name, text)
			}
		}
		if r.Totals.Events > 1 || r.Users.List == nil || r.Timeline.Bars == nil || r.Denied == nil {
			t.Errorf("%s: %+v", test.name, r)
		}
	}
}

// However narrow the screen, and whatever is written, the lines fit.
func TestWidths(t *testing.T) {
	r := sample(t)
	for width := 40; width <= 200; width += 7 {
		text := show(t, r, func(r *report.Report, w io.Writer) error { return r.WriteText(w, report.TextOptions{Width: width}) })
		for line := range strings.Lines(text) {
			if n := terminal.Width(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("width %d: %d columns: %s", width, n, line)
			}
		}
	}
}

// What cannot be written is an error in every form.
func TestWriteFails(t *testing.T) {
	r, broken := sample(t), errors.New("broken")
	for _, form := range forms {
		if err := form.write(r, failing{broken}); !errors.Is(err, broken) {
			t.Errorf("%s: got %v, want %v", form.name, err, broken)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
