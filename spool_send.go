package etch

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/spool"
	"github.com/etch-audit/etch/internal/vfs"
	"github.com/etch-audit/etch/internal/wire"
)

// labelCut, with the member's path behind it, says of an event that was cut before
// it was sent to a daemon how long the member was, and its hash.
const labelCut = "cut_"

// ErrMismatch is returned by [Spool.Send] where the daemon does not know what it is sent,
// and this program does: they are of different versions. What is refused stays where it is.
var ErrMismatch = errors.New("the daemon does not take what this etch sends: it is probably an older one")

const (
	// refusedRest is how long files rest that a daemon did not take for now.
	refusedRest = time.Minute
	// refusedAll is after how many of them, and none that it took, it is asked for no more.
	refusedAll = 8
)

// Send sends what waits in the spool to a daemon, which records each event once,
// whoever sends it how often: it looks for its id among its records. It stops
// between two files when ctx is done. What is lost, of files that it cannot read
// wholly too, and events that are longer than the daemon takes, are put on record as
// log_gap, with the sender's name to it; such files are set aside for people. What the
// daemon refuses because it does not know it waits, and what came before it too: the
// error is then [ErrMismatch], and for a minute none of it is sent again. The spool is to
// be one of a sender's, and no log's own.
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
		sending := &sending{spool: s, client: c}
		err = sending.run(ctx, files)
		done = sending.done
	}
	return done, errors.Join(err, release())
}

// A sending is one go at a spool. It holds the spool's lock.
type sending struct {
	spool   *Spool
	client  *Client
	done    Drained
	before  spool.Refusal // what was refused when the daemon was asked last
	now     spool.Refusal // what is refused
	left    []spool.File  // that wait still
	sent    int           // files that are done with
	refused error         // why the last of them was refused just now
	newer   error         // why one of them could not be read
}

func (s *sending) run(ctx context.Context, files []spool.File) (err error) {
	if s.before, err = s.spool.dir.Refused(); err != nil {
		return err
	}
	s.now = spool.Refusal{At: s.before.At, Cause: s.before.Cause}
	resting := s.spool.maker.opt.Now().Sub(s.before.At).Abs() < refusedRest
	if resting && s.before.All {
		s.done.Left = true
		return nil
	}
	for _, f := range files {
		switch {
		case ctx.Err() != nil || s.now.All:
			s.leave(f)
		case resting && slices.Contains(s.before.Files, f.Name):
			s.now.Files = append(s.now.Files, f.Name)
			s.leave(f)
		case s.waitsBehind(f):
			s.leave(f)
		default:
			early, err := s.file(ctx, f)
			if err != nil || early { // what is behind it waits with it
				s.done.Left = true
				return errors.Join(err, s.remember())
			}
		}
	}
	if ctx.Err() == nil && !s.now.All {
		err = s.spool.sendLosses(ctx, s.client, &s.done)
	}
	return errors.Join(err, s.remember())
}

func (s *sending) leave(f spool.File) {
	s.left = append(s.left, f)
	s.done.Left = true
}

// waitsBehind reports whether a file may have the completion of a call whose attempt is
// in one that is left: see [Spool.Precedes].
func (s *sending) waitsBehind(f spool.File) bool {
	return slices.ContainsFunc(s.left, func(l spool.File) bool {
		return l.First.Equal(f.First) || l.Events > 1 || f.Events > 1
	})
}

// file sends one file, and reports whether it is too early for that. That it is refused
// for now is no error.
func (s *sending) file(ctx context.Context, f spool.File) (early bool, err error) {
	early, err = s.spool.sendFile(ctx, s.client, f, &s.done)
	switch {
	case errors.Is(err, spool.ErrNewer):
		s.newer = err
		s.leave(f)
		return false, nil
	case isMismatch(err):
		s.refused = err
		s.leave(f)
		s.now.Files = append(s.now.Files, f.Name)
		s.now.All = s.sent == 0 && len(s.now.Files) >= refusedAll
		return false, nil
	case err == nil && !early:
		s.sent++
	}
	return early, err
}

// remember keeps what is refused for who asks next, and returns why it is.
func (s *sending) remember() error {
	if s.refused == nil && len(s.before.Files) == len(s.now.Files) {
		return s.newer
	}
	err := s.newer
	if s.refused != nil {
		s.now.At, s.now.Cause = s.spool.maker.opt.Now(), s.refused.Error()
		err = errors.Join(err, fmt.Errorf("%w; %d files of the spool wait until one that does is started in its place: %w", ErrMismatch, len(s.left), s.refused))
	}
	return errors.Join(err, s.spool.dir.Refuse(s.now))
}

// sendLosses has it recorded how many events are counted as lost.
func (s *Spool) sendLosses(ctx context.Context, c *Client, done *Drained) error {
	taken, err := s.dir.TakeLost(s.key, spool.Position{}, s.maker.opt.Now(), lostWait)
	if err != nil || taken == nil {
		return err
	}
	loss := Loss{ID: taken.ID, Count: taken.Count, From: taken.From, To: taken.To, Cause: "neither daemon nor spool could take them: " + taken.Cause}
	if err := c.recordLoss(ctx, loss); err != nil {
		if isMismatch(err) {
			return fmt.Errorf("%w: %w", ErrMismatch, err)
		}
		return err
	}
	done.Lost += taken.Count
	return s.dir.RecordedLost(s.key, taken.ID, lostWait)
}

// sendFile sends the events of one file and removes it, or sets it aside where
// something of it is lost. It is early for one that its process may still be writing.
func (s *Spool) sendFile(ctx context.Context, c *Client, f spool.File, done *Drained) (early bool, err error) {
	if f.Unfinished {
		if s.maker.opt.Now().Sub(f.Changed).Abs() < unfinishedAge {
			return true, nil
		}
		whole, err := s.dir.Adopt(f)
		if err != nil {
			return false, err
		}
		f = whole
	}
	content, err := s.dir.Read(f, s.key)
	if err == nil {
		err = newerBody(f, content)
	}
	if err != nil {
		return false, err
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
		return false, err
	}
	if len(refused) > 0 {
		content.Lost += len(refused)
		content.Cause = f.Name + ": " + refused[len(refused)-1].Error()
	}
	if content.Lost == 0 {
		return false, s.dir.Remove(f)
	}
	loss := Loss{ID: f.Name, Count: uint64(content.Lost), From: f.First, To: f.First, Cause: "lost in the spool: " + content.Cause}
	if err := c.recordLoss(ctx, loss); err != nil {
		return false, err
	}
	done.Lost += loss.Count
	return false, s.dir.SetAside(f)
}

// sendAll sends events that may be recorded already, and returns why the daemon takes
// some of them never, one error for each. The error is one of all: they are to be sent
// again.
func (c *Client) sendAll(ctx context.Context, events []*Event, done *Drained) (refused []error, err error) {
	recorded, known, err := c.appendOnce(ctx, wire.OnceStart, events)
	switch {
	case isFinal(err) && len(events) > 1: // which of them it is, is not known
		var each Drained
		var mismatch error
		for i := range events {
			never, err := c.sendAll(ctx, events[i:i+1], &each)
			switch {
			case isMismatch(err):
				mismatch = err
			case err != nil:
				return nil, err
			}
			refused = append(refused, never...)
		}
		done.Recorded += recorded + each.Recorded
		done.Known += each.Known - min(each.Known, recorded)
		return refused, mismatch
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
// it is sent: it is longer than the daemon takes. Another one may have been refused with
// it for another reason.
func isFinal(err error) bool {
	if errors.Is(err, errTooLong) {
		return true
	}
	e, ok := errors.AsType[*DaemonError](err)
	return ok && wire.Code(e.Code) == wire.TooLarge
}

// isMismatch reports whether an error is a daemon's word that what it was sent is no
// request that it knows. What is sent is an event, as this program sees it, in a form
// that it knows: so the daemon is of another version, and the next one may take it.
func isMismatch(err error) bool {
	e, ok := errors.AsType[*DaemonError](err)
	return ok && wire.Code(e.Code) == wire.Invalid
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
	ev.Timestamp = given(ev.Timestamp) // else the daemon would ask for one
	for _, cut := range r.Cuts {
		if ev.Labels == nil {
			ev.Labels = make(map[string]string)
		}
		ev.Labels[labelCut+cut.Member] = strconv.FormatUint(cut.Bytes, 10) + " bytes, sha256 " + hex.EncodeToString(cut.SHA256[:])
	}
	return ev, nil
}
