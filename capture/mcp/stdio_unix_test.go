//go:build !windows

package mcp

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// systemHasNo reports whether a server cannot end with an exit code here.
func systemHasNo(int) bool { return false }

// kills ends a process by its id.
func kills(t *testing.T, pid string) {
	t.Helper()
	number, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(number, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Error(err)
	}
}

// Signals are passed on, but for those that a terminal has sent already.
func TestSignals(t *testing.T) {
	// By this process too: they have their own effects then, also where whoever started it
	// ignores one, as a shell's "&" does.
	caught := make(chan os.Signal, 16)
	signal.Notify(caught, ending...)
	defer signal.Stop(caught)
	for _, test := range []struct {
		signal     syscall.Signal
		foreground bool
		passed     bool
	}{
		{syscall.SIGTERM, false, true},
		{syscall.SIGTERM, true, true},
		{syscall.SIGINT, false, true},
		{syscall.SIGINT, true, false},
	} {
		p := tapped(t, &Command{Argv: serverArgv("wait-signal"), Foreground: func() bool { return test.foreground }})
		p.line() // it listens
		if err := syscall.Kill(syscall.Getpid(), test.signal); err != nil {
			t.Fatal(err)
		}
		select {
		case out := <-p.end:
			if !test.passed || out.Exit != 3 {
				t.Errorf("%v, foreground %v: got %+v", test.signal, test.foreground, out)
			}
		case <-time.After(map[bool]time.Duration{true: hung, false: 300 * time.Millisecond}[test.passed]):
			if test.passed {
				t.Errorf("%v, foreground %v: not passed on", test.signal, test.foreground)
			}
			if err := syscall.Kill(syscall.Getpid(), syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			p.wait()
		}
	}
}

// Whoever wants the end while a client does not read gets it, and hears what it costs.
func TestSignalWhileUnread(t *testing.T) {
	c := &Command{Argv: serverArgv("much")}
	ended := endOf(t, c)
	p := tapped(t, c)
	if _, err := io.ReadFull(p.out, make([]byte, 1)); err != nil { // it has begun to speak
		t.Fatal(err)
	}
	ended() // all of it is said, and more than the client's pipe holds
	select {
	case out := <-p.end:
		t.Fatalf("it has not waited: %+v", out)
	case <-time.After(300 * time.Millisecond): // by then as much as there is room for is written
	}
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if out := p.wait(); !out.Unread || out.Exit != ExitUnread && out.Exit != ExitSignal+int(syscall.SIGTERM) {
		t.Errorf("got %+v", out)
	}
}

// A client that has closed the server's input ends it by SIGTERM: one that
// ignores that has ended before the client takes to SIGKILL.
func TestSignalAfterClose(t *testing.T) {
	p := tapped(t, &Command{Argv: serverArgv("ignore-all"), Grace: time.Hour})
	p.line()
	closes(p)
	caught := make(chan os.Signal, 1) // by this process too, for one that comes behind the end
	signal.Notify(caught, syscall.SIGTERM)
	defer signal.Stop(caught)
	// The first may come before it is seen that the client has closed.
	first, more := time.NewTimer(50*time.Millisecond), time.NewTicker(4*killAfter)
	defer first.Stop()
	defer more.Stop()
	for {
		select {
		case <-first.C:
		case <-more.C:
		case out := <-p.end:
			if out.Exit != ExitSignal+int(syscall.SIGKILL) {
				t.Errorf("got %+v", out)
			}
			return
		}
		if err := syscall.Kill(syscall.Getpid(), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
}

// A script without its first line runs as a shell would run it.
func TestNotExecutable(t *testing.T) {
	p := tapped(t, &Command{Argv: []string{t.TempDir()}})
	if out := p.wait(); out.Exit != ExitNotExecuted || out.Failure == nil {
		t.Errorf("got %+v, want exit %d", out, ExitNotExecuted)
	}
}

// Where the wrapper is killed, its server does not live on.
func TestKilledWrapper(t *testing.T) {
	if attributes() == nil {
		t.Skip("only Linux ends a server whose wrapper was killed")
	}
	proxy := exec.Command(serverArgv("proxy")[0], serverArgv("proxy", "pid")[1:]...)
	in, err := proxy.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := proxy.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	var pid []byte
	for b := make([]byte, 1); len(pid) == 0 || pid[len(pid)-1] != '\n'; pid = append(pid, b[0]) {
		if _, err := out.Read(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := proxy.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// The server has the pipe to the proxy open, and nothing else: its end is
	// what is waited for, by its number.
	server, err := strconv.Atoi(strings.TrimSpace(string(pid)))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, out)
	_ = proxy.Wait() // it was killed
	_ = in.Close()   // likewise
	deadline := time.After(hung)
	for tick := time.NewTicker(5 * time.Millisecond); syscall.Kill(server, 0) == nil && !zombie(server); {
		select {
		case <-tick.C:
		case <-deadline:
			kills(t, strconv.Itoa(server))
			t.Fatal("the server lives on")
		}
	}
}
