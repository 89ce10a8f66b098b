package etch

import (
	"context"
	"encoding/hex"
	"errors"
	"strconv"

	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/spool"
	"github.com/etch-audit/etch/internal/vfs"
	"github.com/etch-audit/etch/internal/wire"
)

// labelCut, with the member's path behind it, says of an event that was cut before
// it was sent to a daemon how long the member was, and its hash.
const labelCut = "cut_"

// Send sends what waits in the spool to a daemon, which records each event once,
// whoever sends it how often: it looks for its id among its records. It stops
// between two files when ctx is done. What is lost, of files that it cannot read
// wholly too, and events that the daemon will never take, are put on record as log_gap,
// with the sender's name to it; such files are set aside for people. The spool is to be
// one of a sender's, and no log's own.
func (s *Spool) Send(ctx context.Context, c *Client) (Drained, error) {
	var done Drained
	files, err := s.dir.Files()
	if err != nil {
		return done, err
	}
	if idle, err := s.dir.Idle(); err != nil || idle && len(files) == 0 {
		return done, err
	}
	release, err := s.dir.Lock()
	if errors.Is(err, vfs.ErrLocked) {
		return Drained{Left: true}, nil
	}
	if err != nil {
		return done, err
	}
	s.open()
	if files, err = s.dir.Files(); err == nil {
		for _, f := range files {
			if ctx.Err() != nil {
				done.Left = true
				break
			}
			if err = s.sendFile(ctx, c, f, &done); err != nil || done.Left {
				break // what is behind a file that is left waits with it
			}
		}
	}
	if err == nil && ctx.Err() == nil {
		err = s.sendLosses(ctx, c, &done)
	}
	return done, errors.Join(err, release())
}

// sendLosses has it recorded how many events are counted as lost.
func (s *Spool) sendLosses(ctx context.Context, c *Client, done *Drained) error {
	taken, err := s.dir.TakeLost(s.key, spool.Position{}, s.maker.opt.Now(), lostWait)
	if err != nil || taken == nil {
		return err
	}
	loss := Loss{ID: taken.ID, Count: taken.Count, From: taken.From, To: taken.To, Cause: "neither daemon nor spool could take them: " + taken.Cause}
	if err := c.recordLoss(ctx, loss); err != nil {
		return err
	}
	done.Lost += taken.Count
	return s.dir.RecordedLost(s.key, taken.ID, lostWait)
}

// sendFile sends the events of one file and removes it, or sets it aside where
// something of it is lost.
func (s *Spool) sendFile(ctx context.Context, c *Client, f spool.File, done *Drained) error {
	if f.Unfinished {
		if s.maker.opt.Now().Sub(f.Changed).Abs() < unfinishedAge {
			done.Left = true
			return nil
		}
		whole, err := s.dir.Adopt(f)
		if err != nil {
			return err
		}
		f = whole
	}
	content, err := s.dir.Read(f, s.key)
	if err != nil {
		return err
	}
	var events []*Event
	for _, body := range content.Bodies {
		ev, err := sentOfBody(body)
		if err != nil {
			content.Lost++
			content.Cause = f.Name + ": " + err.Error()
			continue
		}
		events = append(events, ev)
	}
	refused, err := c.sendAll(ctx, events, done)
	if err != nil {
		return err
	}
	if len(refused) > 0 {
		content.Lost += len(refused)
		content.Cause = f.Name + ": " + refused[len(refused)-1].Error()
	}
	if content.Lost == 0 {
		return s.dir.Remove(f)
	}
	loss := Loss{ID: f.Name, Count: uint64(content.Lost), From: f.First, To: f.First, Cause: "lost in the spool: " + content.Cause}
	if err := c.recordLoss(ctx, loss); err != nil {
		return err
	}
	done.Lost += loss.Count
	return s.dir.SetAside(f)
}

// sendAll sends events that may be recorded already, and returns why the daemon takes
// some of them never, one error for each. The error is one of all: they are to be sent
// again.
func (c *Client) sendAll(ctx context.Context, events []*Event, done *Drained) (refused []error, err error) {
	recorded, known, err := c.appendOnce(ctx, wire.OnceStart, events)
	switch {
	case isFinal(err) && len(events) > 1: // which of them it is, is not known
		var each Drained
		for i := range events {
			never, err := c.sendAll(ctx, events[i:i+1], &each)
			if err != nil {
				return nil, err
			}
			refused = append(refused, never...)
		}
		done.Recorded += recorded + each.Recorded
		done.Known += each.Known - min(each.Known, recorded)
		return refused, nil
	case isFinal(err):
		return []error{err}, nil
	}
	done.Recorded += recorded
	done.Known += known
	if errors.Is(err, ErrSkipped) {
		err = nil
	}
	return nil, err
}

// isFinal reports whether an error says that an event will not be taken, however often
// it is sent: another one may have been refused with it for another reason.
func isFinal(err error) bool {
	if errors.Is(err, errTooLong) {
		return true
	}
	e, ok := errors.AsType[*DaemonError](err)
	return ok && (wire.Code(e.Code) == wire.Invalid || wire.Code(e.Code) == wire.TooLarge)
}

// sentOfBody returns the event of a body as it is sent. What a line says of its cuts
// becomes labels: nobody but a log can say it otherwise.
func sentOfBody(body []byte) (*Event, error) {
	ev, err := eventOfBody(body)
	if err != nil {
		return nil, err
	}
	line := append(append(record.AppendOpen(nil, 0), body...), '}')
	var r Record
	if err := decodeLine(line, &r); err != nil {
		return nil, err
	}
	for _, cut := range r.Cuts {
		if ev.Labels == nil {
			ev.Labels = make(map[string]string)
		}
		ev.Labels[labelCut+cut.Member] = strconv.FormatUint(cut.Bytes, 10) + " bytes, sha256 " + hex.EncodeToString(cut.SHA256[:])
	}
	return ev, nil
}
