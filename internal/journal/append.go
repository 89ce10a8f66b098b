package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/merkle"
	"github.com/etch-audit/etch/internal/record"
)

// Append adds one record and returns when it is durable. With an interval it
// returns at once, with a receipt that says no more than that; an error is
// then that of earlier records, or of the wait for room.
//
// The body is not kept.
func (j *Journal) Append(ctx context.Context, body []byte) (Receipt, error) {
	if len(body) > record.MaxBody {
		return Receipt{}, fmt.Errorf("%w: body of %d bytes", ErrNotRecorded, len(body))
	}
	if j.queue.lazy {
		return Receipt{}, j.enqueue(ctx, body)
	}
	w := j.queue.waiter(1)
	err := j.submit(ctx, w, nil, body)
	if err != nil {
		j.queue.release(w)
		return Receipt{}, err
	}
	r := w.receipts[0]
	j.queue.release(w)
	return r, nil
}

// enqueue adds a body that nobody waits for. Where too much is gathered it first
// waits until that is being written: callers then go on while it is.
func (j *Journal) enqueue(ctx context.Context, body []byte) error {
	q := &j.queue
	for {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%w: %w", ErrNotRecorded, err)
		}
		if err := j.keeper.failure(); err != nil {
			// Of this event nothing was taken, whatever became of the earlier ones.
			return fmt.Errorf("%w: %v", ErrNotRecorded, err)
		}
		gathered, taken, err := q.tryAdd(body)
		if err == nil && gathered > maxQueued/4 {
			j.keeper.hurry()
		}
		if taken == nil {
			return err
		}
		select {
		case <-taken:
		case <-ctx.Done():
		}
	}
}

// AppendBatch adds records in their order, mostly with one sync, and returns
// when all are durable. The error is [ErrUnknown] where only some are; their
// receipts are then Durable, the others' zero.
func (j *Journal) AppendBatch(ctx context.Context, bodies [][]byte) ([]Receipt, error) {
	if len(bodies) == 0 {
		return nil, nil
	}
	for _, b := range bodies {
		if len(b) > record.MaxBody {
			return nil, fmt.Errorf("%w: body of %d bytes", ErrNotRecorded, len(b))
		}
	}
	w := j.queue.waiter(len(bodies))
	err := j.submit(ctx, w, nil, bodies...)
	if w.gone {
		return nil, err
	}
	receipts := append([]Receipt(nil), w.receipts...)
	j.queue.release(w)
	return receipts, err
}

// do commits what is gathered, with what prepare asks for besides.
func (j *Journal) do(ctx context.Context, prepare func(*batch)) (extra, error) {
	w := j.queue.waiter(0)
	if err := j.submit(ctx, w, prepare); err != nil {
		j.queue.release(w)
		return extra{}, err
	}
	got := w.extra
	j.queue.release(w)
	return got, nil
}

// Sync returns when every record appended so far is durable. Without an
// interval they are already.
func (j *Journal) Sync(ctx context.Context) error {
	_, err := j.do(ctx, nil)
	return errors.Join(err, j.keeper.failure())
}

// Seal seals what is not sealed yet and returns the newest checkpoint.
func (j *Journal) Seal(ctx context.Context) (merkle.Checkpoint, error) {
	got, err := j.do(ctx, func(b *batch) { b.seal = true })
	return got.checkpoint, err
}

// Settle returns when whatever any process has written of the log by now is
// either durable and part of it, or will never be.
func (j *Journal) Settle(ctx context.Context) error {
	_, err := j.do(ctx, func(b *batch) { b.settle = true })
	return err
}

// Gap records that events are not in the log, durably.
func (j *Journal) Gap(ctx context.Context, gap control.GapLog) error {
	gap.Cause = short(gap.Cause)
	_, err := j.do(ctx, func(b *batch) { b.gaps = append(b.gaps, gap) })
	return err
}

// Rotate ends the active segment and begins the next. It reports false, and
// does nothing, where the active one holds no event.
func (j *Journal) Rotate(ctx context.Context) (bool, error) {
	got, err := j.do(ctx, func(b *batch) { b.rotate = true })
	return got.rotated, err
}

// Close seals and syncs the log and closes its files. Records gathered in
// interval mode are written first.
func (j *Journal) Close() error {
	q := &j.queue
	q.mu.Lock()
	if q.closing {
		q.mu.Unlock()
		return ErrClosed
	}
	q.closing = true
	q.mu.Unlock()
	j.keeper.stop()
	if j.opt.Brief {
		return j.closeBrief()
	}
	_, err := j.do(context.Background(), func(b *batch) {
		b.seal, b.closing = true, true
		q.closed = true // nobody comes after this batch; q.mu is held
	})
	// Whoever leads now is the last: the batch above is committed, and q is closed.
	return errors.Join(err, j.keeper.failure(), j.drop(), j.closeLock())
}

// closeBrief closes the files and leaves the log as a killed writer would, but
// with nothing under way: what was appended is durable, and the next writer seals
// it.
func (j *Journal) closeBrief() error {
	q := &j.queue
	q.mu.Lock()
	alone := !q.leading
	if alone {
		q.leading, q.closed = true, true // nobody leads after this
	}
	q.mu.Unlock()
	var err error
	if !alone {
		_, err = j.do(context.Background(), func(*batch) { q.closed = true }) // q.mu is held
	}
	return errors.Join(err, j.drop(), j.closeLock())
}
