package etch

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/journal"
	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/spool"
	"github.com/etch-audit/etch/internal/vfs"
)

const (
	// drainBytes is how much of a spool is held in memory at once.
	drainBytes = 4 << 20
	// unsureAge is how old a file must be whose process may have had an append
	// under way when it wrote it: hooks end within it, mostly within a hundredth, and then
	// what they have written of the log is settled.
	unsureAge = 4 * time.Second
	// unfinishedAge is how old a file must be that its process has not finished.
	unfinishedAge = 10 * time.Second
)

// Drained is what a drain has done.
type Drained struct {
	Recorded uint64 // events put on record
	Known    uint64 // events that were on record already
	Lost     uint64 // events put on record as lost
	// Left reports whether something waits still: there was no time, another
	// process drains, or the one that spooled it may still be at it.
	Left bool
}

// Drain records what waits in the log's spool, in the order of the events' own
// timestamps, which they keep: each once, whoever tries how often, and whatever
// crash comes between. What was lost is recorded as log_gap. It stops between two
// files when ctx is done. Open drains by itself: see Options.DrainWithin.
func (l *Log) Drain(ctx context.Context) (Drained, error) {
	if l.journal == nil {
		return Drained{}, nil
	}
	layout, err := segment.LayoutOf(l.path)
	if err != nil {
		return Drained{}, err
	}
	d := &drain{log: l, ctx: ctx, layout: layout, dir: spool.At(l.fs, layout.Path(layout.Spool()))}
	if end, ok := ctx.Deadline(); ok {
		d.half = time.Until(end) / 2
	}
	if idle, err := d.idle(); idle || err != nil {
		return Drained{}, err
	}
	release, err := d.dir.Lock()
	if errors.Is(err, vfs.ErrLocked) {
		return Drained{Left: true}, nil
	}
	if err != nil {
		return Drained{}, err
	}
	err = errors.Join(d.run(), release())
	if n := d.done; n.Recorded+n.Known > 0 {
		l.opt.notify(journal.Notice{Type: LabelSpooled, Text: d.text()})
	}
	return d.done, err
}

// drainAtOpen drains for as long as the options allow. That the log is open does
// not depend on it.
func (l *Log) drainAtOpen() {
	if l.opt.DrainWithin <= 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), l.opt.DrainWithin)
	defer cancel()
	if _, err := l.Drain(ctx); err != nil {
		l.opt.notify(journal.Notice{Type: journal.Failure, Text: "the spool could not be drained: " + err.Error()})
	}
}

// A drain is one go at a spool. It holds the spool's lock.
type drain struct {
	log    *Log
	ctx    context.Context
	layout segment.Layout
	dir    *spool.Dir
	key    *spool.Key
	half   time.Duration // of the time there is; 0 where there is no end to it
	done   Drained
	newer  error // of a file that a newer etch has to drain; nil: there is none
}

// halfway reports whether half of the time is over. What was gathered by then is
// recorded in the other half: else a spool of many files would never become smaller.
func (d *drain) halfway() bool {
	end, ok := d.ctx.Deadline()
	return ok && time.Until(end) < d.half
}

// idle reports whether nothing waits.
func (d *drain) idle() (bool, error) {
	files, err := d.dir.Files()
	if err != nil || len(files) > 0 {
		return false, err
	}
	return d.dir.Idle()
}

func (d *drain) text() string {
	s := fmt.Sprintf("%d events that waited in the spool are on record", d.done.Recorded+d.done.Known)
	if d.done.Known > 0 {
		s += fmt.Sprintf(", %d of them were already", d.done.Known)
	}
	return s
}

func (d *drain) run() error {
	key, err := d.log.journal.Key(record.SpoolPurpose)
	if err != nil {
		return err
	}
	d.key = (*spool.Key)(&key)
	files, err := d.dir.Files()
	if err != nil {
		return err
	}
	for len(files) > 0 {
		if d.ctx.Err() != nil {
			d.done.Left = true
			return nil
		}
		var g gathered
		if files, err = d.gather(&g, files); err != nil {
			return err
		}
		if err := d.record(&g); err != nil {
			return d.stopped(err)
		}
	}
	err = d.stopped(d.losses())
	d.done.Left = d.done.Left || d.newer != nil
	return errors.Join(err, d.newer)
}

// stopped returns nil for an error that says no more than that time is up.
func (d *drain) stopped(err error) error {
	if err != nil && d.ctx.Err() != nil && errors.Is(err, d.ctx.Err()) {
		d.done.Left = true
		return nil
	}
	return err
}

// A gathered is what is recorded at once.
type gathered struct {
	files  []gatheredFile
	bodies []waiting
	since  spool.Position
	bytes  int64
}

// A waiting is an event that waits.
type waiting struct {
	body   []byte
	proven bool   // who put it there could read the log's key
	after  []byte // it is recorded behind what has this id, and its own time: the id itself, or that of one before it in its file
}

func (w waiting) id() string { return string(idOf(w.body)) }

type gatheredFile struct {
	spool.File
	gap *control.GapLog // nil where nothing is lost
}

// gather reads the next files, and returns those that are left.
func (d *drain) gather(g *gathered, files []spool.File) (rest []spool.File, err error) {
	for i, f := range files {
		if g.bytes > drainBytes || len(g.files) > 0 && d.halfway() {
			return files[i:], nil
		}
		if err := d.take(g, f); err != nil {
			return nil, err
		}
		if d.done.Left {
			break // what is behind it waits with it: a completion does for its attempt
		}
	}
	// A completion has the time of its attempt; ids sort as they were made.
	slices.SortStableFunc(g.bodies, func(a, b waiting) int {
		return cmp.Or(bytes.Compare(timeOf(a.body), timeOf(b.body)), bytes.Compare(a.after, b.after))
	})
	return nil, nil
}

// add takes the events of one file, which are to be recorded in the file's order where
// they have one time: who spooled an attempt and the refusal of it knew which was first,
// whatever their ids say.
func (g *gathered) add(bodies [][]byte, proven bool) {
	last := make(map[string][]byte) // by time, what the next of it comes behind
	for _, body := range bodies {
		at, after := string(timeOf(body)), idOf(body)
		if before := last[at]; bytes.Compare(before, after) > 0 {
			after = before
		}
		last[at] = after
		g.bodies = append(g.bodies, waiting{body, proven, after})
	}
}

// take reads one file, unless it is too early.
func (d *drain) take(g *gathered, f spool.File) error {
	now := d.log.opt.Now()
	if f.Unfinished {
		if now.Sub(f.Changed).Abs() < unfinishedAge {
			d.done.Left = true
			return nil
		}
		whole, err := d.dir.Adopt(f)
		if err != nil {
			return err
		}
		f = whole
	}
	c, err := d.dir.Read(f, d.key)
	if err == nil && c.Proven { // else anybody can make a file wait for ever
		err = newerBody(f, c)
	}
	if errors.Is(err, spool.ErrNewer) {
		d.newer = err // nothing of it is lost: it stays, and keeps nothing else back
		return nil
	}
	if err != nil {
		return err
	}
	if c.Unsure && now.Sub(c.At).Abs() < unsureAge {
		d.done.Left = true
		return nil
	}
	if len(g.files) == 0 || c.Since.Before(g.since) {
		g.since = c.Since
	}
	g.add(d.good(c, f), c.Proven)
	g.bytes += f.Bytes
	g.files = append(g.files, gatheredFile{f, d.gapOf(c, f)})
	return nil
}

// newerBody returns [spool.ErrNewer] where an event of a file is whole, and of a kind that
// this version does not know.
func newerBody(f spool.File, c *spool.Content) error {
	for _, body := range c.Bodies {
		_, err := eventOfBody(body)
		if _, unknown := errors.AsType[*NameError](err); unknown {
			return fmt.Errorf("%s: %w: %w", f.Name, spool.ErrNewer, err)
		}
	}
	return nil
}

// good returns the bodies that are events, and counts the others as lost. Of a
// file that proves nothing each must say so itself.
func (d *drain) good(c *spool.Content, f spool.File) [][]byte {
	return slices.DeleteFunc(c.Bodies, func(body []byte) bool {
		ev, err := eventOfBody(body)
		switch {
		case err != nil:
		case !c.Proven && ev.Labels[LabelSpoolMAC] != "none":
			err = errors.New("it carries no MAC and does not say so")
		case len(body) > record.MaxBody:
			err = fmt.Errorf("it has %d bytes, which no line of a log holds", len(body))
		case timeOf(body) == nil || len(idOf(body)) == 0:
			err = errors.New("its time and its id are not where they stand in a log")
		}
		if err != nil {
			c.Lost++
			c.Cause = f.Name + ": " + err.Error()
		}
		return err != nil
	})
}

// gapOf returns what is to be recorded of what a file has lost. Its id is the
// file's name, which no other file ever has.
func (d *drain) gapOf(c *spool.Content, f spool.File) *control.GapLog {
	if c.Lost == 0 {
		return nil
	}
	at := f.First.UTC().Format(control.TimeFormat)
	gap := &control.GapLog{
		ID: f.Name, Lost: uint64(c.Lost), From: at, To: at,
		Cause: "lost in the spool: " + c.Cause,
	}
	if !c.Proven && !c.At.IsZero() { // it is whole, and of somebody without the key: so many are lost as he says
		gap.ClaimedBy = control.ClaimedBySpool
	}
	return gap
}

// record records what was gathered and removes the files.
//
// Order: whatever is under way in the log is settled; what is in the log already
// is found out; the rest is appended, durably; the files are removed. A crash at
// any point leaves files of which the next drain finds in the log what is there.
// Nobody else appends any of it meanwhile: other drains wait for the lock, and
// the processes that spooled it are gone.
func (d *drain) record(g *gathered) error {
	if len(g.files) == 0 {
		return nil
	}
	known, err := d.known(g.since, g.bodies)
	if err != nil {
		return err
	}
	missing := known.without(g.bodies)
	if len(missing) > 0 {
		if _, err := d.log.journal.AppendBatch(d.ctx, missing); err != nil {
			return err
		}
	}
	d.done.Recorded += uint64(len(missing))
	d.done.Known += uint64(len(g.bodies) - len(missing))
	for _, f := range g.files {
		if err := d.finish(f, known); err != nil {
			return err
		}
	}
	return d.dir.Remove(namesOfWhole(g.files)...)
}

// namesOfWhole returns the files of which nothing is lost.
func namesOfWhole(files []gatheredFile) []spool.File {
	var whole []spool.File
	for _, f := range files {
		if f.gap == nil {
			whole = append(whole, f.File)
		}
	}
	return whole
}

// finish records what is lost of a file, and keeps the file for people.
func (d *drain) finish(f gatheredFile, known onRecord) error {
	if f.gap == nil {
		return nil
	}
	if !known.gaps[f.gap.ID] {
		if err := d.log.journal.Gap(d.ctx, *f.gap); err != nil {
			return err
		}
		d.done.Lost += f.gap.Lost
	}
	return d.dir.SetAside(f.File)
}

// An onRecord is what is in the log: gaps by their id, events by theirs, and of
// events that say themselves that nothing proves them.
type onRecord struct{ gaps, events, unproven map[string]bool }

// without returns the bodies of events that are not on record, each once. What
// nobody vouches for stands in for nothing: an event that carries the MAC is
// recorded beside one that took its id.
func (o onRecord) without(waits []waiting) [][]byte {
	proven := make(map[string]bool, len(waits))
	for _, w := range waits {
		if w.proven {
			proven[w.id()] = true
		}
	}
	var missing [][]byte
	seen := make(map[string]bool, len(waits))
	for _, w := range waits {
		id := w.id()
		if o.events[id] || seen[id] || !w.proven && (o.unproven[id] || proven[id]) {
			continue
		}
		seen[id] = true
		missing = append(missing, w.body)
	}
	return missing
}

// losses records the events that were counted as lost.
func (d *drain) losses() error {
	now := d.log.opt.Now()
	taken, err := d.dir.TakeLost(d.key, endOfLog(d.log.fs, d.layout), now, lostWait)
	if err != nil || taken == nil {
		return err
	}
	known, err := d.known(taken.Since, nil)
	if err != nil {
		return err
	}
	if !known.gaps[taken.ID] {
		gap := control.GapLog{
			ID: taken.ID, Lost: taken.Count, Cause: "neither log nor spool could take them: " + taken.Cause,
			From: taken.From.UTC().Format(control.TimeFormat), To: taken.To.UTC().Format(control.TimeFormat),
		}
		if taken.Unproven {
			gap.ClaimedBy = control.ClaimedBySpool
			gap.Cause += " (nothing proves who counted them)"
		}
		if err := d.log.journal.Gap(d.ctx, gap); err != nil {
			return err
		}
		d.done.Lost += taken.Count
	}
	return d.dir.RecordedLost(d.key, taken.ID, lostWait)
}

// known returns the ids of events and gaps that are in the log from a place on.
// Of what any process was writing, the outcome is known by then.
func (d *drain) known(since spool.Position, waits []waiting) (onRecord, error) {
	known := onRecord{gaps: map[string]bool{}, events: map[string]bool{}, unproven: map[string]bool{}}
	if err := d.log.journal.Settle(d.ctx); err != nil {
		return known, err
	}
	r, err := openReader(d.log.fs, d.log.path)
	if err != nil {
		return known, err
	}
	wanted := make(map[string]bool, len(waits))
	for _, w := range waits {
		wanted[w.id()] = true
	}
	q := Query{
		AllPhases: true, Control: true, LinesOnly: true,
		Begin: Place{int(since.Segment), since.Offset},
	}
	for rec, err := range r.Records(d.ctx, q) {
		if _, damage := errors.AsType[*CorruptionError](err); damage {
			continue // a line that cannot be read vouches for no event
		}
		if err != nil {
			return known, err
		}
		known.note(wanted, rec.Raw)
	}
	return known, nil
}

// note takes note of what a line says is on record.
func (o onRecord) note(wanted map[string]bool, line []byte) {
	if record.Control(line) == control.Gap {
		var gap control.GapLog
		if _, err := control.Parse(line, &gap); err == nil && gap.ID != "" {
			o.gaps[gap.ID] = true
		}
		return
	}
	_, body, ok := bytes.Cut(line, []byte{','})
	if !ok {
		return
	}
	id := string(idOf(body))
	if !wanted[id] {
		return
	}
	var r Record
	if decodeLine(line, &r) == nil && r.Event.Labels[LabelSpoolMAC] == "none" {
		o.unproven[id] = true
	} else {
		o.events[id] = true
	}
}

const (
	bodyTime = `"timestamp":"`
	bodyID   = `","event_id":"`
)

// timeOf returns the timestamp of an event's body, which sorts as text.
func timeOf(body []byte) []byte {
	if len(body) < len(bodyTime)+len(control.TimeFormat) {
		return nil
	}
	return body[len(bodyTime) : len(bodyTime)+len(control.TimeFormat)]
}

// idOf returns the event id of a body, as it is written; nil where it has none.
func idOf(body []byte) []byte {
	at := len(bodyTime) + len(control.TimeFormat)
	if len(body) < at {
		return nil
	}
	rest, ok := bytes.CutPrefix(body[at:], []byte(bodyID))
	if !ok {
		return nil
	}
	for i := 0; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case '"':
			return rest[:i]
		}
	}
	return nil
}
