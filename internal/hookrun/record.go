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
		_, err := r.spool.Send(ctx, c)
		r.fails(err)
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
