package socket_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/socket"
)

// place returns a path that is short enough for a socket, wherever temporary files are.
func place(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sock")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return filepath.Join(dir, "s")
}

func listen(t *testing.T, path string) net.Listener {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	return l
}

func TestDial(t *testing.T) {
	path := place(t)
	l := listen(t, path)
	echoed := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			echoed <- err
			return
		}
		_, err = io.Copy(c, io.LimitReader(c, 5))
		echoed <- errors.Join(err, c.Close())
	}()
	c, err := socket.Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil || string(got) != "hello" {
		t.Errorf("got %q, %v; want what was written", got, err)
	}
	if err := errors.Join(<-echoed, c.Close()); err != nil {
		t.Error(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("a closed connection can be read")
	}
}

func TestNobodyListens(t *testing.T) {
	path := place(t)
	if _, err := socket.Dial(t.Context(), path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a socket: error is %v, want %v", err, fs.ErrNotExist)
	}
	if runtime.GOOS != "windows" {
		l := listen(t, path)
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := socket.Dial(t.Context(), path); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("a socket that was left: error is %v, want %v", err, syscall.ECONNREFUSED)
		}
	}
	if _, err := socket.Dial(t.Context(), path+strings.Repeat("long", 100)); err == nil {
		t.Error("a path that is too long for a socket: no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := socket.Dial(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("when nobody wants it any more: error is %v", err)
	}
}

// TestEnds: a Read that waits ends with its deadline, also one that is set meanwhile, and
// with Close.
func TestEnds(t *testing.T) {
	path := place(t)
	listen(t, path)
	c, err := socket.Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	read := func() {
		_, err := c.Read(make([]byte, 1))
		ended <- err
	}
	if err := c.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	go read()
	if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("its time was up: error is %v, want %v", err, os.ErrDeadlineExceeded)
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	go read()
	if err := c.SetDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a deadline of long ago: error is %v, want %v", err, os.ErrDeadlineExceeded)
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	go read()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("closed: error is %v", err)
	}
}
