package install

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ticks is in how many parts of a second the system counts a process's start: it
// is the same on every Linux.
const ticks = 100

// running returns the processes of this user that run one of some programs, as
// far as the process table below proc tells.
func running(proc string, programs []string) []session {
	boot := bootTime(proc)
	entries, err := os.ReadDir(proc)
	if err != nil || boot.IsZero() {
		return nil
	}
	var all []session
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		info, err := os.Stat(filepath.Join(proc, e.Name()))
		if err != nil {
			continue // it has ended
		}
		if st, ok := info.Sys().(*syscall.Stat_t); !ok || int(st.Uid) != os.Geteuid() {
			continue
		}
		if after, ok := startOf(filepath.Join(proc, e.Name()), programs); ok {
			all = append(all, session{pid, boot.Add(after)})
		}
	}
	return all
}

// bootTime returns when the system was started, zero where that is not told.
func bootTime(proc string) time.Time {
	text, err := os.ReadFile(filepath.Join(proc, "stat"))
	if err != nil {
		return time.Time{}
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "btime "); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(rest), 10, 64)
			if err == nil {
				return time.Unix(n, 0)
			}
		}
	}
	return time.Time{}
}

// startOf returns how long after the system a process was started, and whether
// it runs one of the programs, itself or by an interpreter.
func startOf(dir string, programs []string) (time.Duration, bool) {
	line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil {
		return 0, false
	}
	if !slices.Contains(programs, programOf(strings.Split(string(line), "\x00"))) {
		return 0, false
	}
	text, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return 0, false
	}
	// proc_pid_stat(5): the name stands in parentheses, the start is field 22.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	const start = 22 - 3
	if len(fields) <= start {
		return 0, false
	}
	n, err := strconv.ParseInt(string(fields[start]), 10, 64)
	return time.Duration(n) * (time.Second / ticks), err == nil
}

// interpreters run programs that are files of text, which their command lines name.
var interpreters = []string{"node", "nodejs", "bun", "deno", "python", "python3", "sh", "bash", "dash"}

// programOf returns the name of the program that a command line starts: its first
// word, or the first word behind the options of an interpreter. Any other word may
// be anything: "vim gemini" runs no Gemini.
func programOf(words []string) string {
	name := filepath.Base(words[0])
	if slices.Contains(interpreters, name) {
		for _, word := range words[1:] {
			if word != "" && !strings.HasPrefix(word, "-") {
				name = filepath.Base(word)
				break
			}
		}
	}
	return strings.TrimSuffix(name, ".js")
}
