package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/etch-audit/etch/capture/execwrap"
	"github.com/etch-audit/etch/internal/keys"
	"github.com/etch-audit/etch/internal/shellword"
	"github.com/spf13/cobra"
)

type demoOptions struct {
	place *place
	dir   string
}

func newDemo(at *place, std stdio) *cobra.Command {
	opts := demoOptions{place: at}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it work, in a fresh directory",
		Example: `  etch demo
  etch demo --dir ./try-etch`,
		Long: `Makes a log in a fresh directory, records a few harmless commands, asks for them
and verifies; then tampers with copies of the log and shows what verification
says of each. Every command is shown as it can be typed. The directory stays;
nothing outside of it is touched.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDemo(cmd.Context(), opts, std)
		},
	}
	cmd.Flags().StringVar(&opts.dir, "dir", "", "the `DIRECTORY` to make; default: a new temporary one")
	return cmd
}

func runDemo(ctx context.Context, opts demoOptions, std stdio) error {
	if opts.place.log != "" || opts.place.config != "" {
		return usagef("--dir says where", "the demo makes a log and a configuration of its own")
	}
	d, err := newDemonstration(opts, std)
	if err != nil {
		return err
	}
	for _, act := range []func(context.Context) error{d.begin, d.record, d.ask, d.edit, d.drop, d.cut} {
		if err := act(ctx); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	d.say("Three ways to tamper, three times found. Everything is still in\n%s: try your own, then remove it.", d.dir)
	return d.err
}

// A demonstration is one run of the demo. It runs this very program, so that
// what is shown is what a person would get.
type demonstration struct {
	std  stdio
	self string
	dir  string
	env  []string
	err  error // the first of writing
}

func newDemonstration(opts demoOptions, std stdio) (*demonstration, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	dir, err := demoDirectory(opts.dir)
	if err != nil {
		return nil, err
	}
	d := &demonstration{std: std, self: self, dir: dir}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "ETCH_") { // what is set is about another log
			d.env = append(d.env, v)
		}
	}
	d.env = append(d.env, demoEnvironment...)
	return d, nil
}

// demoEnvironment is what the demo's commands are run with. The log stays one file: what
// is changed in audit.log would be in another at midnight.
var demoEnvironment = []string{"ETCH_CONFIG=etch.toml", "ETCH_AGENT=demo-agent", "ETCH_SESSION=demo", "ETCH_ROTATE=size"}

// demoDirectory makes the directory, which must be a new one.
func demoDirectory(name string) (string, error) {
	if name == "" {
		return os.MkdirTemp("", "etch-demo-")
	}
	if err := os.Mkdir(name, 0o700); errors.Is(err, os.ErrExist) {
		return "", fail(exitFailed, "name a directory that is not there yet: the demo tampers with what it finds", err)
	} else if err != nil {
		return "", err
	}
	return filepath.Abs(name)
}

// begin makes the log.
func (d *demonstration) begin(ctx context.Context) error {
	d.say("A log, its keys and its configuration. The public key is kept elsewhere at once:\nwith it, and nothing else, anybody can verify.")
	d.shell("cd %s && mkdir log elsewhere", shellword.Quote([]string{d.dir}))
	d.shell("export %s", strings.Join(demoEnvironment, " "))
	for _, name := range []string{"log", "elsewhere"} {
		if err := os.Mkdir(filepath.Join(d.dir, name), 0o700); err != nil {
			return err
		}
	}
	if err := d.etch(ctx, 0, "init", "--log", "log/audit.log"); err != nil {
		return err
	}
	key, err := os.ReadFile(filepath.Join(d.dir, "log", "audit.keys", keys.PublicFile))
	if err != nil {
		return err
	}
	d.shell("cp log/audit.keys/log.vkey elsewhere/")
	return os.WriteFile(filepath.Join(d.dir, "elsewhere", keys.PublicFile), key, 0o600)
}

// record runs commands: one of them fails, one carries a secret, one is refused.
func (d *demonstration) record(ctx context.Context) error {
	d.say("Commands, run and recorded: one succeeds, one fails, one carries a secret, one is\nrefused by policy. The third event is no command at all.")
	secret := "GITHUB_TOKEN=ghp_" + strings.Repeat("x7Kq", 9)
	show, failing, carrying := []string{"uname", "-s"}, []string{"sh", "-c", "echo 2 tests failed; exit 3"},
		[]string{"env", secret, "sh", "-c", "echo deployed"}
	if runtime.GOOS == "windows" {
		show, failing, carrying = []string{"cmd", "/c", "ver"}, []string{"cmd", "/c", "echo 2 tests failed& exit 3"},
			[]string{"cmd", "/c", "set " + secret + "& echo deployed"}
	}
	steps := []struct {
		exit int
		args []string
	}{
		{0, append([]string{"exec", "--"}, show...)},
		{3, append([]string{"exec", "--"}, failing...)},
		{0, []string{"log", "--type", "file_access", "--tool", "file_read", "--resource", "/etc/hosts", "--allowed", "--success"}},
		{0, append([]string{"exec", "--"}, carrying...)},
		// Harmless even if it were to run: there is no repository.
		{execwrap.ExitRefused, []string{"exec", "--deny-risk", "high", "--", "git", "push", "--force", "origin", "main"}},
	}
	for _, s := range steps {
		if err := d.etch(ctx, s.exit, s.args...); err != nil {
			return err
		}
	}
	return d.noSecret(secret)
}

// noSecret checks what the demo says of the secret.
func (d *demonstration) noSecret(secret string) error {
	_, value, _ := strings.Cut(secret, "=")
	lines, err := d.lines()
	if err != nil {
		return err
	}
	if bytes.Contains(bytes.Join(lines, nil), []byte(value)) {
		return errors.New("the secret was stored: this is a bug")
	}
	return nil
}

// ask shows the table and verifies.
func (d *demonstration) ask(ctx context.Context) error {
	d.say("What happened? The secret is masked, the refusal is a violation.")
	if err := d.etch(ctx, 0, "audit"); err != nil {
		return err
	}
	if err := d.etch(ctx, 0, "audit", "--violations-only", "--format", "jsonl"); err != nil {
		return err
	}
	d.say("Is it all there, and unchanged?")
	return d.verify(ctx, 0, "log")
}

// edit makes the failure a success, in a copy: one byte.
func (d *demonstration) edit(ctx context.Context) error {
	d.say("Somebody makes the failed command a success: one byte of a copy.")
	const expression = `s/"exit_code":3/"exit_code":0/`
	return d.tamper(ctx, "edited", "sed '"+expression+"'", func(lines [][]byte) [][]byte {
		for i, line := range lines {
			lines[i] = bytes.Replace(line, []byte(`"exit_code":3`), []byte(`"exit_code":0`), 1)
		}
		return lines
	})
}

// drop removes the refusal.
func (d *demonstration) drop(ctx context.Context) error {
	d.say("Somebody removes the line of the refusal.")
	const refusal = `"event_type":"policy_violation"`
	return d.tamper(ctx, "dropped", "sed '/"+refusal+"/d'", func(lines [][]byte) [][]byte {
		return slices.DeleteFunc(lines, func(line []byte) bool { return bytes.Contains(line, []byte(refusal)) })
	})
}

// cut removes the second half.
func (d *demonstration) cut(ctx context.Context) error {
	lines, err := d.lines()
	if err != nil {
		return err
	}
	n := len(lines) / 2
	d.say("Somebody cuts the second half off: what is left is consistent in itself, and the\nlog's own state knows better. (Cut together with its state it takes a head that\nis held elsewhere: see \"etch verify --help\".)")
	return d.tamper(ctx, "cut", fmt.Sprintf("head -n %d", n), func(lines [][]byte) [][]byte { return lines[:n] })
}

// tamper copies the log, changes the lines of the copy as the filter would, and
// verifies it.
func (d *demonstration) tamper(ctx context.Context, name, filter string, change func([][]byte) [][]byte) error {
	d.shell("cp -R log %s && %s log/audit.log > %s/audit.log", name, filter, name)
	if err := os.CopyFS(filepath.Join(d.dir, name), os.DirFS(filepath.Join(d.dir, "log"))); err != nil {
		return err
	}
	lines, err := d.lines()
	if err != nil {
		return err
	}
	before := bytes.Join(lines, nil)
	after := bytes.Join(change(lines), nil)
	if bytes.Equal(before, after) {
		return fmt.Errorf("%s: nothing was changed: this is a bug", filter)
	}
	if err := os.WriteFile(filepath.Join(d.dir, name, "audit.log"), after, 0o600); err != nil {
		return err
	}
	return d.verify(ctx, 1, name)
}

// lines returns the lines of the log, with their line feeds.
func (d *demonstration) lines() ([][]byte, error) {
	data, err := os.ReadFile(filepath.Join(d.dir, "log", "audit.log"))
	if err != nil {
		return nil, err
	}
	return bytes.SplitAfter(data, []byte("\n")), nil
}

func (d *demonstration) verify(ctx context.Context, exit int, name string) error {
	return d.etch(ctx, exit, "verify", "--log", name+"/audit.log", "--key", "elsewhere/log.vkey")
}

// etch shows and runs a command of this program. That it exits otherwise than
// it should is the demo's failure.
func (d *demonstration) etch(ctx context.Context, exit int, args ...string) error {
	d.shell("%s", shellword.Quote(append([]string{"etch"}, args...)))
	cmd := exec.CommandContext(ctx, d.self, args...)
	cmd.Dir, cmd.Env = d.dir, d.env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = d.std.in, d.std.out, d.std.out
	err := cmd.Run()
	if cmd.ProcessState == nil {
		return err
	}
	got := cmd.ProcessState.ExitCode()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case got == exitBrokenPipe:
		return exitWith(exitBrokenPipe) // nobody looks any more
	case got != exit:
		return fmt.Errorf("etch %s: exit %d, expected %d: this is a bug", args[0], got, exit)
	}
	if exit != 0 {
		d.print("%s\n", d.styled("2", fmt.Sprintf("[exit %d]", exit)))
	}
	return d.err
}

// shell shows a command line.
func (d *demonstration) shell(format string, args ...any) {
	d.print("%s\n", d.styled("1", "$ "+fmt.Sprintf(format, args...)))
}

// say explains what comes.
func (d *demonstration) say(format string, args ...any) {
	text := "# " + strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "\n# ")
	d.print("\n%s\n", d.styled("36", text))
}

func (d *demonstration) styled(style, text string) string {
	if !d.std.colour(d.std.out) {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}

func (d *demonstration) print(format string, args ...any) {
	if _, err := fmt.Fprintf(d.std.out, format, args...); d.err == nil {
		d.err = err
	}
}
