package server

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// peer asks the kernel who connected: LOCAL_PEERCRED, as getpeereid does, and
// LOCAL_PEERPID; unix(4).
func peer(c net.Conn) (Sender, error) {
	socket, ok := c.(*net.UnixConn)
	if !ok {
		return Sender{}, errors.New("no unix socket")
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return Sender{}, fmt.Errorf("peer credentials: %w", err)
	}
	s := Sender{GID: -1}
	var asked error
	err = raw.Control(func(fd uintptr) {
		var cred *unix.Xucred
		if cred, asked = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED); asked != nil {
			return
		}
		s.UID = int(cred.Uid)
		if cred.Ngroups > 0 {
			s.GID = int(cred.Groups[0])
		}
		s.PID, asked = unix.GetsockoptInt(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERPID)
	})
	if err = errors.Join(err, asked); err != nil {
		return Sender{}, fmt.Errorf("peer credentials: %w", err)
	}
	return s, nil
}
