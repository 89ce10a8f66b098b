package install

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestMain is also the process that TestKilled kills.
func TestMain(m *testing.M) {
	if home := os.Getenv("ETCH_TEST_KILL_HOME"); home != "" {
		killMyself(home, os.Getenv("ETCH_TEST_KILL_STEP"), os.Getenv("ETCH_TEST_KILL_VERB"))
	}
	os.Exit(m.Run())
}

// killMyself installs or uninstalls until a step comes.
func killMyself(home, step, verb string) {
	m := Machine{
		Home: home, GOOS: "linux", Binary: "/usr/local/bin/etch", Now: time.Unix(1e9, 0),
		Getenv:   func(string) string { return "" },
		LookPath: func(string) (string, error) { return "", exec.ErrNotFound },
	}
	m.Steps = func(s string) {
		if s != step {
			return
		}
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Kill()
		}
		panic(err) // before the signal arrives
	}
	var err error
	if verb == "install" {
		_, err = claudeCode.Install(m, User, m.hook(), false)
	} else {
		_, err = claudeCode.Uninstall(m, User, false)
	}
	if err != nil {
		panic(err)
	}
	os.Exit(0) // the step never came
}

// Killed before any step, the file is the old one or the new one, and whoever
// comes next finishes the work.
func TestKilled(t *testing.T) {
	reached := map[string]bool{}
	for _, before := range []string{"", "{\"a\": 1}\n"} {
		for _, verb := range []string{"install", "uninstall"} {
			for _, step := range []string{"backup", "write", "rename", "sync", "remove", "forget"} {
				if checkKilled(t, before, verb, step) {
					reached[verb+" "+step] = true
				}
			}
		}
	}
	want := map[string]bool{}
	for _, s := range []string{"install backup", "install write", "install rename", "install sync", "uninstall rename", "uninstall sync", "uninstall remove", "uninstall forget"} {
		want[s] = true
	}
	if diff := cmp.Diff(reached, want); diff != "" {
		t.Errorf("killed at (-got +want):\n%s", diff)
	}
}

// checkKilled kills one, and reports whether its step came.
func checkKilled(t *testing.T, before, verb, step string) bool {
	t.Helper()
	m := newTestMachine(t)
	path := filepath.Join(m.Home, ".claude", "settings.json")
	if before != "" {
		put(t, path, before)
	}
	want := tree(t, m.Home)
	if verb == "uninstall" {
		mustInstall(t, claudeCode, m, User, m.hook())
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "ETCH_TEST_KILL_HOME="+m.Home, "ETCH_TEST_KILL_STEP="+step, "ETCH_TEST_KILL_VERB="+verb)
	died := cmd.Run() != nil
	now, err := read(path)
	if err != nil {
		t.Fatal(err)
	}
	if s := string(now); s != before && !(strings.HasSuffix(s, "}\n") && strings.Contains(s, m.Binary)) {
		t.Errorf("killed before %s of %s: half a file: %q", step, verb, s)
	}
	mustInstall(t, claudeCode, m, User, m.hook())
	if !strings.Contains(get(t, path), m.Binary) {
		t.Errorf("killed before %s of %s: not installed afterwards", step, verb)
	}
	mustUninstall(t, claudeCode, m, User)
	if step == "backup" && verb == "install" && before == "" {
		want[".claude/"] = "" // made, and killed before it could be noted
	}
	if diff := cmp.Diff(tree(t, m.Home), want); diff != "" {
		t.Errorf("killed before %s of %s with %q, not restored (-got +want):\n%s", step, verb, before, diff)
	}
	return died
}
