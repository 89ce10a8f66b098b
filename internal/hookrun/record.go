package hookrun

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/site"
)

// record appends the events in one write, and looks after the spool where there
// is time. What was acknowledged stays acknowledged whatever comes after it.
func (r *run) record() error {
	if r.to.refused != nil {
		return r.to.refused
	}
	if r.to.socket != "" {
		err := r.recordByDaemon()
		if !errors.Is(err, site.ErrNoDaemon) {
			return err
		}
		own := r.resolved.LogPath()
		if err := r.use(r.resolved, recorderPlace{path: own, spool: own}); err != nil {
			return err
		}
	}
	log, err := r.open()
	if err != nil {
		return err
	}
	before := r.completes()
	if before {
		if err := inOrder(context.Background(), r.patience.Drains, log.Drain); err != nil {
			r.fails(log.Close())
			return err
		}
	}
	events := r.begin()
	if events == nil {
		return log.Close() // what it returns is not waited for
	}
	_, err = log.AppendBatch(context.Background(), events)
	if err != nil && !errors.Is(err, etch.ErrSkipped) {
		r.fails(log.Close())
		return err
	}
	r.fails(r.spool.Reserve())
	if !before && r.process.Now().Sub(r.began) < r.patience.Idles {
		ctx, cancel := context.WithTimeout(context.Background(), r.patience.Drains)
		defer cancel()
		_, err := log.Drain(ctx)
		r.fails(err)
	}
	r.fails(closeBehind(log, events))
	return nil
}

// recordByDaemon has the events recorded, and looks after the spool where there is
// time. It returns site.ErrNoDaemon where nobody listens and this process is to record.
func (r *run) recordByDaemon() error {
	ctx, cancel := context.WithDeadline(context.Background(), r.began.Add(r.patience.daemon()))
	defer cancel()
	c, err := site.DialDaemon(ctx, r.to.socket, r.resolved)
	if err != nil {
		return err
	}
	send := func(ctx context.Context) (etch.Drained, error) { return r.spool.Send(ctx, c) }
	before := r.completes()
	if before {
		if err := inOrder(ctx, r.patience.Drains, send); err != nil {
			return errors.Join(err, c.Close())
		}
	}
	events := r.begin()
	if events == nil {
		return c.Close() // what it returns is not waited for
	}
	_, err = c.AppendBatch(ctx, events)
	if err != nil && !errors.Is(err, etch.ErrSkipped) {
		return err // the process ends, and the connection with it
	}
	r.fails(r.spool.Reserve())
	if !before && r.process.Now().Sub(r.began) < r.patience.Idles {
		ctx, cancel := context.WithTimeout(ctx, r.patience.Drains)
		defer cancel()
		_, err := send(ctx)
		r.fails(err)
	}
	return nil
}

// errBehind: the event waits behind others, so that none is on record before what
// came before it.
var errBehind = errors.New("what came before it is in the spool still")

// completes reports whether one of the events completes a call, whose attempt may wait
// in the spool.
func (r *run) completes() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.events, func(ev *etch.Event) bool { return ev.Phase == etch.Completion })
}

// inOrder drains the spool, and returns an error where something waits in it still: a
// completion is recorded behind its attempt, or the call would stay open to whoever asks.
func inOrder(ctx context.Context, within time.Duration, drain func(context.Context) (etch.Drained, error)) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	done, err := drain(ctx)
	if err != nil {
		return err
	}
	if done.Left {
		return errBehind
	}
	return nil
}

// open opens the log, or makes it where there is none and never was one.
func (r *run) open() (*etch.Log, error) {
	path, opts := r.resolved.LogPath(), r.options(r.resolved)
	log, err := etch.Open(path, opts)
	if !errors.Is(err, etch.ErrNoLog) && !errors.Is(err, os.ErrNotExist) {
		return log, err
	}
	r.creating.Lock()
	defer r.creating.Unlock()
	log, err = etch.Create(path, opts)
	if errors.Is(err, etch.ErrExists) {
		return etch.Open(path, opts) // another process was faster
	}
	return log, err
}

// closeBehind closes the log behind events. The end of a session seals what it
// has left: nobody may come after it for long.
func closeBehind(log *etch.Log, events []*etch.Event) error {
	var err error
	for _, ev := range events {
		if ev.Type == etch.SessionEnd {
			_, err = log.Seal(context.Background())
		}
	}
	return errors.Join(err, log.Close())
}
