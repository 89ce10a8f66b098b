package etch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/etch-audit/etch/internal/journal"
	"github.com/etch-audit/etch/internal/vfs"
)

// How long a log is open before it looks after its rotated segments, and how
// often it does from then on. A command that records one event and ends never
// does.
const (
	tendAfter = 10 * time.Second
	tendEvery = 30 * time.Second
)

// A tender looks after the spool and the rotated segments of a log that stays
// open, one at a time and on one core: it records what waits in the one, makes
// the indexes that the others lack, and archives those that are old. What fails is tried again, and told when it is something new.
type tender struct {
	log    *Log
	cancel context.CancelFunc
	ended  sync.WaitGroup
	failed []uint32 // the segments that lacked an index when making them failed
	told   string   // the last failure
}

// tend begins to look after the rotated segments.
func (l *Log) tend(after, every time.Duration) {
	ctx, cancel := context.WithCancel(context.Background())
	t := &tender{log: l, cancel: cancel}
	l.tender = t
	t.ended.Go(func() { t.run(ctx, after, every) })
}

// stop ends it. An index that is being made is given up.
func (t *tender) stop() {
	if t == nil {
		return
	}
	t.cancel()
	t.ended.Wait()
}

func (t *tender) run(ctx context.Context, after, every time.Duration) {
	timer := time.NewTimer(after)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		t.tell(ctx, errors.Join(t.drain(ctx), t.index(ctx), t.archive(ctx)))
		timer.Reset(every)
	}
}

// tell tells of a failure that is not the last one again.
func (t *tender) tell(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return // it was given up
	}
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != t.told {
		t.log.opt.notify(journal.Notice{Type: journal.Failure, Text: text})
	}
	t.told = text
}

// drain records what hooks have left since the log was opened.
func (t *tender) drain(ctx context.Context) error {
	if t.log.opt.DrainWithin <= 0 {
		return nil
	}
	_, err := t.log.Drain(ctx)
	return err
}

// index makes the indexes that are lacking. Where it failed it waits for another
// segment.
func (t *tender) index(ctx context.Context) error {
	if t.log.opt.NoIndex {
		return nil
	}
	lacking, err := t.lacking(ctx)
	if err != nil {
		err = fmt.Errorf("look for segments without index: %w", err)
	}
	if len(lacking) == 0 || slices.Equal(lacking, t.failed) {
		return err
	}
	_, _, err = t.log.index(ctx, 1, 0, nil)
	t.failed = nil
	if err != nil {
		t.failed = lacking
	}
	return err
}

// lacking returns the numbers of the segments that lack an index, as far as those can
// be read.
func (t *tender) lacking(ctx context.Context) ([]uint32, error) {
	r, err := OpenReader(t.log.path)
	if err != nil {
		return nil, err
	}
	v, err := r.view(ctx)
	if err != nil {
		return nil, err
	}
	parts, _, err := r.lacking(v, 0, false)
	numbers := make([]uint32, len(parts))
	for i, p := range parts {
		numbers[i] = p.Number
	}
	return numbers, errors.Join(err, v.close())
}

// archive archives old segments, unless another process is at it.
func (t *tender) archive(ctx context.Context) error {
	if t.log.opt.NoArchive {
		return nil
	}
	_, err := t.log.archive(ctx, 1, nil)
	if errors.Is(err, vfs.ErrLocked) {
		return nil
	}
	return err
}
