package question

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A command is a program, or several in a pipe of the shell, as a person would
// run it.
type command struct {
	Args []string
	Env  []string // besides that of all commands
	Dir  string   // of its home and working directory
	// programs are what a pipe runs, besides Args[0].
	programs []string
}

// pipe returns the command of a script for the shell, with its arguments as
// $1 and on.
func pipe(programs []string, script string, args ...string) command {
	return command{Args: append([]string{"sh", "-c", script, "sh"}, args...), programs: programs}
}

// installed returns an error where a program of the command is not there.
func (c command) installed() error {
	for _, name := range append([]string{c.Args[0]}, c.programs...) {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("skipped: there is no %s (make peers)", name)
		}
	}
	return nil
}

// start returns the process of the command, not yet started. Its environment is
// the same everywhere: nobody's settings, no language but C.
func (c command) process(ctx context.Context, stdout io.Writer) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Env = slices.Concat([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.Dir, "LC_ALL=C", "TZ=UTC"}, c.Env)
	cmd.Dir = c.Dir
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = stdout, &stderr
	return cmd, &stderr
}

// run runs the command from start to exit, and returns what it printed and how
// long it took until all of that was read.
func (c command) run(ctx context.Context) (printed []byte, took time.Duration, err error) {
	return c.runInto(ctx, new(bytes.Buffer))
}

// runInto is run that reads what is printed into a buffer, of which the result is a part.
// Where the buffer is large already, the time is the command's, and not that of
// whoever makes room for what it prints on the same processors.
func (c command) runInto(ctx context.Context, answer *bytes.Buffer) (printed []byte, took time.Duration, err error) {
	answer.Reset()
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = reader.Close() }() // it was only read
	cmd, stderr := c.process(ctx, writer)
	// From now on reads wait in the system, as those of other programs do. The scheduler, which
	// would be told of each otherwise, takes a tenth of the time of a short command.
	reader.Fd()
	runtime.GC() // not meanwhile
	began := time.Now()
	err = cmd.Start()
	if closed := writer.Close(); err == nil {
		_, err = answer.ReadFrom(reader)
		err = errors.Join(closed, err, cmd.Wait())
	}
	took = time.Since(began)
	return answer.Bytes(), took, explain(err, stderr)
}

// explain adds to the error of a process what it said of it.
func explain(err error, stderr *bytes.Buffer) error {
	if err == nil {
		return nil
	}
	text := strings.TrimSpace(stderr.String())
	if text == "" {
		return err
	}
	return fmt.Errorf("%s (%w)", strings.Join(strings.Fields(text), " "), err)
}

// childArg makes the program a child that runs a command and says what memory
// it took. The system counts the parent's memory before the exec too; a child
// that does nothing else has less than any program that it runs.
const childArg = "etch-ask-child"

// Child runs the command of a child process, where this is one, and reports
// whether it is. A program that calls [Run] calls it first.
func Child() bool {
	if len(os.Args) < 3 || os.Args[1] != childArg {
		return false
	}
	if err := child(context.Background(), os.Args[2], os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err) // there is nobody else to tell
		os.Exit(1)
	}
	return true
}

func child(ctx context.Context, text string, out io.Writer) error {
	var c command
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return fmt.Errorf("command of a child: %w", err)
	}
	// Not /dev/null, which a program may know: somebody reads.
	cmd, stderr := c.process(ctx, discard{})
	if err := cmd.Run(); err != nil {
		return explain(err, stderr)
	}
	peak, err := peakOf(cmd.ProcessState)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(peak)
}

// A discard hides that nobody needs what is written.
type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

// peak returns the most memory that the command had resident, in MiB.
func (c command) peak(ctx context.Context) (float64, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return 0, err
	}
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, self, childArg, string(text))
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := explain(cmd.Run(), &stderr); err != nil {
		return 0, err
	}
	var mib float64
	if err := json.Unmarshal(stdout.Bytes(), &mib); err != nil {
		return 0, fmt.Errorf("peak memory: %w", err)
	}
	if mib <= 0 {
		return 0, errors.New("peak memory: the system does not say")
	}
	return mib, nil
}
