package etch_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/keys"
	"github.com/etch-audit/etch/internal/vfs"
	"github.com/etch-audit/etch/verify"
)

// childLog names the log that a child process of these tests appends to.
const childLog = "ETCH_TEST_CHILD_LOG"

func TestMain(m *testing.M) {
	if path := os.Getenv(childLog); path != "" {
		if err := child(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const childEvents = 200

// child appends events one after the other and prints each receipt once it has it.
func child(path string) error {
	l, err := etch.Open(path, &etch.Options{SealRecords: 50, Epoch: 50 * time.Millisecond, MaxSize: 1 << 20, LockWait: time.Minute})
	if err != nil {
		return err
	}
	pad := strings.Repeat("x", 3000) // so that segments fill up and are rotated
	for i := range childEvents {
		r, err := l.Append(context.Background(), command(fmt.Sprintf("echo %d-%d %s", os.Getpid(), i, pad)))
		if err != nil {
			return err
		}
		fmt.Printf("%d %s\n", r.Seq, r.EventID())
	}
	return l.Close()
}

// TestKilledProcesses lets eight processes append at once and kills half of
// them at random moments, again and again. No record that a process was told
// of may be missing, and verification must not accuse anybody.
func TestKilledProcesses(t *testing.T) {
	rounds := 5
	if testing.Short() {
		rounds = 2
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	path := filepath.Join(t.TempDir(), "audit.log")
	l, err := etch.Create(path, &etch.Options{MaxSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	everything := etch.Query{Control: true, AllPhases: true, From: time.Unix(0, 0)}
	follower := follow(t, path, everything, 0)
	told := map[string]uint64{} // sequence numbers by event id
	for range rounds {
		runWriters(t, rng, path, told)
		checkTold(t, path, told)
	}
	last := &followed{t: t, path: path}
	last.append(last.open(), 0, lastEvent)
	all := seqs(t, path, everything)
	last.close()
	<-follower.ended
	follower.check(t, "a follower", all[:min(len(follower.seqs), len(all))])
	if len(all) < len(told) {
		t.Errorf("the log has %d records, want %d at least", len(all), len(told))
	}
}

// runWriters runs eight writers, half of which it kills.
func runWriters(t *testing.T, rng *rand.Rand, path string, told map[string]uint64) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range 8 {
		last := childEvents // receipts that it lives to print
		if i%2 == 0 {
			last = rng.IntN(childEvents)
		}
		wg.Go(func() {
			receipts, err := runWriter(path, last)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			maps.Copy(told, receipts)
		})
	}
	wg.Wait()
}

// runWriter runs one writer, and kills it once it has printed last receipts,
// in the middle of whatever it is doing then.
func runWriter(path string, last int) (map[string]uint64, error) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childLog+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	receipts := map[string]uint64{}
	for lines := bufio.NewScanner(out); ; {
		if len(receipts) == last && last < childEvents {
			_ = cmd.Process.Kill() // it may have ended by itself
		}
		if !lines.Scan() {
			break
		}
		var seq uint64
		var id string
		if _, err := fmt.Sscanf(lines.Text(), "%d %s", &seq, &id); err == nil && len(id) == 30 {
			receipts[id] = seq
		}
	}
	err = cmd.Wait()
	if last < childEvents {
		return receipts, nil
	}
	if err != nil || len(receipts) != childEvents {
		return receipts, fmt.Errorf("a writer that was not killed: %d of %d receipts: %w", len(receipts), childEvents, err)
	}
	return receipts, nil
}

func checkTold(t *testing.T, path string, told map[string]uint64) {
	t.Helper()
	l, err := etch.Open(path, nil) // seals what killed writers have left
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := etch.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]uint64{}
	for rec, err := range r.Records(t.Context(), etch.Query{AllPhases: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := found[rec.Event.ID]; twice {
			t.Errorf("event %s is recorded twice", rec.Event.ID)
		}
		found[rec.Event.ID] = rec.Seq
	}
	for id, seq := range told {
		if got, ok := found[id]; !ok || got != seq {
			t.Errorf("event %s was acknowledged as seq %d, found: %v, seq %d", id, seq, ok, got)
		}
	}
	for name, opts := range judges(t, path) {
		report, err := verify.Log(t.Context(), os.DirFS(filepath.Dir(path)), opts)
		if err != nil {
			t.Fatal(err)
		}
		if report.ExitCode() != 0 {
			t.Errorf("verification %s of a log that nobody touched: %+v", name, report.Faults)
		}
	}
	t.Logf("%d records acknowledged, %d found", len(told), len(found))
}

// judges returns the ways to verify a log: by an outsider, and at home with all keys.
func judges(t *testing.T, path string) map[string]verify.Options {
	t.Helper()
	dir := filepath.Join(filepath.Dir(path), "audit.keys")
	public, err := os.ReadFile(filepath.Join(dir, "log.vkey"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "mac.key"))
	if err != nil {
		t.Fatal(err)
	}
	secret, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	key := strings.TrimSpace(string(public))
	home := &verify.Home{EpochKeys: keys.At(vfs.OS(), dir, "").EpochKeys, OwnKeys: true}
	return map[string]verify.Options{
		"by an outsider": {Name: filepath.Base(path), PublicKey: key},
		"at home":        {Name: filepath.Base(path), Found: key, MACSecret: secret, Home: home, AllSignatures: true},
	}
}
