package mcp

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/etch-audit/etch"
)

// recordingProxy stands between its client and the server "pong", and writes a
// real log.
func recordingProxy(args []string) int {
	log, err := etch.Create(args[0], nil)
	if err != nil {
		return 1
	}
	out := Run(context.Background(), log, &Command{
		Argv: serverArgv("pong"), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Options: Options{Name: "pong", Strict: args[1] == "strict"},
	})
	if log.Close() != nil || out.Unrecorded != nil {
		return 1
	}
	return out.Exit
}

// pong answers each line at once.
func pong([]string) int {
	answer := []byte(`{"result":{"content":[{"type":"text","text":"done"}]},"jsonrpc":"2.0","id":1}` + "\n")
	in := bufio.NewReader(os.Stdin)
	for {
		if _, err := in.ReadSlice('\n'); err != nil {
			return 0
		}
		if _, err := os.Stdout.Write(answer); err != nil {
			return 1
		}
	}
}

// copyingProxy stands between its client and the server "pong", and does nothing
// but copy: what a process in between costs.
func copyingProxy([]string) int {
	argv := serverArgv("pong")
	server := exec.Command(argv[0], argv[1:]...)
	in, err := server.StdinPipe()
	if err != nil {
		return 1
	}
	out, err := server.StdoutPipe()
	if err != nil || server.Start() != nil {
		return 1
	}
	go func() {
		_, _ = io.Copy(in, os.Stdin) // the server sees the end, whatever it was
		_ = in.Close()
	}()
	if _, err := io.Copy(os.Stdout, out); err != nil || server.Wait() != nil {
		return 1
	}
	return 0
}

// BenchmarkRoundTrip measures a call of a tool and its answer: without anything in
// between, with a process that only copies, with a wrapper of its own process and a log on disk, and where each
// call waits for its attempt to be on disk. Calls come one after the other, at
// once (busy) or every 2 ms (calm), as is more than any agent does.
func BenchmarkRoundTrip(b *testing.B) {
	for _, pace := range []time.Duration{0, 2 * time.Millisecond} {
		for _, way := range []string{"direct", "copied", "recorded", "strict"} {
			b.Run(fmt.Sprintf("pace=%v/way=%s", pace, way), func(b *testing.B) {
				argv := serverArgv("pong")
				switch way {
				case "copied":
					argv = serverArgv("copying-proxy")
				case "recorded", "strict":
					argv = serverArgv("recording-proxy", filepath.Join(b.TempDir(), "audit.log"), way)
				}
				roundTrips(b, argv, pace)
			})
		}
	}
}

func roundTrips(b *testing.B, argv []string, pace time.Duration) {
	b.Helper()
	server := exec.Command(argv[0], argv[1:]...)
	in, err := server.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := server.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewReader(out)
	call := fmt.Sprintf(toolCall, "1", "read_text_file") + "\n"
	var took []time.Duration
	once := func() {
		began := time.Now()
		if _, err := io.WriteString(in, call); err != nil {
			b.Fatal(err)
		}
		if _, err := lines.ReadSlice('\n'); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	for range 20 {
		once() // the log is there, the pipes are warm
	}
	took = took[:0]
	for b.Loop() {
		if pace > 0 {
			<-time.After(pace)
		}
		once()
	}
	if err := in.Close(); err != nil {
		b.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, lines) // its end is all that is waited for
	if err := server.Wait(); err != nil {
		b.Fatal(err)
	}
	slices.Sort(took)
	micros := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
	b.ReportMetric(micros(took[len(took)/2]), "p50-µs")
	b.ReportMetric(micros(took[len(took)*99/100]), "p99-µs")
}
