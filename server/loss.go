package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/wire"
)

// Bounds of what a sender may say of its losses.
const (
	maxLoss      = 1 << 32
	maxLossID    = 200
	maxLossCause = 4 << 10
)

// lossLimits are what one sender may tell of its losses, whatever else it may send: a
// spool has few, and there is no other use for them.
var lossLimits = Limits{Rate: 1, Burst: 64}

// A claimedLoss is a request of a native connection, to record that events are lost
// which its sender could keep nowhere.
type claimedLoss struct {
	answer int // its place among the answers
	loss   etch.Loss
}

// parseLoss reads a request for that, and reports whether the line is one.
func parseLoss(line []byte) (loss etch.Loss, is bool, err error) {
	inner, is := bytes.CutPrefix(line, []byte(wire.LostStart))
	if !is {
		return loss, false, nil
	}
	if inner, is = bytes.CutSuffix(inner, []byte(wire.LostEnd)); !is {
		return loss, true, errors.New("the object of lost does not end with the line")
	}
	var told wire.Lost
	d := json.NewDecoder(bytes.NewReader(inner))
	d.DisallowUnknownFields()
	if err := d.Decode(&told); err != nil {
		return loss, true, fmt.Errorf("lost: %w", err)
	}
	switch {
	case d.InputOffset() != int64(len(inner)):
		err = errors.New("lost: something stands behind the object")
	case told.ID == "" || len(told.ID) > maxLossID:
		err = fmt.Errorf("lost: id has %d bytes, not 1 to %d", len(told.ID), maxLossID)
	case told.Count == 0 || told.Count > maxLoss:
		err = fmt.Errorf("lost: count is %d, not 1 to %d", told.Count, uint64(maxLoss))
	case len(told.Cause) > maxLossCause:
		err = fmt.Errorf("lost: cause has %d bytes, at most %d", len(told.Cause), maxLossCause)
	case !stored(told.From) || !stored(told.To):
		err = errors.New("lost: a time is of no year that a log has")
	case told.To.Before(told.From):
		err = errors.New("lost: to is before from")
	}
	return etch.Loss{ID: told.ID, Count: told.Count, From: told.From, To: told.To, Cause: told.Cause}, true, err
}

// stored reports whether a log can write a time, which it does in UTC.
func stored(t time.Time) bool {
	year := t.UTC().Year()
	return year >= 0 && year <= 9999
}

// recordLoss records a loss that its sender claims. Ids are each sender's own: nobody
// can keep another's loss, or one of the log's own spool, out.
func (s *Server) recordLoss(ctx context.Context, sender Sender, loss etch.Loss) error {
	own := &s.account(sender).recent
	own.mu.Lock()
	defer own.mu.Unlock()
	loss.ID = sender.Key() + " " + loss.ID
	loss.ClaimedBy = sender.Key()
	loss.Cause = fmt.Sprintf("lost on the way to the daemon, as %v claims: %s", sender, loss.Cause)
	return s.log.RecordLoss(ctx, loss)
}

// spendLoss takes one off the losses that a sender may tell of, and waits where it is
// too fast.
func (s *Server) spendLoss(a *account) error {
	a.mu.Lock()
	wait, ok := a.losses.take(1, &lossLimits, s.opt.Now(), ratePatience)
	a.mu.Unlock()
	if !ok {
		s.stats.rateLimited.Add(1)
		return &RateError{RetryAfter: wait}
	}
	if !s.rest(wait) {
		return ErrShuttingDown
	}
	return nil
}

// claim takes a line that tells of a loss.
func (n *native) claim(loss etch.Loss, err error) {
	if err != nil {
		n.server.stats.invalid.Add(1)
		n.fails(wire.Invalid, err, "")
		return
	}
	n.losses = append(n.losses, claimedLoss{len(n.answers), loss})
	n.answers = append(n.answers, wire.Answer{Line: n.line})
}

// recordLosses records what the lines of a batch have told of losses.
func (n *native) recordLosses(ctx context.Context) {
	for i := range n.losses {
		a := &n.answers[n.losses[i].answer]
		err := n.server.spendLoss(n.account)
		if err == nil {
			err = n.server.recordLoss(ctx, n.sender, n.losses[i].loss)
		}
		if err != nil {
			n.fail(a, err)
			continue
		}
		a.Kind = wire.Known
	}
}
