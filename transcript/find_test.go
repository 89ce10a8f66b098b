package transcript_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch/transcript"
	"github.com/etch-audit/etch/transcript/claudecode"
	"github.com/etch-audit/etch/transcript/codex"
	"github.com/etch-audit/etch/transcript/copilot"
	"github.com/etch-audit/etch/transcript/gemini"
	"github.com/etch-audit/etch/transcript/qwen"
)

// in returns an environment in which a variable names a directory, or where it
// is "", the home directory is that one.
func in(variable, dir string) transcript.Environment {
	env := transcript.Environment{Getenv: func(name string) (string, bool) {
		if name != variable || variable == "" {
			return "", false
		}
		return dir, true
	}}
	if variable == "" {
		env.Home = dir
	}
	return env
}

// sessions returns the sessions as "id:files", in their order.
func sessions(t *testing.T, f *transcript.Format, env transcript.Environment, sel transcript.Selection) string {
	t.Helper()
	found, err := f.Sessions(t.Context(), env, sel)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, s := range found {
		var files []string
		for _, file := range s.Files {
			files = append(files, filepath.Base(file.Path))
		}
		list = append(list, s.ID+":"+strings.Join(files, ","))
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func TestPlaces(t *testing.T) {
	const (
		claude = "5e8eb0d4-be4e-4a56-aa93-2ffcf14dd1e0"
		thread = "01a200be-0c8f-7c23-8723-de2d8f156d12"
		chat   = "fdce9435-223f-4c8f-94f0-53e52bad3273"
		qwenID = "06518a8f-a862-4bc2-9f93-da6d0e1a244d"
		events = "fc6f8c32-0eb2-4277-abb6-703a85ad0844"
	)
	for _, c := range []struct {
		format              *transcript.Format
		variable, run, home string
		want                string
	}{
		{claudecode.Format(), "CLAUDE_CONFIG_DIR", "claude-code/sub", ".claude", claude + ":" + claude + ".jsonl,agent-a865e2b05d19bf348.jsonl,agent-aac741e6d923a7e09.jsonl,agent-af5323840d436f532.jsonl"},
		{codex.Format(), "CODEX_HOME", "codex/sub", ".codex", thread + ":rollout-2026-11-22T00-53-04-" + thread + ".jsonl,rollout-2026-11-22T00-53-05-01a200be-1054-71b3-8dbb-54a686c38ed9.jsonl"},
		{gemini.Format(), "GEMINI_CLI_HOME", "gemini/sub", "", chat + ":session-2026-11-22T00-54-fdce9435.jsonl,dbf6bc03-c6bf-4dc7-b915-5d61d5965d60.jsonl"},
		{qwen.Format(), "QWEN_HOME", "qwen/basic", ".qwen", qwenID + ":" + qwenID + ".jsonl,agent-general-purpose-toolu_mock6e25c520ac8845bf81.jsonl"},
		{copilot.Format(), "COPILOT_HOME", "copilot/basic", ".copilot", events + ":events.jsonl"},
	} {
		t.Run(c.format.Agent, func(t *testing.T) {
			run := filepath.Join("testdata", filepath.FromSlash(c.run))
			if got := sessions(t, c.format, in(c.variable, run), transcript.Selection{}); got != c.want {
				t.Errorf("by %s: got %s, want %s", c.variable, got, c.want)
			}
			home := t.TempDir()
			if err := os.CopyFS(filepath.Join(home, c.home), os.DirFS(run)); err != nil {
				t.Fatal(err)
			}
			if got := sessions(t, c.format, in("", home), transcript.Selection{}); got != c.want {
				t.Errorf("by the home directory: got %s, want %s", got, c.want)
			}
			if got := sessions(t, c.format, in("", t.TempDir()), transcript.Selection{}); got != "" {
				t.Errorf("in an empty home directory: got %s", got)
			}
			if got := sessions(t, c.format, transcript.Environment{Getenv: in("", "").Getenv}, transcript.Selection{}); got != "" {
				t.Errorf("without a home directory: got %s", got)
			}
			for _, sel := range []transcript.Selection{
				{Project: "/home/dev/project"}, {Project: "/home/dev"}, {Session: strings.SplitN(c.want, ":", 2)[0]}, {Paths: []string{run}},
			} {
				if got := sessions(t, c.format, in(c.variable, run), sel); got != c.want {
					t.Errorf("%+v: got %s, want %s", sel, got, c.want)
				}
			}
			for _, sel := range []transcript.Selection{
				{Project: "/home/dev/other"}, {Session: "no such session"}, {Since: time.Now().Add(time.Hour)},
			} {
				if got := sessions(t, c.format, in(c.variable, run), sel); got != "" {
					t.Errorf("%+v: got %s", sel, got)
				}
			}
		})
	}
}

// A project is also known by what Gemini CLI writes in its place.
func TestProjectHash(t *testing.T) {
	dir := t.TempDir()
	chat := filepath.Join(dir, ".gemini", "tmp", "p", "chats", "session-x.jsonl")
	// The SHA-256 of "/srv/app".
	write(t, chat, `{"sessionId":"s","projectHash":"9a1bd9a3f5a0c9b4f2b0d2a6","startTime":"2026-11-22T00:00:00Z","kind":"main"}`+"\n")
	if got := sessions(t, gemini.Format(), in("GEMINI_CLI_HOME", dir), transcript.Selection{Project: "/srv/app"}); got != "" {
		t.Errorf("another hash: got %s", got)
	}
	write(t, chat, `{"sessionId":"s","projectHash":"`+sha256Of("/srv/app")+`","startTime":"2026-11-22T00:00:00Z","kind":"main"}`+"\n")
	if got := sessions(t, gemini.Format(), in("GEMINI_CLI_HOME", dir), transcript.Selection{Project: "/srv/app"}); got == "" {
		t.Error("the session is not found by its project's hash")
	}
}

// Files that are none, links that lead away or round, and pipes are not read.
func TestHostilePlaces(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("it has no pipes in directories, and few links")
	}
	dir := t.TempDir()
	secret := filepath.Join(t.TempDir(), "secret.jsonl")
	line := `{"type":"user","sessionId":"S","cwd":"/p","timestamp":"2026-11-22T00:00:00Z","message":{"role":"user","content":"hi"}}` + "\n"
	write(t, secret, line)
	projects := filepath.Join(dir, "projects", "-p")
	write(t, filepath.Join(projects, "S.jsonl"), line)
	for name, target := range map[string]string{
		"L.jsonl": secret, "round": ".", "away": filepath.Dir(secret), "gone.jsonl": "nowhere",
	} {
		if err := os.Symlink(target, filepath.Join(projects, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(projects, "D.jsonl"), 0o700); err != nil {
		t.Fatal(err)
	}
	pipe(t, filepath.Join(projects, "P.jsonl"))
	found, err := claudecode.Format().Sessions(t.Context(), in("CLAUDE_CONFIG_DIR", dir), transcript.Selection{})
	if len(found) != 1 || found[0].ID != "S" || len(found[0].Files) != 1 {
		t.Fatalf("got %+v", found)
	}
	if err == nil || !strings.Contains(err.Error(), "L.jsonl") || strings.Count(err.Error(), "\n") > 0 {
		t.Errorf("the link to a transcript elsewhere is not told, or others are: %v", err)
	}

	// A file that was found and became something else in between.
	for _, change := range []func(path string){
		func(path string) { pipe(t, path) },
		func(path string) {
			if err := os.Symlink(secret, path); err != nil {
				t.Fatal(err)
			}
		},
		func(string) {},
	} {
		if err := os.Remove(found[0].Files[0].Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		change(found[0].Files[0].Path)
		n := 0
		for item, err := range claudecode.Format().Read(t.Context(), &found[0].Files[0], new(transcript.Tally)) {
			if n++; err == nil {
				t.Errorf("it is read: %+v", item)
			}
		}
		if n != 1 {
			t.Errorf("got %d items, want an error", n)
		}
	}
}

// A link is not followed. It is told where a transcript that is asked for lies behind it, and
// not where it is read by another way.
func TestLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("few may make links there")
	}
	line := `{"type":"user","sessionId":"S","cwd":"/p","timestamp":"2026-11-22T00:00:00Z","message":{"role":"user","content":"hi"}}` + "\n"
	elsewhere := t.TempDir()
	write(t, filepath.Join(elsewhere, "project", "B.jsonl"), line)
	write(t, filepath.Join(elsewhere, "session", "subagents", "agent-x.jsonl"), line)
	write(t, filepath.Join(elsewhere, "notes", "memory", "x.jsonl"), line)
	for name, c := range map[string]struct {
		link, target string
		sel          transcript.Selection
		told         bool
	}{
		"a project's directory":        {"-q", "project", transcript.Selection{}, true},
		"a project's other session":    {"-q", "project", transcript.Selection{Session: "S"}, false},
		"a project's older session":    {"-q", "project", transcript.Selection{Since: time.Now().Add(time.Hour)}, false},
		"a file":                       {"-p/B.jsonl", "project/B.jsonl", transcript.Selection{Session: "B"}, true},
		"a session's sub-agents":       {"-p/S", "session", transcript.Selection{}, true},
		"a file that is none":          {"-p/notes.md", "project/B.jsonl", transcript.Selection{}, false},
		"no transcripts":               {"-p/S", "notes", transcript.Selection{}, false},
		"nothing":                      {"-p/B.jsonl", "gone", transcript.Selection{}, false},
		"where it is read in any case": {"-q", "", transcript.Selection{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			projects := filepath.Join(dir, "projects")
			write(t, filepath.Join(projects, "-p", "S.jsonl"), line)
			target := filepath.Join(elsewhere, c.target)
			if c.target == "" {
				target = filepath.Join(projects, "-p")
			}
			if err := os.Symlink(target, filepath.Join(projects, filepath.FromSlash(c.link))); err != nil {
				t.Fatal(err)
			}
			found, err := claudecode.Format().Sessions(t.Context(), in("CLAUDE_CONFIG_DIR", dir), c.sel)
			if (err != nil) != c.told || err != nil && !strings.Contains(err.Error(), filepath.Base(c.link)) {
				t.Errorf("got error %v, want one: %v", err, c.told)
			}
			for _, s := range found {
				if s.ID != "S" {
					t.Errorf("the link is followed: %+v", s)
				}
			}
		})
	}
}

// Older versions of Claude Code put a sub-agent's transcript beside its session's: it is of
// that session.
func TestSubAgentBeside(t *testing.T) {
	dir := t.TempDir()
	line := `{"type":"user","sessionId":"S","agentId":"abc","cwd":"/p","timestamp":"2026-11-22T00:00:00Z","message":{"role":"user","content":"hi"}}` + "\n"
	write(t, filepath.Join(dir, "projects", "-p", "S.jsonl"), strings.Replace(line, `"agentId":"abc",`, "", 1))
	write(t, filepath.Join(dir, "projects", "-p", "agent-abc.jsonl"), line)
	for _, sel := range []transcript.Selection{{}, {Session: "S"}} {
		if got := sessions(t, claudecode.Format(), in("CLAUDE_CONFIG_DIR", dir), sel); got != "S:S.jsonl,agent-abc.jsonl" {
			t.Errorf("%+v: got %s", sel, got)
		}
	}
}

// Reading ends when it is told to.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	env := in("CLAUDE_CONFIG_DIR", filepath.Join("testdata", "claude-code", "basic"))
	found, err := claudecode.Format().Sessions(ctx, env, transcript.Selection{})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := claudecode.Format().Sessions(ctx, env, transcript.Selection{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Sessions: got %v", err)
	}
	for _, err := range claudecode.Format().Read(ctx, &found[0].Files[0], new(transcript.Tally)) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Read: got %v", err)
		}
	}
	for _, err := range claudecode.Format().Read(t.Context(), &found[0].Files[0], new(transcript.Tally)) {
		if err != nil {
			t.Error(err)
		}
		break // who has enough stops
	}
}

// A directory that cannot be read is told, and the others are read.
func TestUnreadable(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may do everything: nothing is unreadable to it")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "claude-code", "basic"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "projects", "closed"), 0); err != nil {
		t.Fatal(err)
	}
	found, err := claudecode.Format().Sessions(t.Context(), in("CLAUDE_CONFIG_DIR", dir), transcript.Selection{})
	if len(found) != 1 || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %d sessions, %v", len(found), err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
