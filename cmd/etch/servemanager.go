package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// A service manager that speaks systemd's protocols hands over sockets that it has
// opened (sd_listen_fds(3)), and is told how the daemon is (sd_notify(3)). Both are
// a few variables, and need no library.

// firstFD is SD_LISTEN_FDS_START.
const firstFD = 3

// activated returns the listeners that the service manager has handed over.
func activated(std stdio) ([]net.Listener, error) {
	if pid, err := strconv.Atoi(std.getenv("LISTEN_PID")); err != nil || pid != os.Getpid() {
		return nil, nil // they are somebody else's
	}
	n, err := strconv.Atoi(std.getenv("LISTEN_FDS"))
	if err != nil || n < 0 || n > 64 {
		return nil, fmt.Errorf("LISTEN_FDS is %q, not the number of sockets that were handed over", std.getenv("LISTEN_FDS"))
	}
	var all []net.Listener
	for fd := firstFD; fd < firstFD+n; fd++ {
		f := os.NewFile(uintptr(fd), "LISTEN_FD_"+strconv.Itoa(fd))
		l, err := net.FileListener(f) // a copy, that programs which are started do not have
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("socket %d of the service manager: %w", fd, err)
		}
		all = append(all, l)
	}
	return all, nil
}

// notifyManager tells the service manager how the daemon is, where it wants to be
// told.
func notifyManager(std stdio, state string) error {
	path := std.getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	if rest, ok := strings.CutPrefix(path, "@"); ok {
		path = "\x00" + rest // of the abstract namespace
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	_, err = c.Write([]byte(state))
	if err := errors.Join(err, c.Close()); err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	return nil
}

// startWatchdog tells the service manager, as often as it wants, that the daemon
// runs (sd_watchdog_enabled(3)), until stop is called.
func startWatchdog(std stdio, tell func(error)) (stop func()) {
	every, err := strconv.ParseInt(std.getenv("WATCHDOG_USEC"), 10, 64)
	if pid := std.getenv("WATCHDOG_PID"); err != nil || every < 2 || pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return func() {}
	}
	ticker := time.NewTicker(time.Duration(every) * time.Microsecond / 2)
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-ticker.C:
				if err := notifyManager(std, "WATCHDOG=1"); err != nil {
					tell(err)
				}
			case <-quit:
				return
			}
		}
	}()
	return func() {
		ticker.Stop()
		close(quit)
		<-ended
	}
}
