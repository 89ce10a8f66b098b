package mcp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/google/go-cmp/cmp"
)

// hung is how long a run may take that does not wait for anything, on a machine
// that is busy, or stops.
const hung = 2 * time.Minute

// A tap is a run of a server with both ends of its client in the test's hands.
type tap struct {
	t   *testing.T
	log *notebook
	in  *os.File // what the client says
	out *os.File // what it hears
	own [2]*os.File
	end chan Outcome
}

// tapped starts a run. What c leaves open is as most tests want it.
func tapped(t *testing.T, c *Command) *tap {
	t.Helper()
	p := &tap{t: t, log: new(notebook), end: make(chan Outcome, 1)}
	var err error
	if p.own[0], p.in, err = os.Pipe(); err != nil {
		t.Fatal(err)
	}
	if p.out, p.own[1], err = os.Pipe(); err != nil {
		t.Fatal(err)
	}
	c.Stdin, c.Stdout = p.own[0], p.own[1]
	t.Cleanup(func() {
		for _, f := range []*os.File{p.in, p.out, p.own[0], p.own[1]} {
			_ = f.Close() // most are closed already
		}
	})
	go func() { p.end <- Run(context.Background(), p.log, c) }()
	return p
}

// wait returns the outcome.
func (p *tap) wait() Outcome {
	p.t.Helper()
	select {
	case out := <-p.end:
		return out
	case <-time.After(hung):
		p.t.Fatal("it hangs")
		return Outcome{}
	}
}

// hears reads until the end, in the background.
func (p *tap) hears() func() []byte {
	type heard struct {
		data []byte
		err  error
	}
	done := make(chan heard, 1)
	go func() {
		data, err := io.ReadAll(p.out)
		done <- heard{data, err}
	}()
	return func() []byte {
		p.t.Helper()
		select {
		case h := <-done:
			if h.err != nil {
				p.t.Error(h.err)
			}
			return h.data
		case <-time.After(hung):
			p.t.Fatal("the client hears no end")
			return nil
		}
	}
}

// line reads one line.
func (p *tap) line() string {
	p.t.Helper()
	var line []byte
	for b := make([]byte, 1); ; {
		if _, err := p.out.Read(b); err != nil {
			p.t.Fatalf("after %q: %v", line, err)
		}
		if b[0] == '\n' {
			return string(line)
		}
		line = append(line, b[0])
	}
}

func (p *tap) says(text string) {
	p.t.Helper()
	if _, err := p.in.WriteString(text); err != nil {
		p.t.Fatal(err)
	}
}

// inPieces writes a text in pieces of random lengths and closes the file.
func inPieces(random *rand.Rand, f *os.File, text []byte) error {
	for len(text) > 0 {
		n := 1 + random.IntN(min(len(text), 1+random.IntN(5000)))
		if _, err := f.Write(text[:n]); err != nil {
			return err
		}
		text = text[n:]
	}
	return f.Close()
}

// passes sends both directions of a session and compares what arrives.
func passes(t *testing.T, random *rand.Rand, c2s, s2c []byte, strict bool) []*etch.Event {
	t.Helper()
	dir := t.TempDir()
	says, got := filepath.Join(dir, "says"), filepath.Join(dir, "got")
	if err := os.WriteFile(says, s2c, 0o600); err != nil {
		t.Fatal(err)
	}
	p := tapped(t, &Command{Argv: serverArgv("replay", says, got), Options: Options{Strict: strict}})
	heard := p.hears()
	if err := inPieces(random, p.in, c2s); err != nil {
		t.Fatal(err)
	}
	if data := heard(); !bytes.Equal(data, s2c) {
		t.Errorf("the client got %d bytes, not the %d that the server sent: %.200q", len(data), len(s2c), data)
	}
	out := p.wait()
	if d := cmp.Diff(Outcome{}, out); d != "" {
		t.Errorf("outcome (-want +got):\n%s", d)
	}
	arrived, err := os.ReadFile(got)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(arrived, c2s) {
		t.Errorf("the server got %d bytes, not the %d that the client sent: %.200q", len(arrived), len(c2s), arrived)
	}
	return p.log.all()
}

// The captured sessions pass through to the byte, however they are cut.
func TestBytesPass(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for _, name := range []string{"everything", "filesystem"} {
		for i, strict := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s strict=%v", name, strict), func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(seed, uint64(i)))
				c2s, s2c := readRaw(t, name+".c2s.raw"), readRaw(t, name+".s2c.raw")
				for range 5 {
					events := passes(t, random, c2s, s2c, strict)
					calls := bytes.Count(c2s, []byte(`"tools/call"`))
					attempts := 0
					for _, e := range events {
						if e.Phase == etch.Attempt && e.Type == etch.ToolCall && e.Labels["from"] == "" && !strings.Contains(e.Action.Tool, "/") {
							attempts++
						}
					}
					if attempts != calls {
						t.Errorf("%d attempts are recorded of %d calls", attempts, calls)
					}
				}
			})
		}
	}
}

func readRaw(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Whatever is sent arrives.
func FuzzBytesPass(f *testing.F) {
	f.Add([]byte("this is no JSON\r\n"), []byte{0, 1, 2, '\n', 0xff, '{', '"'}, uint64(1))
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x"}}`), []byte("[[[[\n]]"), uint64(2))
	f.Add([]byte{}, bytes.Repeat([]byte("x"), 200_000), uint64(3))
	f.Fuzz(func(t *testing.T, c2s, s2c []byte, seed uint64) {
		passes(t, rand.New(rand.NewPCG(seed, 0)), c2s, s2c, seed%2 == 0)
	})
}

// A message of 10 MB each way is passed on, and recorded by length and hash
// though nobody has all of it in memory.
func TestLargeMessages(t *testing.T) {
	t.Parallel()
	arguments := `{"data":"` + strings.Repeat("0123456789", 1<<20) + `"}`
	result := `{"content":[{"type":"text","text":"` + strings.Repeat("abcdefghij", 1<<20) + `"}],"isError":true}`
	c2s := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"big","arguments":` + arguments + `}}` + "\n"
	s2c := `{"result":` + result + `,"jsonrpc":"2.0","id":1}` + "\n"
	k := newTalk(&Options{})
	k.says(client, strings.TrimSpace(c2s))
	k.says(server, strings.TrimSpace(s2c))
	want := []string{"session_start success", "tool_call attempt big", "tool_call completion big error the tool says that it failed"}
	if d := cmp.Diff(want, told(k.events)); d != "" {
		t.Fatalf("events (-want +got):\n%s", d)
	}
	sum := sha256.Sum256([]byte(arguments))
	if got, want := string(k.events[1].Action.Arguments), string(appendDigest(nil, int64(len(arguments)), sum[:])); got != want {
		t.Errorf("got the arguments %s, want %s", got, want)
	}
	sum = sha256.Sum256([]byte(result))
	end := k.events[2].Result
	if n, _ := end.OutputBytes.Get(); n != uint64(len(result)) || end.OutputSHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("got %d bytes of %s, want %d of %x", n, end.OutputSHA256, len(result), sum)
	}
	events := passes(t, rand.New(rand.NewPCG(1, 1)), []byte(c2s), []byte(s2c), false)
	if len(events) < 4 {
		t.Errorf("got %q", told(events))
	}
}

// How runs end: each of them does.
func TestEndings(t *testing.T) {
	for name, test := range map[string]struct {
		argv  []string
		grace time.Duration
		does  func(p *tap)
		exit  int
		fails string
		ends  string // the reason that is recorded
	}{
		"the server ends":              {argv: serverArgv("exit"), exit: 7, ends: "server ended"},
		"at once":                      {argv: serverArgv("nothing"), exit: 0, ends: "server ended"},
		"there is none":                {argv: []string{"no-such-program"}, exit: ExitNotFound, fails: "not found", ends: "not started"},
		"the client closes":            {argv: serverArgv("echo"), does: closes, exit: 0, ends: "client closed"},
		"the server ignores that":      {argv: serverArgv("ignore-eof"), does: closes, grace: 50 * time.Millisecond, exit: 143, ends: "client closed"},
		"and SIGTERM":                  {argv: serverArgv("ignore-all"), does: func(p *tap) { p.line(); closes(p) }, grace: 50 * time.Millisecond, exit: 137, ends: "client closed"},
		"the client is gone":           {argv: serverArgv("flood"), does: func(p *tap) { _ = p.out.Close() }, exit: 141, ends: "client gone"},
		"the server reads no more":     {argv: serverArgv("deaf"), does: func(p *tap) { p.says(strings.Repeat("x", 300_000)); closes(p) }, grace: 50 * time.Millisecond, exit: 143, ends: "client closed"},
		"the server says no more":      {argv: serverArgv("mute"), does: func(p *tap) { p.hears()(); closes(p) }, exit: 0, ends: "client closed"},
		"its child keeps the pipes":    {argv: serverArgv("leave-child"), does: func(p *tap) { kills(p.t, p.line()) }, exit: 5, ends: "server ended"},
		"its child keeps them for now": {argv: serverArgv("leave-child"), does: func(p *tap) { p.t.Cleanup(func() { kills(p.t, p.line()) }) }, exit: 5, ends: "server ended"},
	} {
		t.Run(name, func(t *testing.T) {
			if systemHasNo(test.exit) {
				t.Skip("Windows has no signals to end by")
			}
			t.Parallel()
			p := tapped(t, &Command{Argv: test.argv, Grace: test.grace})
			if test.does != nil {
				test.does(p)
			}
			out := p.wait()
			if out.Exit != test.exit || out.Unrecorded != nil || (out.Failure != nil) != (test.fails != "") {
				t.Errorf("got %+v, want exit %d", out, test.exit)
			}
			if test.fails != "" && !strings.Contains(fmt.Sprint(out.Failure), test.fails) {
				t.Errorf("got the failure %v, want %q in it", out.Failure, test.fails)
			}
			events := p.log.all()
			end := events[len(events)-1]
			code, _ := end.Result.ExitCode.Get()
			if end.Type != etch.SessionEnd || end.Labels["reason"] != test.ends || code != int64(test.exit) {
				t.Errorf("got the end %s %d, want the reason %q", told(events[len(events)-1:]), code, test.ends)
			}
		})
	}
}

func closes(p *tap) { _ = p.in.Close() }

// A client that is there and does not read now, as one that was stopped, gets everything
// that the server said before it ended.
func TestClientPauses(t *testing.T) {
	t.Parallel()
	p := tapped(t, &Command{Argv: serverArgv("much")})
	select {
	case out := <-p.end:
		t.Fatalf("it has not waited: %+v", out)
	case <-time.After(3 * goneAfter):
	}
	if got := len(p.hears()()); got != muchSize {
		t.Errorf("the client got %d bytes of %d", got, muchSize)
	}
	if d := cmp.Diff(Outcome{}, p.wait()); d != "" {
		t.Errorf("outcome (-want +got):\n%s", d)
	}
}

// Where a client never reads, its session ends all the same, and says that something was
// lost: when the client has closed its output, and when somebody wants the end.
func TestClientNeverReads(t *testing.T) {
	for name, test := range map[string]struct {
		argv  []string
		grace time.Duration
		exit  int
	}{
		"the server has ended": {serverArgv("much"), 500 * time.Millisecond, ExitUnread},
		"the server goes on":   {serverArgv("flood"), 50 * time.Millisecond, 143},
	} {
		t.Run(name, func(t *testing.T) {
			if systemHasNo(test.exit) {
				t.Skip("Windows has no signals to end by")
			}
			t.Parallel()
			c := &Command{Argv: test.argv, Grace: test.grace}
			ended := endOf(t, c)
			p := tapped(t, c)
			if _, err := io.ReadFull(p.out, make([]byte, 1)); err != nil { // it has begun to speak
				t.Fatal(err)
			}
			if test.exit == ExitUnread {
				ended()
			}
			closes(p)
			out := p.wait()
			if d := cmp.Diff(Outcome{Exit: test.exit, Unread: true}, out); d != "" {
				t.Errorf("outcome (-want +got):\n%s", d)
			}
			end := p.log.all()
			if got := end[len(end)-1].Result; got.Type != etch.Error {
				t.Errorf("the session's end is %+v", got)
			}
		})
	}
}

// endOf returns what waits for the end of a server, once it has said something: its words
// for people have no writer then.
func endOf(t *testing.T, c *Command) (wait func()) {
	t.Helper()
	words, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = theirs
	t.Cleanup(func() { _ = errors.Join(words.Close(), theirs.Close()) }) // the latter is closed mostly
	return func() {
		t.Helper()
		if err := theirs.Close(); err != nil { // the server has it now
			t.Error(err)
		}
		if _, err := io.Copy(io.Discard, words); err != nil {
			t.Error(err)
		}
	}
}

// A server that does not read is ended when its client has closed its output,
// though there is something left that the client has sent.
func TestClientClosesWhileServerDoesNotRead(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	p := tapped(t, &Command{Argv: serverArgv("never-read"), Grace: 50 * time.Millisecond, Gone: func() bool {
		select {
		case <-gone:
			return true
		default:
			return false
		}
	}})
	go func() {
		_, _ = p.in.Write(make([]byte, 1<<20)) // it is never taken
	}()
	time.AfterFunc(100*time.Millisecond, func() { close(gone) })
	if out := p.wait(); out.Exit == 0 {
		t.Errorf("got exit 0 of a server that had to be ended")
	}
}

// The server's words for people pass.
func TestStderr(t *testing.T) {
	t.Parallel()
	var words bytes.Buffer
	p := tapped(t, &Command{Argv: serverArgv("words"), Stderr: &words})
	p.wait()
	if got, want := words.String(), "words for people\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

var errDisk = errors.New("the disk is full")

// Where a call cannot be recorded nothing more is passed on, unless it is to go on.
func TestNotRecorded(t *testing.T) {
	for _, goOn := range []bool{false, true} {
		t.Run(fmt.Sprintf("goOn=%v", goOn), func(t *testing.T) {
			t.Parallel()
			c := &Command{Argv: serverArgv("echo"), Options: Options{GoOn: goOn, Strict: true}}
			p := tapped(t, c)
			p.log.mu.Lock()
			p.log.fail = func(e *etch.Event) error {
				if e.Action.Tool == "unlucky" {
					return fmt.Errorf("%w: %w", etch.ErrNotRecorded, errDisk)
				}
				return nil
			}
			p.log.mu.Unlock()
			heard := p.hears()
			text := fmt.Sprintf(toolCall+"\n", "1", "lucky") + fmt.Sprintf(toolCall+"\n", "2", "unlucky") + fmt.Sprintf(toolCall+"\n", "3", "later")
			for line := range strings.Lines(text) {
				p.says(line)
			}
			if goOn {
				closes(p)
			}
			out := p.wait()
			if !errors.Is(out.Unrecorded, errDisk) || !errors.Is(out.Unrecorded, etch.ErrNotRecorded) {
				t.Errorf("got %v as what is not recorded", out.Unrecorded)
			}
			got := string(heard())
			if goOn && (got != text || out.Exit != 0) {
				t.Errorf("got %q and exit %d, want all and 0", got, out.Exit)
			}
			if !goOn && (strings.Contains(got, "unlucky") || strings.Contains(got, "later") || out.Exit != ExitNotRecorded) {
				t.Errorf("got %q and exit %d, want no call that is not on record and %d", got, out.Exit, ExitNotRecorded)
			}
		})
	}
}

// With Strict a request waits for its attempt; without, it does not.
func TestStrict(t *testing.T) {
	for _, strict := range []bool{false, true} {
		t.Run(fmt.Sprintf("strict=%v", strict), func(t *testing.T) {
			t.Parallel()
			release, reached := make(chan struct{}), make(chan struct{}, 10)
			p := tapped(t, &Command{Argv: serverArgv("echo"), Options: Options{Strict: strict}})
			p.log.mu.Lock()
			p.log.fail = func(*etch.Event) error { reached <- struct{}{}; <-release; return nil }
			p.log.mu.Unlock()
			lines := make(chan string, 1)
			go func() { lines <- p.line() }()
			p.says(fmt.Sprintf(toolCall+"\n", "1", "a"))
			<-reached // the log has it, and does not answer
			if strict {
				select {
				case line := <-lines:
					t.Errorf("the server got %q before it was on record", line)
				case <-time.After(50 * time.Millisecond):
				}
			} else if line := <-lines; line == "" {
				t.Error("the server got nothing")
			}
			close(release)
			if strict {
				<-lines
			}
			closes(p)
			p.wait()
		})
	}
}

// A log that falls behind makes who sends wait, and nothing is dropped.
func TestBackPressure(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	p := tapped(t, &Command{Argv: serverArgv("echo")})
	p.log.mu.Lock()
	p.log.fail = func(*etch.Event) error { <-release; return nil }
	p.log.mu.Unlock()
	heard := p.hears()
	line := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"x":"` + strings.Repeat("x", 10_000) + `"}}}` + "\n"
	const calls = 3 * mostAhead / 10_000
	sent := make(chan int, 1)
	go func() {
		n := 0
		for range calls {
			if _, err := p.in.WriteString(line); err != nil {
				break
			}
			n++
		}
		_ = p.in.Close()
		sent <- n
	}()
	select {
	case n := <-sent:
		t.Errorf("%d calls were taken of which none is on record", n)
	case <-time.After(200 * time.Millisecond):
	}
	close(release)
	if n := <-sent; n != calls {
		t.Errorf("%d calls were taken, want %d", n, calls)
	}
	if got, want := len(heard()), calls*len(line); got != want {
		t.Errorf("%d bytes came back, want %d", got, want)
	}
	p.wait()
	attempts := 0
	for _, e := range p.log.all() {
		if e.Phase == etch.Attempt {
			attempts++
		}
	}
	if attempts != 2*calls { // the server sends them back: they are its requests, too
		t.Errorf("%d attempts are on record, want %d", attempts, 2*calls)
	}
}
