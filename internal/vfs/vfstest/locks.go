package vfstest

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/vfs"
)

const (
	// long is a wait that no healthy run ever reaches.
	long = time.Minute
	// settle is enough for a goroutine to begin to wait for a lock.
	settle = 20 * time.Millisecond
)

func (s suite) lock(t *testing.T, name string) vfs.Lock {
	t.Helper()
	l, err := s.fs.OpenLock(s.path(name))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func acquire(t *testing.T, l vfs.Lock) {
	t.Helper()
	if err := l.Acquire(long); err != nil {
		t.Fatal(err)
	}
}

func release(t *testing.T, l vfs.Lock) {
	t.Helper()
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
}

// acquiring begins to acquire and returns where the outcome will be found.
func acquiring(l vfs.Lock) <-chan error { return waiting(l.Acquire) }

// waiting is acquiring in any way.
func waiting(acquire func(time.Duration) error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- acquire(long) }()
	time.Sleep(settle)
	return done
}

func testLockExclusion(t *testing.T, s suite) {
	a, b := s.lock(t, "l"), s.lock(t, "l")
	other := s.lock(t, "other")
	acquire(t, a)
	acquire(t, other)
	wantError(t, "Acquire of a held lock", b.Acquire(0), vfs.ErrLocked)
	done := acquiring(b)
	select {
	case err := <-done:
		t.Fatalf("a held lock was acquired: %v", err)
	default:
	}
	release(t, a)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	wantError(t, "Acquire of a held lock", a.Acquire(0), vfs.ErrLocked)
	// Close releases.
	closeNow(t, b)
	acquire(t, a)
	closeNow(t, a)
	closeNow(t, other)
}

func testLockTimeout(t *testing.T, s suite) {
	a, b := s.lock(t, "l"), s.lock(t, "l")
	acquire(t, a)
	for _, wait := range []time.Duration{-1, 0, 3 * time.Millisecond, 30 * time.Millisecond} {
		start := time.Now()
		wantError(t, "Acquire of a held lock", b.Acquire(wait), vfs.ErrLocked)
		if took := time.Since(start); took < wait {
			t.Errorf("Acquire(%v) gave up after %v", wait, took)
		}
	}
	release(t, a)
	// The waits in vain left nothing behind, neither lock nor claim.
	acquire(t, a)
	release(t, a)
	if err := b.Acquire(0); err != nil {
		t.Errorf("Acquire of a free lock without a wait: got %v", err)
	}
	closeNow(t, a)
	closeNow(t, b)
}

func testLockMisuse(t *testing.T, s suite) {
	l := s.lock(t, "l")
	if err := l.Release(); err == nil {
		t.Error("Release of a lock that is not held: got no error")
	}
	acquire(t, l)
	if err := l.Acquire(0); err == nil {
		t.Error("Acquire of a lock that this Lock holds: got no error")
	}
	release(t, l)
	closeNow(t, l)
	wantError(t, "Acquire after Close", l.Acquire(0), fs.ErrClosed)
	wantError(t, "Release after Close", l.Release(), fs.ErrClosed)
	wantError(t, "Close after Close", l.Close(), fs.ErrClosed)
	if _, err := s.fs.OpenLock(s.path("none/l")); err == nil {
		t.Error("OpenLock in a directory that is not there: got no error")
	}
}

func testLockInTurn(t *testing.T, s suite) {
	a, b := s.lock(t, "l"), s.lock(t, "l")
	for range 10 {
		acquire(t, a)
		served := make(chan error, 1)
		done := make(chan struct{}) // b is the goroutine's until then
		go func() {
			defer close(done)
			if err := b.Acquire(long); err != nil {
				served <- err
				return
			}
			served <- nil // before the release that lets a in
			if err := b.Release(); err != nil {
				t.Error(err)
			}
		}()
		time.Sleep(settle)
		release(t, a)
		// b waited, so it is b's turn although a asks before b can know.
		acquire(t, a)
		select {
		case err := <-served:
			if err != nil {
				t.Fatal(err)
			}
		default:
			t.Fatal("the lock was released and acquired past one that waited")
		}
		<-done
		release(t, a)
	}
	closeNow(t, a)
	closeNow(t, b)
}

// Who joins waits behind one that waits in turn, and nobody is forgotten.
func testLockOutOfTurn(t *testing.T, s suite) {
	holder, first, second := s.lock(t, "l"), s.lock(t, "l"), s.lock(t, "l")
	acquire(t, holder)
	wantError(t, "Join of a held lock", second.Join(0), vfs.ErrLocked)
	wantError(t, "Overtake of a held lock", second.Overtake(0), vfs.ErrLocked)
	inTurn := acquiring(first)
	behind := waiting(second.Join)
	release(t, holder)
	if err := <-inTurn; err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-behind:
		t.Fatalf("Join of a lock that was waited for, and is held: got %v", err)
	case <-time.After(settle):
	}
	// first holds, second waits, and two more come. In which order they are served
	// is the system's business: that each is, and alone, is not.
	last := s.lock(t, "l")
	third, fourth := acquiring(holder), waiting(last.Overtake)
	release(t, first)
	for range 3 {
		var served vfs.Lock
		var err error
		select {
		case err = <-behind:
			served = second
		case err = <-third:
			served = holder
		case err = <-fourth:
			served = last
		}
		if err != nil {
			t.Fatal(err)
		}
		wantError(t, "Acquire of a held lock", first.Acquire(0), vfs.ErrLocked)
		release(t, served)
	}
	for _, l := range []vfs.Lock{holder, first, second, last} {
		closeNow(t, l)
	}
}

// testLockCounter lets several Locks guard a count kept in a file: any overlap
// of two holders loses a count.
func testLockCounter(t *testing.T, s suite) {
	const workers, rounds = 4, 50
	closeNow(t, s.create(t, "count", "0"))
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			l := s.lock(t, "l")
			defer closeNow(t, l)
			for n := range rounds {
				take := [...]func(time.Duration) error{l.Acquire, l.Join, l.Overtake}[(n+i)%3]
				if err := count(s.fs, l, take, s.path("count")); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	s.wantContent(t, "count", strconv.Itoa(workers*rounds))
}

// Count adds one to the number that the named file holds, reading and writing
// it while it holds the lock.
func Count(fsys vfs.FS, l vfs.Lock, name string) error { return count(fsys, l, l.Acquire, name) }

func count(fsys vfs.FS, l vfs.Lock, take func(time.Duration) error, name string) error {
	if err := take(long); err != nil {
		return err
	}
	return errors.Join(addOne(fsys, name), l.Release())
}

func addOne(fsys vfs.FS, name string) (err error) {
	f, err := fsys.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 20))
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(string(text))
	if err != nil {
		return err
	}
	_, err = f.WriteAt(strconv.AppendInt(nil, int64(n)+1, 10), 0)
	return err
}

func testLockReplaced(t *testing.T, s suite) {
	a, b := s.lock(t, "l"), s.lock(t, "l")
	s.remove(t, "l")
	// Both find the file gone, and must meet on one new file.
	acquire(t, a)
	wantError(t, "Acquire of a held lock", b.Acquire(0), vfs.ErrLocked)
	release(t, a)
	acquire(t, b)
	closeNow(t, b)
	closeNow(t, a)
}

func testLockReplacedWhileWaiting(t *testing.T, s suite) {
	a, b := s.lock(t, "l"), s.lock(t, "l")
	acquire(t, a)
	done := acquiring(b)
	s.remove(t, "l")
	release(t, a)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	// b must hold the lock of the file that the path names now.
	c := s.lock(t, "l")
	wantError(t, "Acquire of a held lock", c.Acquire(0), vfs.ErrLocked)
	wantError(t, "Acquire of a held lock", a.Acquire(0), vfs.ErrLocked)
	release(t, b)
	acquire(t, c)
	closeNow(t, a)
	closeNow(t, b)
	closeNow(t, c)
}

// A lock whose file cannot be made again works once it can.
func testLockDirectoryGone(t *testing.T, s suite) {
	if runtime.GOOS == "windows" {
		t.Skip("a directory with an open file in it cannot be renamed")
	}
	if err := s.fs.Mkdir(s.path("d"), 0o700); err != nil {
		t.Fatal(err)
	}
	l := s.lock(t, "d/l")
	s.rename(t, "d", "e")
	wantError(t, "Acquire without the directory", l.Acquire(time.Second), fs.ErrNotExist)
	s.rename(t, "e", "d")
	acquire(t, l)
	closeNow(t, l)
}
