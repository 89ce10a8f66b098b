// Package transcripttest is what every reader of transcripts must do, whatever
// the agent, as a test.
package transcripttest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch/transcript"
)

// Read returns the calls of one file, and how its reading went.
func Read(t testing.TB, f *transcript.Format, path string) ([]*transcript.Call, transcript.Tally) {
	t.Helper()
	sessions, err := f.Sessions(t.Context(), environment, transcript.Selection{Paths: []string{path}})
	if err != nil {
		t.Fatal(err)
	}
	var calls []*transcript.Call
	var tally transcript.Tally
	for _, s := range sessions {
		for i := range s.Files {
			for item, err := range f.Read(t.Context(), &s.Files[i], &tally) {
				if err != nil {
					t.Fatal(err)
				}
				if item.Call != nil {
					calls = append(calls, item.Call)
				}
			}
		}
	}
	return calls, tally
}

// environment has nothing in it.
var environment = transcript.Environment{Getenv: func(string) (string, bool) { return "", false }}

// Describe returns a line about each call: what a test of a reader compares.
func Describe(f *transcript.Format, calls []*transcript.Call) string {
	var b strings.Builder
	for _, c := range calls {
		fmt.Fprintf(&b, "%s %s", c.Tool, c.Input)
		if c.Server != "" {
			fmt.Fprintf(&b, " server=%s", c.Server)
		}
		if c.AgentID != "" {
			fmt.Fprintf(&b, " agent=%.8s type=%s", c.AgentID, c.AgentType)
		}
		fmt.Fprintf(&b, " -> %s", c.Outcome)
		if code, ok := c.ExitCode.Get(); ok {
			fmt.Fprintf(&b, " exit=%d", code)
		}
		for _, part := range []struct{ name, value string }{
			{"end", c.End}, {"denied_by", c.Denial.By}, {"of", c.Of}, {"unseen", first(f.Unseen(c))},
		} {
			if part.value != "" {
				fmt.Fprintf(&b, " %s=%s", part.name, part.value)
			}
		}
		if !c.Ended {
			b.WriteString(" open")
		}
		if c.Typed {
			b.WriteString(" typed")
		}
		if c.Copied {
			b.WriteString(" copied")
		}
		if c.Older && !c.Copied {
			b.WriteString(" older")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// first returns "yes" for any text.
func first(text string) string {
	if text == "" {
		return ""
	}
	return "yes"
}

// Suite runs what every reader must do on a file that the agent wrote.
func Suite(t *testing.T, f *transcript.Format, path string) {
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	whole, tally := Read(t, f, path)
	if tally.Bad > 0 || tally.Overlong > 0 || tally.Unknown > 0 || tally.Torn {
		t.Fatalf("the file as it is: %+v", tally)
	}
	s := suite{format: f, name: filepath.Base(path), content: content, whole: whole}
	t.Run("complete", s.complete)
	t.Run("torn at every line", s.torn)
	t.Run("written twice", s.twice)
	t.Run("noise", s.noise)
	t.Run("hostile lines", s.hostile)
	t.Run("damage", s.damage)
}

// A suite is one run of Suite.
type suite struct {
	format  *transcript.Format
	name    string
	content []byte
	whole   []*transcript.Call
}

// read reads a file of that content.
func (s *suite) read(t *testing.T, content []byte) ([]*transcript.Call, transcript.Tally) {
	t.Helper()
	path := filepath.Join(t.TempDir(), s.name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return Read(t, s.format, path)
}

// complete: every call has what the comparison with the log needs.
func (s *suite) complete(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range s.whole {
		if c.ID == "" || c.Session == "" || c.Tool == "" || c.Start.IsZero() || c.Line == 0 || c.File == "" || c.Source != "transcript" {
			t.Errorf("call %+v lacks something", c)
		}
		if seen[c.ID] {
			t.Errorf("call %s is told twice", c.ID)
		}
		seen[c.ID] = true
		if c.Ended != (c.Outcome != "") || c.Ended && (c.Over.IsZero() || c.Over.Before(c.Start.Add(-time.Second))) {
			t.Errorf("call %s: ended %v, outcome %q, from %v to %v", c.ID, c.Ended, c.Outcome, c.Start, c.Over)
		}
	}
}

// torn: a file cut anywhere, as a live one is, tells a part of the calls.
func (s *suite) torn(t *testing.T) {
	for at := range len(s.content) {
		if s.content[at] != '\n' {
			continue
		}
		for _, end := range []int{at, at + 1, at - (at % 7)} {
			calls, tally := s.read(t, s.content[:end])
			if tally.Bad > 0 {
				t.Fatalf("cut at %d: %+v", end, tally)
			}
			if len(calls) > len(s.whole) {
				t.Fatalf("cut at %d there are %d calls, and whole %d", end, len(calls), len(s.whole))
			}
		}
	}
}

// twice: what a file repeats counts once.
func (s *suite) twice(t *testing.T) {
	calls, _ := s.read(t, append(bytes.Clone(s.content), s.content...))
	if len(calls) != len(s.whole) {
		t.Errorf("got %d calls of a file that repeats itself, want %d", len(calls), len(s.whole))
	}
}

// noise: lines that are not known change nothing but the numbers.
func (s *suite) noise(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("\xef\xbb\xbf")
	n := 0
	for line := range bytes.Lines(s.content) {
		b.WriteString("{\"type\":\"no such type\",\"x\":[1,2]}\r\n\r\n")
		b.Write(bytes.TrimSuffix(line, []byte("\n")))
		b.WriteString("\r\n")
		n++
	}
	calls, tally := s.read(t, b.Bytes())
	if tally.Unknown != n || tally.Bad != 0 {
		t.Errorf("%d lines of noise: %+v", n, tally)
	}
	if !reflect.DeepEqual(ids(calls), ids(s.whole)) {
		t.Errorf("got %v, want %v", ids(calls), ids(s.whole))
	}
}

// hostile: lines that are made to harm are counted, and lose no other.
func (s *suite) hostile(t *testing.T) {
	lines := []string{
		strings.Repeat("[", 100_000),
		`{"type":` + strings.Repeat(`{"a":`, 20_000) + `1` + strings.Repeat("}", 20_000) + `}`,
		"{\"type\":\"user\",\"message\":\"\xff\xfe\"",
		strings.Repeat("\x00", 1<<16),
		`null`, `[]`, `"type"`, `{"type":null`,
	}
	content := bytes.Clone(s.content)
	for _, line := range lines {
		content = append(append(content, line...), '\n')
	}
	content = append(content, s.content...)
	calls, tally := s.read(t, content)
	if tally.Bad != len(lines) || !tally.Lost() {
		t.Errorf("%d hostile lines: %+v", len(lines), tally)
	}
	if !reflect.DeepEqual(ids(calls), ids(s.whole)) {
		t.Errorf("got %v, want %v", ids(calls), ids(s.whole))
	}
}

// damage: bytes changed at random make no reader fail.
func (s *suite) damage(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 20 {
		content := bytes.Clone(s.content)
		for range 1 + random.IntN(20) {
			content[random.IntN(len(content))] = byte(random.IntN(256))
		}
		s.read(t, content)
	}
}

func ids(calls []*transcript.Call) []string {
	var list []string
	for _, c := range calls {
		list = append(list, c.ID)
	}
	return list
}

// Fuzz fuzzes a reader from the files that the agent wrote.
func Fuzz(f *testing.F, format *transcript.Format, paths ...string) {
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
		for line := range bytes.Lines(content) {
			f.Add(line)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		emitted := 0
		parser := format.New(&transcript.File{Path: "x"}, func(item transcript.Item) {
			emitted++
			if (item.Call != nil) == (item.Prompt != nil || item.Meta != nil) {
				t.Errorf("an item of several things, or of none: %+v", item)
			}
			if c := item.Call; c != nil && (c.ID == "" || c.Ended && c.Outcome == "") {
				t.Errorf("a call that is not whole: %+v", c)
			}
		})
		number := 0
		for line := range bytes.Lines(content) {
			if number++; transcript.Whole(line) {
				parser.Line(&transcript.Line{Bytes: bytes.TrimSpace(line), Number: number})
			}
		}
		parser.End()
	})
}

// Captured returns the files of testdata that an agent wrote, by a pattern
// below its directory.
func Captured(t testing.TB, agent, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "testdata", agent, filepath.FromSlash(pattern)))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no file %s of %s: %v", pattern, agent, err)
	}
	return paths
}

// Golden compares what files tell with testdata/calls.txt of the test's own
// package, which it writes where UPDATE is set in the environment.
func Golden(t *testing.T, f *transcript.Format, agent, pattern string) {
	t.Helper()
	var got strings.Builder
	for _, path := range Captured(t, agent, pattern) {
		calls, tally := Read(t, f, path)
		if tally.Unknown+tally.Bad+tally.Overlong > 0 {
			t.Errorf("%s: %+v", path, tally)
		}
		fmt.Fprintf(&got, "# %s\n%s", filepath.ToSlash(path), Describe(f, calls))
	}
	name := filepath.Join("testdata", "calls.txt")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(name, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := strings.Split(got.String(), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(gotLines), len(wantLines)) {
		if at(gotLines, i) != at(wantLines, i) {
			t.Errorf("line %d: got\n%s\nwant\n%s", i+1, at(gotLines, i), at(wantLines, i))
		}
	}
}

// at returns the line at i, "" behind the last.
func at(lines []string, i int) string {
	if i >= len(lines) {
		return ""
	}
	return lines[i]
}
