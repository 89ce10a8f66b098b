package mcp

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/etch-audit/etch"
)

//go:embed testdata/*.raw
var testdata embed.FS

// TestMain makes of the test's program the servers that the tests start.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "mcp-server" {
		os.Exit(servers[os.Args[2]](os.Args[3:]))
	}
	os.Exit(m.Run())
}

// serverArgv returns the command line of a server of the tests.
func serverArgv(name string, args ...string) []string {
	return append([]string{os.Args[0], "mcp-server", name}, args...)
}

// servers are what tests start as MCP servers; each returns its exit code.
var servers = map[string]func(args []string) int{
	"echo":            func([]string) int { return copied(os.Stdout, os.Stdin) },
	"nothing":         func([]string) int { return 0 },
	"exit":            func([]string) int { return 7 },
	"deaf":            func([]string) int { _ = os.Stdin.Close(); return forever() },
	"mute":            func([]string) int { _ = os.Stdout.Close(); return copied(io.Discard, os.Stdin) },
	"ignore-eof":      func([]string) int { _ = copied(io.Discard, os.Stdin); return forever() },
	"ignore-all":      func([]string) int { signal.Ignore(ending...); fmt.Println("up"); return forever() },
	"never-read":      func([]string) int { return forever() },
	"flood":           flood,
	"much":            func([]string) int { _, _ = os.Stdout.Write(make([]byte, muchSize)); return 0 },
	"words":           func([]string) int { fmt.Fprint(os.Stderr, "words for people\n"); return 0 },
	"pong":            pong,
	"recording-proxy": recordingProxy,
	"copying-proxy":   copyingProxy,
	"pid":             func([]string) int { fmt.Println(os.Getpid()); return forever() },
	// Stands between its client and a server itself.
	"proxy": func(args []string) int {
		return Run(context.Background(), new(notebook), &Command{Argv: serverArgv(args[0]), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}).Exit
	},
	"wait-signal": func([]string) int {
		caught := make(chan os.Signal, 1)
		signal.Notify(caught, ending...)
		fmt.Println("up")
		<-caught
		return 3
	},
	// A child of its own keeps the pipes, and the server itself ends.
	"leave-child": func([]string) int {
		child := exec.Command(os.Args[0], "mcp-server", "never-read")
		child.Stdin, child.Stdout = os.Stdin, os.Stdout
		if child.Start() != nil {
			return 1
		}
		fmt.Println(child.Process.Pid)
		return 5
	},
	// Sends one file and puts into another what it gets.
	"replay": func(args []string) int {
		content, err := os.ReadFile(args[0])
		if err != nil {
			return 1
		}
		got, err := os.Create(args[1])
		if err != nil {
			return 1
		}
		var sending sync.WaitGroup
		sending.Go(func() { _, _ = os.Stdout.Write(content) })
		code := copied(got, os.Stdin)
		sending.Wait()
		return code
	},
	// Answers each line that it gets by the same, once.
	"answer": func([]string) int {
		in := json.NewDecoder(os.Stdin)
		for {
			var m struct{ ID json.RawMessage }
			if in.Decode(&m) != nil {
				return 0
			}
			fmt.Printf(`{"result":{"content":[]},"jsonrpc":"2.0","id":%s}`+"\n", m.ID)
		}
	},
}

// muchSize is more than two pipes and what is on its way between them hold.
const muchSize = 180_000

// flood writes until nobody reads.
func flood([]string) int {
	for line := bytes.Repeat([]byte("x"), 1000); ; {
		if _, err := os.Stdout.Write(line); err != nil {
			return 4 // where SIGPIPE does not end it
		}
	}
}

func copied(to io.Writer, from io.Reader) int {
	if _, err := io.Copy(to, from); err != nil {
		return 9
	}
	return 0
}

func forever() int {
	<-time.After(24 * time.Hour) // to block for good would be a deadlock
	return 0
}

// ending are the signals that ask a server to end.
var ending = []os.Signal{os.Interrupt, syscall.SIGTERM}

// A notebook is a log that keeps what it is given; it fails where fail says so.
type notebook struct {
	mu     sync.Mutex
	events []*etch.Event
	fail   func(*etch.Event) error
}

func (n *notebook) Append(_ context.Context, e *etch.Event) (etch.Receipt, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fail != nil {
		if err := n.fail(e); err != nil {
			return etch.Receipt{}, err
		}
	}
	n.events = append(n.events, e)
	return etch.Receipt{Durable: true}, nil
}

// all returns what was recorded so far.
func (n *notebook) all() []*etch.Event {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]*etch.Event(nil), n.events...)
}

// told returns the events in short: type, phase, tool, result, and labels that
// say something of its own.
func told(events []*etch.Event) []string {
	var out []string
	for _, e := range events {
		words := []string{string(e.Type)}
		add := func(text string) {
			if text != "" {
				words = append(words, text)
			}
		}
		add(string(e.Phase))
		add(e.Labels["from"])
		add(e.Action.Tool)
		add(e.Action.Resource)
		if e.Result != nil {
			add(string(e.Result.Type))
			add(e.Result.Message + e.Result.Reason)
		}
		for _, name := range []string{"end", "error_code", "late", "duplicate_id", "notification", "progress", "payload", "messages", "reason", "task", "needs_input", "lines"} {
			if text := e.Labels[name]; text != "" {
				words = append(words, name+"="+text)
			}
		}
		out = append(out, strings.Join(words, " "))
	}
	return out
}

// start is the clock of tests that need no other.
var start = time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)
