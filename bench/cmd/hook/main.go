// Command hook measures what a hook of a coding agent costs: the whole process
// of "etch hook", next to the least that any program costs and to what people
// write in its place, a shell script around jq.
//
//	go run ./cmd/hook                 some seconds
//	go run ./cmd/hook -rounds 20      a short run that shows that it works
//	go run ./cmd/hook -etch PATH      of another build of etch than this tree's
//	go run ./cmd/hook -json hook.json the same as JSON, besides the text
//
// All sides run in turn in every round, and a ratio is that of one round, so
// that whatever else the machine does meets all of them.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/etch-audit/etch/bench/table"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "hook: error: %v\n", err) // there is nobody else to tell
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("hook", flag.ContinueOnError)
	flags.SetOutput(stderr)
	rounds := flags.Int("rounds", 300, "how often each side runs")
	etch := flags.String("etch", "", "the etch that is measured; it is built where none is given")
	at := flags.String("dir", ".", "directory on a real disk, for the logs; what is made is removed")
	out := flags.String("json", "", "file that gets the table as JSON")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if *rounds < 1 {
		return fmt.Errorf("%d rounds: at least 1", *rounds)
	}
	dir, err := os.MkdirTemp(*at, "hook-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	b := bench{dir: dir, etch: *etch}
	if b.etch == "" {
		if b.etch, err = build(ctx, dir); err != nil {
			return err
		}
	}
	if err := b.measure(ctx, *rounds); err != nil {
		return err
	}
	report := table.Report{Machine: table.ThisMachine(), Options: fmt.Sprintf("%d rounds", *rounds), Outcomes: b.outcomes(), Notes: b.notes()}
	if *out != "" {
		text, err := json.MarshalIndent(report, "", "\t")
		if err != nil {
			return err
		}
		if err := os.WriteFile(*out, append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	_, err = io.WriteString(stdout, report.String())
	return err
}

// build builds this tree's etch as releases are: without C, whose libraries
// take longer to load than a hook to run.
func build(ctx context.Context, dir string) (string, error) {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/etch-audit/etch").Output()
	if err != nil {
		return "", fmt.Errorf("find the source: %w", err)
	}
	path := filepath.Join(dir, "etch")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, "./cmd/etch")
	cmd.Dir = strings.TrimSpace(string(root))
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build etch: %w: %s", err, text)
	}
	return path, nil
}

// The sides. The first is the least that a process costs, the second what makes
// a record durable.
const (
	nothing  = "true"
	durable  = "append"
	shell    = "sh+jq"
	ours     = "etch"
	quantile = 4 // of the rounds, the first fourth is where the machine did little else
)

var sides = []string{nothing, durable, shell, ours}

// A bench is one run.
type bench struct {
	dir     string
	etch    string
	missing string // why there is no shell side
	times   map[string][]time.Duration
}

// measure runs all sides in turn.
func (b *bench) measure(ctx context.Context, rounds int) error {
	if _, err := exec.LookPath("jq"); err != nil {
		b.missing = "jq is not here"
	}
	b.times = map[string][]time.Duration{}
	file, err := os.OpenFile(filepath.Join(b.dir, "appended"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	err = b.once(ctx, ours, 0, file) // makes the log
	for n := 1; n <= rounds && err == nil; n++ {
		for i := range sides {
			side := sides[(n+i)%len(sides)]
			began := time.Now()
			if err = b.once(ctx, side, n, file); err != nil {
				break
			}
			b.times[side] = append(b.times[side], time.Since(began))
		}
	}
	return errors.Join(err, file.Close())
}

// script does as a hook does: it takes what it wants of the payload, appends a
// line and makes it durable. Of locks, signatures, seals, risk, secrets and
// sessions it knows nothing.
const script = `jq -c '{time: now | todate, session: .session_id, tool: .tool_name, call: .tool_use_id, input: .tool_input}' >>"$1" && sync "$1"`

// once runs a side once. Calls begin and end in turn, as an agent's do.
func (b *bench) once(ctx context.Context, side string, n int, file *os.File) error {
	event, response := "PreToolUse", ""
	if n%2 == 1 {
		event, response = "PostToolUse", `,"tool_response":{"stdout":"ok","stderr":"","interrupted":false}`
	}
	payload := fmt.Sprintf(`{"session_id":"s-1","transcript_path":"/home/dev/t.jsonl","cwd":"/home/dev","permission_mode":"default","hook_event_name":%q,`+
		`"tool_name":"Bash","tool_use_id":"toolu_%d","tool_input":{"command":"go test ./...","description":"Run the tests"}%s}`, event, (n+1)/2, response)
	var cmd *exec.Cmd
	switch side {
	case durable:
		if _, err := file.WriteString(strings.Repeat("x", 600) + "\n"); err != nil {
			return err
		}
		return file.Sync()
	case nothing:
		cmd = exec.CommandContext(ctx, "true")
	case shell:
		if b.missing != "" {
			return nil
		}
		cmd = exec.CommandContext(ctx, "sh", "-c", script, "sh", filepath.Join(b.dir, "jq.log"))
	case ours:
		cmd = exec.CommandContext(ctx, b.etch, "hook", "--log", filepath.Join(b.dir, "audit.log"), "claude-code", event)
	}
	cmd.Stdin = strings.NewReader(payload)
	if text, err := cmd.CombinedOutput(); err != nil || len(text) > 0 {
		return fmt.Errorf("%s: %w: %s", side, err, text)
	}
	return nil
}

// outcomes returns the two rows.
func (b *bench) outcomes() []table.Outcome {
	figure := func(side string) table.Figure {
		t := slices.Sorted(slices.Values(b.times[side]))
		return table.Figure{Side: side, Median: float64(t[len(t)/quantile].Microseconds()) / 1000, Unit: "ms", Rounds: len(t)}
	}
	least := table.Outcome{
		Row: "hook", What: "a hook's whole process, to 2 × true and one durable append",
		Ours: figure(ours), Theirs: []table.Figure{figure(nothing), figure(durable)}, AtMost: true, Bound: 1,
	}
	least.Value, least.Min, least.Max = b.ratio(func(n int) float64 {
		return float64(b.times[ours][n]) / float64(2*b.times[nothing][n]+b.times[durable][n])
	})
	script := table.Outcome{
		Row: "hook-script", What: "a hook's whole process, to sh and jq doing the same", Ours: figure(ours), Bound: 10, Missing: b.missing,
	}
	if b.missing == "" {
		script.Theirs = []table.Figure{figure(shell)}
		script.Value, script.Min, script.Max = b.ratio(func(n int) float64 {
			return float64(b.times[shell][n]) / float64(b.times[ours][n])
		})
	}
	return []table.Outcome{least, script}
}

// ratio returns the median of the rounds' ratios, and between which lie the middle half.
func (b *bench) ratio(of func(n int) float64) (median, low, high float64) {
	all := make([]float64, len(b.times[ours]))
	for n := range all {
		all[n] = of(n)
	}
	slices.Sort(all)
	return all[len(all)/2], all[len(all)/4], all[len(all)*3/4]
}

func (b *bench) notes() []string {
	return []string{
		"Figures are the first quartile of the rounds, in ms; a ratio is the median of those of one round each, with the quartiles beside it.",
	}
}
