package hookenv_test

import (
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"testing"

	"github.com/etch-audit/etch/internal/hookenv"
)

func TestBends(t *testing.T) {
	for variable, want := range map[string]bool{
		"HOME": true, "ETCH_LOG_PATH": true, "ETCH_ENABLED": true, "LD_PRELOAD": true, "XDG_STATE_HOME": true, "BASH_ENV": true,
		"ETCH": false, "PATH": false, "": false, "ENV": false, "NODE_ENV": false, "MY_ETCH_LOG_PATH": false,
	} {
		if got := hookenv.Bends(variable); got != want {
			t.Errorf("Bends(%q) = %v, want %v", variable, got, want)
		}
	}
}

// What decides which code runs cannot be left unheeded by that code.
func TestRuns(t *testing.T) {
	for variable, want := range map[string]bool{
		"LD_PRELOAD": true, "DYLD_INSERT_LIBRARIES": true, "BASH_ENV": true,
		"HOME": false, "ETCH_LOG_PATH": false, "XDG_STATE_HOME": false,
	} {
		if got := hookenv.Runs(variable); got != want {
			t.Errorf("Runs(%q) = %v, want %v", variable, got, want)
		}
	}
}

// A hook that heeds no environment has the home of the system's own list of users.
func TestSettled(t *testing.T) {
	settled := hookenv.Settled(func(name string) (string, bool) { return "set " + name, true })
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		hookenv.Home: u.HomeDir, "ETCH_LOG_PATH": "", "ETCH_USER": "", "XDG_STATE_HOME": "", "XDG_CONFIG_HOME": "", "TZ": "set TZ",
	} {
		if got, found := settled(name); got != want || found != (want != "") {
			t.Errorf("%s is %q, %v, want %q", name, got, found, want)
		}
	}
}

func TestAssigned(t *testing.T) {
	const text = "\ufeffHOME=/x\n# ETCH_LOG_PATH=/no\nA=ETCH_LOG_PATH=1\r\n  export\tETCH_LOG_PATH = '/dev/null'\r\nexported=1\nETCH_CONFIG: x\nETCH_\n=HOME\nexport=1"
	want := []hookenv.Assignment{{Name: "HOME", Line: 1}, {Name: "ETCH_LOG_PATH", Line: 4}, {Name: "ETCH_CONFIG", Line: 6}}
	if got := hookenv.Assigned("codex", text); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestFiles(t *testing.T) {
	root := t.TempDir()
	project := filepath.Join(root, "home", "code", "project")
	for _, name := range []string{
		"home/.env", "home/.gemini/.env", "home/code/.env", "home/code/project/.gemini/.env", "home/code/project/.env", "home/code/project/sub/.env", "else/.env",
	} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		filepath.Join(project, ".gemini", ".env"), filepath.Join(project, ".env"), filepath.Join(root, "home", "code", ".env"),
	}
	if got := hookenv.Files(project, filepath.Join(root, "home"), ".gemini"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := hookenv.Files(filepath.Join(root, "home"), filepath.Join(root, "home"), ".gemini"); got != nil {
		t.Errorf("the person's own: %q", got)
	}
	if got := hookenv.Files("here", root, ".gemini"); got != nil {
		t.Errorf("of no known place: %q", got)
	}
}

// A line silences hooks unless it says that it does not.
func TestSilences(t *testing.T) {
	const text = "QWEN_CODE_SIMPLE=1\nQWEN_CODE_SIMPLE=0\nexport QWEN_CODE_SAFE_MODE: \"On\" # x\nQWEN_CODE_SAFE_MODE='false'\n" +
		"QWEN_CODE_SIMPLE= # 1\nQWEN_CODE_SIMPLE=${X} # 0\nCLAUDE_CODE_SIMPLE=1\nHOME=/x\nqwen_code_simple=\"yes\n"
	var got []int
	for _, a := range hookenv.Assigned("qwen", text) {
		if a.Silences {
			got = append(got, a.Line)
		} else if a.Name != "HOME" {
			t.Errorf("%s silences nothing, and is no matter", a.Name)
		}
	}
	if want := []int{1, 3, 6, 9}; !slices.Equal(got, want) {
		t.Errorf("lines %v, want %v", got, want)
	}
	for _, test := range []struct {
		agent, variable, value string
		want                   bool
	}{
		{"claude-code", "CLAUDE_CODE_SIMPLE", "1", true},
		{"claude-code", "CLAUDE_CODE_SAFE_MODE", "true", true},
		{"claude-code", "CLAUDE_CODE_RESTRICTED", "YES", true},
		{"claude-code", "CLAUDE_CODE_SIMPLE", "", false},
		{"claude-code", "CLAUDE_CODE_SIMPLE", "off", false},
		{"claude-code", "CLAUDE_CODE_SIMPLE_SYSTEM_PROMPT", "1", false},
		{"claude-code", "QWEN_CODE_SIMPLE", "1", false},
		{"gemini", "QWEN_CODE_SIMPLE", "1", false},
	} {
		if got := hookenv.Silences(test.agent, test.variable, test.value); got != test.want {
			t.Errorf("%s=%s of %s: %v, want %v", test.variable, test.value, test.agent, got, test.want)
		}
	}
}

func TestOwnFiles(t *testing.T) {
	home := t.TempDir()
	for _, test := range []struct {
		settings string
		want     []string
	}{
		{filepath.Join(home, ".qwen"), []string{filepath.Join(home, ".qwen", ".env"), filepath.Join(home, ".env")}},
		{filepath.Join(home, "q", ".qwen"), []string{filepath.Join(home, "q", ".qwen", ".env"), filepath.Join(home, ".qwen", ".env"), filepath.Join(home, ".env")}},
	} {
		if got := hookenv.OwnFiles(home, test.settings); !slices.Equal(got, test.want) {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}
