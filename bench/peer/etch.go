package peer

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/etch-audit/etch"
)

// Interval is the durability of the peer "etch-interval".
const Interval = 100 * time.Millisecond

// A log is etch itself with its defaults: lines signed, seals, epochs, state,
// and texts searched for secrets. Only the rotation is by size, so that a
// comparison at midnight is no other.
type log struct{ log *etch.Log }

func openEtch(dir string) (Peer, error) { return openLog(dir, 0) }

func openEtchInterval(dir string) (Peer, error) { return openLog(dir, Interval) }

// openLog makes a log, or opens the one that another process has made.
func openLog(dir string, durability time.Duration) (Peer, error) {
	opt := &etch.Options{Rotate: etch.BySize, Durability: durability}
	path := filepath.Join(dir, "audit.log")
	l, err := etch.Create(path, opt)
	if errors.Is(err, etch.ErrExists) {
		l, err = etch.Open(path, opt)
	}
	if err != nil {
		return nil, err
	}
	return &log{l}, nil
}

func (l *log) Append(ctx context.Context, ev *etch.Event) error {
	_, err := l.log.Append(ctx, ev)
	return err
}

func (l *log) Close() error { return l.log.Close() }
