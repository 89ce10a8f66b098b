package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/internal/danger"
	"github.com/etch-audit/etch/internal/site"
)

// errUnreached: there is a daemon that must record, and it cannot be reached.
var errUnreached = errors.New("the daemon that is to record cannot be reached")

// An appender records events: a log, or a daemon that has one.
type appender interface {
	etch.Recorder
	batcher
	Close() error
}

// openAppender returns the daemon where there is one, and else the log.
func openAppender(ctx context.Context, resolved *config.Resolved, std stdio, tools ...string) (appender, error) {
	socket, err := site.FindDaemon(resolved)
	if err != nil && resolved.Server.Connect != config.ConnectAlways {
		std.warn("%v", err)
		socket, err = "", nil
	}
	if err != nil {
		return nil, err
	}
	if socket != "" {
		c, err := site.DialDaemon(ctx, socket, resolved)
		if err == nil {
			sendSpooled(ctx, c, resolved, std)
			return c, nil
		}
		if !errors.Is(err, site.ErrNoDaemon) {
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
	opts.Classify, opts.Now = danger.Of, std.now
	_, beside, err := site.BesideDaemon(resolved, std.env)
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
