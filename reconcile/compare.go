package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/redact"
	"github.com/etch-audit/etch/transcript"
)

// compare compares a call with what the log has of it.
func (v *visit) compare(ctx context.Context, c *transcript.Call, e *entry) error {
	e.matched = true
	e.told = hook.InputDigest(c.Input)
	if c.Start.After(v.seen) {
		v.seen = c.Start
	}
	switch {
	case e.attempts > 1 || e.completions > 1 || e.split:
		v.row.Twice++
		if err := v.tell(c, e, Twice, nil); err != nil {
			return err
		}
	case !e.ended():
		return v.open(ctx, c, e)
	}
	if e.guessed() && v.recent(c) {
		v.row.Recent++ // its own word may be on the way
		return nil
	}
	v.row.Recorded++
	contradicts, adds := v.differences(c, e)
	status := Adds
	switch {
	case e.guessed() && len(contradicts)+len(adds) > 0:
		return v.correct(ctx, c, e, append(contradicts, adds...))
	case len(contradicts) > 0:
		v.row.Differing++
		status = Differs
	case len(adds) == 0:
		return nil
	}
	return v.tell(c, e, status, append(contradicts, adds...))
}

func (v *visit) tell(c *transcript.Call, e *entry, status Status, diff []Difference) error {
	row := v.rowOf(c, status)
	row.Seq, row.Difference = etch.Some(e.seq), diff
	return v.report(&Row{Call: row})
}

// open takes a call whose end is not on record.
func (v *visit) open(ctx context.Context, c *transcript.Call, e *entry) error {
	if v.recent(c) {
		v.row.Recent++
		return nil
	}
	inferred := v.end(c)
	if !c.Ended {
		v.row.Unfinished++
		return v.tell(c, e, Unfinished, nil)
	}
	if hidden, err := v.damaged(ctx, c); hidden || err != nil {
		return errors.Join(err, v.unclear(c, e))
	}
	v.row.Open++
	row := v.rowOf(c, Open)
	row.Seq = etch.Some(e.seq)
	if v.Fill == nil {
		return v.report(&Row{Call: row})
	}
	over := v.completion(c, e.attempt)
	if inferred {
		infer(over)
	}
	return v.add(ctx, row, c, over)
}

// correct takes a call of whose end the log has a guess, and the transcript tells another.
func (v *visit) correct(ctx context.Context, c *transcript.Call, e *entry, diff []Difference) error {
	if hidden, err := v.damaged(ctx, c); hidden || err != nil {
		return errors.Join(err, v.unclear(c, e))
	}
	v.row.Guessed++
	row := v.rowOf(c, Guessed)
	row.Seq, row.Difference = etch.Some(e.guess.Seq), diff
	if v.Fill == nil {
		return v.report(&Row{Call: row})
	}
	return v.add(ctx, row, c, v.correction(c, e))
}

// differences returns what record and transcript tell in two ways, and what
// only the transcript tells.
func (v *visit) differences(c *transcript.Call, e *entry) (contradicts, adds []Difference) {
	if !c.Ended {
		return nil, nil
	}
	// Where the input was changed in between, by another hook or by the answer
	// of a person, the transcript may have either: both are on record.
	digest := hook.InputDigest(c.Input)
	if !c.Clipped && e.digest != "" && e.digest != digest && e.asked != digest {
		contradicts = append(contradicts, Difference{"input", e.digest, digest})
	}
	put := func(d Difference, contradiction bool) {
		if contradiction {
			contradicts = append(contradicts, d)
		} else {
			adds = append(adds, d)
		}
	}
	if e.late {
		shown := e.guess.Event.Result.Type
		put(Difference{"outcome", outcome(shown, e.guess.Event.Labels[labelEnd]), outcome(c.Outcome, c.Call.End)}, true)
	}
	code, known := c.ExitCode.Get()
	logged, told := e.exit.Get()
	if known && (told && code != logged || !told && (code != 0 || e.outcome != etch.Success)) {
		put(Difference{"exit_code", digits(logged, told), strconv.FormatInt(code, 10)}, told)
	}
	was, is := classOf(e.outcome), classOf(c.Outcome)
	switch {
	case was == is, c.Typed:
	case was == etch.Blocked || is == etch.Blocked:
		put(Difference{"denial", denial(e.outcome, e.deniedBy), denial(c.Outcome, c.Denial.By)}, true)
	case known && code != 0 && !told:
		// Only the exit code tells of the failure, and the hook had none.
		put(Difference{"outcome", string(e.outcome), string(c.Outcome)}, false)
	default:
		put(Difference{"outcome", outcome(e.outcome, e.end), outcome(c.Outcome, c.Call.End)}, true)
	}
	// To the agent a refusal of etch's own is one of its hooks'.
	same := e.deniedBy == c.Denial.By || e.deniedBy == hook.ByPolicy && c.Denial.By == hook.ByHook
	if was == etch.Blocked && is == etch.Blocked && e.deniedBy != "" && c.Denial.By != "" && !same {
		put(Difference{"denial", denial(e.outcome, e.deniedBy), denial(c.Outcome, c.Denial.By)}, false)
	}
	return contradicts, adds
}

// classOf returns what an outcome comes to: hooks and transcripts do not part
// failures in the same way.
func classOf(o etch.Outcome) etch.Outcome {
	switch o {
	case etch.Success, etch.Blocked:
		return o
	}
	return etch.Error
}

func digits(n int64, known bool) string {
	if !known {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func denial(o etch.Outcome, by string) string {
	if o != etch.Blocked || by == "" {
		return string(o)
	}
	return fmt.Sprintf("%s by %s", o, by)
}

func outcome(o etch.Outcome, end string) string {
	if end == "" {
		return string(o)
	}
	return fmt.Sprintf("%s (%s)", o, end)
}

// maxAbout is how much of what a call was about is shown.
const maxAbout = 200

// about returns what a call was about, for people: its command, its path, or
// its input. Secrets are masked.
func (v *visit) about(c *transcript.Call) string {
	var in map[string]json.RawMessage
	text := ""
	if json.Unmarshal(c.Input, &in) == nil {
		for _, name := range []string{"command", "file_path", "path", "url", "pattern", "query"} {
			if json.Unmarshal(in[name], &text) == nil && text != "" {
				break
			}
		}
	}
	if text == "" {
		masked, _ := redact.JSON(c.Input)
		text = string(masked)
	}
	text, _ = redact.Text(text)
	if cut := []rune(text); len(cut) > maxAbout {
		text = string(cut[:maxAbout]) + "…"
	}
	return text
}
