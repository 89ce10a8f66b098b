package hook_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/etch-audit/etch"
)

// A told call is what an agent's own transcript says of one.
type told struct {
	Run     string       `json:"run"`
	ID      string       `json:"id"`
	Tool    string       `json:"tool"`
	Outcome etch.Outcome `json:"outcome"` // "": it never ended
	By      string       `json:"by"`
	End     string       `json:"end"`
	Exit    *int64       `json:"exit"`
	Unseen  string       `json:"unseen"` // why no hook can see it
}

// unseen are the calls that no hook can see, as "agent/run/tool", and why.
var unseen = map[string]string{
	"claudecode/tamper/Bash":            "the hooks were switched off in the middle",
	"codex/basic/no_such_tool":          "Codex runs no hook for an unknown tool",
	"codex/basic/update_plan":           "Codex runs no hook for an unknown tool",
	"codex/basic/mcp__everything__echo": "Codex runs no hook for an unknown tool",
	"codex/basic/write_stdin":           "Codex runs no hook for it: the command it writes to has its own",
	"codex/basic/exec_command!":         "Codex runs no hook for invalid arguments",
}

// killed are the runs whose agent was killed: nobody ends their calls until
// another session begins.
var killed = map[string]bool{"sigkill": true, "sigterm": true, "tamper": true}

// ways are the ways in which the deliveries of a run are handed over: each must give the same.
var ways = map[string]func(r *rand.Rand, run []captured) []captured{
	"in order": func(_ *rand.Rand, run []captured) []captured { return run },
	"doubled": func(_ *rand.Rand, run []captured) []captured {
		var out []captured
		for _, c := range run {
			out = append(out, c, c)
		}
		return out
	},
	"shuffled": shuffleCalls,
}

// shuffleCalls changes the order of deliveries of calls that ran at once: those
// of one call keep theirs, and nothing passes what is no such delivery.
func shuffleCalls(r *rand.Rand, run []captured) []captured {
	out := slices.Clone(run)
	isCall := func(c captured) bool { return strings.HasPrefix(c.Event, "P") && strings.Contains(c.Event, "ToolUse") }
	for i := 0; i < len(out); i++ {
		j := i
		for j < len(out) && isCall(out[j]) {
			j++
		}
		for range 4 * (j - i) {
			k := i + r.IntN(j-i)
			if k+1 < j && callID(out[k]) != callID(out[k+1]) {
				out[k], out[k+1] = out[k+1], out[k]
			}
		}
		i = max(i, j)
	}
	return out
}

func callID(c captured) string {
	var p struct {
		ID string `json:"tool_use_id"`
	}
	if err := json.Unmarshal(c.Stdin, &p); err != nil {
		return ""
	}
	return p.ID
}

// Every call of a transcript is on record by the hooks, with what became of it.
func TestCalls(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for _, folder := range []string{"claudecode", "codex", "qwen"} {
		for way, order := range ways {
			t.Run(folder+"/"+way, func(t *testing.T) {
				t.Parallel()
				r := rand.New(rand.NewPCG(seed, 0))
				byRun, runs := captures(t, folder)
				want := toldCalls(t, folder)
				for _, run := range runs {
					for _, transcripts := range []bool{false, true} {
						l := newTestLog(t, agents[folder])
						for _, c := range order(r, byRun[run]) {
							l.deliver(c.Event, payloadOf(t, folder, c, transcripts))
						}
						compareCalls(t, folder, run, l.events, want[run], transcripts)
					}
				}
			})
		}
	}
}

func toldCalls(t *testing.T, folder string) map[string][]told {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("testdata", folder, "calls.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	calls := make(map[string][]told)
	for line := range bytes.Lines(file) {
		var c told
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		calls[c.Run] = append(calls[c.Run], c)
	}
	return calls
}

// payloadOf returns the payload of a delivery, with the path of its transcript
// such that the hook finds it, or does not.
func payloadOf(t *testing.T, folder string, c captured, transcripts bool) string {
	t.Helper()
	var p struct {
		Session    string `json:"session_id"`
		Transcript string `json:"transcript_path"`
	}
	if err := json.Unmarshal(c.Stdin, &p); err != nil || p.Transcript == "" || !transcripts {
		return string(c.Stdin)
	}
	here, err := filepath.Abs(filepath.Join("testdata", folder, "transcripts", p.Session+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	old, err := json.Marshal(p.Transcript)
	if err != nil {
		t.Fatal(err)
	}
	quoted, err := json.Marshal(here)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(string(c.Stdin), `"transcript_path": `+string(old), `"transcript_path": `+string(quoted), 1)
}

// compareCalls compares what is on record of a run with what the transcript tells.
func compareCalls(t *testing.T, folder, run string, events []*etch.Event, want []told, transcripts bool) {
	t.Helper()
	attempts, completions := make(map[string]int), make(map[string]*etch.Event)
	for _, e := range events {
		switch e.Phase {
		case etch.Attempt:
			attempts[e.CallID]++
		case etch.Completion:
			if completions[e.CallID] != nil {
				t.Errorf("%s/%s: call %s has two completions", folder, run, e.CallID)
			}
			completions[e.CallID] = e
		}
	}
	for id, n := range attempts {
		if n != 1 {
			t.Errorf("%s/%s: call %s has %d attempts, want 1", folder, run, id, n)
		}
		if completions[id] == nil && !killed[run] && run != "mode_stop_exit2" {
			t.Errorf("%s/%s: call %s was left open", folder, run, id)
		}
	}
	for _, w := range want {
		if unseen[folder+"/"+run+"/"+w.Tool] != "" || unseen[folder+"/"+run+"/"+w.Tool+"!"] != "" && w.Outcome == etch.Error || killed[run] {
			continue
		}
		e := completions[w.ID]
		if e == nil {
			t.Errorf("%s/%s: call %s of %s is not on record", folder, run, w.ID, w.Tool)
			continue
		}
		if got, want := describe(e), w.describe(folder, e, transcripts); got != want {
			t.Errorf("%s/%s (transcripts: %v): call %s of %s: got %s, want %s", folder, run, transcripts, w.ID, w.Tool, got, want)
		}
	}
}

func describe(e *etch.Event) string {
	exit := "none"
	if code, ok := e.Result.ExitCode.Get(); ok {
		exit = fmt.Sprint(code)
	}
	return fmt.Sprintf("%s by %q end %q exit %s", e.Result.Type, e.Labels["denied_by"], e.Labels["end"], exit)
}

// describe says what the hooks can tell of a call, given what the transcript does.
func (w told) describe(folder string, e *etch.Event, transcripts bool) string {
	outcome, by, end, exit := w.Outcome, w.By, w.End, "none"
	if folder != "codex" && w.Exit != nil {
		exit = fmt.Sprint(*w.Exit)
	}
	if folder == "codex" && e.Action.Tool == "apply_patch" && w.Exit != nil {
		exit = fmt.Sprint(*w.Exit)
	}
	ended := e.Labels["inferred"]
	switch {
	case transcripts:
	case folder == "codex" && outcome != etch.Success && end != "interrupted":
		outcome, by, end = etch.Error, "", "unknown" // without the rollout nobody tells
		if w.Tool == "exec_command" {
			end = "session-ended" // it might have run on after its turn
		}
	case folder == "claudecode" && ended == "PostToolBatch":
		outcome, by, end = etch.Error, "", "unknown" // the words for the model are the refuser's own, or an output
	case folder == "claudecode" && ended == "UserPromptSubmit" && by == "user":
		outcome, by, end = etch.Error, "", "interrupted" // before it ran or while: both are Esc
	case folder == "claudecode" && ended == "SessionEnd":
		outcome, by, end = etch.Error, "", "session-ended"
	}
	if outcome == "" {
		outcome, end = etch.Error, "session-ended"
	}
	return fmt.Sprintf("%s by %q end %q exit %s", outcome, by, end, exit)
}

// The calls of agents that give them no ids are on record as often as the
// transcript has them, in any order of those that ran at once.
func TestCallsWithoutIDs(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for _, folder := range []string{"gemini", "copilot"} {
		for _, way := range []string{"in order", "doubled", "shuffled"} {
			t.Run(folder+"/"+way, func(t *testing.T) {
				t.Parallel()
				r := rand.New(rand.NewPCG(seed, 0))
				byRun, runs := captures(t, folder)
				want := toldCalls(t, folder)
				for _, run := range runs {
					deliveries := byRun[run]
					switch way {
					case "doubled":
						deliveries = ways[way](r, deliveries)
					case "shuffled":
						deliveries = shuffleKinds(r, deliveries)
					}
					l := newTestLog(t, agents[folder])
					for _, c := range deliveries {
						l.deliver(c.Event, string(c.Stdin))
					}
					compareCounts(t, folder+"/"+run, l.events, want[run], killed[run] || run == "err400" || strings.HasPrefix(run, "sigint"))
				}
			})
		}
	}
}

// shuffleKinds changes the order of deliveries of one kind that follow each
// other: without ids nothing else says which of them belong together.
func shuffleKinds(r *rand.Rand, run []captured) []captured {
	out := slices.Clone(run)
	for i := 0; i < len(out); {
		j := i + 1
		for j < len(out) && out[j].Event == out[i].Event && strings.Contains(out[i].Event, "Tool") {
			j++
		}
		same := out[i:j]
		r.Shuffle(len(same), func(a, b int) { same[a], same[b] = same[b], same[a] })
		i = j
	}
	return out
}

func compareCounts(t *testing.T, place string, events []*etch.Event, want []told, open bool) {
	t.Helper()
	counts := make(map[string]int)
	attempts := make(map[string]bool)
	for _, e := range events {
		switch e.Phase {
		case etch.Attempt:
			attempts[e.CallID] = true
		case etch.Completion:
			delete(attempts, e.CallID)
			name := e.Action.Tool
			if e.Action.MCPServerID != "" {
				name = e.Action.MCPServerID + "/" + name
			}
			code, _ := e.Result.ExitCode.Get()
			counts[fmt.Sprintf("%s %s %d", name, e.Result.Type, code)]++
		}
	}
	if len(attempts) > 0 && !open {
		t.Errorf("%s: %d calls were left open", place, len(attempts))
	}
	for _, w := range want {
		if w.Unseen != "" {
			continue
		}
		code := int64(0)
		if w.Exit != nil {
			code = *w.Exit
		}
		k := fmt.Sprintf("%s %s %d", w.Tool, w.Outcome, code)
		if counts[k]--; counts[k] < 0 {
			t.Errorf("%s: a call %q is not on record", place, k)
		}
	}
}

// transcriptOf writes a transcript of the given lines, and returns its path as a JSON string.
func transcriptOf(t *testing.T, lines ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "transcript.jsonl")
	if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	quoted, err := json.Marshal(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(quoted)
}
