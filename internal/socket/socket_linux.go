package socket

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Dial connects to whoever listens at a path. The error is [fs.ErrNotExist] or ECONNREFUSED
// where nobody does. It does not wait: a listener that has more to accept than it
// holds is an error.
func Dial(ctx context.Context, path string) (Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, failed(path, err)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, failed(path, os.NewSyscallError("socket", err))
	}
	// The descriptor is one that can be waited for, which package os sees by itself.
	conn := os.NewFile(uintptr(fd), path)
	if err := connect(fd, path); err != nil {
		_ = conn.Close() // the error at hand says more
		return nil, failed(path, os.NewSyscallError("connect", err))
	}
	return conn, nil
}

func connect(fd int, path string) error {
	for {
		if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != unix.EINTR {
			return err
		}
	}
}

func failed(path string, err error) error { return fmt.Errorf("dial unix %s: %w", path, err) }
