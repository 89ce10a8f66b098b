package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/importer"
	"github.com/etch-audit/etch/internal/site"
	"github.com/etch-audit/etch/internal/zeroclaw"
)

// An import goes through a daemon where the log is its own to write. The daemon does
// not see the files: what is said of them are its sender's claims, and recorded as such
// (claimed_import_…), so that nothing is believed for having been imported. It knows an
// entry again by its id, among what the same user has sent. Where the log is this user's
// to write an import writes it itself, beside a daemon too: then its labels are as true
// as whoever can write the log.

// daemonForImport returns the daemon that is to record; nil where the log is written by
// this process.
func (r *importRun) daemonForImport(ctx context.Context, resolved *config.Resolved) (*etch.Client, error) {
	socket, err := site.FindDaemon(resolved)
	if err != nil && resolved.Server.Connect != config.ConnectAlways {
		r.std.warn("%v", err)
		return nil, nil
	}
	if err != nil || socket == "" {
		return nil, err
	}
	c, err := site.DialDaemon(ctx, socket, resolved)
	if errors.Is(err, site.ErrNoDaemon) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnreached, err)
	}
	about, err := c.Status(ctx)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	log := resolved.LogPath()
	if (about.Log == "" || sameLog(about.Log, log)) && site.MayWrite(filepath.Dir(log)) == nil {
		return nil, c.Close()
	}
	if r.opts.dryRun {
		hint := "ask as the user who has the log"
		if about.User != "" {
			hint = "ask as the user " + about.User
		}
		return nil, errors.Join(fail(exitFailed, hint, errors.New("how much is new cannot be told: the daemon's log is not this user's to read")), c.Close())
	}
	r.std.note("recording through the daemon on %s: what is said of the files are this user's claims there, labels claimed_import_…", socket)
	return c, nil
}

// through prepares to record through a daemon.
func (r *importRun) through(c *etch.Client, to importer.Options) (done func() error) {
	to.Daemon, to.IDLabel = c, zeroclaw.LabelEventID
	r.into = importer.New(to)
	return c.Close
}
