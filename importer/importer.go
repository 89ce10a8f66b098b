// Package importer brings the entries of other programs' logs into a log, each
// of them once, however often and from however many files it is asked to.
//
// What is in the log already is known by its labels: see [source.Identity]. The
// log alone decides: there is no cursor that could disagree with it, be lost, or
// be ahead of it after a crash. Entries are gathered, and for each lot the records
// of the same program and the same span of time are looked through, with a lock
// held until the lot is appended. So memory is bounded whatever the size of the
// log and of the files, and two imports that run at the same time add nothing
// twice.
package importer

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/source"
	"github.com/etch-audit/etch/internal/vfs"
)

// A Log records events together. An [etch.Log] is one.
type Log interface {
	AppendBatch(ctx context.Context, events []*etch.Event) ([]etch.Receipt, error)
}

// A Daemon records events of an import, each of them once. An [etch.Client] is one.
type Daemon interface {
	Import(ctx context.Context, events []*etch.Event) (etch.Imported, error)
}

// A Lock keeps other imports into the same log out.
type Lock interface {
	// Acquire returns [vfs.ErrLocked] where somebody else had it all the time.
	Acquire(wait time.Duration) error
	Release() error
}

// Options say where to import from and to. Program is required.
type Options struct {
	Program string       // the entries' program
	Host    string       // the host they are of; "": not told, and all are of one
	Reader  *etch.Reader // reads the log; nil: there is none yet
	Log     Log          // nil: nothing is recorded, only counted
	// Daemon records in the place of Log, Reader and Lock, where this process may not
	// read the log. What it knows it knows by ids, which are made of identities; the
	// id that a record had is then in the label IDLabel.
	Daemon  Daemon
	IDLabel string
	Lock    Lock // nil: nobody else imports
	// Waiting, where set, is called when somebody else has the lock.
	Waiting func()
}

// Counts are what became of entries so far.
type Counts struct {
	Added   int `json:"added"`   // recorded; with no Log: would have been
	Present int `json:"present"` // in the log before
	Skipped int `json:"skipped"` // left out, as the configuration says
}

// The size of a lot: what is looked up and appended together. The second bound
// is on the bytes of lines, of which events take a few times as much.
const (
	maxLot      = 1 << 14
	maxLotBytes = 16 << 20
)

// The size of a batch: what shares one write and one sync.
const (
	maxBatch      = 2000
	maxBatchBytes = 2 << 20
)

// An Importer brings entries into a log. It is not safe for concurrent use.
type Importer struct {
	opt    Options
	counts Counts
	lot    []item
	bytes  int
	damage error // the first line of the log that could not be read
}

// An item is an entry that waits to be looked up.
type item struct {
	id    source.Identity
	event *etch.Event
	size  int
	whole bool // it is not dated by itself
}

// New returns an Importer.
func New(opt Options) *Importer { return &Importer{opt: opt} }

// Counts returns what became of the entries that were flushed.
func (im *Importer) Counts() Counts { return im.counts }

// Damage returns why not all of the log could be read: a [*etch.CorruptionError].
// What such lines tell is not known, and so would be recorded again.
func (im *Importer) Damage() error { return im.damage }

// A File counts the entries of one file, so that those with the same bytes are
// told apart.
type File struct {
	im   *Importer
	seen source.Occurrences
}

// File returns a File for a file that is read from its beginning.
func (im *Importer) File() *File { return &File{im: im} }

// Add takes an entry, which belongs to the importer from then on; the size is
// about that of its line. What was taken is in the log after [Importer.Flush],
// which Add calls when much has gathered.
func (f *File) Add(ctx context.Context, e *source.Entry, size int) error {
	n := f.seen.Next(e.SHA256)
	if n > 1 {
		e.Event.Labels[source.LabelOccurrence] = strconv.Itoa(n)
	}
	im := f.im
	if im.opt.Host != "" {
		im.setHost(e.Event)
	}
	id := source.NewIdentity(im.opt.Program, im.opt.Host, e.SHA256, n)
	if im.opt.Daemon != nil {
		im.setID(e, id)
	}
	im.lot = append(im.lot, item{id, e.Event, size, e.Undated})
	im.bytes += size
	if len(im.lot) >= maxLot || im.bytes >= maxLotBytes {
		return im.Flush(ctx)
	}
	return nil
}

// setID gives an event the id by which a daemon knows it again. That of its record may
// be another's too.
func (im *Importer) setID(e *source.Entry, id source.Identity) {
	ev := e.Event
	if _, kept := ev.Labels[im.opt.IDLabel]; ev.ID != "" && !kept {
		ev.Labels[im.opt.IDLabel] = ev.ID
	}
	ev.ID = "import_" + hex.EncodeToString(id[:])
	ev.Timestamp = ev.Timestamp.Truncate(time.Microsecond) // as it is stored
	if e.Undated {
		// It has the time of what stood before it, which need not be there the next
		// time: the daemon would look for it elsewhere.
		ev.Labels[labelNear] = ev.Timestamp.UTC().Format(time.RFC3339Nano)
		ev.Timestamp = time.Unix(0, 0).UTC()
	}
}

// labelNear is the time of the record before one that has none of its own, where it is
// not the event's.
const labelNear = "import_near"

// setHost says which host an event is of: the same lines of two are two events.
func (im *Importer) setHost(e *etch.Event) {
	e.Labels[source.LabelHost] = im.opt.Host
	if e.Actor == nil {
		e.Actor = &etch.Actor{}
	}
	if e.Actor.Host == "" {
		e.Actor.Host = im.opt.Host
	}
}

// Flush records what was taken and is not in the log, in the order in which it
// was taken, and returns when it is on disk. After an error some of it may be in
// the log: importing again adds the rest.
func (im *Importer) Flush(ctx context.Context) (err error) {
	if len(im.lot) == 0 {
		return nil
	}
	if err := im.acquire(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, im.release()) }()
	fresh, err := im.fresh(ctx)
	if err != nil {
		return err
	}
	im.counts.Present += len(im.lot) - len(fresh)
	im.lot, im.bytes = im.lot[:0], 0
	return im.record(ctx, fresh)
}

// lockWait is how long the lock is waited for at a time: so often the context is
// looked at.
const lockWait = 200 * time.Millisecond

func (im *Importer) acquire(ctx context.Context) error {
	if im.opt.Lock == nil {
		return nil
	}
	for told := false; ; told = true {
		err := im.opt.Lock.Acquire(lockWait)
		if err == nil {
			return nil
		}
		if !errors.Is(err, vfs.ErrLocked) {
			return fmt.Errorf("lock of imports: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if !told && im.opt.Waiting != nil {
			im.opt.Waiting()
		}
	}
}

func (im *Importer) release() error {
	if im.opt.Lock == nil {
		return nil
	}
	return im.opt.Lock.Release()
}

// fresh returns what of the lot is not in the log, nor twice in the lot.
func (im *Importer) fresh(ctx context.Context) ([]item, error) {
	known, err := im.known(ctx)
	if err != nil {
		return nil, err
	}
	var fresh []item
	for _, it := range im.lot {
		if !known[it.id] {
			known[it.id] = true
			fresh = append(fresh, it)
		}
	}
	return fresh, nil
}

// known returns the identities of the lot, and whether the log has them.
func (im *Importer) known(ctx context.Context) (map[source.Identity]bool, error) {
	known := make(map[source.Identity]bool, len(im.lot))
	for _, it := range im.lot {
		known[it.id] = false
	}
	if im.opt.Reader == nil {
		return known, nil
	}
	q, err := im.query()
	if err != nil {
		return nil, err
	}
	for r, err := range im.opt.Reader.Records(ctx, q) {
		if damage, ok := errors.AsType[*etch.CorruptionError](err); ok {
			if im.damage == nil {
				im.damage = damage
			}
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look up what is in the log: %w", err)
		}
		if id, ok := source.IdentityOf(r.Event.Labels); ok && !foreign(r.Event.Labels) {
			if _, asked := known[id]; asked {
				known[id] = true
			}
		}
	}
	return known, nil
}

// foreign reports whether a record is none of an import, which writes the log itself:
// it came by a daemon, or out of the spool. Its labels are what its sender claims, who
// would else keep out of the log what a source has of it.
func foreign(labels map[string]string) bool {
	for name := range labels {
		if strings.HasPrefix(name, "sender_") || name == etch.LabelSpooled {
			return true
		}
	}
	return false
}

// query asks for the records that could be those of the lot: from the same
// program, and in the same span of time.
func (im *Importer) query() (etch.Query, error) {
	where, err := etch.ParseFilter(fmt.Sprintf("label.%s = %q", source.LabelSource, im.opt.Program), time.Time{})
	if err != nil {
		return etch.Query{}, err
	}
	q := etch.Query{AllPhases: true, Where: where}
	var from, until time.Time
	for i, it := range im.lot {
		if it.whole {
			return q, nil
		}
		at := it.event.Timestamp
		if i == 0 || at.Before(from) {
			from = at
		}
		if i == 0 || at.After(until) {
			until = at
		}
	}
	// Stored times are cut to microseconds.
	q.From, q.Until = from.Truncate(time.Microsecond), until.Add(time.Microsecond)
	return q, nil
}

// record appends items in batches.
func (im *Importer) record(ctx context.Context, items []item) error {
	if im.opt.Log == nil && im.opt.Daemon == nil {
		im.counts.Added += len(items)
		return nil
	}
	for len(items) > 0 {
		n := batchOf(items)
		events := make([]*etch.Event, n)
		for i := range events {
			events[i] = items[i].event
		}
		if err := im.batch(ctx, events); err != nil {
			return err
		}
		items = items[n:]
	}
	return nil
}

// batchOf returns how many items make the next batch.
func batchOf(items []item) int {
	size := 0
	for i, it := range items[:min(len(items), maxBatch)] {
		if size += it.size; size > maxBatchBytes {
			return max(i, 1)
		}
	}
	return min(len(items), maxBatch)
}

func (im *Importer) batch(ctx context.Context, events []*etch.Event) error {
	if im.opt.Daemon != nil {
		done, err := im.opt.Daemon.Import(ctx, events)
		im.counts.Added += int(done.Recorded)
		im.counts.Present += int(done.Known)
		im.counts.Skipped += int(done.Skipped)
		return err
	}
	receipts, err := im.opt.Log.AppendBatch(ctx, events)
	if errors.Is(err, etch.ErrSkipped) {
		err = nil
	}
	for _, r := range receipts {
		switch {
		case r.Durable:
			im.counts.Added++
		case err == nil:
			im.counts.Skipped++
		}
	}
	return err
}
