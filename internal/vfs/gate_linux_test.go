package vfs_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/vfs"
)

// gateName tells a copy of this test binary which gate to enter, and to stay
// inside until its input ends.
const gateName = "ETCH_TEST_GATE"

func openGate(t *testing.T, name string) (vfs.Gate, func()) {
	t.Helper()
	f, err := vfs.OS().OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	g, ok := f.(vfs.Gate)
	if !ok {
		t.Skip("files are no gates on this processor")
	}
	closed := false
	closeOnce := func() {
		if !closed {
			closed = true
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(closeOnce)
	return g, closeOnce
}

// awaiting begins to wait at a gate, and returns where the end of it is told.
func awaiting(g vfs.Gate, limit time.Duration) <-chan bool {
	done := make(chan bool, 1)
	go func() { done <- g.Await(4, [4]byte{}, limit) }()
	return done
}

func TestGate(t *testing.T) {
	const long = 10 * time.Minute // nobody waits for so long
	name := filepath.Join(t.TempDir(), "gate")
	if err := os.WriteFile(name, make([]byte, 8), 0o600); err != nil {
		t.Fatal(err)
	}
	a, closeA := openGate(t, name)
	b, _ := openGate(t, name)
	c, _ := openGate(t, name)
	if !a.Enter() || b.Enter() {
		t.Fatal("of two one is let in: the first")
	}
	two := []<-chan bool{awaiting(b, long), awaiting(c, long)}
	for _, done := range two {
		for left := false; !left; {
			select {
			case woken := <-done:
				if left = true; !woken {
					t.Error("waited past the end of the one inside")
				}
			case <-time.After(time.Millisecond): // whoever waits by then goes on
				a.Leave(0, 4)
			}
		}
	}
	if !b.Enter() || a.Enter() {
		t.Fatal("once the first has left, one is let in: the second")
	}
	for early := 0; <-awaiting(a, 10*time.Millisecond); early++ { // as a signal may end it
		if early == 1000 {
			t.Fatal("nobody has left, but no wait was in vain")
		}
	}
	b.Leave()
	if !a.Enter() {
		t.Fatal("nobody is inside, but none is let in")
	}
	closeA()
	if !b.Enter() {
		t.Error("who was inside has closed the file, but none is let in")
	}
	if err := os.WriteFile(name, []byte("12345678"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !<-awaiting(c, long) {
		t.Error("waited although the bytes are others than they were")
	}
	a.Leave(0) // of a closed file: nothing happens
	if a.Enter() {
		t.Error("a closed file was entered")
	}
}

// A process that is killed leaves.
func TestGateOfKilledProcess(t *testing.T) {
	name := filepath.Join(t.TempDir(), "gate")
	if err := os.WriteFile(name, make([]byte, 8), 0o600); err != nil {
		t.Fatal(err)
	}
	g, _ := openGate(t, name)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), gateName+"="+name)
	child.Stderr = os.Stderr
	if _, err := child.StdinPipe(); err != nil { // open for as long as the child is there
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatalf("the child did not enter: %v", err)
	}
	if g.Enter() {
		t.Error("two are inside")
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
	if !g.Enter() {
		t.Error("who was inside is dead, but none is let in")
	}
}

// stayInside is what the child does.
func stayInside(name string) error {
	f, err := vfs.OS().OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if g, ok := f.(vfs.Gate); !ok || !g.Enter() {
		return errors.New("not let in")
	}
	if _, err := os.Stdout.WriteString("!"); err != nil {
		return err
	}
	_, err = os.Stdin.Read(make([]byte, 1)) // until it is killed
	return errors.Join(err, f.Close())
}
