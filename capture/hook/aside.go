package hook

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unsafe"
)

// A delivery whose session's lock others have for too long keeps what it has to remember
// aside, in a file of its own. Whoever has the lock next takes it into the session.
//
// The same delivery may come twice at once. One that has no lock claims it first, by a file
// of the delivery's name that nobody else can make; looks then what is remembered; and keeps
// by renaming the claim. One that has the lock takes away a claim that is there, and looks for
// one again once its session is written. So of two one is told by the other: where there was
// no claim before the session was written, who claims sees it there; and a claim that
// was taken away cannot be renamed.

const (
	asideSuffix = ".aside" // of a session's directory of such files
	claimSuffix = ".claim"
	keptSuffix  = ".kept"

	// claimLife is how old a claim is whose process has been killed.
	claimLife = 2 * time.Second
	// maxAside bounds how many files one delivery takes in.
	maxAside = 512
	// How long a session that others are writing is left alone at most before it is looked
	// at again: the own one, of which nothing else tells whether a delivery is known, and
	// others, of which many may have been left behind in the middle.
	patiently = 32 * time.Millisecond
	briefly   = 2 * time.Millisecond
)

// errGivenUp is told where another turn of the same delivery was begun meanwhile.
var errGivenUp = errors.New("given up")

// An aside is what is kept aside of a session.
type aside struct {
	changes []*session
	files   []string // their paths
	claims  []string // names of claims
}

// claimName is the name of a delivery: of a call by its id, input and phase, whichever agent's
// name the settings gave; of all else by its payload. It is made once: inputs may be long.
func (t *Turn) claimName() string {
	if t.claimed == "" {
		t.claimed = t.nameOfClaim()
	}
	return t.claimed
}

func (t *Turn) nameOfClaim() string {
	c := &t.m.Call
	switch kind := t.m.Kind; {
	case c.ID == "":
	case kind == AttemptEvent:
		return keyOf("attempt", c.ID, t.inputDigest(c)).text()
	case kind == ResultEvent || kind == FailureEvent:
		return keyOf("end", c.ID, t.inputDigest(c)).text()
	}
	return t.payloadKey().text()
}

// inputDigest is the [InputDigest] of a call of the payload, which is made once for those
// that have one input.
func (t *Turn) inputDigest(c *Call) string {
	if len(c.Input) == 0 {
		return ""
	}
	if at := unsafe.SliceData(c.Input); at != t.digested.at || len(c.Input) != t.digested.size {
		t.digested = digested{at, len(c.Input), InputDigest(c.Input)}
	}
	return t.digested.digest
}

// A digested is a part of a payload, which nobody changes, with its digest.
type digested struct {
	at     *byte
	size   int
	digest string
}

// readAside returns what is kept aside of the session at a path, which has no suffix.
func (s *Sessions) readAside(path string) (aside, error) {
	var a aside
	entries, err := s.fs.ReadDir(path + asideSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err != nil {
		return a, fmt.Errorf("read what is kept aside: %w", err)
	}
	var errs []error
	for _, entry := range entries[:min(len(entries), maxAside)] {
		name := filepath.Join(path+asideSuffix, entry.Name())
		if strings.HasSuffix(name, claimSuffix) {
			a.claims = append(a.claims, entry.Name())
		}
		if !strings.HasSuffix(name, keptSuffix) {
			continue
		}
		change, _, err := s.readFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // taken in, or forgotten
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("read what is kept aside: %w", err))
			continue
		}
		a.changes, a.files = append(a.changes, change), append(a.files, name)
	}
	slices.SortStableFunc(a.changes, func(x, y *session) int { return cmp.Compare(x.Seen, y.Seen) })
	return a, errors.Join(errs...)
}

// beginAside is Begin without the session's lock.
func (s *Sessions) beginAside(t *Turn) error {
	claim, first, err := s.claim(t)
	// In this order: what is taken in stands in the session before it is removed.
	kept, readErr := s.readAside(filepath.Join(s.dir, t.name))
	t.state = s.look(t.name, patiently)
	t.state.takeIn(kept.changes)
	s.forgetOpen(t)
	before := t.state.append(nil)
	t.tell()
	t.finish()
	err = errors.Join(err, readErr)
	switch {
	case !first:
		t.Events = nil // whoever was faster records it
		return err
	case claim == "":
		return err // nothing can be remembered
	case len(t.Events) == 0:
		return errors.Join(err, s.discard(claim))
	}
	t.before, t.after = before, t.state.append(nil)
	return errors.Join(err, s.keepAside(t, claim))
}

// keepAside makes of a claim what is kept.
func (s *Sessions) keepAside(t *Turn, claim string) error {
	content := t.state.since(parseSession(t.before)).append(nil)
	kept := strings.TrimSuffix(claim, claimSuffix) + keptSuffix
	err := s.show(t, func() (shown bool, err error) {
		file, err := s.fs.OpenFile(claim, os.O_RDWR, 0)
		if err != nil {
			return false, err
		}
		_, err = file.WriteAt(content, 0)
		if err = errors.Join(err, file.Close()); err == nil {
			err = s.fs.Rename(claim, kept)
		}
		return err == nil, err
	})
	if err == nil {
		t.kept = kept
		return nil
	}
	s.over(t)
	t.after = nil
	if errors.Is(err, fs.ErrNotExist) {
		if _, missing := s.fs.Stat(filepath.Join(s.dir, t.name) + asideSuffix); missing == nil {
			t.Events = nil // whoever has the lock records it
			return nil
		}
	}
	if errors.Is(err, errGivenUp) {
		t.Events = nil
		return nil
	}
	return errors.Join(fmt.Errorf("keep aside: %w", err), s.discard(claim))
}

// claim claims a delivery, and returns the path of the claim, "" where there is none
// because it cannot be made; first is false where another delivery was faster, and is at it.
func (s *Sessions) claim(t *Turn) (path string, first bool, err error) {
	if t.anew {
		return "", true, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	dir := filepath.Join(s.dir, t.name) + asideSuffix
	path = filepath.Join(dir, t.claimName()+claimSuffix)
	if before := s.claims[path]; before != nil && before.now.Equal(t.now) {
		return path, true, nil // by a turn that is given up
	}
	for range 3 {
		file, err := s.fs.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		switch {
		case err == nil:
			if s.claims == nil {
				s.claims = make(map[string]*Turn)
			}
			s.claims[path] = t
			return path, true, file.Close()
		case errors.Is(err, fs.ErrNotExist):
			err = s.fs.Mkdir(dir, 0o700)
		case errors.Is(err, fs.ErrExist):
			if info, err := s.fs.Stat(path); err == nil && time.Since(info.ModTime()) < claimLife {
				return "", false, nil
			}
			err = s.discard(path)
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return "", true, fmt.Errorf("keep aside: %w", err)
		}
	}
	return "", true, nil
}

// begins says that a turn is begun. One of the same delivery that was begun before, and of
// which nobody can know, is given up: it never shows. So is this one, where that was the
// delivery's last. Where others may know of that one, which is noted, nobody else
// records what this one tells.
func (s *Sessions) begins(t *Turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := t.name + t.claimName()
	before := s.begun[name]
	if s.begun == nil {
		s.begun = make(map[string]*Turn)
	}
	again := before != nil && before.now.Equal(t.now)
	if again && before.m.Delivery.Last && !t.m.Delivery.Last {
		t.anew = true // time was up before this one was begun: it is given up from the start
		return
	}
	s.begun[name] = t
	t.anew = again && (before.shown || before.anew)
}

// givenUp reports whether another turn of the same delivery was begun. The caller holds mu.
func (s *Sessions) givenUp(t *Turn) bool {
	latest := s.begun[t.name+t.claimName()]
	return latest != nil && latest != t && latest.now.Equal(t.now)
}

// show lets others know of a turn by what is done, which reports whether they do: not
// where it was too late, or failed. Of a turn that is given up nothing is done, and it
// tells nothing. Another turn of the same delivery begins before or behind all of it.
func (s *Sessions) show(t *Turn, do func() (shown bool, err error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.givenUp(t) {
		return errGivenUp
	}
	shown, err := do()
	if shown {
		t.shown = true
		s.open = append(s.open, t)
	}
	return err
}

// overrule takes away the claim of who has no lock, if any: this delivery has it.
func (s *Sessions) overrule(t *Turn, held *heldSession) error {
	claim := t.claimName() + claimSuffix
	if !slices.Contains(held.aside.claims, claim) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.givenUp(t) {
		return nil
	}
	err := s.fs.Remove(filepath.Join(held.path+asideSuffix, claim))
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	kept, err := s.readAside(held.path) // it is kept by now
	held.aside = kept
	held.state.takeIn(kept.changes)
	return err
}

// yields reports whether a delivery that has no lock has kept what this one tells too,
// without a look at what this one has written.
func (s *Sessions) yields(t *Turn, held *heldSession) bool {
	if t.anew {
		return false
	}
	if _, err := s.fs.Stat(held.path + asideSuffix); err != nil {
		return false
	}
	base := filepath.Join(held.path+asideSuffix, t.claimName())
	if s.fs.Remove(base+claimSuffix) == nil {
		return false // it sees that its claim is gone
	}
	_, err := s.fs.Stat(base + keptSuffix)
	return err == nil
}

// discard removes a file that may not be there.
func (s *Sessions) discard(path string) error {
	if err := s.fs.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove what is kept aside: %w", err)
	}
	return nil
}

// removeAside removes all that is kept aside of a session that is over.
func (s *Sessions) removeAside(path string) error {
	entries, err := s.fs.ReadDir(path + asideSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, entry := range entries {
		errs = append(errs, s.discard(filepath.Join(path+asideSuffix, entry.Name())))
	}
	return errors.Join(append(errs, s.discard(path+asideSuffix))...)
}

// since returns what a turn has made of a session, as a session of nothing else.
func (s *session) since(before *session) *session {
	c := *s
	c.Open, c.Closed = nil, nil
	c.Keys = without(s.Keys, 8, 8, nil, before.Keys)
	c.Notes = without(s.Notes, 16, 8, nil, before.Notes)
	for i := range s.Open {
		o := &s.Open[i]
		if at := before.findCall(o.ID, o.Digest); at < 0 || before.Open[at].Asked != o.Asked {
			c.Open = append(c.Open, *o)
		}
	}
	for i := range before.Open {
		if o := &before.Open[i]; s.findCall(o.ID, o.Digest) < 0 {
			c.Closed = append(c.Closed, closedCall{ID: o.ID, Tool: o.Tool, Digest: o.Digest, Asked: o.Asked})
		}
	}
	return &c
}

// takeIn adds what others have kept aside, the eldest first. What one of them ended
// is ended, whichever comes first.
func (s *session) takeIn(changes []*session) {
	for _, c := range changes {
		s.takeOne(c)
	}
	for _, c := range changes {
		for _, over := range c.Closed {
			if at := s.findCall(over.ID, over.Digest); at >= 0 {
				s.close(at)
			}
		}
	}
}

func (s *session) takeOne(c *session) {
	taken := s.hasTaken(c)
	if s.Agent == "" {
		s.ID, s.Agent, s.Host, s.Parent, s.Guards = c.ID, c.Agent, c.Host, c.Parent, c.Guards
	}
	switch {
	case c.Seen > s.Seen:
		s.Seen, s.Ended, s.Process = c.Seen, c.Ended, c.Process
	case c.Seen == s.Seen:
		s.Ended = s.Ended || c.Ended // nothing of a session's follows its end
	}
	s.Tools = s.Tools || c.Tools
	for _, id := range c.Agents {
		if !slices.Contains(s.Agents, id) && len(s.Agents) < maxAgents {
			s.Agents = append(s.Agents, id)
		}
	}
	for k := range slices.Chunk(c.Keys, 8) {
		if len(k) == 8 {
			s.add(key(k))
		}
	}
	for n := range slices.Chunk(c.Notes, 16) {
		if len(n) == 16 && !has(s.Notes, 16, n[:8]) {
			s.Notes = append(s.Notes, n...)
		}
	}
	for _, o := range c.Open {
		if at := s.findCall(o.ID, o.Digest); at >= 0 {
			s.Open[at].Asked = s.Open[at].Asked || o.Asked
		} else if !taken && len(s.Open) < maxOpen {
			s.forgetKey(overKey(o.ID, o.Digest))
			s.Open = append(s.Open, o)
		}
	}
}

// hasTaken reports whether a session has taken in before what was kept aside: that is there until
// the session is written, and for good where who wrote it was killed then. Calls of it that are
// not open have ended since.
func (s *session) hasTaken(c *session) bool {
	for k := range slices.Chunk(c.Keys, 8) {
		if !has(s.Keys, 8, k) {
			return false
		}
	}
	for n := range slices.Chunk(c.Notes, 16) {
		if !has(s.Notes, 16, n) {
			return false
		}
	}
	return len(c.Keys)+len(c.Notes) > 0
}
