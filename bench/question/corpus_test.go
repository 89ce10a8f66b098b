package question

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// aLine is what a plain loop needs of a line to answer every question.
type aLine struct {
	Timestamp time.Time `json:"timestamp"`
	ID        string    `json:"event_id"`
	Type      string    `json:"event_type"`
	Actor     struct {
		Username string `json:"username"`
	} `json:"actor"`
	Action struct {
		Command string `json:"command"`
		Risk    string `json:"risk_level"`
	} `json:"action"`
	Security struct {
		Violation bool `json:"policy_violation"`
	} `json:"security"`
}

// TestCorpus shows that what the generator believes is what the log holds: a
// plain loop over the decoded lines finds the same answers.
func TestCorpus(t *testing.T) {
	const count = 8_000
	e := &env{Options: Options{Events: count}, root: t.TempDir()}
	dir := e.path(dataDir)
	if err := e.makeData(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	c, err := readCorpus(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	byUser := map[string]uint64{}
	for _, line := range linesOf(t, filepath.Join(dir, plainName)) {
		for _, question := range c.matched(&line) {
			got[question] = append(got[question], line.ID)
		}
		if line.Type == "command_execution" && (line.Action.Risk == "high" || line.Action.Risk == "critical") {
			byUser[line.Actor.Username]++
		}
	}
	for user, n := range byUser {
		got[risky] = append(got[risky], countRow(user, n))
	}
	for _, line := range linesOf(t, filepath.Join(dir, tenthName)) {
		if line.Actor.Username == c.User {
			got[tenthUser] = append(got[tenthUser], line.ID)
		}
	}
	for _, question := range []string{oneUser, tenthUser, violations, risky, rareWord} {
		want := c.Answers[question]
		if want.Rows == 0 {
			t.Errorf("%s has no rows: a bad question", question)
		}
		if err := want.check(got[question], question == risky); err != nil {
			t.Errorf("%s: %v", question, err)
		}
	}
	if n := c.Answers[rareWord].Rows; n != wordTimes {
		t.Errorf("the rare word is in %d commands, want %d", n, wordTimes)
	}
}

// matched returns the questions about records that a line answers.
func (c *corpus) matched(line *aLine) []string {
	var all []string
	if line.Actor.Username == c.User {
		all = append(all, oneUser)
	}
	if line.Security.Violation && !line.Timestamp.Before(c.Since) && line.Timestamp.Before(c.Until) {
		all = append(all, violations)
	}
	if bytes.Contains([]byte(line.Action.Command), []byte(c.Word)) {
		all = append(all, rareWord)
	}
	return all
}

func linesOf(t *testing.T, path string) []aLine {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []aLine
	for line := range bytes.Lines(text) {
		var l aLine
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	return all
}

// TestCopyLog shows that a copy is a log, of several segments, and that its
// index stays behind.
func TestCopyLog(t *testing.T) {
	e := &env{Options: Options{Events: 8_000}, root: t.TempDir()}
	if err := e.makeData(t.Context(), e.path(dataDir)); err != nil {
		t.Fatal(err)
	}
	from, to := e.path(dataDir, logDir), e.path(buildDir)
	if err := os.Mkdir(filepath.Join(from, indexDir), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := copyLog(to, from); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(to, indexDir)); err == nil {
		t.Error("the index was copied")
	}
	originals, err := segments(from)
	if err != nil {
		t.Fatal(err)
	}
	if len(originals) < 3 {
		t.Errorf("the log has %d segments, want several", len(originals))
	}
	for _, path := range originals {
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(to, filepath.Base(path)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what it was copied from", filepath.Base(path))
		}
	}
}
