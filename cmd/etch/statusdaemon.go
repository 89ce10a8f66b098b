package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/internal/site"
)

// A daemonRow says whether a daemon records for this user.
type daemonRow struct {
	Socket  string `json:"socket,omitempty"`
	Running bool   `json:"running"`
	Used    bool   `json:"used"`
	Why     string `json:"why"`
}

// daemonPatience is how long a daemon may take to say that it is one.
const daemonPatience = 2 * time.Second

// daemonOf finds out whether a daemon answers, and whether "etch log" and its like
// would use it. The error says that what must be there is not.
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
		dialling, cancel := context.WithTimeout(ctx, daemonPatience)
		defer cancel()
		client, dialled := site.DialDaemon(dialling, socket, resolved)
		if err = dialled; err == nil {
			row.Running, row.Used, row.Why = true, true, "it answers"
			return row, client.Close()
		}
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

// checkDaemon says whether a daemon serves the log.
func (in *inspection) checkDaemon() {
	var err error
	if in.Daemon, err = daemonOf(in.ctx, in.resolved); err != nil {
		in.problem("%v", err)
	}
}

// daemonText says it to people.
func (in *inspection) daemonText() string {
	if in.Daemon.Used {
		return "records for this user, on " + in.Daemon.Socket
	}
	return "not used: " + in.Daemon.Why
}
