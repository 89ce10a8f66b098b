package vfs_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/vfs"
	"github.com/etch-audit/etch/internal/vfs/vfstest"
)

// lockDir tells a copy of this test binary to be another process that counts,
// and lockRounds how often.
const (
	lockDir    = "ETCH_TEST_LOCK_DIR"
	lockRounds = "ETCH_TEST_LOCK_ROUNDS"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(gateName); name != "" {
		if err := stayInside(name); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	if dir := os.Getenv(lockDir); dir != "" {
		if err := count(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func count(dir string) (err error) {
	rounds, err := strconv.Atoi(os.Getenv(lockRounds))
	if err != nil {
		return err
	}
	l, err := vfs.OS().OpenLock(filepath.Join(dir, "lock"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	for range rounds {
		if err := vfstest.Count(vfs.OS(), l, filepath.Join(dir, "count")); err != nil {
			return err
		}
	}
	return nil
}

func TestLockBetweenProcesses(t *testing.T) {
	const processes, rounds = 4, 200
	dir := t.TempDir()
	name := filepath.Join(dir, "count")
	if err := os.WriteFile(name, []byte("0"), 0o600); err != nil {
		t.Fatal(err)
	}
	children := make([]*exec.Cmd, processes)
	for i := range children {
		children[i] = child(t, dir, rounds)
	}
	for _, c := range children {
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if want := strconv.Itoa(processes * rounds); string(got) != want {
		t.Errorf("count: got %s, want %s", got, want)
	}
}

// A process that is killed while it holds the lock, or its turn, leaves
// neither behind.
func TestLockOfKilledProcess(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "count"), []byte("0"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := vfs.OS().OpenLock(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	for i := range 5 {
		c := child(t, dir, 1<<30)
		time.Sleep(time.Duration(20+7*i) * time.Millisecond)
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(); err == nil {
			t.Fatal("the child ended by itself")
		}
		if err := l.Acquire(0); err != nil {
			t.Fatalf("Acquire after the other process was killed: %v", err)
		}
		if err := l.Release(); err != nil {
			t.Fatal(err)
		}
	}
}

func child(t *testing.T, dir string, rounds int) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), lockDir+"="+dir, lockRounds+"="+strconv.Itoa(rounds))
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestLockInVain lets several Locks wait for times so short that many waits are
// in vain, and closes some of them then: never do two hold the lock at once, and
// whoever is patient gets it.
func TestLockInVain(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	var holders, got, vain atomic.Int64
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			l, err := vfs.OS().OpenLock(name)
			for round := 0; err == nil && round < 300; round++ {
				err = l.Acquire(time.Duration(i*round%7) * 20 * time.Microsecond)
				if errors.Is(err, vfs.ErrLocked) {
					err = nil
					if vain.Add(1); round%10 == i {
						if err = l.Close(); err == nil {
							l, err = vfs.OS().OpenLock(name)
						}
					}
					continue
				}
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d hold the lock", n)
				}
				got.Add(1)
				time.Sleep(time.Duration(round%3) * 30 * time.Microsecond)
				holders.Add(-1)
				err = errors.Join(err, l.Release())
			}
			if err == nil {
				err = l.Acquire(time.Minute)
			}
			if err := errors.Join(err, l.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got.Load() == 0 || vain.Load() == 0 {
		t.Errorf("%d got the lock, %d did not: the test shows nothing", got.Load(), vain.Load())
	}
}
