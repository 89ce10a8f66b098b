package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"runtime"
	"syscall"

	"github.com/etch-audit/etch/internal/site"
)

// maxSocketPath is how long the path of a socket may be, as the systems have it.
func maxSocketPath() int {
	if runtime.GOOS == "darwin" {
		return 103
	}
	return 107
}

// listen opens the listeners: those that a service manager has opened already, and
// else those of the configuration.
func (d *daemon) listen() error {
	given, err := activated(d.std)
	if err != nil {
		return err
	}
	for _, l := range given {
		if l.Addr().Network() == "unix" {
			d.sockets = append(d.sockets, l)
			continue
		}
		d.web = append(d.web, l)
		if err := onLoopback(l.Addr()); err != nil {
			return fail(exitUsage, "ListenStream= in the socket unit names it", err)
		}
	}
	if len(d.sockets) == 0 {
		l, err := d.listenSocket(d.resolved.SocketPath())
		if err != nil {
			return err
		}
		d.sockets = append(d.sockets, l)
	}
	if address := d.resolved.Server.Listen; address != "" {
		return d.listenWeb(address)
	}
	return nil
}

// listenSocket listens on a path. What a daemon that was killed has left there is
// taken away; what somebody listens on, or is no socket, is not.
func (d *daemon) listenSocket(path string) (net.Listener, error) {
	if len(path) > maxSocketPath() {
		return nil, fail(exitUsage, "name a shorter one: socket in [server], or --socket",
			fmt.Errorf("the path of the socket has %d bytes, the system takes %d: %s", len(path), maxSocketPath(), path))
	}
	if err := d.clearStale(path); err != nil {
		return nil, err
	}
	l, err := listenPrivately(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fail(exitFailed, "make its directory, or name another place: socket in [server]", err)
	}
	if err != nil {
		return nil, err
	}
	// Nobody but the owner could connect so far.
	if err := os.Chmod(path, d.resolved.Server.SocketMode); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// clearStale removes a socket that nobody listens on.
func (d *daemon) clearStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket && runtime.GOOS != "windows" {
		return fail(exitFailed, "move it away, or name another place: socket in [server]", fmt.Errorf("%s is there and is no socket", path))
	}
	c, err := net.DialTimeout("unix", path, site.DialTimeout)
	switch {
	case err == nil:
		_ = c.Close() // nothing was said
		return fail(exitFailed, "end it first, or name another place: socket in [server]", fmt.Errorf("somebody listens on %s", path))
	case !errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("who listens on %s cannot be told: %w", path, err)
	}
	d.std.note("replaced the socket %s, which a daemon has left", path)
	return os.Remove(path)
}

func (d *daemon) listenWeb(address string) error {
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fail(exitFailed, "somebody else listens there: name another port", err)
	}
	if err != nil {
		return err
	}
	d.web = append(d.web, l)
	return onLoopback(l.Addr()) // "localhost" is what the system says it is
}

// onLoopback returns an error for an address that other machines reach.
func onLoopback(a net.Addr) error {
	at, err := netip.ParseAddrPort(a.String())
	if err == nil && at.Addr().Unmap().IsLoopback() {
		return nil
	}
	return fmt.Errorf("%s is not loopback: HTTP is not encrypted", a)
}
