//go:build !windows

package execwrap_test

import (
	"bytes"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/execwrap"
)

// alongside catches the signals beside the wrapper: one that comes when that has ended, as
// on a busy machine, ends nothing else. And they have their own effects on a command then,
// also where whoever started this program ignores one, as a shell's "&" does.
func alongside(t *testing.T) <-chan os.Signal {
	t.Helper()
	came := make(chan os.Signal, 16)
	signal.Notify(came, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2)
	t.Cleanup(func() { signal.Stop(came) })
	return came
}

// A watched writer calls once when something is written to it.
type watched struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	once sync.Once
	then func()
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.once.Do(w.then)
	return w.buf.Write(p)
}

// A signal that the wrapper gets is passed on, but for those that a terminal
// has sent to the command already.
func TestRunPassesSignals(t *testing.T) {
	came := alongside(t)
	for _, test := range []struct {
		signal     syscall.Signal
		foreground bool
		passed     bool
	}{
		{syscall.SIGTERM, false, true},
		{syscall.SIGTERM, true, true},
		{syscall.SIGUSR1, true, true},
		{syscall.SIGINT, false, true},
		{syscall.SIGINT, true, false},
		{syscall.SIGQUIT, true, false},
	} {
		c, _ := command(t, "")
		stdin, ended := io.Pipe()
		c.Stdin, c.Foreground = stdin, func() bool { return test.foreground }
		const trap = `trap "exit 40" TERM INT QUIT USR1; echo ready; read line; exit 41`
		c.Argv = []string{"sh", "-c", trap}
		c.Stdout = &watched{then: func() {
			if err := syscall.Kill(os.Getpid(), test.signal); err != nil {
				t.Error(err)
			}
			<-came // before the command can end
			if !test.passed {
				_ = ended.Close() // always nil
			}
		}}
		want := 40
		if !test.passed {
			want = 41
		}
		got := runWith(t, c, stdin)
		if got.Exit != want {
			t.Errorf("%v, foreground %v: got exit %d, want %d", test.signal, test.foreground, got.Exit, want)
		}
	}
}

// A signal waits: a command that ends meanwhile, by its own copy or by itself,
// does not get the wrapper's.
func TestRunHoldsSignals(t *testing.T) {
	defer execwrap.SetGrace(time.Hour)()
	came := alongside(t)
	c, _ := command(t, "")
	stdin, ended := io.Pipe()
	c.Argv = []string{"sh", "-c", `trap "exit 40" TERM; echo ready; read line; exit 41`}
	c.Stdout = &watched{then: func() {
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		<-came            // before the command can end
		_ = ended.Close() // always nil
	}}
	if got := runWith(t, c, stdin); got.Exit != 41 {
		t.Errorf("got exit %d, want 41", got.Exit)
	}
}

// Signals that come together are passed on together.
func TestRunPassesAllSignals(t *testing.T) {
	c, _ := command(t, "")
	stdin, ended := io.Pipe()
	defer func() { _ = ended.Close() }() // always nil
	c.Argv = []string{"sh", "-c", `trap a=1 USR1; trap b=1 USR2; echo ready; while test -z "$a$b" || test "$a" != "$b"; do sleep 0.01; done; exit 42`}
	c.Stdout = &watched{then: func() {
		for _, s := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2} {
			if err := syscall.Kill(os.Getpid(), s); err != nil {
				t.Error(err)
			}
		}
	}}
	if got := runWith(t, c, stdin); got.Exit != 42 {
		t.Errorf("got exit %d, want 42", got.Exit)
	}
}

// runWith runs a command; its input ends with it, so that nobody copies on.
func runWith(t *testing.T, c *execwrap.Command, stdin *io.PipeReader) execwrap.Outcome {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(w, stdin) // ends when the test says so
		_ = w.Close()
	}()
	c.Stdin = r // a file: Wait does not wait for it
	got := execwrap.Run(t.Context(), new(recorder), c)
	_ = stdin.Close() // always nil
	<-copied
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	return got
}

func TestRunKilled(t *testing.T) {
	c, _ := command(t, "")
	c.Argv = []string{"sh", "-c", "kill -KILL $$"}
	log := new(recorder)
	got := execwrap.Run(t.Context(), log, c)
	if want := execwrap.ExitSignal + int(syscall.SIGKILL); got.Exit != want {
		t.Errorf("got exit %d, want %d", got.Exit, want)
	}
	if got, want := log.events[1].Result.Message, "killed by signal SIGKILL"; got != want {
		t.Errorf("got message %q, want %q", got, want)
	}
	if log.events[1].Result.Type != etch.Error {
		t.Errorf("got outcome %q, want error", log.events[1].Result.Type)
	}
}

// What execvp hands to sh, the wrapper does too; what nobody can run is 126.
func TestRunNotExecutable(t *testing.T) {
	for _, test := range []struct {
		content string
		mode    os.FileMode
		exit    int
	}{
		{"exit 9", 0o755, 9},
		{"exit 9", 0o644, execwrap.ExitNotExecuted},
		{"#!/no/such/interpreter\n", 0o755, execwrap.ExitNotFound},
	} {
		c, _ := command(t, "")
		path := t.TempDir() + "/script"
		if err := os.WriteFile(path, []byte(test.content), test.mode); err != nil {
			t.Fatal(err)
		}
		c.Argv = []string{path}
		got := execwrap.Run(t.Context(), new(recorder), c)
		if got.Exit != test.exit {
			t.Errorf("%q, mode %o: got exit %d (%v), want %d", test.content, test.mode, got.Exit, got.Failure, test.exit)
		}
		if got.Failure != nil && strings.Contains(got.Failure.Error(), "fork/exec") {
			t.Errorf("%q: got failure %q, want what a shell says", test.content, got.Failure)
		}
	}
}
