package etch

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/keys"
	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/spool"
	"github.com/etch-audit/etch/internal/state"
	"github.com/etch-audit/etch/internal/vfs"
	"github.com/etch-audit/etch/redact"
)

// The labels of an event that was not recorded at once.
const (
	// LabelSpooled is when the event was put into the spool.
	LabelSpooled = "spooled"
	// LabelSpoolMAC is "none" where whoever put the event there could not read
	// the log's key: nothing proves who that was.
	LabelSpoolMAC = "spool_mac"
)

// lostWait bounds the wait for others who count lost events at the same time.
const lostWait = 50 * time.Millisecond

// A Spool is where events wait that a log cannot take now: because it is locked,
// its disk is full, its keys cannot be read or time is up. The next writer that
// opens the log records them: see [Log.Drain]. It is safe for concurrent use,
// also by several processes, and needs neither the log nor its keys.
//
// Format: docs/spec/spool-format.md.
type Spool struct {
	mu    sync.Mutex // held while the keys are read
	maker *Log       // makes bodies; it has no journal
	dir   *spool.Dir
	key   *spool.Key
	since func() spool.Position

	putting sync.Mutex
	written map[string]bool // events of which a Put is under way: whether a file has them
}

// OpenSpool returns the spool of the log at path. It is to be called before the
// first try to append what is to be spooled if that fails: no event is then
// looked for in what was recorded before. Nothing is written yet. The error is one
// of the path or the options.
func OpenSpool(path string, opts *Options) (*Spool, error) {
	return openSpool(fileSystem(), path, opts)
}

func openSpool(fsys vfs.FS, path string, opts *Options) (*Spool, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("log path: %w", err)
	}
	layout, err := segment.LayoutOf(path)
	if err != nil {
		return nil, err
	}
	s := &Spool{maker: &Log{opt: opts.withDefaults(), fs: fsys}, dir: spool.At(fsys, layout.Path(layout.Spool()))}
	if s.maker.opt.Keys == "" {
		s.maker.opt.Keys = layout.Path(layout.Keys())
	}
	s.since = sync.OnceValue(endIn(stateOf(fsys, layout)))
	return s, nil
}

// endOfLog returns a place up to which the log is known to have records; its
// beginning where nothing is known.
func endOfLog(fsys vfs.FS, layout segment.Layout) spool.Position {
	return endIn(stateOf(fsys, layout))()
}

// stateOf returns what stands in the log's state; nil where that cannot be read.
func stateOf(fsys vfs.FS, layout segment.Layout) []byte {
	f, err := fsys.OpenFile(layout.Path(layout.State()), os.O_RDONLY, 0)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }() // it is only read
	b := make([]byte, state.Size)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil
	}
	return b[:n]
}

// endIn returns what says where the log ends by its state: most spools are never asked.
func endIn(b []byte) func() spool.Position {
	return func() spool.Position {
		st, _, err := state.Parse(b, nil)
		if err != nil {
			return spool.Position{}
		}
		return spool.Position{Segment: st.Segment, Offset: st.Offset}
	}
}

// Reserve makes room for saying at least how many events are lost, should the
// disk be full one day. Where there is room already it costs one look.
func (s *Spool) Reserve() error { return s.dir.Reserve() }

// Precedes reports whether something that waits is to be recorded before these events,
// because it may be of the same calls: a completion has the timestamp of its attempt,
// and who asks takes an attempt behind its completion for one that is open. It costs one
// look at the directory where one of them is a completion, and nothing elsewhere. Of one
// without a time any of what waits may be the attempt.
func (s *Spool) Precedes(events ...*Event) (bool, error) {
	if !slices.ContainsFunc(events, func(ev *Event) bool { return ev.Phase == Completion }) {
		return false, nil
	}
	files, err := s.dir.Files()
	if err != nil {
		return false, err
	}
	for _, f := range files {
		for _, ev := range events {
			at := ev.Timestamp.Truncate(time.Microsecond)
			if ev.Phase == Completion && (at.IsZero() || f.First.Equal(at) || f.Events > 1 && f.First.Before(at)) {
				return true, nil
			}
		}
	}
	return false, nil
}

// happened returns when an event was: one that does not say so is now.
func happened(ev *Event, now time.Time) time.Time {
	if ev.Timestamp.IsZero() {
		return now
	}
	return ev.Timestamp
}

// Put keeps events until the log takes them: they are durable when it returns
// nil. Each must have its ID. The cause is why they are not in the log: where it
// is [ErrUnknown] a later drain looks whether they are.
//
// Where it returns an error the events are lost, and Put has tried to count
// them; the error says whether that failed too. What the configuration skips is
// neither kept nor lost.
func (s *Spool) Put(cause error, events ...*Event) error {
	s.open()
	b := spool.Batch{Since: s.since(), Unsure: errors.Is(cause, ErrUnknown), At: s.maker.opt.Now()}
	var last time.Time
	for _, ev := range events {
		switch err := s.maker.refuses(ev); {
		case errors.Is(err, ErrSkipped):
			continue
		case err != nil:
			return err
		case ev.ID == "":
			return fmt.Errorf("%w: an event that is spooled needs an id", ErrNotRecorded)
		}
		at := happened(ev, b.At)
		if len(b.Bodies) == 0 || at.Before(b.First) {
			b.First = at
		}
		if at.After(last) {
			last = at
		}
		b.Bodies = append(b.Bodies, s.body(ev, b.At))
	}
	if len(b.Bodies) == 0 {
		return nil
	}
	err := s.put(b, events)
	if err == nil {
		return nil
	}
	loss := spool.Loss{Count: uint64(len(b.Bodies)), From: b.First, To: last, Cause: err.Error()}
	return errors.Join(fmt.Errorf("%w: %w", ErrNotRecorded, err), s.dir.Lose(s.key, loss, lostWait))
}

// put keeps a batch, and notes of its events, while it does, whether a file has them.
func (s *Spool) put(b spool.Batch, events []*Event) error {
	note := func(how func(id string)) {
		s.putting.Lock()
		defer s.putting.Unlock()
		if s.written == nil {
			s.written = make(map[string]bool)
		}
		for _, ev := range events {
			how(ev.ID)
		}
	}
	b.Written = func() { note(func(id string) { s.written[id] = true }) }
	defer note(func(id string) { delete(s.written, id) })
	return s.dir.Put(s.key, b, s.maker.opt.SpoolMax)
}

// Lose counts events as lost of which nobody knows whether they are kept, for a process that
// has to end: the next writer puts that on record. One of which a Put is under way, and has
// written a file that is not known to be durable yet, is not counted: the next writer
// records what is whole of that, and that the rest is lost. What the configuration skips is
// never lost.
func (s *Spool) Lose(cause error, events ...*Event) error {
	s.open()
	loss, now := spool.Loss{Cause: cause.Error()}, s.maker.opt.Now()
	for _, ev := range events {
		s.putting.Lock()
		written := s.written[ev.ID]
		s.putting.Unlock()
		if written || errors.Is(s.maker.refuses(ev), ErrSkipped) {
			continue
		}
		at := happened(ev, now)
		if loss.Count == 0 || at.Before(loss.From) {
			loss.From = at
		}
		if at.After(loss.To) {
			loss.To = at
		}
		loss.Count++
	}
	if loss.Count == 0 {
		return nil
	}
	return s.dir.Lose(s.key, loss, lostWait)
}

// Masker returns what masks secrets as the log does. Where its keys cannot be read
// masks have no tags.
func (s *Spool) Masker() *redact.Masker {
	s.open()
	return s.maker.masker
}

// open reads the log's keys. Without them the spool's lines prove nothing, and
// equal secrets get masks that differ.
func (s *Spool) open() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.maker.masker != nil {
		return
	}
	o := &s.maker.opt
	held := keys.At(s.maker.fs, o.Keys, o.MACKey)
	public, err := held.Published()
	if err != nil || public == "" {
		// Keys of a log that is not there yet may be replaced before it is.
		err = errors.Join(err, ErrNoLog)
	}
	var set *keys.Set
	if err == nil {
		set, err = held.LoadBrief()
	}
	if err == nil {
		if key, err := record.DeriveKey(set.MAC, record.SpoolPurpose, set.Origin); err == nil {
			s.key = (*spool.Key)(&key)
		}
		if key, err := record.DeriveKey(set.MAC, record.RedactPurpose, set.Origin); err == nil && len(o.Redact.Key) == 0 {
			o.Redact.Key = key[:]
		}
	}
	if s.maker.mask(nil) != nil {
		// Rules of the caller's that cannot be read: the built-in ones mask.
		s.maker.masker = nil
	}
}

// body returns the line's body of an event, labelled. An event so long that its
// labels are cut keeps those that the drain needs, and no others.
func (s *Spool) body(ev *Event, at time.Time) []byte {
	marks := map[string]string{LabelSpooled: at.UTC().Format(control.TimeFormat)}
	if s.key == nil {
		marks[LabelSpoolMAC] = "none"
	}
	labels := maps.Clone(marks)
	for k, v := range ev.Labels {
		if _, own := marks[k]; !own {
			labels[k] = v
		}
	}
	marked := *ev
	marked.Labels, marked.Timestamp = labels, happened(ev, at)
	var m masked
	var r Receipt
	body := s.maker.encode(nil, &marked, &m, &r)
	if got, err := eventOfBody(body); err == nil && got.Labels[LabelSpooled] == "" {
		marked.Labels = marks
		body = s.maker.encode(nil, &marked, &m, &r)
	}
	return body
}

// eventOfBody returns the event of a body, or says why it is none.
func eventOfBody(body []byte) (*Event, error) {
	line := record.AppendOpen(nil, 0)
	line = append(append(line, body...), '}')
	var r Record
	if err := decodeLine(line, &r); err != nil {
		return nil, err
	}
	switch {
	case r.IsControl():
		return nil, fmt.Errorf("it is a control record: %s", r.Control.Type)
	case r.Event.ID == "":
		return nil, errors.New("it has no event id")
	}
	return &r.Event, r.Event.Validate()
}

// A SpoolInfo is what waits in a spool.
type SpoolInfo struct {
	Events uint64 // that the log is to take
	Files  int
	Bytes  int64
	Oldest time.Time // of the first event; zero where none waits
	Lost   uint64    // events that are lost and not yet on record as such
	// Refused is how many of the files a daemon did not take when it was asked last,
	// RefusedAt, because it does not know what they hold, and RefusedFor its words: see
	// [Spool.Send].
	Refused    int
	RefusedAt  time.Time
	RefusedFor string
}

// ReadSpoolInfo returns what waits in the spool of the log at path, which need
// not exist yet.
func ReadSpoolInfo(path string) (SpoolInfo, error) {
	layout, err := segment.LayoutOf(path)
	if err != nil {
		return SpoolInfo{}, err
	}
	return spoolInfo(fileSystem(), layout)
}

func spoolInfo(fsys vfs.FS, layout segment.Layout) (SpoolInfo, error) {
	dir := spool.At(fsys, layout.Path(layout.Spool()))
	files, err := dir.Files()
	if err != nil {
		return SpoolInfo{}, err
	}
	var info SpoolInfo
	for _, f := range files {
		if info.Oldest.IsZero() {
			info.Oldest = f.First
		}
		info.Events += uint64(f.Events)
		info.Files++
		info.Bytes += f.Bytes
	}
	lost, err := dir.Lost()
	if err != nil {
		return info, err
	}
	info.Lost = lost.Count
	refused, err := dir.Refused()
	if slices.ContainsFunc(files, func(f spool.File) bool { return slices.Contains(refused.Files, f.Name) }) {
		info.Refused, info.RefusedAt, info.RefusedFor = len(refused.Files), refused.At, refused.Cause
		if refused.All {
			info.Refused = len(files)
		}
	}
	return info, err
}
