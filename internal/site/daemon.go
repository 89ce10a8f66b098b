package site

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/internal/segment"
)

// MachineSocket is where the daemon of a machine listens that several users share. Tests
// have none, whatever the machine has that they run on.
var MachineSocket = "/run/etch/etch.sock"

// DialTimeout is how long connecting to a daemon takes at most. Tests, whose machine may
// be busy with others, have more.
var DialTimeout = etch.DefaultDialTimeout

// ErrNoDaemon says that nobody listens, and the configuration does not insist on a daemon.
var ErrNoDaemon = errors.New("no daemon listens")

// FindDaemon returns the socket of the daemon that is to record; "" where the log is
// written by this process. That a socket is there does not say that anybody listens.
// The error is that of a socket which is not to be used.
func FindDaemon(resolved *config.Resolved) (string, error) {
	socket := resolved.SocketPath()
	if resolved.Server.Connect == config.ConnectNever || socket == "" || resolved.Options().Disabled {
		return "", nil
	}
	candidates := []string{socket}
	if resolved.DefaultPlace && resolved.Server.Socket == "" && MachineSocket != "" {
		candidates = append(candidates, MachineSocket)
	}
	for _, path := range candidates {
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("daemon: %w", err)
		}
		if err := trusted(path, info, resolved); err != nil {
			return "", err
		}
		return path, nil
	}
	if resolved.Server.Connect == config.ConnectAlways {
		return socket, nil // dialling says that nobody is there
	}
	return "", nil
}

// trusted returns an error where a socket is not that of a daemon that may know what
// is recorded: anybody can listen in a directory that anybody may write to. It may be
// root's, the user's own, of who owns the log's directory, or of whom root has given the
// directory that it is in, as a service manager gives one below /run.
func trusted(path string, info fs.FileInfo, resolved *config.Resolved) error {
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("daemon: %s is no socket", path)
	}
	owner, ok := ownerID(info)
	if !ok || owner == 0 || owner == os.Getuid() {
		return nil
	}
	if dir, err := os.Stat(filepath.Dir(resolved.LogPath())); err == nil {
		if log, ok := ownerID(dir); ok && log == owner {
			return nil
		}
	}
	if appointed(filepath.Dir(path), owner) {
		return nil
	}
	return fmt.Errorf("daemon: %s is uid %d's, who is neither root, nor you, nor the owner of the log's directory: it is not used", path, owner)
}

// appointed reports whether root has given a directory to its owner: nobody else may
// write there, and nobody but root above it.
func appointed(dir string, owner int) bool {
	for at := dir; ; at = filepath.Dir(at) {
		info, err := os.Lstat(at)
		if err != nil || !info.IsDir() || info.Mode().Perm()&0o022 != 0 {
			return false
		}
		id, ok := ownerID(info)
		if !ok || at == dir && id != owner || at != dir && id != 0 {
			return false
		}
		if at == filepath.Dir(at) {
			return true
		}
	}
}

// DialDaemon connects to the daemon at socket. It returns ErrNoDaemon where nobody
// listens and the log may be written by this process instead.
func DialDaemon(ctx context.Context, socket string, resolved *config.Resolved) (*etch.Client, error) {
	c, err := etch.Dial(ctx, socket, &etch.DialOptions{DialTimeout: DialTimeout})
	if err != nil && nobodyListens(err, resolved) && resolved.Server.Connect != config.ConnectAlways {
		return nil, fmt.Errorf("%w: %w", ErrNoDaemon, err)
	}
	return c, err
}

// nobodyListens reports whether connecting failed for want of a daemon: the socket is
// gone, or was left by one that was killed. One that this user may not enter is others'
// daemon where the log is this user's to write; where it is not, it is the one to be
// reached.
func nobodyListens(err error, resolved *config.Resolved) bool {
	if errors.Is(err, fs.ErrPermission) {
		write := MayWrite(filepath.Dir(resolved.LogPath()))
		return write == nil || errors.Is(write, fs.ErrNotExist)
	}
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// BesideDaemon returns the paths beside which hooks keep what they remember, and
// their spool, while a daemon records. It is the log's directory where that is this
// user's to write, and else that of the user's own log. The spool is no log's own: who
// writes that log would take it for its own.
func BesideDaemon(resolved *config.Resolved, env func(name string) (string, bool)) (path, spool string, err error) {
	path = resolved.LogPath()
	if MayWrite(filepath.Dir(path)) != nil {
		own, err := own(env)
		if err != nil {
			return "", "", err
		}
		path = own.LogPath()
	}
	layout, err := segment.LayoutOf(path)
	if err != nil {
		return "", "", err
	}
	// A log without an extension has its stem and ".spool" for a spool, which is what one
	// with the extension ".daemon" has.
	ext := cmp.Or(filepath.Ext(path), ".log")
	return path, strings.TrimSuffix(layout.Path(layout.Active()), ext) + ".daemon" + ext, nil
}

// MakeBeside is BesideDaemon for who is going to write there: the directory of the
// user's own log is made.
func MakeBeside(resolved *config.Resolved, env func(name string) (string, bool)) (path, spool string, err error) {
	if path, spool, err = BesideDaemon(resolved, env); err != nil || path == resolved.LogPath() {
		return path, spool, err
	}
	own, err := own(env)
	if err != nil {
		return "", "", err
	}
	return path, spool, Make(own)
}
