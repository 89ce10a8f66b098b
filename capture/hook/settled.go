package hook

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// A SettledCall is one that is on record with its end.
type SettledCall struct {
	ID    string
	Input string // as the label input_sha256 has it
}

// Settled tells that calls of a session are on record with their ends, put
// there by somebody who learned of them elsewhere: no delivery records them any
// more, whoever sends it, and none ends them for want of a word. A session that is
// not remembered needs no telling. It waits for deliveries as Begin does.
func (s *Sessions) Settled(ctx context.Context, session string, calls ...SettledCall) error {
	entries, err := s.fs.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("list sessions: %w", err)
	}
	var errs []error
	for _, entry := range entries {
		if name, mark, ok := sessionFile(entry.Name()); ok && name == fileName("session "+session)+mark {
			errs = append(errs, s.settle(name, wait(ctx), calls))
		}
	}
	return errors.Join(errs...)
}

// settle tells one sender's session of them.
func (s *Sessions) settle(name string, wait time.Duration, calls []SettledCall) (err error) {
	held, err := s.take(name, wait)
	if held == nil {
		return err
	}
	defer func() { err = errors.Join(err, held.release()) }()
	for _, c := range calls {
		held.state.add(overKey(c.ID, c.Input))
		held.state.add(endKey(c.ID))
		held.state.add(endKey(c.ID, c.Input))
		if i := held.state.findCall(c.ID, c.Input); i >= 0 {
			held.state.close(i)
		} else if i := held.state.find(c.ID); i >= 0 {
			held.state.close(i)
		}
	}
	return errors.Join(err, held.write(held.state.append(nil)), s.taken(held))
}

// Settled is [Sessions.Settled] for calls of the turn's own session, and of its sender
// alone: what one sender delivers keeps nothing of another's out.
func (t *Turn) Settled(ctx context.Context, calls ...SettledCall) error {
	if len(calls) == 0 {
		return nil
	}
	return t.sessions.settle(t.name, wait(ctx), calls)
}
