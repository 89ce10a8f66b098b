package hookrun

import (
	"context"
	"errors"
	"os"

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
	if r.behind(context.Background(), log.Drain) {
		r.fails(log.Close())
		return nil
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
	if r.process.Now().Sub(r.began) < r.patience.Idles {
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
	if r.behind(ctx, send) {
		r.fails(c.Close())
		return nil
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
	if r.process.Now().Sub(r.began) < r.patience.Idles {
		ctx, cancel := context.WithTimeout(ctx, r.patience.Drains)
		defer cancel()
		_, err := send(ctx)
		r.fails(err)
	}
	return nil
}

// errBehind: the events wait behind others, so that none is on record before what came
// before it.
var errBehind = errors.New("what came before it is in the spool still")

// behind sees to it that a completion is recorded behind its attempt where that waits in
// the spool: it drains, and where that does not help it spools the events too, and
// reports that it did. A spool that is of no use keeps nothing out of the log: the wrong
// order is better than a loss, and so is an event that is counted as lost and is there.
// Where the agent asks for leave it has to have its answer.
func (r *run) behind(ctx context.Context, drain func(context.Context) (etch.Drained, error)) bool {
	r.mu.Lock()
	events, asks := r.events, r.turn != nil && r.turn.Request != nil
	r.mu.Unlock()
	if asks || !r.precedes(events) {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, r.patience.Drains)
	defer cancel()
	_, err := drain(ctx)
	r.fails(err)
	if !r.precedes(events) {
		return false
	}
	err = r.spool.Put(errBehind, events...)
	r.fails(err)
	return err == nil
}

// precedes is [etch.Spool.Precedes]; what cannot be looked at precedes nothing.
func (r *run) precedes(events []*etch.Event) bool {
	before, err := r.spool.Precedes(events...)
	r.fails(err)
	return before
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
