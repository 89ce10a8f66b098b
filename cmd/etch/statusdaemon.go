package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/internal/site"
)

// A daemonRow says whether a daemon records for this user.
type daemonRow struct {
	Socket  string `json:"socket,omitempty"`
	Running bool   `json:"running"`
	Used    bool   `json:"used"`
	Why     string `json:"why"`

	// What it says of itself, where it answers.
	Log     string `json:"log,omitempty"`
	Origin  string `json:"origin,omitempty"`
	UID     string `json:"uid,omitempty"`
	User    string `json:"user,omitempty"`
	Version string `json:"version,omitempty"`
	Ready   bool   `json:"ready"`
}

// daemonOf finds out whether a daemon answers, and whether "etch log" and its like
// would use it. The error says why it is to be used and cannot record.
func daemonOf(ctx context.Context, resolved *config.Resolved) (daemonRow, error) {
	row := daemonRow{Socket: resolved.SocketPath()}
	if resolved.Server.Connect == config.ConnectNever {
		row.Why = `connect is "never"`
		return row, nil
	}
	must := resolved.Server.Connect == config.ConnectAlways
	socket, err := site.FindDaemon(resolved)
	if err == nil && socket == "" {
		row.Why = "there is none: the log is written without"
		return row, nil
	}
	if err == nil {
		row.Socket = socket
		dialling, cancel := context.WithTimeout(ctx, site.DialTimeout) // the daemon's word of itself included
		defer cancel()
		client, dialled := site.DialDaemon(dialling, socket, resolved)
		if err = dialled; err == nil {
			row.Running, row.Used, row.Why = true, true, "it answers"
			return row, errors.Join(row.ask(dialling, client), client.Close())
		}
		must = must || !errors.Is(err, site.ErrNoDaemon) // as for whoever would record through it
	}
	row.Why = err.Error()
	switch {
	case must:
		return row, fmt.Errorf("the daemon that is to record cannot be reached: %w", err)
	case errors.Is(err, site.ErrNoDaemon):
		row.Why = "nobody listens on the socket, which a daemon has left: the log is written without"
	}
	return row, nil
}

// ask takes down what the daemon says of itself.
func (row *daemonRow) ask(ctx context.Context, c *etch.Client) error {
	about, err := c.Status(ctx)
	if err != nil {
		return fmt.Errorf("the daemon does not say how it is: %w", err)
	}
	row.Log, row.Origin, row.UID, row.User, row.Version = about.Log, about.Origin, about.UID, about.User, about.Version
	if about.Problem != "" {
		return fmt.Errorf("the daemon cannot record now: %s", about.Problem)
	}
	row.Ready = true
	return nil
}

// checkDaemon says whether a daemon records, and whether it is another's: of such a
// one's log this user needs nothing.
func (in *inspection) checkDaemon() (elsewhere bool) {
	var err error
	if in.Daemon, err = daemonOf(in.ctx, in.resolved); err != nil {
		in.problem("%v", err)
	}
	own := site.MayWrite(in.layout.Dir) == nil
	if in.Daemon.Used {
		return !own || !in.servesThis()
	}
	return err != nil && !own
}

// servesThis reports whether the daemon's log is the one that is looked at.
func (in *inspection) servesThis() bool { return in.Daemon.Log == "" || sameLog(in.Daemon.Log, in.Log) }

// sameLog reports whether two paths are those of one log, as far as this user sees.
func sameLog(a, b string) bool {
	if a == b {
		return true
	}
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// lookFromOutside says what can be said of a log that is another's to write: that which
// can be read of it, and what this user's own processes keep for its daemon.
func (in *inspection) lookFromOutside() error {
	in.checkSpool()
	if in.Daemon.Used && !in.servesThis() {
		in.warning("%s is not looked at: it is written only where no daemon listens", in.Log)
	} else if reader, err := openReader(in.resolved); err == nil {
		in.Exists = true
		known := len(in.Problems)
		err := in.lookAtLog(reader)
		in.Warnings = append(in.Warnings, in.Problems[known:]...) // they are its writer's
		in.Problems = in.Problems[:known]
		return err
	}
	in.warning("of the log this user can read nothing: whether its files, keys and disk are in order is not checked here. Ask as its owner")
	return nil
}

// daemonText says it to people.
func (in *inspection) daemonText() string {
	if in.Daemon.Used {
		return "records for this user, on " + in.Daemon.Socket
	}
	return "not used: " + in.Daemon.Why
}

// aboutDaemon says to people what the daemon says of itself; "" where it says nothing.
func (in *inspection) aboutDaemon() string {
	d := &in.Daemon
	var parts []string
	if d.UID != "" {
		name := d.User
		if name == "" {
			name = "without a name"
		}
		runs := "runs as user " + name + " (uid " + d.UID + ")"
		if d.UID == strconv.Itoa(os.Getuid()) {
			runs += ", as this one: programs of this user, agents too, can do all that it can"
		}
		parts = append(parts, runs)
	}
	if d.Version != "" {
		parts = append(parts, "version "+d.Version)
	}
	if d.Log != "" {
		parts = append(parts, "log "+d.Log)
	}
	return strings.Join(parts, ", ")
}
