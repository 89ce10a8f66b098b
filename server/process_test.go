package server_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/server"
	"github.com/etch-audit/etch/verify"
)

// childLog names the log that a child process of these tests serves.
const childLog = "ETCH_TEST_SERVED_LOG"

func TestMain(m *testing.M) {
	if path := os.Getenv(childLog); path != "" {
		if err := serveChild(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// serveChild is a daemon of its own: it serves until it is killed, or until its
// input ends, which drains it.
func serveChild(path string) error {
	log, err := etch.Open(path, &etch.Options{MaxSize: 4 << 20, Epoch: 300 * time.Millisecond, SealEvery: 50 * time.Millisecond})
	if err != nil {
		return err
	}
	s, err := server.New(log, nil)
	if err != nil {
		return err
	}
	l, err := net.Listen("unix", socketOf(path))
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- s.ServeSocket(context.Background(), l) }()
	fmt.Println("ready")
	_, _ = os.Stdin.Read(make([]byte, 1)) // ends with the parent's end of the pipe
	return errors.Join(s.Drain(context.Background()), <-served, log.Close())
}

func socketOf(path string) string { return filepath.Join(filepath.Dir(path), "audit.sock") }

// A child is a daemon in a process of its own.
type child struct {
	*exec.Cmd
	stop func() error // drains it and waits for its end
}

func startChild(t *testing.T, path string) *child {
	t.Helper()
	if err := os.Remove(socketOf(path)); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childLog+"="+path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fscanln(out, new(string)); err != nil {
		t.Fatalf("the daemon does not start: %v", err)
	}
	return &child{cmd, func() error { return errors.Join(in.Close(), cmd.Wait()) }}
}

// loadTime is how long the daemon is under full load in all: ten seconds, or what the
// environment says, as "10m" by hand.
func loadTime(t *testing.T) time.Duration {
	if testing.Short() {
		return 2 * time.Second
	}
	text, ok := os.LookupEnv("ETCH_TEST_LOAD")
	if !ok {
		return 10 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A toll is what clients were told.
type toll struct {
	mu      sync.Mutex
	told    map[string]uint64 // sequence number by the event's own name
	unknown map[string]bool
	refused map[string]bool // that are said not to be recorded
}

func newToll() *toll {
	return &toll{told: map[string]uint64{}, unknown: map[string]bool{}, refused: map[string]bool{}}
}

func (l *toll) note(t *testing.T, name string, r etch.Receipt, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		l.told[name] = r.Seq
	case errors.Is(err, etch.ErrUnknown):
		l.unknown[name] = true
	case errors.Is(err, etch.ErrNotRecorded):
		l.refused[name] = true
	default:
		t.Errorf("%s: an error of no kind: %v", name, err)
	}
}

// TestKilledUnderLoad kills a daemon at any moment while 64 clients send as fast as
// they can, again and again. Nothing that was acknowledged may be missing, nothing
// that was refused may be there, nothing may be there twice, and verification must
// not accuse anybody.
func TestKilledUnderLoad(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	path := filepath.Join(shortDir(t), "audit.log")
	log, err := etch.Create(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	told := newToll()
	began, rounds := time.Now(), 0
	for left := loadTime(t); left > 0 || rounds < 2; left = loadTime(t) - time.Since(began) {
		life := time.Duration(rng.Int64N(int64(min(max(left, time.Second), 3*time.Second))))
		t.Logf("round %d: a daemon for %v", rounds, life)
		killedDaemon(t, path, life, rounds, told)
		rounds++
	}
	c := startChild(t, path) // opens the log, which repairs it
	if err := c.stop(); err != nil {
		t.Errorf("a daemon that is drained: %v", err)
	}
	told.check(t, path)
	t.Attr("load", fmt.Sprintf("64 clients and %d kills in %v: %d events acknowledged, %d unknown, %d refused", rounds,
		time.Since(began).Round(time.Second), len(told.told), len(told.unknown), len(told.refused)))
}

// killedDaemon runs a daemon for a while and kills it.
func killedDaemon(t *testing.T, path string, life time.Duration, round int, told *toll) {
	t.Helper()
	c := startChild(t, path)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() { load(ctx, t, path, fmt.Sprintf("%d-%d", round, i), i%8 == 0, told) })
	}
	timer := time.NewTimer(life)
	<-timer.C
	if err := c.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = c.Wait() // it was killed
	cancel()
	wg.Wait()
}

// load sends events until the daemon is gone, one a request or a few.
func load(ctx context.Context, t *testing.T, path, name string, batches bool, told *toll) {
	c, err := etch.Dial(ctx, socketOf(path), patient)
	if err != nil {
		return // it was killed before
	}
	defer func() { _ = c.Close() }() // the daemon is gone
	for n := 0; ; n++ {
		if batches {
			names := make([]string, 5)
			events := make([]*etch.Event, len(names))
			for i := range names {
				names[i] = fmt.Sprintf("%s-%d-%d", name, n, i)
				events[i] = tool(names[i])
			}
			receipts, err := c.AppendBatch(context.Background(), events)
			for i, r := range receipts {
				if r.Durable {
					told.note(t, names[i], r, nil)
				} else if err != nil {
					told.note(t, names[i], r, err)
				}
			}
			if err != nil {
				return
			}
			continue
		}
		this := name + "-" + strconv.Itoa(n)
		r, err := c.Append(context.Background(), tool(this))
		told.note(t, this, r, err)
		if err != nil {
			return
		}
	}
}

// check compares what clients were told with what is on record.
func (l *toll) check(t *testing.T, path string) {
	t.Helper()
	r, err := etch.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]uint64{}
	for rec, err := range r.Records(t.Context(), etch.Query{AllPhases: true, Types: []etch.EventType{etch.ToolCall}}) {
		if err != nil {
			t.Fatal(err)
		}
		name := rec.Event.Action.Tool
		if _, twice := found[name]; twice {
			t.Errorf("event %s is recorded twice", name)
		}
		found[name] = rec.Seq
		if l.refused[name] {
			t.Errorf("event %s is recorded, and its client was told that it is not", name)
		}
	}
	for name, seq := range l.told {
		if got, ok := found[name]; !ok || got != seq {
			t.Errorf("event %s was acknowledged as seq %d, found: %v, seq %d", name, seq, ok, got)
		}
	}
	verifies(t, path)
}

// verifies lets an outsider verify the log.
func verifies(t *testing.T, path string) {
	t.Helper()
	dir := filepath.Dir(path)
	key, err := os.ReadFile(filepath.Join(dir, "audit.keys", "log.vkey"))
	if err != nil {
		t.Fatal(err)
	}
	report, err := verify.Log(t.Context(), os.DirFS(dir), verify.Options{Name: filepath.Base(path), PublicKey: string(key[:len(key)-1])})
	if err != nil {
		t.Fatal(err)
	}
	if report.ExitCode() != 0 {
		t.Errorf("verification of a log that nobody touched: %+v", report.Faults)
	}
}
