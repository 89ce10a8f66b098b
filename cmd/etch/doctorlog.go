package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/install"
	"github.com/etch-audit/etch/transcript"
	"github.com/etch-audit/etch/verify"
)

const (
	// agentPatience is how long an agent may take to tell its version.
	agentPatience = 10 * time.Second
	// useTolerance is how much later than its last record an agent's transcript
	// may be: the end of an answer is no call.
	useTolerance = 2 * time.Minute
	// useReach is how far back transcripts of an agent without any record are
	// looked for.
	useReach = 14 * 24 * time.Hour
)

// examineLog looks at the log: what would stop the next record, who reads the
// keys, what waits, whether it verifies, and whether its clock is this one's.
func (d *doctoring) examineLog() error {
	in, err := newInspection(d.ctx, d.resolved, d.std)
	if err != nil {
		return err
	}
	if err := in.look(); err != nil {
		return err
	}
	for _, text := range in.Problems {
		d.find("log", install.Problem, d.Log, "", "%s", text)
	}
	for _, text := range in.Warnings {
		d.find("log", install.Warning, d.Log, "", "%s", text)
	}
	if in.Destination != "" {
		return nil
	}
	d.examineSpool()
	if !in.Exists {
		return nil
	}
	if d.reader, err = openReader(d.resolved); err != nil {
		d.reader = nil // look has told why
		return nil
	}
	d.examineClock(in)
	return d.verify()
}

// examineClock compares the clock with the newest record.
func (d *doctoring) examineClock(in *inspection) {
	if in.LastEvent == nil {
		return
	}
	t, err := time.Parse(time.RFC3339Nano, in.LastEvent.Timestamp)
	if err == nil && t.After(d.now.Add(useTolerance)) {
		d.find("clock", install.Problem, "", "set the clock",
			"the clock says %s, and record %d is of %s", utc(d.now), in.LastEvent.Seq, in.LastEvent.Timestamp)
	}
}

// verify judges the log, its indexes aside, which take longest.
func (d *doctoring) verify() error {
	report, err := verifyOptions{place: d.opts.place, noIndex: true}.report(d.ctx, d.std)
	if err != nil {
		return err
	}
	const mend = "\"etch verify\" says more"
	switch report.Verdict {
	case verify.Intact:
	case verify.Damaged:
		d.find("verify", install.Problem, d.Log, mend, "the log is damaged: %s", firstOf(report))
	default:
		d.find("verify", install.Unknown, d.Log, mend, "it cannot be told whether the log is intact: %s", strings.Join(report.Undecided, "; "))
	}
	return nil
}

func firstOf(report *verify.Report) string {
	text := report.Faults[0].Detail
	if report.FaultCount > 1 {
		text += fmt.Sprintf(" (and %d faults more)", report.FaultCount-1)
	}
	return text
}

// version asks an agent's program for its version.
func (d *doctoring) version(program string) string {
	ctx, cancel := context.WithTimeout(d.ctx, agentPatience)
	defer cancel()
	text, err := exec.CommandContext(ctx, program, "--version").Output()
	if err != nil {
		return "" // it has none, or is none
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	return strings.TrimSpace(line)
}

// arrivals compares the agent's newest record with what it has written itself.
func (d *doctoring) arrivals(a *doctorAgent, state install.State) error {
	var since time.Time
	if d.reader != nil {
		s := search{ctx: d.ctx, reader: d.reader}
		found, err := s.all(etch.Query{Agent: a.Agent, AllPhases: true, Reverse: true, Limit: 1})
		if err != nil {
			return err
		}
		if len(found) > 0 {
			ev := &found[0].Event
			a.LastEvent = &lastEvent{found[0].Seq, utc(ev.Timestamp), ev.ID, string(ev.Type)}
			since = ev.Timestamp.Add(useTolerance)
		}
	}
	newest, err := d.newestUse(a.Agent)
	if err != nil {
		a.find("transcripts", install.Unknown, "", "", "its transcripts cannot be read: %v", err)
	}
	if newest == nil {
		return nil
	}
	a.LastUse = &lastUse{newest.Files[0].Path, utc(newest.ModTime)}
	// Hooks that came later than the agent's last word have missed nothing.
	installed := hooksChanged(state)
	if a.LastEvent == nil && installed.IsZero() {
		return nil // that it has no hooks has been told
	}
	if installed = installed.Add(useTolerance); installed.After(since) {
		since = installed
	}
	if newest.ModTime.After(since) {
		a.find("arrival", install.Problem, newest.Files[0].Path, "see the other findings; \"etch reconcile "+a.Agent+" --fill\" records what is missing. A session that began before its hooks were installed goes on without",
			"it was used at %s, and its last record is %s", utc(newest.ModTime), recordTime(a.LastEvent))
	}
	return nil
}

func recordTime(last *lastEvent) string {
	if last == nil {
		return "none"
	}
	return "of " + last.Timestamp
}

// newestUse returns the session that the agent wrote to last, nil where none is
// found.
func (d *doctoring) newestUse(agent string) (*transcript.Session, error) {
	for _, f := range transcripts() {
		if f.Agent != agent {
			continue
		}
		sessions, err := f.Sessions(d.ctx, transcript.Environment{Getenv: d.std.env, Home: d.m.Home}, transcript.Selection{Since: d.now.Add(-useReach)})
		if len(sessions) == 0 {
			return nil, err
		}
		return &sessions[len(sessions)-1], err
	}
	return nil, nil
}

// hooksChanged returns when the settings with hooks were last written.
func hooksChanged(state install.State) time.Time {
	var newest time.Time
	for _, s := range state.Sources {
		if info, err := os.Stat(s.Path); err == nil && s.Hooks > 0 && info.ModTime().After(newest) {
			newest = info.ModTime()
		}
	}
	return newest
}

// deliver starts what the hooks start, and looks for its record.
func (d *doctoring) deliver(a *doctorAgent, state install.State) error {
	for _, words := range state.Commands {
		delivery := doctorDelivery{Session: fmt.Sprintf("etch-doctor-%d", d.now.UnixNano())}
		payload, err := json.Marshal(map[string]string{
			"hook_event_name": doctorEvent, "session_id": delivery.Session, "sessionId": delivery.Session, "cwd": d.m.Project,
		})
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(d.ctx, agentPatience)
		cmd := exec.CommandContext(ctx, words[0], append(slices.Clone(words[1:]), doctorEvent)...)
		cmd.Stdin = bytes.NewReader(payload)
		begun := d.std.now()
		text, err := cmd.CombinedOutput()
		cancel()
		delivery.Milliseconds = float64(d.std.now().Sub(begun).Microseconds()) / 1000
		if err != nil {
			a.find("delivery", install.Problem, words[0], "etch install "+a.Agent, "the hooks' command fails: %v: %s", err, bytes.TrimSpace(text))
		}
		log := logOf(words, d.expected(words))
		if delivery.Arrived, err = arrived(d.ctx, log, delivery.Session); err != nil {
			return err
		}
		if !delivery.Arrived {
			a.find("delivery", install.Problem, words[0], "\"etch status\" says what waits in the spool; errors.log in the directory .hooks beside the log says why",
				"the hooks' command was started, and there is no record of it in %s", log)
		}
		a.Delivery = &delivery
	}
	return nil
}

// doctorEvent is the event of a delivery that is a test.
const doctorEvent = "EtchDoctor"

// expected returns the log of a hook's command that names none.
func (d *doctoring) expected(words []string) string {
	if slices.Contains(words, "--no-env") && !slices.Contains(words, "--config") {
		return d.own
	}
	return d.Log
}

// logOf returns the log that a hook's command names, else the one that is looked
// at.
func logOf(words []string, log string) string {
	for i, word := range words[:len(words)-1] {
		if word == "--log" {
			return words[i+1]
		}
	}
	return log
}

// arrived reports whether a log has a record of a session.
func arrived(ctx context.Context, log, session string) (bool, error) {
	if log == "" {
		return false, nil
	}
	reader, err := etch.OpenReader(log) // it may have been made just now
	if errors.Is(err, etch.ErrNoLog) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s := search{ctx: ctx, reader: reader}
	found, err := s.all(etch.Query{Session: session, AllPhases: true, Limit: 1})
	return len(found) > 0, err
}

// home writes a path below the home directory with a tilde.
func (d *doctoring) home(path string) string {
	if rest, err := filepath.Rel(d.m.Home, path); err == nil && filepath.IsLocal(rest) {
		return filepath.Join("~", rest)
	}
	return path
}
