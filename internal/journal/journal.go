// Package journal is the writer of a log: group commit, seals, epochs,
// rotation, the lock between processes, recovery.
//
// It moves bodies (see package record) and knows nothing of what an event
// means. The commit protocol and its crash argument are in docs/design.md; the
// order of the steps stands above each function that takes them.
package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/etch-audit/etch/internal/commit"
	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/keys"
	"github.com/etch-audit/etch/internal/merkle"
	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/state"
	"github.com/etch-audit/etch/internal/vfs"
)

// Errors of Append, each a distinct outcome.
var (
	// ErrNotRecorded: the record is not in the log and will not appear in it.
	ErrNotRecorded = errors.New("event is not recorded")
	// ErrUnknown: whether the record is in the log is not known.
	ErrUnknown = errors.New("it is not known whether the event is recorded")
	// ErrClosed: the journal was closed.
	ErrClosed = errors.New("log is closed")
)

// Errors of Create and Open.
var (
	// ErrExists: there is a log, or the keys of one.
	ErrExists = errors.New("log exists already")
	// ErrNoLog: there is no log, and nothing says that there was one.
	ErrNoLog = errors.New("no log here")
	// ErrGone: keys or state say that there was a log, and it is gone.
	ErrGone = errors.New("log is gone")
	// ErrKeys: the keys are missing, unreadable, open to others, or another log's.
	ErrKeys = errors.New("log keys")
	// ErrNewer: the log is of a later version of the format.
	ErrNewer = errors.New("log is of a newer format version")
)

// Rotation says when a segment ends besides its size.
type Rotation int

// The rotation modes; days and weeks (from Monday) are UTC.
const (
	Daily Rotation = iota
	Weekly
	BySize
)

// Failure is the type of a notice of what is not on record: a background
// commit failed. It is tried again.
const Failure = "failure"

// A Notice is something the journal did by itself and put on record, or failed
// to do.
type Notice struct {
	Type string // type of the control record, or Failure
	Text string // one sentence for people
}

// Options are the settings of a Journal. Every field must be set, but those
// whose comment says otherwise.
type Options struct {
	FS          vfs.FS
	Path        string // of the active segment
	Keys        string // directory of the keys
	MACKey      string // file of the MAC key; "" for the one in Keys
	Signed      bool
	Rotate      Rotation
	MaxSize     int64
	Interval    time.Duration // 0: a record is durable when Append returns
	SealEvery   time.Duration
	SealRecords uint32
	Epoch       time.Duration
	LockWait    time.Duration
	Writer      string // name and version of the program, for log_opened
	Resume      bool   // go on in a new segment where the active one is gone
	CountLost   bool   // count the events of a failed commit that nobody waited for as lost
	Daemon      string // the user id that seals name, of a daemon; "" for any other writer
	Brief       bool   // nothing in the background, and no seal at Close but where one is due
	Notify      func(Notice)
	Now         func() time.Time

	sharing     sharing // whenMet but in tests
	commitSize  int64   // of the commit file; commit.Size but in tests
	commitAfter int     // warm but in tests

	gateWaits int // 0: as the constant; set in tests
}

// A Receipt says where a record stands and what proves it so far.
type Receipt struct {
	Seq  uint64
	Leaf merkle.Hash
	// Checkpoint is the newest durable one, which covers the record if its
	// size is greater than Seq.
	Checkpoint merkle.Checkpoint
	// Durable is false for an interval's receipt: nothing else is then known.
	Durable bool
}

// A Journal appends to one log. It is safe for concurrent use, and several
// processes may have a Journal on one log.
type Journal struct {
	opt    Options
	layout segment.Layout
	keys   *keys.Dir
	set    *keys.Set

	queue  queue
	keeper keeper

	// The fields below belong to the leader: the goroutine that the queue has
	// elected to commit.
	lock    vfs.Lock    // nil: to be opened
	line    *record.MAC // MAC of lines
	state   *state.File // nil: to be opened again, with all recovery
	active  vfs.File    // nil with state
	beside  commitFile
	leaf    *merkle.LeafHasher
	workers []*composer // the leader's, and of the goroutines that help
	draft   draft
	started bool // what is due once was done

	published bool // log.vkey was there when the log was opened
	company   int  // for how many commits other processes count as writing
	alone     bool // the batch is to be synced under the lock

	mu      sync.Mutex
	notices []Notice // guarded by mu; told once no lock is held
	lost    lost     // guarded by mu
}

// newJournal prepares what Create and Open share. Nothing is touched but the
// lock file, and that is not locked.
func newJournal(opt Options) (*Journal, error) {
	layout, err := segment.LayoutOf(opt.Path)
	if err != nil {
		return nil, err
	}
	if info, err := opt.FS.Stat(layout.Dir); err != nil {
		return nil, fmt.Errorf("log directory: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("log directory: %s is not a directory", layout.Dir)
	}
	if info, err := opt.FS.Stat(opt.Path); err == nil && info.IsDir() {
		return nil, fmt.Errorf("log path %s is a directory", opt.Path)
	}
	j := &Journal{
		opt:    opt,
		layout: layout,
		keys:   keys.At(opt.FS, opt.Keys, opt.MACKey),
		leaf:   merkle.NewLeafHasher(),
	}
	if opt.commitSize == 0 {
		j.opt.commitSize, j.opt.commitAfter = commit.Size, warm
	}
	if opt.gateWaits == 0 {
		j.opt.gateWaits = gateWaits
	}
	j.queue.init(opt.Interval > 0)
	return j, nil
}

// Open opens the log at opt.Path and puts right what a crash has left. It
// never creates one.
func Open(opt Options) (*Journal, error) {
	j, err := newJournal(opt)
	if err != nil {
		return nil, err
	}
	if err := j.loadKeys(); err != nil {
		return nil, err
	}
	if err := j.locked(j.ready); err != nil {
		return nil, errors.Join(err, j.drop(), j.closeLock())
	}
	j.tell()
	if !opt.Brief {
		j.keeper.start(j)
	}
	return j, nil
}

// loadKeys reads the keys, and says what their absence means. What an
// interrupted Create has left is no log.
func (j *Journal) loadKeys() error {
	public, err := j.keys.Published()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeys, err)
	}
	j.published = public != ""
	if public == "" {
		err := j.vacant()
		if err == nil {
			return fmt.Errorf("%w: %s", ErrNoLog, j.opt.Path)
		}
		if !errors.Is(err, ErrExists) && !errors.Is(err, ErrGone) {
			return err
		}
	}
	load := j.keys.Load
	if j.opt.Brief {
		load = j.keys.LoadBrief
	}
	set, err := load()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: there is a log, or was one, but not all of its keys: %w", ErrKeys, err)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrKeys, err)
	}
	return j.useKeys(set)
}

// useKeys derives the keys in use from the secrets.
func (j *Journal) useKeys(set *keys.Set) error {
	key, err := record.DeriveKey(set.MAC, record.LinePurpose, set.Origin)
	if err != nil {
		return err
	}
	j.set, j.line = set, record.NewMAC(key)
	return nil
}

// Key returns the key of one purpose, which nothing but the log's MAC key gives.
func (j *Journal) Key(purpose string) ([record.KeySize]byte, error) {
	return record.DeriveKey(j.set.MAC, purpose, j.set.Origin)
}

// stateMAC returns the MAC of the state.
func (j *Journal) stateMAC() (*record.MAC, error) {
	key, err := j.Key(record.StatePurpose)
	if err != nil {
		return nil, err
	}
	return record.NewMAC(key), nil
}

// locked runs f under the log's lock.
func (j *Journal) locked(f func() error) error { return j.lockedBy(vfs.Lock.Acquire, f) }

// lockedBy runs f under the log's lock, taken in one of its ways.
func (j *Journal) lockedBy(take func(vfs.Lock, time.Duration) error, f func() error) error {
	if j.lock == nil {
		if err := j.openLock(); err != nil {
			return err
		}
	}
	if err := take(j.lock, j.opt.LockWait); err != nil {
		if !errors.Is(err, vfs.ErrLocked) { // whether it was taken nevertheless is not known
			err = errors.Join(err, j.closeLock())
		}
		return err
	}
	err := f()
	if released := j.lock.Release(); released != nil {
		// Closing its file releases a lock whatever was wrong with it.
		return errors.Join(err, fmt.Errorf("release lock: %w", released), j.closeLock())
	}
	return err
}

func (j *Journal) openLock() (err error) {
	if j.lock, err = j.opt.FS.OpenLock(j.path(j.layout.Lock())); err != nil {
		j.lock = nil
		return fmt.Errorf("open lock: %w", err)
	}
	return nil
}

func (j *Journal) closeLock() error {
	if j.lock == nil {
		return nil
	}
	lock := j.lock
	j.lock = nil
	return lock.Close()
}

// drop closes the files, so that the next commit opens them again and goes
// through recovery. It is what every failure of unknown effect leads to.
func (j *Journal) drop() error {
	var errs []error
	if j.state != nil {
		errs = append(errs, j.state.Close())
	}
	if j.active != nil {
		errs = append(errs, j.active.Close())
	}
	j.state, j.active = nil, nil
	j.dropCommit()
	return errors.Join(errs...)
}

func (j *Journal) path(name string) string { return j.layout.Path(name) }

// note keeps a notice until no lock is held.
func (j *Journal) note(kind, format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.notices = append(j.notices, Notice{kind, fmt.Sprintf(format, args...)})
}

// tell hands the notices over.
func (j *Journal) tell() {
	j.mu.Lock()
	notices := j.notices
	j.notices = nil
	j.mu.Unlock()
	if j.opt.Notify == nil {
		return
	}
	for _, n := range notices {
		j.opt.Notify(n)
	}
}

// Origin returns the log's name.
func (j *Journal) Origin() string { return j.set.Origin }

// PublicKey returns the log's public key, a note verifier key.
func (j *Journal) PublicKey() string {
	// Only a brief journal has not asked for the key yet, and may find out here
	// that it is none: then it has no public half either.
	identity, _ := j.set.Identity()
	return identity.VKey
}

// mac returns the MAC of lines, or nil where the active segment is unsigned.
func (j *Journal) mac(s *state.State) *record.MAC {
	if s.Signed {
		return j.line
	}
	return nil
}

// A lost counts the events that a failing log could not take.
type lost struct {
	count    uint64
	from, to time.Time
	cause    string
}

// Lost tells the journal of an event that could not be recorded although its
// action went on. It is put on record with the next commit.
func (j *Journal) Lost(at time.Time, cause error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.lost.count == 0 || at.Before(j.lost.from) {
		j.lost.from = at
	}
	if j.lost.count == 0 || at.After(j.lost.to) {
		j.lost.to = at
	}
	j.lost.count++
	j.lost.cause = short(cause.Error())
}

// maxCause is how many bytes of an error's text go on record: it must fit a
// line together with the rest of its record.
const maxCause = 1024

// short returns the beginning of an error's text.
func short(text string) string {
	if len(text) <= maxCause {
		return text
	}
	return strings.ToValidUTF8(text[:maxCause], "") + "…"
}

// gap returns the payload of a log_gap record, or nil where nothing was lost.
func (j *Journal) gap() *control.GapLog {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.lost.count == 0 {
		return nil
	}
	return &control.GapLog{
		Lost:  j.lost.count,
		From:  j.lost.from.UTC().Format(control.TimeFormat),
		To:    j.lost.to.UTC().Format(control.TimeFormat),
		Cause: j.lost.cause,
	}
}

// recordedGap takes n events off the count, once their log_gap is durable.
func (j *Journal) recordedGap(n uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.lost.count -= n; j.lost.count == 0 {
		j.lost = lost{}
	}
}
