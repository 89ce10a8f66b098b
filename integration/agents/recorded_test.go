//go:build agents

package agents

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A want is a call that a script makes the agent try, and how the log must
// say that it ended.
type want struct {
	Block
	what    string // a part of the record's command or resource, by which it is known; "" where it has neither
	outcome string
	unseen  string // the kind of calls that no hook tells of; the transcript must
	as      string // the tool's name in the log, where it is another
}

// worked, failed and refused are the ways in which a call ends.
func worked(what string, b Block) want  { return want{Block: b, what: what, outcome: "success"} }
func failed(what string, b Block) want  { return want{Block: b, what: what, outcome: "error"} }
func refused(what string, b Block) want { return want{Block: b, what: what, outcome: "blocked"} }

// The kinds of calls that no hook of an agent can see. All else must be in the log by its
// hook.
const (
	unknownTools = "unknown tools"
	badArguments = "arguments that do not fit"
)

var noHookSees = map[string][]string{
	"claude-code": nil, // PostToolBatch has them all
	"codex":       {unknownTools, badArguments},
	"gemini":      {unknownTools, badArguments},
	"qwen":        nil,
	"copilot":     nil,
}

// unseenBy marks a call of a kind that no hook can see.
func (w want) unseenBy(kind string) want { w.unseen = kind; return w }

// named says that the log has the tool under another name.
func (w want) named(tool string) want { w.as = tool; return w }

// steps returns a script's steps: one a group of calls, and a last word.
func steps(groups [][]want) []Step {
	var list []Step
	for _, group := range groups {
		var s Step
		for _, w := range group {
			s = append(s, w.Block)
		}
		list = append(list, s)
	}
	return append(list, Say("All done."))
}

// A record is what is read of a line of "etch audit --format jsonl".
type record struct {
	Type   string `json:"event_type"`
	Phase  string `json:"phase"`
	CallID string `json:"call_id"`
	Actor  struct {
		Agent string `json:"agent"`
	} `json:"actor"`
	Action struct {
		Tool     string `json:"tool"`
		Command  string `json:"command"`
		Resource string `json:"resource"`
	} `json:"action"`
	Result *struct {
		Type string `json:"type"`
	} `json:"result"`
	Labels map[string]string `json:"labels"`
}

// ofCall reports whether the record tells of a tool call rather than of a
// session, a prompt or an approval.
func (r *record) ofCall() bool {
	switch r.Type {
	case "file_access", "tool_call":
		return r.CallID != "" // else it is what the agent read by itself: its instructions
	case "command_execution", "network_egress":
		return true
	}
	return false
}

// settles has what hooks have spooled, for which a busy machine left no time, recorded as
// the next writer does. What a hook was unsure of is left alone for two seconds.
func settles(t *testing.T, h *Home) {
	t.Helper()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for range 120 {
		waiting, err := filepath.Glob(filepath.Join(strings.TrimSuffix(h.Log, ".log")+".spool", "*.spool"))
		if err != nil {
			t.Fatal(err)
		}
		if len(waiting) == 0 {
			return
		}
		etchDoes(t, h, "rotate")
		<-tick.C
	}
	t.Error("what waits in the spool is never recorded")
}

// records returns the log's records, oldest first, one a call.
func records(t *testing.T, h *Home) []record {
	t.Helper()
	settles(t, h)
	out, err := h.Command(t.Context(), "etch", "audit", "--format", "jsonl", "--reverse").Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []record
	lines := bufio.NewScanner(strings.NewReader(string(out)))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatalf("%v\n%s", err, lines.Bytes())
		}
		list = append(list, r)
	}
	return list
}

// told says how often each call of a log ended in which way: "tool what → outcome".
// Open calls have no outcome.
func told(list []record, wants []want) map[string]int {
	counts := make(map[string]int)
	for _, r := range list {
		if !r.ofCall() {
			continue
		}
		outcome := "open"
		if r.Result != nil {
			outcome = r.Result.Type
		}
		counts[line(r.Action.Tool, name(r, wants), outcome)]++
	}
	return counts
}

// name returns the words by which a want knows the record: the longest that fit.
func name(r record, wants []want) string {
	text, best := r.Action.Command+"\n"+r.Action.Resource, ""
	for _, w := range wants {
		if strings.Contains(text, w.what) && len(w.what) > len(best) {
			best = w.what
		}
	}
	return best
}

func line(tool, what, outcome string) string { return fmt.Sprintf("%s %q → %s", tool, what, outcome) }

// compare fails where the log tells of other calls than are wanted.
func compare(t *testing.T, when string, got, want map[string]int) {
	t.Helper()
	for _, l := range slices.Sorted(maps.Keys(want)) {
		if got[l] != want[l] {
			t.Errorf("%s: %s: recorded %d times, want %d", when, l, got[l], want[l])
		}
	}
	for _, l := range slices.Sorted(maps.Keys(got)) {
		if want[l] == 0 {
			t.Errorf("%s: %s: recorded %d times, and nothing of the kind was done", when, l, got[l])
		}
	}
}

// wanted counts the calls that are in the log by hooks alone, or all of them.
func wanted(wants []want, all bool) map[string]int {
	counts := make(map[string]int)
	for _, w := range wants {
		if w.unseen == "" || all {
			counts[line(cmp.Or(w.as, w.Tool), w.what, w.outcome)]++
		}
	}
	return counts
}

// works are the calls that each agent is made to try.
var works = map[string]func(h *Home) [][]want{
	"claude-code": claudeWork,
	"codex":       codexWork,
	"gemini":      geminiWork,
	"qwen":        qwenWork,
	"copilot":     copilotWork,
}

// TestRecorded runs each agent with the hooks that etch installs, on a script
// of calls that work, fail, are refused and are none at all. Hooks alone must
// tell of every call but the kinds that no hook sees; then the transcript fills
// in the rest; and the log is intact.
func TestRecorded(t *testing.T) {
	etch := buildEtch(t)
	for a, dir := range chosenAgents(t) {
		t.Run(a.Name, func(t *testing.T) {
			h, err := NewHome(t.TempDir(), etch)
			if err != nil {
				t.Fatal(err)
			}
			groups := works[a.Name](h)
			wants := slices.Concat(groups...)
			s, err := a.Session(h, Script{"work": steps(groups)})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := h.Write(".config/etch/config.toml", "[hooks]\nreconcile = \"off\"\n"); err != nil {
				t.Fatal(err)
			}
			if etchDoes(t, h, "install", a.Name, "--bin", etch); t.Failed() {
				return
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			out, err := h.Run(ctx, a.Argv(dir, Prompt("work"))...)
			if err != nil || !strings.Contains(out, "All done.") {
				t.Fatalf("the agent has not come to the end of the script: %v\n%s", err, out)
			}

			list := records(t, h)
			compare(t, "by hooks alone", told(list, wants), wanted(wants, false))
			for _, kind := range []string{"session_start", "user_prompt"} {
				if !slices.ContainsFunc(list, func(r record) bool { return r.Type == kind }) {
					t.Errorf("no %s is recorded", kind)
				}
			}
			unseen := countUnseen(t, a.Name, wants)
			lacks(t, h, a, "before any fill", reconciled{Calls: len(wants), Missing: unseen, Unseen: unseen})
			etchDoes(t, h, "reconcile", a.Name, "--fill")
			compare(t, "filled from the transcript", told(records(t, h), wants), wanted(wants, true))
			lacks(t, h, a, "after the fill", reconciled{Calls: len(wants)})
			etchDoes(t, h, "reconcile", a.Name, "--strict")
			if entries, err := os.ReadDir(filepath.Dir(h.Elsewhere())); err != nil || len(entries) > 0 {
				t.Errorf("the project has its calls recorded elsewhere: %v, %v", entries, err)
			}
			etchDoes(t, h, "verify")
			etchDoes(t, h, "install", a.Name, "--uninstall", "--bin", etch)
			if t.Failed() {
				stored, _ := h.Run(t.Context(), "cat", h.Log) // what there is helps to see why
				t.Logf("the log:\n%s\nthe agent said:\n%s", stored, out)
			}
		})
	}
}

// countUnseen returns how many calls no hook can see, and says of how many of which kind.
func countUnseen(t *testing.T, agent string, wants []want) (n int) {
	t.Helper()
	kinds := make(map[string]int)
	for _, w := range wants {
		if w.unseen == "" {
			continue
		}
		n++
		kinds[w.unseen]++
		if !slices.Contains(noHookSees[agent], w.unseen) {
			t.Errorf("%s: %s %q is of a kind that hooks can see: %s", agent, w.Tool, w.what, w.unseen)
		}
	}
	t.Logf("%s: %d of %d calls are in the log by their hooks", agent, len(wants)-n, len(wants))
	for _, kind := range noHookSees[agent] {
		t.Logf("%s: no hook sees %s: %d of the calls", agent, kind, kinds[kind])
		if kinds[kind] == 0 {
			t.Errorf("%s: nothing was tried of what no hook is said to see: %s", agent, kind)
		}
	}
	return n
}

// A reconciled is what is read of the counts of "etch reconcile --json".
type reconciled struct {
	Calls, Missing, Unseen, Open, Unfinished, Recent, Differing, Twice int

	OnlyLogged     int `json:"only_logged"`
	PromptsMissing int `json:"prompts_missing"`
}

// lacks fails where the transcript and the log do not stand to each other as they should.
func lacks(t *testing.T, h *Home, a *Agent, when string, want reconciled) {
	t.Helper()
	out, err := h.Command(t.Context(), "etch", "reconcile", a.Name, "--json").Output()
	if code, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || code.ExitCode() != 1) {
		t.Fatal(err)
	}
	for row := range strings.Lines(string(out)) {
		var r struct {
			Row     string `json:"row"`
			Summary struct {
				Counts reconciled `json:"counts"`
			} `json:"summary"`
		}
		if err := json.Unmarshal([]byte(row), &r); err != nil {
			t.Fatal(err)
		}
		if r.Row == "summary" {
			if r.Summary.Counts != want {
				t.Errorf("%s: reconcile counts %+v, want %+v", when, r.Summary.Counts, want)
			}
			return
		}
	}
	t.Errorf("%s: reconcile sums nothing up: %s", when, out)
}

// etchDoes runs etch in the home; it must succeed.
func etchDoes(t *testing.T, h *Home, args ...string) {
	t.Helper()
	out, err := h.Run(t.Context(), append([]string{h.Etch}, args...)...)
	t.Logf("etch %s\n%s", strings.Join(args, " "), out)
	if err != nil {
		t.Error(err)
	}
}

type in = map[string]any

func claudeWork(h *Home) [][]want {
	notes := filepath.Join(h.Project, "notes.txt")
	bash := func(command string) Block { return Use("Bash", in{"command": command, "description": "a step"}) }
	return [][]want{
		{worked("echo hello", bash("echo hello"))},
		{worked("notes.txt", Use("Write", in{"file_path": notes, "content": "line one\nline two: héllo 😀\n"}))},
		{worked("notes.txt", Use("Read", in{"file_path": notes}))},
		{worked("notes.txt", Use("Edit", in{"file_path": notes, "old_string": "line one", "new_string": "line 1", "replace_all": false}))},
		{failed("false", bash("false"))},
		{failed("exit 3", bash("echo out; echo err >&2; exit 3"))},
		{worked("echo A", bash("sleep 1; echo A")), worked("echo B", bash("echo B")), worked("notes.txt", Use("Read", in{"file_path": notes}))},
		{refused("cat secret.txt", bash("cat secret.txt"))},
		{refused("secret.txt", Use("Read", in{"file_path": filepath.Join(h.Project, "secret.txt")}))},
		{failed("", Use("NoSuchTool", in{"foo": 1}))},
		{failed("", Use("Bash", in{"cmd": "the command is missing"}))},
		{failed("nowhere.txt", Use("Read", in{"file_path": filepath.Join(h.Project, "nowhere.txt")}))},
	}
}

func codexWork(*Home) [][]want {
	run := func(command string) Block { return Use("exec_command", in{"cmd": command}) }
	did := func(command string) want { return worked(command, run(command)).named("Bash") }
	broke := func(command string) want { return failed(command, run(command)).named("Bash") }
	patch := func(text string) Block { return Use("apply_patch", "*** Begin Patch\n"+text+"*** End Patch\n") }
	return [][]want{
		{did("echo hello")},
		{worked("notes.txt", patch("*** Add File: notes.txt\n+line one\n"))},
		{worked("notes.txt", patch("*** Update File: notes.txt\n@@\n-line one\n+line 1\n"))},
		{failed("nowhere.txt", patch("*** Update File: nowhere.txt\n@@\n-a\n+b\n"))},
		{did("sleep 1; echo A"), did("echo B")},
		{failed("", Use("no_such_tool", in{"foo": 1})).unseenBy(unknownTools)},
		{failed("", Use("exec_command", in{"wrong": "the command is missing"})).unseenBy(badArguments)},
		{broke("exit 3")}, // the hook does not tell the exit code: the transcript does
	}
}

func geminiWork(h *Home) [][]want {
	notes := filepath.Join(h.Project, "notes.txt")
	run := func(command string) Block { return Use("run_shell_command", in{"command": command}) }
	return [][]want{
		{worked("echo hello", run("echo hello"))},
		{worked("notes.txt", Use("write_file", in{"file_path": notes, "content": "line one\n"}))},
		{worked("notes.txt", Use("read_file", in{"file_path": notes}))},
		{failed("false", run("false"))},
		{failed("exit 3", run("echo out; exit 3"))},
		{worked("echo A", run("sleep 1; echo A")), worked("echo B", run("echo B"))},
		{failed("", Use("no_such_tool", in{"foo": 1})).unseenBy(unknownTools)},
		{failed("", Use("run_shell_command", in{"wrong": "the command is missing"})).unseenBy(badArguments)},
		{failed("nowhere.txt", Use("read_file", in{"file_path": filepath.Join(h.Project, "nowhere.txt")}))},
	}
}

func qwenWork(h *Home) [][]want {
	notes := filepath.Join(h.Project, "notes.txt")
	run := func(command string) Block {
		return Use("run_shell_command", in{"command": command, "is_background": false})
	}
	return [][]want{
		{worked("echo hello", run("echo hello"))},
		{worked("notes.txt", Use("write_file", in{"file_path": notes, "content": "line one\n"}))},
		{worked("notes.txt", Use("read_file", in{"file_path": notes}))},
		{failed("false", run("false"))},
		{failed("exit 3", run("echo out; exit 3"))},
		{worked("echo A", run("sleep 1; echo A")), worked("echo B", run("echo B"))},
		{failed("", Use("no_such_tool", in{"foo": 1}))},
		{failed("", Use("run_shell_command", in{"wrong": "the command is missing"}))},
		{failed("nowhere.txt", Use("read_file", in{"file_path": filepath.Join(h.Project, "nowhere.txt")}))},
	}
}

func copilotWork(h *Home) [][]want {
	notes := filepath.Join(h.Project, "notes.txt")
	run := func(command string) Block { return Use("bash", in{"command": command, "description": "a step"}) }
	return [][]want{
		{worked("echo hello", run("echo hello"))},
		{worked("notes.txt", Use("create", in{"path": notes, "file_text": "line one\n"}))},
		{worked("notes.txt", Use("view", in{"path": notes}))},
		{worked("echo A", run("sleep 1; echo A")), worked("echo B", run("echo B"))},
		{failed("", Use("no_such_tool", in{"foo": 1}))},
		{failed("nowhere.txt", Use("view", in{"path": filepath.Join(h.Project, "nowhere.txt")}))},
	}
}
