package agents

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A Home is the place of one agent for one test: a home directory of its own,
// a project in it, and a log.
type Home struct {
	Dir     string   // HOME
	Project string   // where the agent is started
	Log     string   // the log's active segment
	Etch    string   // the program
	Env     []string // what the agent and etch see, and nothing else
}

// NewHome makes a home below dir, with a git repository as its project. Bin are
// directories of PATH besides the system's.
func NewHome(dir, etch string, bin ...string) (*Home, error) {
	h := &Home{
		Dir:     filepath.Join(dir, "home"),
		Project: filepath.Join(dir, "home", "project"),
		Log:     filepath.Join(dir, "home", ".local", "state", "etch", "audit.log"),
		Etch:    etch,
	}
	if err := os.MkdirAll(h.Project, 0o700); err != nil {
		return nil, err
	}
	path := append(slices.Clone(bin), filepath.Dir(etch), "/usr/local/bin", "/usr/bin", "/bin")
	h.Env = []string{
		"HOME=" + h.Dir, "PATH=" + strings.Join(path, ":"), "USER=tester", "LANG=C.UTF-8", "TERM=xterm-256color", "SHELL=/bin/bash",
	}
	// A project that would have its records elsewhere, by each way that an agent has to
	// set the environment of its hooks.
	elsewhere := h.Elsewhere()
	if err := os.Mkdir(filepath.Dir(elsewhere), 0o700); err != nil {
		return nil, err
	}
	for name, text := range map[string]string{
		"secret.txt": "top secret\n", "AGENTS.md": "# A project to try things in\n",
		".env":                  "ETCH_LOG_PATH=" + elsewhere + "\nXDG_STATE_HOME=" + filepath.Dir(elsewhere) + "\n",
		".claude/settings.json": `{"env": {"ETCH_LOG_PATH": "` + elsewhere + `"}}` + "\n",
	} {
		if err := h.Write(filepath.Join("project", name), text); err != nil {
			return nil, err
		}
	}
	if _, err := h.Run(context.Background(), "git", "init", "-q", "."); err != nil {
		return nil, err
	}
	_, err := h.Run(context.Background(), "git", "-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "--allow-empty", "-m", "init")
	return h, err
}

// Elsewhere is where the project would have its hooks record.
func (h *Home) Elsewhere() string { return filepath.Join(h.Dir, "elsewhere", "audit.log") }

// Write writes a file below the home directory, and the directories above it.
func (h *Home) Write(name, text string) error {
	path := filepath.Join(h.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

// Command returns a command in the project that sees the environment of the
// home alone, in a process group of its own where the system has such.
func (h *Home) Command(ctx context.Context, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, h.find(argv[0]), argv[1:]...)
	cmd.Dir, cmd.Env = h.Project, h.Env
	cmd.WaitDelay = 5 * time.Second // what a killed agent leaves behind keeps its output open
	return cmd
}

// find returns the path of a program in the PATH of the home.
func (h *Home) find(name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	for _, v := range h.Env {
		dirs, ok := strings.CutPrefix(v, "PATH=")
		if !ok {
			continue
		}
		for dir := range strings.SplitSeq(dirs, ":") {
			path := filepath.Join(dir, name)
			if info, err := os.Stat(path); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
				return path
			}
		}
	}
	return name
}

// Run runs a command and returns what it printed, on stdout and stderr. The
// error of one that failed holds all of it.
func (h *Home) Run(ctx context.Context, argv ...string) (string, error) {
	var out bytes.Buffer
	cmd := h.Command(ctx, argv...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, out.String())
	}
	return out.String(), nil
}
