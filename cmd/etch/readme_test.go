package main

import (
	"cmp"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// The session that the README shows is run, and so is the picture made. Where
// ETCH_UPDATE_PICTURE is set it is written.
func TestReadmeSession(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the session is one of a Unix shell")
	}
	const readme, picture = "../../README.md", "../../docs/demo.svg"
	text := readText(t, readme)
	for _, c := range newRoot(commands, processStdio()).Commands() {
		if c.IsAvailableCommand() && c.Name() != "help" && !strings.Contains(text, c.Name()) {
			t.Errorf("the README does not name etch %s", c.Name())
		}
	}
	steps := sessionOf(text)
	if len(steps) == 0 {
		t.Fatal("the README has no session")
	}
	home := t.TempDir()
	env := append(os.Environ(), "HOME="+home, "XDG_STATE_HOME=", "XDG_CONFIG_HOME=", "ETCH_CONFIG=", "ETCH_LOG_PATH=",
		"ETCH_USER=alice", "ETCH_AGENT=helper", "NO_COLOR=", "CLICOLOR_FORCE=1", "COLUMNS=100", "TZ=UTC")
	var shown []string
	for _, s := range steps {
		cmd := exec.Command("sh", "-c", s.command)
		cmd.Dir, cmd.Env = home, env
		out, err := cmd.CombinedOutput() // some fail: what they print says so
		lines, ok := align(s.shown, strings.Split(strings.TrimSuffix(string(out), "\n"), "\n"))
		if !ok {
			t.Fatalf("%s: %v: got\n%s\nthe README shows\n%s", s.command, err, out, strings.Join(s.shown, "\n"))
		}
		shown = append(append(shown, "\x1b[1m$ "+s.command+"\x1b[0m"), lines...)
	}
	if os.Getenv("ETCH_UPDATE_PICTURE") != "" {
		if err := os.WriteFile(picture, []byte(draw(shown)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := pictureText(readText(t, picture)), textOf(shown); got != want {
		t.Errorf("docs/demo.svg is of another session; set ETCH_UPDATE_PICTURE=1 and run this test:\n%s\nwant\n%s", got, want)
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A step of a session is a command and what is shown of its output.
type step struct {
	command string
	shown   []string
}

// sessionOf returns the steps of the first console block.
func sessionOf(text string) []step {
	_, rest, _ := strings.Cut(text, "```console\n")
	block, _, _ := strings.Cut(rest, "```")
	var steps []step
	for line := range strings.SplitSeq(strings.TrimSuffix(block, "\n"), "\n") {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			steps = append(steps, step{command: command})
		} else if len(steps) > 0 {
			last := &steps[len(steps)-1]
			last.shown = append(last.shown, line)
		}
	}
	return steps
}

// elision stands for output that is left out: alone on a line for any number of
// lines, within one for any text.
const elision = "…"

// align compares what is shown with what was printed, and returns the lines to
// draw: the printed ones, which have colours, but where something is left out.
func align(shown, printed []string) (lines []string, ok bool) {
	if len(shown) == 0 {
		return nil, len(printed) == 0 || len(printed) == 1 && printed[0] == ""
	}
	if shown[0] == elision {
		for i := range len(printed) + 1 {
			if rest, ok := align(shown[1:], printed[i:]); ok {
				return append([]string{"\x1b[2m" + elision + "\x1b[0m"}, rest...), true
			}
		}
		return nil, false
	}
	if len(printed) == 0 || !alike(shown[0], escapes.ReplaceAllString(printed[0], "")) {
		return nil, false
	}
	rest, ok := align(shown[1:], printed[1:])
	line := printed[0]
	if strings.Contains(shown[0], elision) {
		line = shown[0]
	}
	return append([]string{line}, rest...), ok
}

var (
	escapes = regexp.MustCompile(`\x1b\[[0-9;]*m`)
	digits  = regexp.MustCompile(`[0-9]+`)
	blanks  = regexp.MustCompile(` +`)
	took    = regexp.MustCompile(`\b0(\.0)?m?s\b`)
	weekday = regexp.MustCompile(`\b(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b`)
	system  = regexp.MustCompile(`^(Linux|Darwin|\w+BSD)$`)
)

// alike compares lines: when it was, how long it took and on which system is
// not what a document tells.
func alike(shown, printed string) bool {
	parts := strings.Split(plainLine(shown), elision)
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile("^" + strings.Join(parts, ".*") + "$").MatchString(plainLine(printed))
}

func plainLine(line string) string {
	line = weekday.ReplaceAllString(escapes.ReplaceAllString(line, ""), "Day")
	line = system.ReplaceAllString(line, "System")
	line = took.ReplaceAllString(digits.ReplaceAllString(line, "0"), "0s")
	return strings.TrimSpace(blanks.ReplaceAllString(line, " "))
}

func textOf(lines []string) string {
	var plain []string
	for _, line := range lines {
		if line = plainLine(line); line != "" { // nothing is drawn for an empty one
			plain = append(plain, line)
		}
	}
	return strings.Join(plain, "\n")
}

// Measures of the picture, in pixels. Every run of text has its own place and
// length, so that it looks the same whatever the font.
const (
	cell    = 8.4
	leading = 19
	margin  = 16
	bar     = 30
	columns = 100
)

// colours are those that the program uses, on a background of the picture's
// own: it is as readable on a light page as on a dark one.
var colours = map[string]string{
	"": "#d0d7de", "1": "#ffffff", "2": "#8b949e", "31": "#ff7b72", "32": "#7ee787", "33": "#e3b341",
	"36": "#76e3ea", "1;36": "#76e3ea", "1;35": "#d2a8ff", "1;31": "#ff7b72",
}

// draw makes an SVG of lines with escape sequences.
func draw(lines []string) string {
	width, height := columns*cell+2*margin, len(lines)*leading+bar+2*margin
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %d" width="%.0f" height="%d" `, width, height, width, height)
	b.WriteString(`font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="14" role="img">` + "\n")
	b.WriteString("<title>etch: commands recorded, asked for, verified; a changed copy found out</title>\n")
	fmt.Fprintf(&b, `<rect x="0.5" y="0.5" width="%.0f" height="%d" rx="8" fill="#0d1117" stroke="#6e7681"/>`+"\n", width-1, height-1)
	for i, fill := range []string{"#ff5f57", "#febc2e", "#28c840"} {
		fmt.Fprintf(&b, `<circle cx="%d" cy="17" r="5.5" fill="%s"/>`+"\n", margin+6+20*i, fill)
	}
	for i, line := range lines {
		drawLine(&b, line, bar+margin+i*leading+leading/2)
	}
	return b.String() + "</svg>\n"
}

// drawLine draws each run of one colour.
func drawLine(b *strings.Builder, line string, y int) {
	column, style := 0, ""
	for line != "" && column < columns {
		run, next := line, ""
		at := escapes.FindStringIndex(line)
		if at != nil {
			run, next = line[:at[0]], line[at[1]:]
		}
		if text := []rune(run); len(text) > 0 {
			text = text[:min(len(text), columns-column)]
			fmt.Fprintf(b, `<text xml:space="preserve" x="%.1f" y="%d" textLength="%.1f" fill="%s">%s</text>`+"\n",
				margin+float64(column)*cell, y, float64(len(text))*cell, cmp.Or(colours[style], colours[""]), html.EscapeString(string(text)))
			column += len(text)
		}
		if at != nil {
			style = strings.TrimPrefix(strings.Trim(line[at[0]:at[1]], "\x1b[m"), "0")
		}
		line = next
	}
}

var drawn = regexp.MustCompile(`<text [^>]*y="(\d+)"[^>]*>([^<]*)</text>`)

// pictureText returns the text of a picture: the other way round of draw.
func pictureText(svg string) string {
	var lines []string
	before := ""
	for _, m := range drawn.FindAllStringSubmatch(svg, -1) {
		text := html.UnescapeString(m[2])
		if m[1] == before {
			lines[len(lines)-1] += text
		} else {
			lines = append(lines, text)
		}
		before = m[1]
	}
	return textOf(lines)
}
