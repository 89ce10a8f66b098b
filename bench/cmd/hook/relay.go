package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
)

// relays is the least that a hook in Go does that leaves the work to a process which is there
// already: one read, and one question to that process.
const relays = `package main

import (
	"os"
	"syscall"
)

func main() {
	var payload [4096]byte
	n, err := syscall.Read(0, payload[:])
	if err != nil {
		panic(err)
	}
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		panic(err)
	}
	if err := syscall.Connect(fd, &syscall.SockaddrUnix{Name: os.Args[1]}); err != nil {
		panic(err)
	}
	if _, err := syscall.Write(fd, payload[:n]); err != nil {
		panic(err)
	}
	if n, err := syscall.Read(fd, payload[:]); n != 1 || err != nil {
		panic("no answer")
	}
}
`

// A keeper is the process that is there already: it appends what it is sent, makes it durable,
// and says so. It does nothing else of a hook's work.
type keeper struct {
	path   string // of the socket
	listen net.Listener
	file   *os.File
	ended  chan error
}

func newKeeper(dir string) (*keeper, error) {
	// A socket's path must be short, and the directory of the logs may be anywhere.
	at, err := os.MkdirTemp("", "hook")
	if err != nil {
		return nil, err
	}
	k := &keeper{path: filepath.Join(at, "s"), ended: make(chan error, 1)}
	if k.file, err = os.OpenFile(filepath.Join(dir, "relay.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return nil, errors.Join(err, os.RemoveAll(at))
	}
	var to net.ListenConfig
	if k.listen, err = to.Listen(context.Background(), "unix", k.path); err != nil {
		return nil, errors.Join(err, k.file.Close(), os.RemoveAll(at))
	}
	go func() { k.ended <- k.serve() }()
	return k, nil
}

// serve answers one after another: that is how they come.
func (k *keeper) serve() error {
	payload := make([]byte, 4096)
	for {
		c, err := k.listen.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		n, err := c.Read(payload)
		if err == nil {
			_, err = k.file.Write(payload[:n])
		}
		if err == nil {
			err = k.file.Sync()
		}
		if err == nil {
			_, err = c.Write([]byte{'.'})
		}
		if err := errors.Join(err, c.Close()); err != nil {
			return errors.Join(err, k.listen.Close())
		}
	}
}

func (k *keeper) close() error {
	closed := k.listen.Close()
	if errors.Is(closed, net.ErrClosed) {
		closed = nil // by an error, which is the one to tell
	}
	return errors.Join(closed, <-k.ended, k.file.Close(), os.RemoveAll(filepath.Dir(k.path)))
}
