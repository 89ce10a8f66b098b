package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/internal/segment"
)

// machineSocket is where the daemon of a machine listens that several users share. Tests
// have none, whatever the machine has that they run on.
var machineSocket = "/run/etch/etch.sock"

// errNoDaemon: nobody listens, and the configuration does not insist on a daemon.
var errNoDaemon = errors.New("no daemon listens")

// errUnreached: there is a daemon that must record, and it cannot be reached.
var errUnreached = errors.New("the daemon that is to record cannot be reached")

// findDaemon returns the socket of the daemon that is to record; "" where the log is
// written by this process. That a socket is there does not say that anybody listens.
// The error is that of a socket which is not to be used.
func findDaemon(resolved *config.Resolved) (string, error) {
	socket := resolved.SocketPath()
	if resolved.Server.Connect == config.ConnectNever || socket == "" || resolved.Options().Disabled {
		return "", nil
	}
	candidates := []string{socket}
	if resolved.DefaultPlace && resolved.Server.Socket == "" && machineSocket != "" {
		candidates = append(candidates, machineSocket)
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

// dialDaemon connects to the daemon at socket. It returns errNoDaemon where nobody
// listens and the log may be written by this process instead.
func dialDaemon(ctx context.Context, socket string, resolved *config.Resolved) (*etch.Client, error) {
	c, err := etch.Dial(ctx, socket, nil)
	if err != nil && nobodyListens(err, resolved) && resolved.Server.Connect != config.ConnectAlways {
		return nil, fmt.Errorf("%w: %w", errNoDaemon, err)
	}
	return c, err
}

// nobodyListens reports whether connecting failed for want of a daemon: the socket is
// gone, or was left by one that was killed. One that this user may not enter is others'
// daemon where the log is this user's to write; where it is not, it is the one to be
// reached.
func nobodyListens(err error, resolved *config.Resolved) bool {
	if errors.Is(err, fs.ErrPermission) {
		write := mayWrite(filepath.Dir(resolved.LogPath()))
		return write == nil || errors.Is(write, fs.ErrNotExist)
	}
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// An appender records events: a log, or a daemon that has one.
type appender interface {
	etch.Recorder
	batcher
	Close() error
}

// openAppender returns the daemon where there is one, and else the log.
func openAppender(ctx context.Context, resolved *config.Resolved, std stdio, tools ...string) (appender, error) {
	socket, err := findDaemon(resolved)
	if err != nil && resolved.Server.Connect != config.ConnectAlways {
		std.warn("%v", err)
		socket, err = "", nil
	}
	if err != nil {
		return nil, err
	}
	if socket != "" {
		c, err := dialDaemon(ctx, socket, resolved)
		if err == nil {
			sendSpooled(ctx, c, resolved, std)
			return c, nil
		}
		if !errors.Is(err, errNoDaemon) {
			return nil, fmt.Errorf("%w: %w", errUnreached, err)
		}
	}
	log, err := openWriter(resolved, std, tools...)
	if err != nil {
		return nil, err // not a nil *etch.Log, which would not be nil
	}
	return log, nil
}

// sendSpooled sends the daemon what hooks could not. What does not work is for the
// next one.
func sendSpooled(ctx context.Context, c *etch.Client, resolved *config.Resolved, std stdio) {
	opts := resolved.Options()
	opts.Classify, opts.Now = classify, std.now
	_, beside, err := besideDaemon(resolved, std)
	if err != nil {
		return // then no hook has spooled anything either
	}
	spool, err := etch.OpenSpool(beside, opts)
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, etch.DefaultDrainWithin)
		defer cancel()
		_, err = spool.Send(ctx, c)
	}
	if err != nil {
		std.warn("what hooks have spooled for the daemon waits still: %v", err)
	}
}

// besideDaemon returns the paths beside which hooks keep what they remember, and
// their spool, while a daemon records. It is the log's directory where that is this
// user's to write, and else that of the user's own log. The spool is no log's own: who
// writes that log would take it for its own.
func besideDaemon(resolved *config.Resolved, std stdio) (path, spool string, err error) {
	path = resolved.LogPath()
	if mayWrite(filepath.Dir(path)) != nil {
		own, err := ownPlace(std)
		if err != nil {
			return "", "", err
		}
		path = own.LogPath()
	}
	layout, err := segment.LayoutOf(path)
	if err != nil {
		return "", "", err
	}
	ext := filepath.Ext(path)
	return path, strings.TrimSuffix(layout.Path(layout.Active()), ext) + ".daemon" + ext, nil
}

// makeBeside is besideDaemon for who is going to write there: the directory of the
// user's own log is made.
func makeBeside(resolved *config.Resolved, std stdio) (path, spool string, err error) {
	if path, spool, err = besideDaemon(resolved, std); err != nil || path == resolved.LogPath() {
		return path, spool, err
	}
	own, err := ownPlace(std)
	if err != nil {
		return "", "", err
	}
	return path, spool, makePlace(own)
}

// ownPlace returns the configuration of a user who has none, with the default place
// of a log.
func ownPlace(std stdio) (*config.Resolved, error) {
	lookup := std.env
	std.err = nowhere{}
	std.env = func(name string) (string, bool) {
		if strings.HasPrefix(name, "ETCH_") {
			return "", false
		}
		return lookup(name)
	}
	return place{config: os.DevNull}.load(std)
}

// hookDaemonTime is until when a hook waits for a daemon, counted as its patience is:
// what is left is for the spool.
func hookDaemonTime() time.Duration { return hookPatience.records * 4 / 5 }
