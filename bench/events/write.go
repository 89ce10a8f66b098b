package events

import (
	"context"
	"errors"
	"fmt"

	"github.com/etch-audit/etch"
)

// perBatch is how many events Write commits with one sync: enough that the
// disk does not count.
const perBatch = 5000

// Write makes a log at path, sealed and closed, that holds opt.Count events.
func Write(ctx context.Context, path string, opt Options) (err error) {
	l, err := etch.Create(path, &etch.Options{Rotate: etch.BySize})
	if err != nil {
		return fmt.Errorf("make a log of %d events: %w", opt.Count, err)
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	s := New(opt)
	for left := opt.Count; left > 0; left -= perBatch {
		if _, err := l.AppendBatch(ctx, s.Take(min(left, perBatch))); err != nil {
			return fmt.Errorf("make a log of %d events: %w", opt.Count, err)
		}
	}
	return nil
}
