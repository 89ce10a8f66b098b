package etch

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/etch-audit/etch/internal/journal"
	"github.com/etch-audit/etch/internal/later"
	"github.com/etch-audit/etch/internal/merkle"
	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/vfs"
	"github.com/etch-audit/etch/redact"
)

// A Log is an open log that events are appended to. It is safe for concurrent
// use, and several processes may have one log open.
type Log struct {
	opt  Options
	fs   vfs.FS
	path string

	journal *journal.Journal // nil where nothing is written to a file
	stream  *stream          // nil but for Options.Stream

	masker  *redact.Masker // nil masks by the built-in rules alone
	tender  *tender        // nil where there is nothing to look after
	ids     *idSource
	pool    sync.Pool     // of *scratch
	skipped atomic.Uint64 // events left out by configuration
	gaps    knownGaps

	indexing chan struct{} // capacity 1: has room while nobody makes indexes
}

// A scratch is what one Append needs for itself.
type scratch struct {
	body   []byte
	masked masked
}

// split returns the parts of the body that end where ends says.
func (s *scratch) split(ends []int) [][]byte {
	parts := make([][]byte, 0, len(ends))
	start := 0
	for _, end := range ends {
		parts = append(parts, s.body[start:end:end])
		start = end
	}
	return parts
}

// A Checkpoint is a tree's size and root under the log's name.
type Checkpoint struct {
	Origin string
	Size   uint64   // the number of records it covers
	Root   [32]byte // RFC 6962 root over their lines
}

// A Receipt says where an event was recorded and what proves it so far.
type Receipt struct {
	// Seq is the record's sequence number. It is known only if Durable.
	Seq uint64
	// Leaf is the record's leaf hash, SHA-256(0x00 ‖ line); only if Durable.
	Leaf [32]byte
	// Checkpoint is the log's newest durable checkpoint.
	Checkpoint Checkpoint
	// Durable reports whether the record is known to be on disk. It is false
	// for a stream, and mostly with Options.Durability.
	Durable bool

	id    eventID
	given string // the event's own id, where it had one
}

// EventID returns the event's id.
func (r Receipt) EventID() string {
	if r.given != "" {
		return r.given
	}
	return r.id.String()
}

// AppendEventID appends the event's id, and allocates nothing where dst has room.
func (r *Receipt) AppendEventID(dst []byte) []byte {
	if r.given != "" {
		return append(dst, r.given...)
	}
	return append(dst, r.id[:]...)
}

// Sealed reports whether the receipt's checkpoint covers the record.
func (r Receipt) Sealed() bool { return r.Durable && r.Checkpoint.Size > r.Seq }

// Create makes a log at path, with its keys, and opens it. The directory must
// exist; the key directory is made. It returns [ErrExists] where there is a
// log, and [ErrLogGone] where there is none but its keys say that there was.
//
// Interrupted at any moment, Create leaves either a whole log or none, and can
// be called again.
func Create(path string, opts *Options) (*Log, error) {
	return start(fileSystem(), path, opts, journal.Create)
}

// Open opens the log at path, and puts right what a crash has left; what it
// did is on record, and told to Options.Notify. It never creates a log:
// [ErrNoLog], [ErrLogGone], [ErrKeys] and [ErrNewer] say why it cannot open
// one. It takes the same time whatever the size of the log.
func Open(path string, opts *Options) (*Log, error) {
	return start(fileSystem(), path, opts, journal.Open)
}

func start(fsys vfs.FS, path string, opts *Options, begin func(journal.Options) (*journal.Journal, error)) (*Log, error) {
	l := &Log{opt: opts.withDefaults(), fs: fsys, ids: newIDSource(), indexing: make(chan struct{}, 1)}
	l.pool.New = func() any { return new(scratch) }
	if l.opt.Disabled {
		return l, nil
	}
	if err := l.mask(nil); err != nil {
		return nil, err
	}
	if l.opt.Stream != nil {
		l.stream = newStream(l.opt.Stream)
		return l, nil
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("log path: %w", err)
	}
	l.path = path
	settings, err := l.opt.journal(path)
	if err != nil {
		return nil, err
	}
	settings.FS = fsys
	l.opt.Keys = settings.Keys
	if l.journal, err = begin(settings); err != nil {
		return nil, err
	}
	if err := l.mask(l.journal); err != nil {
		return nil, errors.Join(err, l.journal.Close())
	}
	l.drainAtOpen()
	if !l.opt.Brief && (!l.opt.NoIndex || !l.opt.NoArchive || l.opt.DrainWithin > 0) {
		l.tend(tendAfter, tendEvery)
	}
	return l, nil
}

// mask makes the masker. In a file equal secrets look equal: the key of their
// tags comes from the log's own.
func (l *Log) mask(j *journal.Journal) error {
	opts := l.opt.Redact
	if len(opts.Key) == 0 && j != nil {
		key, err := j.Key(record.RedactPurpose)
		if err != nil {
			return err
		}
		opts.Key = key[:]
	}
	masker, err := redact.New(opts)
	if err != nil {
		return fmt.Errorf("redact: %w", err)
	}
	l.masker = masker
	return nil
}

// withDefaults returns a copy whose zero fields are the defaults.
func (o *Options) withDefaults() Options {
	var full Options
	if o != nil {
		full = *o
	}
	fill(&full.MaxSize, DefaultMaxSize)
	fill(&full.SealEvery, DefaultSealEvery)
	fill(&full.SealRecords, DefaultSealRecords)
	fill(&full.Epoch, DefaultEpoch)
	fill(&full.ArchiveAfter, DefaultArchiveAfter)
	fill(&full.LockWait, DefaultLockWait)
	fill(&full.DrainWithin, DefaultDrainWithin)
	fill(&full.SpoolMax, DefaultSpoolMax)
	if full.Now == nil {
		full.Now = time.Now
	}
	return full
}

func fill[T comparable](at *T, value T) {
	var zero T
	if *at == zero {
		*at = value
	}
}

// Limits of options, beyond which a log could not keep its format's promises.
const (
	minMaxSize     = 1 << 20 // room for the largest line and what a segment needs besides
	minSealRecords = 2       // a seal is a record too
	maxSealRecords = 1 << 20
)

// journal returns the settings of the journal, or says what is wrong.
func (o *Options) journal(path string) (journal.Options, error) {
	layout, err := segment.LayoutOf(path)
	if err != nil {
		return journal.Options{}, err
	}
	switch {
	case o.MaxSize < minMaxSize:
		return journal.Options{}, fmt.Errorf("max size of %d bytes: at least %d", o.MaxSize, minMaxSize)
	case o.SealRecords < minSealRecords || o.SealRecords > maxSealRecords:
		return journal.Options{}, fmt.Errorf("seal every %d records: from %d to %d", o.SealRecords, minSealRecords, maxSealRecords)
	case o.Durability < 0 || o.SealEvery < 0 || o.Epoch < 0 || o.LockWait < 0:
		return journal.Options{}, errors.New("a time span of the options is negative")
	}
	rotation, err := o.Rotate.journal()
	if err != nil {
		return journal.Options{}, err
	}
	keys := o.Keys
	if keys == "" {
		keys = layout.Path(layout.Keys())
	}
	interval := o.Durability
	if o.Brief {
		interval = 0 // nobody would write it in time
	}
	return journal.Options{
		Path:        path,
		Keys:        keys,
		MACKey:      o.MACKey,
		Signed:      !o.Unsigned,
		Rotate:      rotation,
		MaxSize:     o.MaxSize,
		Interval:    interval,
		SealEvery:   o.SealEvery,
		SealRecords: uint32(o.SealRecords),
		Epoch:       o.Epoch,
		LockWait:    o.LockWait,
		Writer:      writerName.Get(),
		Resume:      o.Resume,
		CountLost:   o.OnError == Continue,
		Brief:       o.Brief,
		Daemon:      o.Daemon,
		Notify:      o.notify,
		Now:         o.Now,
	}, nil
}

// journal returns the journal's word for the mode.
func (r Rotation) journal() (journal.Rotation, error) {
	switch r {
	case Daily:
		return journal.Daily, nil
	case Weekly:
		return journal.Weekly, nil
	case BySize:
		return journal.BySize, nil
	}
	return 0, fmt.Errorf("rotation mode %d is none of the three", r)
}

func (o *Options) notify(n journal.Notice) {
	if o.Notify != nil {
		o.Notify(Notice{n.Type, n.Text})
	}
}

// fileSystem is where logs lie.
func fileSystem() vfs.FS { return vfs.OS() }

// writerName returns the name and version of the program, for log_opened.
var writerName = later.Value[string]{Make: func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "etch"
	}
	for _, m := range append(slices.Clone(info.Deps), &info.Main) {
		if m.Path == "github.com/etch-audit/etch" && m.Version != "" {
			return "etch " + m.Version
		}
	}
	return "etch"
}}

// Append records an event. It returns nil only when the record is on disk,
// written and synced; then no crash can lose it. Every other outcome has its
// error: [ErrNotRecorded], [ErrUnknown], [ErrSkipped]. With
// Options.Durability, and for a stream, nil means that the event was taken.
//
// Callers that append at the same time share one write and one sync, made by
// one of them. A context that is done takes an event back if it still can; the
// caller who writes for the others stays until the write is done, which
// Options.LockWait and the disk bound.
//
// The event is neither kept nor changed.
func (l *Log) Append(ctx context.Context, ev *Event) (Receipt, error) {
	if err := l.refuses(ev); err != nil {
		return Receipt{}, err
	}
	s := l.pool.Get().(*scratch)
	defer l.pool.Put(s)
	r := Receipt{given: ev.ID}
	s.body = l.encode(s.body[:0], ev, &s.masked, &r)
	if l.stream != nil {
		return r, l.stream.write(s.body)
	}
	got, err := l.journal.Append(ctx, s.body)
	if err != nil {
		return Receipt{}, l.failed(ctx, ev, err)
	}
	r.fill(got)
	return r, nil
}

func (r *Receipt) fill(got journal.Receipt) {
	r.Seq, r.Leaf, r.Checkpoint, r.Durable = got.Seq, got.Leaf, checkpoint(got.Checkpoint), got.Durable
}

// AppendBatch records events in their order, mostly with one sync. It returns
// nil only when all of them are on disk. An event that the configuration skips
// has a zero receipt, and [ErrSkipped] is returned only where all are skipped.
// Where only some are on disk the error is [ErrUnknown], and their receipts
// are Durable.
func (l *Log) AppendBatch(ctx context.Context, events []*Event) ([]Receipt, error) {
	receipts := make([]Receipt, len(events))
	index := make([]int, 0, len(events)) // of bodies in events
	ends := make([]int, 0, len(events))  // of bodies in s.body
	s := l.pool.Get().(*scratch)
	defer l.pool.Put(s)
	s.body = s.body[:0]
	for i, ev := range events {
		err := l.refuses(ev)
		if errors.Is(err, ErrSkipped) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("event %d: %w", i, err)
		}
		receipts[i].given = ev.ID
		s.body = l.encode(s.body, ev, &s.masked, &receipts[i])
		index, ends = append(index, i), append(ends, len(s.body))
	}
	bodies := s.split(ends)
	if len(bodies) == 0 && len(events) > 0 {
		return receipts, ErrSkipped
	}
	if l.stream != nil {
		return receipts, l.stream.write(bodies...)
	}
	if l.journal == nil {
		return receipts, nil
	}
	got, err := l.journal.AppendBatch(ctx, bodies)
	for i, r := range got {
		receipts[index[i]].fill(r)
	}
	if err != nil {
		return receipts, l.failedAll(ctx, events, receipts, err)
	}
	return receipts, nil
}

// refuses returns the error for an event that is not to be recorded.
func (l *Log) refuses(ev *Event) error {
	if l.opt.Disabled || l.opt.Skip.skips(ev) {
		l.skipped.Add(1)
		return ErrSkipped
	}
	if err := ev.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotRecorded, err)
	}
	return nil
}

// skips reports whether the configuration leaves the event out. A violation is
// kept whatever its type, unless violations themselves are left out.
func (s *Skip) skips(ev *Event) bool {
	if ev.Type == PolicyViolation || (ev.Security != nil && ev.Security.PolicyViolation) {
		return s.PolicyViolations
	}
	switch ev.Type {
	case CommandExecution:
		return s.Commands
	case FileAccess:
		return s.FileAccess
	case AuthSuccess, AuthFailure:
		return s.AuthEvents
	}
	return false
}

// encode appends the body of an event, with what Append fills in.
func (l *Log) encode(dst []byte, ev *Event, m *masked, r *Receipt) []byte {
	ev = m.event(ev, &l.opt, l.masker)
	if ev.Timestamp.IsZero() {
		m.own(ev).Timestamp = l.opt.Now()
		ev = &m.ev
	}
	if ev.ID == "" {
		r.id = l.ids.next(l.opt.Now()) // the clock's: ids would follow a timestamp from the future for ever
	}
	return appendBodyID(dst, ev, r.id[:])
}

// failed counts an event that was lost although its action goes on, where the
// policy is to go on.
func (l *Log) failed(ctx context.Context, ev *Event, err error) error {
	if l.opt.OnError == Continue && ctx.Err() == nil && errors.Is(err, ErrNotRecorded) && !errors.Is(err, ErrClosed) {
		at := ev.Timestamp
		if at.IsZero() {
			at = l.opt.Now()
		}
		l.journal.Lost(at, err)
	}
	return err
}

func (l *Log) failedAll(ctx context.Context, events []*Event, receipts []Receipt, err error) error {
	for i, ev := range events {
		if !receipts[i].Durable && !l.opt.Skip.skips(ev) {
			_ = l.failed(ctx, ev, err) // counts it; the error is the one returned below
		}
	}
	return err
}

// Skipped returns how many events the configuration has left out since the log
// was opened.
func (l *Log) Skipped() uint64 { return l.skipped.Load() }

// Seal seals what is not sealed yet, and returns the newest checkpoint.
func (l *Log) Seal(ctx context.Context) (Checkpoint, error) {
	if l.journal == nil {
		return Checkpoint{}, nil
	}
	cp, err := l.journal.Seal(ctx)
	return checkpoint(cp), err
}

// Rotate ends the active segment and begins the next. It reports false, and
// does nothing, where the active segment holds no event.
func (l *Log) Rotate(ctx context.Context) (bool, error) {
	if l.journal == nil {
		return false, nil
	}
	rotated, err := l.journal.Rotate(ctx)
	return rotated, err
}

// Sync returns nil when every event appended so far is on disk. It matters
// only with Options.Durability, and returns the errors of events that Append
// had taken.
func (l *Log) Sync(ctx context.Context) error {
	if l.journal == nil {
		return nil
	}
	return l.journal.Sync(ctx)
}

// Close seals and syncs the log and closes it; with Options.Brief it only closes
// it. Events taken under
// Options.Durability are on disk when it returns nil.
func (l *Log) Close() error {
	if l.journal == nil {
		return nil
	}
	l.tender.stop()
	return l.journal.Close()
}

// An Info says where an open log lies and how it is named.
type Info struct {
	Path      string // of the active segment; "" where there is no file
	Keys      string // directory of the keys
	Origin    string // the log's name
	PublicKey string // note verifier key, to be kept elsewhere too
}

// Info returns where the log lies and how it is named.
func (l *Log) Info() Info {
	if l.journal == nil {
		return Info{}
	}
	return Info{l.path, l.opt.Keys, l.journal.Origin(), l.journal.PublicKey()}
}

// Records returns the records that match the query: see [Reader.Records].
func (l *Log) Records(ctx context.Context, q Query) iter.Seq2[Record, error] {
	if l.journal == nil {
		return func(func(Record, error) bool) {}
	}
	return func(yield func(Record, error) bool) {
		r, err := OpenReader(l.path)
		if err != nil {
			yield(Record{}, err)
			return
		}
		r.Records(ctx, q)(yield)
	}
}

func checkpoint(cp merkle.Checkpoint) Checkpoint {
	return Checkpoint{cp.Origin, cp.Size, cp.Root}
}
