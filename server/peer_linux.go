package server

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// peer asks the kernel who connected: SO_PEERCRED, unix(7). The credentials are
// those of the moment of connect.
func peer(c net.Conn) (Sender, error) {
	socket, ok := c.(*net.UnixConn)
	if !ok {
		return Sender{}, errors.New("no unix socket")
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return Sender{}, fmt.Errorf("peer credentials: %w", err)
	}
	var cred *unix.Ucred
	var asked error
	err = raw.Control(func(fd uintptr) {
		cred, asked = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err = errors.Join(err, asked); err != nil {
		return Sender{}, fmt.Errorf("peer credentials: %w", err)
	}
	return Sender{UID: int(cred.Uid), GID: int(cred.Gid), PID: int(cred.Pid)}, nil
}
