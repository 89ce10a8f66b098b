// Command hook measures what a hook of a coding agent costs: the whole process of
// "etch hook", and of etch-hook, which etch install prefers, next to the least that
// any program costs, to the least that one in Go costs, empty, appending what it reads
// to a file, or handing it to a process that does, and to what people write in their place: a shell script around jq, as short
// as can be, or as careful as can be.
//
//	go run ./cmd/hook                 some seconds
//	go run ./cmd/hook -rounds 20      a short run that shows that it works
//	go run ./cmd/hook -etch PATH      of another build of etch than this tree's, and the etch-hook beside it
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
	b := bench{dir: dir, programs: map[string]string{ours: *etch, small: filepath.Join(filepath.Dir(*etch), "etch-hook")}, missing: map[string]string{}}
	if err := b.prepare(ctx, *etch != ""); err != nil {
		return err
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

// appends is the least that a hook in Go does: one read, one write, one sync.
const appends = `package main

import (
	"os"
	"syscall"
)

func main() {
	var payload [4096]byte
	n, err := syscall.Read(0, payload[:])
	if err != nil {
		panic(err)
	}
	fd, err := syscall.Open(os.Args[1], syscall.O_WRONLY|syscall.O_CREAT|syscall.O_APPEND|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		panic(err)
	}
	if _, err := syscall.Write(fd, payload[:n]); err != nil {
		panic(err)
	}
	if err := syscall.Fsync(fd); err != nil {
		panic(err)
	}
}
`

// prepare builds what is measured: this tree's programs, unless others are given, and
// those that are the least there can be. It finds out which sides there are.
func (b *bench) prepare(ctx context.Context, given bool) error {
	for side, text := range map[string]string{empty: "package main\n\nfunc main() {}\n", least: appends, relay: relays} {
		name := filepath.Join(b.dir, strings.ReplaceAll(side, " ", "-"))
		b.programs[side] = name
		if err := os.WriteFile(name+".go", []byte(text), 0o600); err != nil {
			return err
		}
		if err := build(ctx, b.dir, name, name+".go"); err != nil {
			return err
		}
	}
	if _, err := os.Stat(b.programs[small]); given && err != nil {
		b.missing[small] = "there is no etch-hook beside etch"
	}
	if !given {
		root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/etch-audit/etch").Output()
		if err != nil {
			return fmt.Errorf("find the source: %w", err)
		}
		for side, name := range map[string]string{ours: "etch", small: "etch-hook"} {
			b.programs[side] = filepath.Join(b.dir, name)
			if err := build(ctx, strings.TrimSpace(string(root)), b.programs[side], "./cmd/"+name); err != nil {
				return err
			}
		}
	}
	for side, tools := range map[string][]string{shell: {"jq"}, careful: {"jq", "openssl", "flock"}} {
		for _, tool := range tools {
			if _, err := exec.LookPath(tool); err != nil {
				b.missing[side] = tool + " is not here"
			}
		}
	}
	return os.WriteFile(filepath.Join(b.dir, "key"), []byte(strings.Repeat("5a", 32)), 0o600)
}

// build builds a program as releases are: without C, whose libraries take longer to load
// than a hook to run. It is then copied, as who installs it does: a linker writes its file
// page by page, and such a file is held in memory in small pieces, which costs a process
// that maps it up to a fifth of its time.
func build(ctx context.Context, dir, to, what string) error {
	linked := to + ".linked"
	if err := link(ctx, dir, linked, what); err != nil {
		return err
	}
	program, err := os.ReadFile(linked)
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(to, program, 0o755), os.Remove(linked))
}

func link(ctx context.Context, dir, to, what string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", to, what)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w: %s", what, err, text)
	}
	return nil
}

// The sides. The first is the least that a process costs, the second what makes
// a record durable, the third the least that a process in Go costs, the fourth
// that with one durable append, and the fifth that with a question to a process which appends.
const (
	nothing  = "true"
	durable  = "append"
	empty    = "empty Go"
	least    = "least Go"
	relay    = "relay Go"
	shell    = "sh+jq"
	careful  = "sh+jq+openssl"
	ours     = "etch"
	small    = "etch-hook"
	quantile = 4 // of the rounds, the first fourth is where the machine did little else
)

var sides = []string{nothing, durable, empty, least, relay, shell, careful, ours, small}

// A bench is one run.
type bench struct {
	dir      string
	programs map[string]string // their paths by sides
	missing  map[string]string // why there is no such side
	times    map[string][]time.Duration
	keeper   *keeper
}

// measure runs all sides in turn.
func (b *bench) measure(ctx context.Context, rounds int) error {
	b.times = map[string][]time.Duration{}
	file, err := os.OpenFile(filepath.Join(b.dir, "appended"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	if b.keeper, err = newKeeper(b.dir); err != nil {
		return errors.Join(err, file.Close())
	}
	for _, side := range []string{ours, small} { // the first makes the log
		if err == nil {
			err = b.once(ctx, side, 0, file)
		}
	}
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
	return errors.Join(err, b.keeper.close(), file.Close())
}

// script does the least that people take for the same: it takes what it wants of the
// payload, appends a line and makes it durable. Of locks, signatures, seals, risk,
// secrets and sessions it knows nothing.
const script = `jq -c '{time: now | todate, session: .session_id, tool: .tool_name, call: .tool_use_id, input: .tool_input}' >>"$1" && sync "$1"`

// carefully does what of a hook's work a shell can: it takes a lock, masks some secrets,
// chains each line to the one before by a MAC, appends and makes durable. Signatures,
// seals, risk, sessions, the spool and the time limit are still not there.
const carefully = `exec 9>>"$1.lock" && flock 9 &&
line=$(jq -c '
	def mask: gsub("(?<name>(pass(word|wd)?|secret|token|api_?key)[\"\u0027 ]*[=:][\"\u0027 ]*)[^ \"\u0027&]+"; "\(.name)[REDACTED]"; "i")
		| gsub("gh[pousr]_[A-Za-z0-9]{36}|AKIA[0-9A-Z]{16}|(?<=Bearer )[A-Za-z0-9._-]+"; "[REDACTED]");
	{time: now | todate, session: .session_id, tool: .tool_name, call: .tool_use_id, input: .tool_input} | (.. | strings) |= mask') &&
last=$(tail -c 65 "$1" 2>/dev/null || :) &&
mac=$(printf '%s%s' "$last" "$line" | openssl dgst -sha256 -mac HMAC -macopt hexkey:"$(cat "$2")" -r) &&
printf '%s %s\n' "$line" "${mac%% *}" >>"$1" && sync "$1"`

// once runs a side once. Calls begin and end in turn, as an agent's do.
func (b *bench) once(ctx context.Context, side string, n int, file *os.File) error {
	if b.missing[side] != "" {
		return nil
	}
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
	case empty:
		cmd = exec.CommandContext(ctx, b.programs[empty])
	case least:
		cmd = exec.CommandContext(ctx, b.programs[least], filepath.Join(b.dir, "least.log"))
	case relay:
		cmd = exec.CommandContext(ctx, b.programs[relay], b.keeper.path)
	case shell:
		cmd = exec.CommandContext(ctx, "sh", "-c", script, "sh", filepath.Join(b.dir, "jq.log"))
	case careful:
		cmd = exec.CommandContext(ctx, "sh", "-c", carefully, "sh", filepath.Join(b.dir, "careful.log"), filepath.Join(b.dir, "key"))
	case ours:
		cmd = exec.CommandContext(ctx, b.programs[ours], "hook", "--log", filepath.Join(b.dir, "audit.log"), "claude-code", event)
	case small:
		cmd = exec.CommandContext(ctx, b.programs[small], "--log", filepath.Join(b.dir, "small.log"), "claude-code", event)
	}
	cmd.Stdin = strings.NewReader(payload)
	cmd.Env = append(os.Environ(), "HOME="+b.dir, "XDG_CONFIG_HOME=", "XDG_STATE_HOME=") // nobody's own settings
	if text, err := cmd.CombinedOutput(); err != nil || len(text) > 0 {
		return fmt.Errorf("%s: %w: %s", side, err, text)
	}
	return nil
}

// outcomes returns the rows.
func (b *bench) outcomes() []table.Outcome {
	return []table.Outcome{
		b.least("hook", "etch hook's whole process, to 2 × true and one durable append", ours),
		b.least("hook-program", "etch-hook's whole process, to 2 × true and one durable append", small),
		b.least("hook-language", "an empty Go program, to 2 × true and one durable append", empty),
		b.least("hook-floor", "a Go program that appends what it reads and no more, to 2 × true and one durable append", least),
		b.least("hook-relay", "a Go program that has a process append what it reads, and no more, to 2 × true and one durable append", relay),
		b.script("hook-script", "etch hook's whole process, to sh and jq that take the payload and append", ours, shell),
		b.script("hook-program-script", "etch-hook's whole process, to sh and jq that take the payload and append", small, shell),
		b.script("hook-careful", "etch hook's whole process, to sh, jq and openssl doing what they can of the same", ours, careful),
		b.script("hook-program-careful", "etch-hook's whole process, to sh, jq and openssl doing what they can of the same", small, careful),
	}
}

func (b *bench) figure(side string) table.Figure {
	t := slices.Sorted(slices.Values(b.times[side]))
	return table.Figure{Side: side, Median: float64(t[len(t)/quantile].Microseconds()) / 1000, Unit: "ms", Rounds: len(t)}
}

// least compares a side with what any program costs that makes something durable.
func (b *bench) least(row, what, side string) table.Outcome {
	o := table.Outcome{Row: row, What: what, AtMost: true, Bound: 1, Unbound: side == empty || side == least || side == relay, Missing: b.missing[side]}
	if o.Missing != "" {
		return o
	}
	o.Ours, o.Theirs = b.figure(side), []table.Figure{b.figure(nothing), b.figure(durable)}
	o.Value, o.Min, o.Max = b.ratio(func(n int) float64 {
		return float64(b.times[side][n]) / float64(2*b.times[nothing][n]+b.times[durable][n])
	})
	return o
}

// script compares a side with a shell's.
func (b *bench) script(row, what, side, peer string) table.Outcome {
	o := table.Outcome{Row: row, What: what, Bound: 10, Missing: b.missing[side] + b.missing[peer]}
	if o.Missing != "" {
		return o
	}
	o.Ours, o.Theirs = b.figure(side), []table.Figure{b.figure(peer)}
	o.Value, o.Min, o.Max = b.ratio(func(n int) float64 { return float64(b.times[peer][n]) / float64(b.times[side][n]) })
	return o
}

// ratio returns the median of the rounds' ratios, and between which lie the middle half.
func (b *bench) ratio(of func(n int) float64) (median, low, high float64) {
	all := make([]float64, len(b.times[nothing]))
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
