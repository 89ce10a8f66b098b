//go:build !windows

package child

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// What is shown of the end of a program is what a shell shows.
func TestExitOf(t *testing.T) {
	for script, want := range map[string]struct {
		code    int
		message string
	}{
		"exit 0": {0, ""}, "exit 7": {7, "exit status 7"}, "kill -9 $$": {137, "killed by signal SIGKILL"}, "kill -16 $$": {144, "killed by signal 16"},
	} {
		cmd := exec.Command("sh", "-c", script)
		_ = cmd.Run() // its state tells
		if code, message := ExitOf(cmd.ProcessState); code != want.code || message != want.message {
			t.Errorf("%s: got %d, %q, want %d, %q", script, code, message, want.code, want.message)
		}
	}
}

// Programs start as a shell starts them, or fail as they do there.
func TestStart(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("PATH", ".")
	for name, text := range map[string]string{"without": "exit $1", "no-right": "exit 0"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), map[bool]os.FileMode{true: 0o700, false: 0o600}[name == "without"]); err != nil {
			t.Fatal(err)
		}
	}
	prepare := func(argv []string) *exec.Cmd { return exec.Command(argv[0], argv[1:]...) }
	cmd, err := Start([]string{"without", "5"}, prepare)
	if err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // its state tells
	if code, _ := ExitOf(cmd.ProcessState); code != 5 {
		t.Errorf("a script without a first line of its own: got %d, want 5", code)
	}
	for name, want := range map[string]struct {
		code    int
		message string
	}{
		"absent":     {NotFound, "absent: executable file not found in $PATH"},
		"./absent":   {NotFound, "./absent: no such file or directory"},
		"./no-right": {NotExecuted, "./no-right: permission denied"},
	} {
		_, err := Start([]string{name}, prepare)
		if got := StartError(name, err).Error(); ExitOfStart(err) != want.code || got != want.message {
			t.Errorf("%s: got %d, %q, want %d, %q", name, ExitOfStart(err), got, want.code, want.message)
		}
	}
}

// Signals of a keyboard go to the whole foreground, and an end is asked for by some
// others, too.
func TestSignals(t *testing.T) {
	if !FromKeyboard(syscall.SIGINT) || FromKeyboard(syscall.SIGTERM) || !Ends(syscall.SIGTERM) || !Ends(syscall.SIGQUIT) || Ends(syscall.SIGUSR1) {
		t.Error("a signal is taken for another")
	}
	caught, release := Catch()
	defer release()
	if err := syscall.Kill(os.Getpid(), syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	if got := <-caught; got != syscall.SIGUSR1 {
		t.Errorf("got %v", got)
	}
}
