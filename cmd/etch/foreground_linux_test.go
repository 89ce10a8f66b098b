package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminals returns both ends of a new terminal: the keyboard, and where
// programs are.
func terminals(t *testing.T) (keyboard, program *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("there are no terminals here:", err)
	}
	t.Cleanup(func() { _ = keyboard.Close() }) // what is left in it is nobody's
	fd := int(keyboard.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err := errors.Join(err, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)); err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Close() })
	return keyboard, program
}

// until waits for a file that has the text.
func until(t *testing.T, path, text string) {
	t.Helper()
	came := every(t, 5*time.Millisecond, func() bool {
		data, err := os.ReadFile(path)
		return err == nil && strings.Contains(string(data), text)
	})
	if !came {
		t.Fatalf("%s did not come", path)
	}
}

// A key of the terminal reaches the command once, also where no standard stream
// is the terminal; in the background of one there is no key, and the signal is
// passed on.
func TestKeyboardSignalOnce(t *testing.T) {
	unignore()
	const script = `trap "echo got >> times" INT; : > ready; while ! test -s times; do sleep 0.01; done; sleep 0.3; exit 7`
	for _, foreground := range []bool{true, false} {
		keyboard, program := terminals(t)
		dir := t.TempDir()
		cmd := exec.Command("etch", "exec", "--log", "audit.log", "--", "sh", "-c", script)
		cmd.Dir, cmd.ExtraFiles = dir, []*os.File{program}
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: foreground, Ctty: 3}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		until(t, filepath.Join(dir, "ready"), "")
		var err error
		if foreground {
			_, err = keyboard.WriteString("\x03")
		} else {
			err = cmd.Process.Signal(os.Interrupt)
		}
		if err != nil {
			t.Error(err)
		}
		until(t, filepath.Join(dir, "times"), "got")
		exit, ok := errors.AsType[*exec.ExitError](cmd.Wait())
		if !ok || exit.ExitCode() != 7 {
			t.Errorf("foreground %v: got %v, want exit 7", foreground, exit)
		}
		times, err := os.ReadFile(filepath.Join(dir, "times"))
		if err != nil || string(times) != "got\n" {
			t.Errorf("foreground %v: got %q, %v, want it once", foreground, times, err)
		}
	}
}
