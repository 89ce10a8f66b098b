package etch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/vfs"
)

// minIndexed is the size from which on a segment is worth an index: a smaller
// one is read before its index could be opened and checked.
const minIndexed = 64 << 10

// mostIndexers bounds the memory of making indexes: some 20 MiB for each, and up to two
// indexes that were made and not yet put in their place.
const mostIndexers = 6

// Index makes the indexes that rotated segments lack, and puts each on record
// in the log: queries then find through it what they would have to read the
// segments for. It returns how many it made. Segments under 64 KiB get
// none. What cannot be indexed, because it is damaged for instance, is told in
// the error, and the others are done. It waits for whoever makes indexes of this Log
// already, or for ctx.
//
// Progress, where not nil, is told how many bytes of how many were read. It is
// called by several goroutines.
func (l *Log) Index(ctx context.Context, progress func(done, total int64)) (made int, err error) {
	if l.journal == nil {
		return 0, nil
	}
	for newest := uint32(0); ; {
		// What it records may rotate the log, which makes one segment more. The others
		// were looked at.
		n, last, err := l.index(ctx, min(workers(), mostIndexers), newest, progress)
		made, newest = made+n, last
		if n == 0 || err != nil {
			return made, err
		}
	}
}

// IndexWithin makes indexes that rotated segments lack, as [Log.Index] does, on one
// core, and gives up after some time: what is lacking then is left to whoever comes
// next. It does nothing where [Options.NoIndex] says so. It is for programs that
// write much and do not stay open, as those look after indexes by themselves.
func (l *Log) IndexWithin(ctx context.Context, most time.Duration) error {
	if l.opt.NoIndex || l.journal == nil {
		return nil
	}
	within, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	lacking, err := (&tender{log: l}).lacking(within)
	if len(lacking) > 0 {
		_, _, err = l.index(within, 1, 0, nil)
	}
	if within.Err() != nil && ctx.Err() == nil {
		return nil // it was given up
	}
	return err
}

// index makes the indexes that segments behind one lack, and returns how many it made
// and which segment is the newest of all.
func (l *Log) index(ctx context.Context, workers int, behind uint32, progress func(done, total int64)) (made int, newest uint32, err error) {
	// Of two at once, as a command and the tender of its own log, each would make all.
	select {
	case l.indexing <- struct{}{}:
		defer func() { <-l.indexing }()
	case <-ctx.Done():
		return 0, behind, ctx.Err()
	}
	r, err := OpenReader(l.path)
	if err != nil {
		return 0, behind, err
	}
	v, err := r.view(ctx)
	if err != nil {
		return 0, behind, err
	}
	defer func() { err = errors.Join(err, v.close()) }()
	lacking, total, unread := r.lacking(v, behind, true)
	for _, p := range v.parts {
		if p.file == nil {
			newest = max(newest, p.Number)
		}
	}
	var done atomic.Int64
	read := func(n int64) {
		if progress != nil {
			progress(done.Add(n), total)
		}
	}
	type result struct {
		made *madeIndex
		err  error
	}
	makers := make([]indexMaker, workers)
	work := func(worker int, p part) result {
		made, err := makers[worker].index(r, v, p, read)
		return result{made, err}
	}
	errs := []error{unread}
	for res := range inOrder(ctx, workers, slices.Values(lacking), work) {
		// The workers are at the next segments while this one waits for the disk.
		if res.err == nil {
			res.err = r.placeIndex(res.made)
		}
		if res.err == nil {
			res.err = l.recordIndex(ctx, r, res.made.on)
		}
		if res.err != nil {
			errs = append(errs, res.err)
			continue
		}
		made++
	}
	return made, newest, errors.Join(append(errs, ctx.Err())...)
}

// lacking returns the segments behind one that lack an index, and how many bytes they
// have. Thorough reads the indexes that are there to their end, to know that they are
// whole. The error is of segments that cannot be read, all others are returned.
func (r *Reader) lacking(v *view, behind uint32, thorough bool) (parts []part, total int64, err error) {
	var errs []error
	for _, no := range v.none {
		if no.Number > behind {
			errs = append(errs, fmt.Errorf("index segment %d: %s: %w", no.Number, no.Name, vfs.ErrNotFile))
		}
	}
	for _, p := range v.parts {
		if p.file != nil || p.Number <= behind {
			continue
		}
		size, lacks, err := r.lacksIndex(v, p, thorough)
		if err != nil {
			errs = append(errs, fmt.Errorf("index segment %d: %w", p.Number, err))
		}
		if lacks {
			parts = append(parts, p)
			total += size
		}
	}
	return parts, total, errors.Join(errs...)
}

// lacksIndex reports whether a segment is worth an index and lacks it, and how many
// bytes it has.
func (r *Reader) lacksIndex(v *view, p part, thorough bool) (size int64, lacks bool, err error) {
	f, size, err := r.open(v, p)
	if err != nil {
		return 0, false, err
	}
	if err := f.Close(); err != nil {
		return 0, false, err
	}
	if size < minIndexed {
		return size, false, nil
	}
	x, file, err := r.openIndex(v, p)
	if err != nil {
		return size, true, nil // whatever is wrong with it: it is made again
	}
	whole := !thorough || x.Verify() == nil
	return size, !whole, file.Close()
}

// recordIndex puts an index on record, and writes where.
func (l *Log) recordIndex(ctx context.Context, r *Reader, on control.IndexedLog) error {
	body, err := control.AppendBody(nil, l.opt.Now(), control.Indexed, on)
	if err != nil {
		return err
	}
	receipts, err := l.journal.AppendBatch(ctx, [][]byte{body})
	if err != nil {
		return fmt.Errorf("record index of segment %d: %w", on.Segment, err)
	}
	q := Query{Types: []EventType{control.Indexed}, Control: true, AllPhases: true, Reverse: true, NoIndex: true}
	for rec, err := range r.Records(ctx, q) {
		if _, damage := errors.AsType[*CorruptionError](err); damage {
			continue // elsewhere in the log
		}
		if err != nil {
			return err
		}
		if rec.Seq == receipts[0].Seq {
			return r.noteRecord(on.Segment, uint32(rec.Segment), rec.Offset)
		}
		if rec.Seq < receipts[0].Seq {
			break
		}
	}
	return fmt.Errorf("the record of the index of segment %d, seq %d, is not in the log", on.Segment, receipts[0].Seq)
}
