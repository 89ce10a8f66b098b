//go:build mcp

package servers

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// build is etch, built once.
var build string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "etch-mcp")
	if err != nil {
		panic(err)
	}
	build = filepath.Join(dir, "etch")
	command := exec.Command("go", "build", "-o", build, "./cmd/etch")
	command.Dir = "../.."
	if out, err := command.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// installed returns the path of a server's program.
func installed(t *testing.T, s Server) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	program, err := s.Install(t.Context(), cmp.Or(os.Getenv("ETCH_AGENTS_DIR"), filepath.Join(cache, "etch-agents")))
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// A record is a line of the log, as far as it is looked at.
type record struct {
	Type   string `json:"event_type"`
	Phase  string
	CallID string `json:"call_id"`
	Actor  struct{ Agent string }
	Action struct {
		Tool, Resource string
		Arguments      json.RawMessage
		Server         string `json:"mcp_server_id"`
	}
	Result struct {
		Type, Message string
		ExitCode      *int `json:"exit_code"`
	}
	Labels map[string]string
}

// recorded returns what a log has, once it is found intact.
func recorded(t *testing.T, log string) []record {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), build, "verify", "--log", log).CombinedOutput(); err != nil {
		t.Fatalf("the log is not intact: %v\n%s", err, out)
	}
	content, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	var all []record
	for line := range bytes.Lines(content) {
		var r record
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(r.Type, "log_") {
			all = append(all, r)
		}
	}
	return all
}

// told returns records in short.
func told(all []record) string {
	var b strings.Builder
	for _, r := range all {
		fmt.Fprintln(&b, r.Type, r.Phase, r.Labels["from"], r.Action.Tool, r.Action.Resource, r.Result.Type, r.Result.Message, r.Labels["end"], r.Labels["error_code"], r.Labels["progress"])
	}
	return b.String()
}

// wants finds a record for each form, in any order.
func wants(t *testing.T, all []record, forms ...string) {
	t.Helper()
	text := told(all)
	for _, form := range forms {
		if !regexp.MustCompile("(?m)^" + form + " *$").MatchString(text) {
			t.Errorf("no record is %q in:\n%s", form, text)
		}
	}
}

// environment is what etch sees besides its log.
func environment(log string) []string {
	return append(os.Environ(), "ETCH_LOG_PATH="+log, "ETCH_CONFIG="+os.DevNull)
}

// connected connects the SDK's client.
func connected(t *testing.T, transport mcp.Transport) *mcp.ClientSession {
	t.Helper()
	client := mcp.NewClient(&mcp.Implementation{Name: "sdk-client", Version: "1"}, &mcp.ClientOptions{
		CreateMessageHandler: func(context.Context, *mcp.CreateMessageRequest) (*mcp.CreateMessageResult, error) {
			return &mcp.CreateMessageResult{Role: "assistant", Model: "none", Content: &mcp.TextContent{Text: "hello"}}, nil
		},
		ElicitationHandler: func(context.Context, *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
			return &mcp.ElicitResult{Action: "decline"}, nil
		},
	})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	session, err := client.Connect(ctx, transport, nil)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// called calls a tool and returns the text of the result.
func called(t *testing.T, s *mcp.ClientSession, tool string, arguments map[string]any) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	result, err := s.CallTool(ctx, &mcp.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	text, _ := json.Marshal(result.Content)
	return string(text)
}

// talks uses a server as a client does.
func talks(t *testing.T, s *mcp.ClientSession) {
	t.Helper()
	tools, err := s.ListTools(t.Context(), nil)
	if err != nil || len(tools.Tools) < 5 {
		t.Errorf("got %v, %v", tools, err)
	}
	if got := called(t, s, "echo", map[string]any{"message": "héllo"}); !strings.Contains(got, "héllo") {
		t.Errorf("got %s", got)
	}
	called(t, s, "get-sum", map[string]any{"a": 1, "b": 2})
	called(t, s, "no-such-tool", map[string]any{})
	called(t, s, "trigger-sampling-request", map[string]any{"prompt": "say", "maxTokens": 5})
	called(t, s, "trigger-elicitation-request", map[string]any{})
	if _, err := s.GetPrompt(t.Context(), &mcp.GetPromptParams{Name: "simple-prompt"}); err != nil {
		t.Error(err)
	}
	resources, err := s.ListResources(t.Context(), nil)
	if err != nil || len(resources.Resources) == 0 {
		t.Fatalf("got %v, %v", resources, err)
	}
	if _, err := s.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: resources.Resources[0].URI}); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := s.CallTool(ctx, &mcp.CallToolParams{Name: "trigger-long-running-operation", Arguments: map[string]any{"duration": 60, "steps": 1}}); err == nil {
		t.Error("a call of a minute was answered within 200 ms")
	}
	time.Sleep(200 * time.Millisecond) // the SDK sends the cancellation when it gets to it
	called(t, s, "echo", map[string]any{"message": "the last"})
}

// spoken are the records of talks.
var spoken = []string{
	"session_start .*success",
	"tool_call attempt  echo", "tool_call completion  echo  success",
	"tool_call completion  get-sum  success", "tool_call completion  no-such-tool  error .*not found",
	"tool_call attempt server sampling/createMessage", "tool_call completion server sampling/createMessage  success",
	"tool_call completion  trigger-sampling-request  success",
	"approval_request  server elicitation/create", "approval_decision  server elicitation/create  blocked",
	"tool_call completion  prompts/get simple-prompt success", "tool_call completion  resources/read demo://.* success",
	"tool_call completion  trigger-long-running-operation  error .* (cancelled|interrupted)",
}

// The reference server between pipes that keep what they saw, and the SDK's
// client.
func TestEverything(t *testing.T) {
	server := installed(t, Everything)
	for _, strict := range []bool{false, true} {
		t.Run(fmt.Sprintf("strict=%v", strict), func(t *testing.T) {
			dir := t.TempDir()
			log := filepath.Join(dir, "audit.log")
			// What the server was sent and has sent is kept between it and
			// etch, what the client was between it and etch.
			// The server ignores the end of its input, and is ended then; of a
			// pipeline that is the shell alone.
			pid := filepath.Join(dir, "pid")
			inner := "tee " + filepath.Join(dir, "inner.c2s") + " | sh -c 'echo $$ > " + pid + "; exec node " + server + "' | tee " + filepath.Join(dir, "inner.s2c")
			argv := []string{build, "mcp", "--name", "everything", "--grace", "1s", "--strict=" + fmt.Sprint(strict), "--", "sh", "-c", inner}
			outer := "tee " + filepath.Join(dir, "outer.c2s") + " | \"$@\" | tee " + filepath.Join(dir, "outer.s2c")
			command := exec.CommandContext(t.Context(), "sh", append([]string{"-c", outer, "sh"}, argv...)...)
			command.Env = environment(log)
			session := connected(t, &mcp.CommandTransport{Command: command, TerminateDuration: time.Minute})
			talks(t, session)
			if err := session.Close(); err != nil && !strings.Contains(err.Error(), "exit status") {
				t.Error(err)
			}
			if number, err := strconv.Atoi(strings.TrimSpace(string(read(t, pid)))); err != nil || syscall.Kill(number, syscall.SIGKILL) != nil {
				t.Errorf("the server is not there to be ended: %v", err)
			}
			for _, way := range []string{"c2s", "s2c"} {
				inner, outer := read(t, filepath.Join(dir, "inner."+way)), read(t, filepath.Join(dir, "outer."+way))
				if len(inner) == 0 || !bytes.Equal(inner, outer) {
					t.Errorf("%s: %d bytes on one side, %d on the other, or others", way, len(inner), len(outer))
				}
			}
			wants(t, recorded(t, log), append(slices.Clone(spoken), "session_end .*error killed by signal SIGTERM", "tool_call completion  trigger-long-running-operation  error .* cancelled")...)
		})
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// served starts the reference server in one of its other forms, and etch before it,
// and returns the server's address, that of its clients, and what ends etch.
func served(t *testing.T, form, path, log string, flags ...string) (server, address string, end func()) {
	t.Helper()
	program := installed(t, Everything)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprint(free.Addr().(*net.TCPAddr).Port)
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	node := exec.Command("node", program, form)
	node.Env = append(os.Environ(), "PORT="+port)
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Process.Kill(); _ = node.Wait() })
	waitFor(t, "127.0.0.1:"+port)

	server = "http://127.0.0.1:" + port + path
	proxy := exec.Command(build, append([]string{"mcp", "--name", "everything", "--url", server, "--listen", "127.0.0.1:0"}, flags...)...)
	proxy.Env = environment(log)
	words, err := proxy.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(words)
	for address == "" && lines.Scan() {
		if m := regexp.MustCompile(`its clients shall use (\S+)`).FindStringSubmatch(lines.Text()); m != nil {
			address = m[1]
		}
	}
	go func() { _, _ = io.Copy(io.Discard, words) }()
	return server, address, func() {
		t.Helper()
		if err := proxy.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := proxy.Wait(); proxy.ProcessState.ExitCode() != 128+15 {
			t.Errorf("got %v", err)
		}
	}
}

// The older form: HTTP with SSE. A call that is refused does not end its session.
func TestSSE(t *testing.T) {
	log := filepath.Join(t.TempDir(), "audit.log")
	server, address, end := served(t, "sse", "/sse", log, "--deny-risk", "high")
	session := connected(t, &mcp.SSEClientTransport{Endpoint: address})
	if _, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "echo", Arguments: map[string]any{"command": "rm -rf /"}}); err == nil ||
		!strings.Contains(err.Error(), "etch refuses this call: risk critical") {
		t.Errorf("got %v", err)
	}
	talks(t, session)
	if err := session.Close(); err != nil {
		t.Error(err)
	}
	end()
	wants(t, recorded(t, log), append(slices.Clone(spoken), "tool_call completion  echo  blocked", "session_end    +"+server+" success.*")...)
}

// The reference server's other form: Streamable HTTP.
func TestStreamableHTTP(t *testing.T) {
	log := filepath.Join(t.TempDir(), "audit.log")
	server, address, end := served(t, "streamableHttp", "/mcp", log)
	session := connected(t, &mcp.StreamableClientTransport{Endpoint: address})
	talks(t, session)
	if err := session.Close(); err != nil {
		t.Error(err)
	}
	// A page that has its own name for this machine is refused.
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "evil.example"
	if response, err := http.DefaultClient.Do(request); err != nil || response.StatusCode != http.StatusForbidden || response.Body.Close() != nil {
		t.Errorf("got %v, %v", response, err)
	}
	end()
	wants(t, recorded(t, log), append(slices.Clone(spoken), "session_end    +"+server+" success.*")...)
}

func waitFor(t *testing.T, address string) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// A client's configuration is wrapped, the server that it names then is started
// by what it says, and everything is undone.
func TestInstalled(t *testing.T) {
	server := installed(t, Filesystem)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	log, config := filepath.Join(dir, "audit.log"), filepath.Join(dir, ".mcp.json")
	original := fmt.Sprintf("{\n  \"mcpServers\": {\n    \"files\": { \"command\": \"node\", \"args\": [%q, %q] }\n  }\n}\n", server, dir)
	if err := os.WriteFile(config, []byte(original), 0o600); err != nil {
		t.Fatal(err)
	}
	etch := func(args ...string) {
		t.Helper()
		command := exec.CommandContext(t.Context(), build, args...)
		command.Env = environment(log)
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	etch("install", "mcp", "--bin", build, "--log", log, config)
	var client struct {
		Servers map[string]struct {
			Command string
			Args    []string
		} `json:"mcpServers"`
	}
	if err := json.Unmarshal(read(t, config), &client); err != nil {
		t.Fatal(err)
	}
	entry := client.Servers["files"]
	if entry.Command != build {
		t.Fatalf("the server is not wrapped: %s", read(t, config))
	}
	command := exec.CommandContext(t.Context(), entry.Command, entry.Args...)
	command.Env = append(os.Environ(), "ETCH_CONFIG="+os.DevNull)
	session := connected(t, &mcp.CommandTransport{Command: command})
	called(t, session, "write_file", map[string]any{"path": filepath.Join(dir, "a.txt"), "content": "line one\n"})
	if got := called(t, session, "read_text_file", map[string]any{"path": filepath.Join(dir, "a.txt")}); !strings.Contains(got, "line one") {
		t.Errorf("got %s", got)
	}
	called(t, session, "read_text_file", map[string]any{"path": "/etc/passwd"})
	if err := session.Close(); err != nil {
		t.Error(err)
	}
	all := recorded(t, log)
	wants(t, all,
		"tool_call attempt  write_file", "tool_call completion  write_file  success",
		"tool_call completion  read_text_file  success", "tool_call completion  read_text_file  error Access denied.*",
	)
	for _, r := range all {
		if r.Action.Server != "files" || r.Actor.Agent == "" || strings.Contains(string(r.Action.Arguments), "line one") {
			t.Errorf("got %+v", r)
		}
	}
	etch("install", "mcp", "--uninstall", config)
	if got := string(read(t, config)); got != original {
		t.Errorf("got %s, want %s", got, original)
	}
}
