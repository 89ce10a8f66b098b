package hook

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/vfs"
)

// maxFile is the size of the largest session file that is read: many times what
// the bounds of a session allow.
const maxFile = 8 << 20

// Sessions is what is remembered between deliveries: a directory with one small
// file a session, and its lock. It is a cache and no evidence: any of it may be
// removed at any time. It is safe for concurrent use, also by several processes.
type Sessions struct {
	dir   string
	fs    vfs.FS
	nonce [16]byte // which no other Sessions has drawn

	mu     sync.Mutex
	open   []*Turn          // begun here, neither kept nor dropped
	begun  map[string]*Turn // of those the latest of each delivery
	claims map[string]*Turn // by their paths
}

// NewSessions returns the sessions remembered in dir, which need not exist yet.
func NewSessions(dir string) *Sessions {
	s := &Sessions{dir: dir, fs: vfs.OS()}
	// The runtime's generator got its key from the system when the process began.
	binary.LittleEndian.PutUint64(s.nonce[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(s.nonce[8:], rand.Uint64())
	return s
}

// Begin makes of a delivery what is to be recorded, and remembers it: other
// deliveries of the session need not wait until it is on record. Where the same
// Sessions began a turn with the same delivery before, and it was neither kept
// nor dropped, the new one has its events as well: who gave up waiting for the
// first may begin a second, and record either. It waits for
// them for as long as ctx allows; past that, and where the session's file
// cannot be used, it goes on without: the Turn is never nil, its events are
// as true as they can be then, what is to be remembered is kept aside for who has the
// file next, and no call is ended for want of a word. The error says what did not
// work, for a log of errors.
//
// Turn.Keep or Turn.Drop must be called. ctx should have a deadline; without
// one, Begin waits for a second.
func (s *Sessions) Begin(ctx context.Context, d *Delivery) (*Turn, error) {
	m := decode(d)
	t := &Turn{sessions: s, m: m, now: d.Now, Event: m.Name}
	t.process = agentProcess(d.Parent)
	t.mark = senderMark(d.Sender)
	t.name = fileName(t.sessionKey()) + t.mark
	s.begins(t)
	held, err := s.take(t.name, wait(ctx))
	if held == nil {
		return t, errors.Join(err, s.beginAside(t))
	}
	err = errors.Join(err, s.overrule(t, held))
	t.state, t.locked = held.state, true
	s.forgetOpen(t)
	t.tell()
	t.finish()
	err = errors.Join(err, s.remember(t, held))
	return t, errors.Join(err, held.release())
}

// remember writes what the turn has made of its session, and how to undo it.
func (s *Sessions) remember(t *Turn, held *heldSession) error {
	content := t.state.append(make([]byte, 0, len(held.content)+newCall))
	t.before, t.after = held.content, content
	yields := false
	err := s.show(t, func() (shown bool, err error) {
		err = held.write(content)
		yields = len(t.Events) > 0 && s.yields(t, held)
		return !yields, err // what was written by halves others may know of, too
	})
	given := errors.Is(err, errGivenUp)
	if given || yields {
		t.Events, t.after = nil, nil // what is written is what the other has kept
	}
	if given {
		return nil
	}
	if err != nil {
		return err
	}
	return s.taken(held)
}

// taken removes what was taken into a session, which is written.
func (s *Sessions) taken(h *heldSession) error {
	var errs []error
	for _, file := range h.aside.files {
		errs = append(errs, s.discard(file))
	}
	return errors.Join(errs...)
}

// newCall is about how much longer a call makes a session's file.
const newCall = 1 << 10

// forgetOpen takes out of a turn's session what other turns of this Sessions
// have put in that are not on record so far.
func (s *Sessions) forgetOpen(t *Turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.open {
		if o.name == t.name {
			t.state.forget(parseSession(o.before), parseSession(o.after))
		}
	}
}

// over says that the turn is kept or dropped.
func (s *Sessions) over(t *Turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = slices.DeleteFunc(s.open, func(o *Turn) bool { return o == t })
	if name := t.name + t.claimName(); s.begun[name] == t {
		delete(s.begun, name)
		maps.DeleteFunc(s.claims, func(_ string, o *Turn) bool { return o.now.Equal(t.now) && o.name == t.name })
	}
}

// wait returns how long a lock may be waited for.
func wait(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return time.Second
	}
	return max(0, time.Until(deadline))
}

// sessionKey names what the delivery belongs to: its session, or where the
// agent tells none its process.
func (t *Turn) sessionKey() string {
	if id := t.m.Call.Session; id != "" {
		return "session " + id
	}
	return "process " + t.m.Delivery.Agent.Name + " " + strconv.Itoa(t.process.ID) + " " + strconv.FormatUint(t.process.Start, 10)
}

// A heldSession is one whose lock this process has.
type heldSession struct {
	path  string // without suffix
	lock  vfs.Lock
	file  vfs.File
	state *session
	// content is what the file holds, with the blanks at its end.
	content []byte
	over    bool // it is to be removed
	aside   aside
}

// take locks a session and reads it, with what others have kept aside. A directory that
// is missing is made. What is kept aside and cannot be read is left there; the error
// says so, and the session is held all the same.
func (s *Sessions) take(name string, wait time.Duration) (*heldSession, error) {
	h := &heldSession{path: filepath.Join(s.dir, name), state: newSession()}
	var err error
	h.lock, err = s.fs.OpenLock(h.path + lockSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		if err := s.fs.Mkdir(s.dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("make directory of sessions: %w", err)
		}
		h.lock, err = s.fs.OpenLock(h.path + lockSuffix)
	}
	if err != nil {
		return nil, fmt.Errorf("open lock of session: %w", err)
	}
	if err := h.lock.Acquire(wait); err != nil {
		return nil, errors.Join(fmt.Errorf("lock session: %w", err), h.lock.Close())
	}
	h.file, err = s.fs.OpenFile(h.path+fileSuffix, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open session: %w", err), h.lock.Close())
	}
	content, err := contentOf(h.file)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read session: %w", err), h.release())
	}
	h.content, h.state = content, parseSession(content)
	h.aside, err = s.readAside(h.path)
	h.state.takeIn(h.aside.changes)
	return h, err
}

// look returns what a session's file holds, without its lock. One that others are
// writing is looked at again: a busy machine may have stopped them in the middle.
// longest is the longest pause between two looks; all take twice that.
func (s *Sessions) look(name string, longest time.Duration) *session {
	path := filepath.Join(s.dir, name+fileSuffix)
	for pause := time.Millisecond; ; pause *= 2 {
		found, whole, err := s.readFile(path)
		if err != nil {
			return newSession()
		}
		if whole || pause > longest {
			return found
		}
		<-time.After(pause)
	}
}

// readFile returns the session in a file, and whether it is whole: else it is a new one.
func (s *Sessions) readFile(path string) (found *session, whole bool, err error) {
	file, err := s.fs.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, false, err
	}
	content, err := contentOf(file)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, false, err
	}
	found, whole = readSession(content)
	if !whole || found.Version != sessionVersion {
		return newSession(), whole || len(content) == 0, nil
	}
	return found, true, nil
}

func contentOf(file vfs.File) ([]byte, error) {
	size, err := file.Size()
	if err != nil {
		return nil, err
	}
	if size > maxFile {
		return nil, nil // none of this package's: it is begun anew
	}
	content := make([]byte, size)
	n, err := file.ReadAt(content, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return content[:n], err
}

// write replaces what the session's file holds, in place: to make a file anew
// for every delivery would take longer than all the rest. It is not synced.
// Whoever is killed in the middle, or loses power, leaves a file that is no
// JSON, and the session is begun anew. What is shorter than before is filled
// up with blanks, which is cheaper than to cut the file.
func (h *heldSession) write(content []byte) error {
	const slack = 64 << 10
	short := len(h.content) - len(content)
	if 0 < short && short <= slack {
		for range short {
			content = append(content, ' ')
		}
	}
	if _, err := h.file.WriteAt(content, 0); err != nil {
		return fmt.Errorf("write session: %w", err)
	}
	if short > slack {
		if err := h.file.Truncate(int64(len(content))); err != nil {
			return fmt.Errorf("cut session: %w", err)
		}
	}
	h.content = content
	return nil
}

// remove forgets a session that is over, and releases it. Whoever waits for the
// lock sees that its file is gone, and takes the new one.
func (s *Sessions) remove(h *heldSession) error {
	errs := []error{h.file.Close()} // some systems remove no file that is open
	h.file = nil
	for _, path := range append([]string{h.path + fileSuffix}, vfs.LockFiles(h.path+lockSuffix)...) {
		if err := s.fs.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("remove session: %w", err))
		}
	}
	return errors.Join(append(errs, s.removeAside(h.path), h.release())...)
}

func (h *heldSession) release() error {
	var errs []error
	if h.file != nil {
		errs = append(errs, h.file.Close())
	}
	if err := errors.Join(append(errs, h.lock.Close())...); err != nil {
		return fmt.Errorf("release session: %w", err)
	}
	return nil
}

// Bounds of one sweep, which a single delivery pays for.
const (
	maxSwept   = 64 // sessions looked at
	maxDead    = 8  // sessions with open calls that are ended
	maxEntries = 4096
)

// sweep finds sessions of which nothing more will come: their agent's process is
// gone, or nothing was heard of them for a day. Their open calls are ended by
// this turn, and their files removed when it is kept. Those of other senders are
// left alone: what this turn tells is recorded as its sender's.
func (t *Turn) sweep() {
	entries, err := t.sessions.fs.ReadDir(t.sessions.dir)
	if err != nil || !t.locked {
		return // without a directory there are no sessions
	}
	looked, dead := 0, 0
	for _, entry := range entries[:min(len(entries), maxEntries)] {
		name, mark, ok := sessionFile(entry.Name())
		if !ok || mark != t.mark || name == t.name {
			continue
		}
		if looked++; looked > maxSwept || dead >= maxDead {
			return
		}
		if found := t.sessions.look(name, briefly); found.Seen == 0 && t.sessions.isNew(name) || !t.isOver(found) {
			continue
		}
		held, err := t.sessions.take(name, 0)
		if held == nil {
			continue // whoever has it is alive
		}
		t.swept = append(t.swept, held)
		if err != nil || held.state.Seen == 0 && t.sessions.isNew(name) || !t.isOver(held.state) {
			continue
		}
		held.over = true
		if s := held.state; !s.Ended && s.Parent == "" && s.ID != "" && mark == "" {
			t.Lost = append(t.Lost, LostSession{s.Agent, s.ID})
		}
		if len(held.state.Open) > 0 {
			dead++
		}
		t.endAll(held.state, EndKilled, func(*openCall) bool { return true })
	}
}

// isNew reports whether a session's file, of which nothing can be read, was made or written
// not long ago: somebody is at it.
func (s *Sessions) isNew(name string) bool {
	info, err := s.fs.Stat(filepath.Join(s.dir, name) + fileSuffix)
	return err != nil || time.Since(info.ModTime()) < time.Hour
}

// isOver reports whether nothing more will come of a session.
func (t *Turn) isOver(s *session) bool {
	if t.now.Sub(time.UnixMilli(s.Seen)) > sessionEnd {
		return true
	}
	return t.gone(s.Host, s.Process)
}

// gone reports whether a process has ended. Those of other machines, and of
// containers that share the directory, are not for this one to judge.
func (t *Turn) gone(host string, p process) bool {
	return host == t.m.Delivery.Actor.Host && p != t.process && p.gone()
}

// A Turn is what one delivery asks to be recorded.
type Turn struct {
	Events  []*etch.Event // in this order; none where there is nothing to say
	Request *Call         // the call that may go on or not, where that is the question; else nil
	Event   string        // the name of the event, which GoOn and Deny take
	// HooksOff reports that the delivery tells of settings that switch hooks off, or
	// change them: where Deny can refuse the event, the agent then keeps its settings.
	HooksOff bool
	// Lost are sessions that are over without a word of their end: the process of the
	// agent is gone, or nothing was heard of it for a day.
	Lost []LostSession

	sessions *Sessions
	m        *Message
	name     string // of the session's file
	mark     string // of the sender, at the end of name
	state    *session
	locked   bool   // the state was read, and changed, under the session's lock
	before   []byte // what the file held
	after    []byte // what was to be written to it; nil where nothing is remembered
	shown    bool   // others may know of it
	anew     bool   // another one of the same delivery was begun before, and given up when it was shown
	kept     string // where that is kept aside, for want of the lock; "" elsewhere
	swept    []*heldSession
	made     int // calls that got their ids here
	process  process
	goesOn   bool // the agent's process is that of the delivery before
	now      time.Time
	claimed  string   // its claimName, once that is made: before others may see the turn
	digested digested // the input of which a digest was made last
}

// A LostSession is one that is over, and of whose end no hook has told.
type LostSession struct{ Agent, ID string }

// Keep says that the events are on record, or in the spool.
func (t *Turn) Keep() error {
	t.sessions.over(t)
	var errs []error
	for _, h := range t.swept {
		if h.over {
			errs = append(errs, t.sessions.remove(h))
		} else {
			errs = append(errs, h.release())
		}
	}
	t.swept = nil
	return errors.Join(errs...)
}

// Drop says that the events are not on record, and forgets the delivery: should
// it come once more, it is recorded then.
func (t *Turn) Drop() error {
	t.sessions.over(t)
	var errs []error
	for _, h := range t.swept {
		errs = append(errs, h.release())
	}
	t.swept = nil
	if t.after != nil {
		errs = append(errs, t.undo())
	}
	return errors.Join(errs...)
}
