package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/etch-audit/etch/internal/terminal"
	"golang.org/x/term"
)

// A stdio is what a command knows of the process around it; tests make their
// own.
type stdio struct {
	in  io.Reader
	out io.Writer // data
	err io.Writer // words, progress
	env func(name string) (string, bool)
	now func() time.Time
	// start starts a program that outlives this one; nil: none is started.
	start func(*exec.Cmd) error
}

// processStdio returns that of this process.
func processStdio() stdio {
	return stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.LookupEnv, now: time.Now, start: (*exec.Cmd).Start}
}

// note writes a line about what was done to stderr. Names of commands and what
// input holds are somebody else's: they are made harmless for a terminal.
func (s stdio) note(format string, args ...any) {
	// Whoever closed stderr does not want to hear of it.
	_, _ = fmt.Fprintf(s.err, "etch: %s\n", terminal.Text(fmt.Sprintf(format, args...)))
}

// warn writes a warning to stderr.
func (s stdio) warn(format string, args ...any) { s.note("warning: "+format, args...) }

// hint writes a hint to stderr.
func (s stdio) hint(format string, args ...any) { s.note("hint: "+format, args...) }

// notes returns what tells notes from any goroutine, each once.
func (s stdio) notes() func(string) {
	var mu sync.Mutex
	told := map[string]bool{}
	return func(text string) {
		mu.Lock()
		defer mu.Unlock()
		if !told[text] {
			told[text] = true
			s.note("%s", text)
		}
	}
}

// getenv returns a variable of the environment, "" where it is not set.
func (s stdio) getenv(name string) string {
	v, _ := s.env(name)
	return v
}

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// width returns the columns of the terminal that w is; 0 where it is none.
func width(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return columns
}

// colour reports whether to colour what goes to w: NO_COLOR (no-color.org)
// wins, then CLICOLOR_FORCE, else a terminal that is not dumb.
func (s stdio) colour(w io.Writer) bool {
	if s.getenv("NO_COLOR") != "" {
		return false
	}
	if force := s.getenv("CLICOLOR_FORCE"); force != "" && force != "0" {
		return true
	}
	return isTerminal(w) && s.getenv("TERM") != "dumb"
}
