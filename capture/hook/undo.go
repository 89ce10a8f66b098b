package hook

import (
	"bytes"
	"errors"
	"io/fs"
	"slices"
	"time"
)

// undoWait bounds the wait for the lock of a session that is to forget: who
// forgets had a full disk, or worse, and an agent that waits.
const undoWait = 50 * time.Millisecond

// undo takes out of the session what this turn has put in.
func (t *Turn) undo() error {
	if t.kept != "" {
		if err := t.sessions.fs.Remove(t.kept); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	held, err := t.sessions.take(t.name, undoWait)
	if held == nil {
		return err
	}
	content := t.before
	if t.kept != "" || len(held.aside.files) > 0 || !bytes.Equal(bytes.TrimRight(held.content, " "), t.after) { // others came in between
		held.state.forget(parseSession(t.before), parseSession(t.after))
		content = held.state.append(nil)
	}
	return errors.Join(err, held.write(content), t.sessions.taken(held), held.release())
}

// forget takes out what one turn has made of before, which is after. Others may
// have changed the session since.
func (s *session) forget(before, after *session) {
	s.Keys = without(s.Keys, 8, 8, before.Keys, after.Keys)
	s.Notes = without(s.Notes, 16, 8, before.Notes, after.Notes)
	for i := range after.Open {
		o := &after.Open[i]
		if at := s.findCall(o.ID, o.Digest); at >= 0 && before.findCall(o.ID, o.Digest) < 0 {
			s.Open = slices.Delete(s.Open, at, at+1)
		}
	}
	for i := range before.Open {
		if o := &before.Open[i]; after.findCall(o.ID, o.Digest) < 0 && s.findCall(o.ID, o.Digest) < 0 {
			s.Open = append(s.Open, before.Open[i])
		}
	}
	if before.Ended != after.Ended {
		s.Ended = before.Ended
	}
}

// without returns entries of the given width without those that after has and
// before has not, by their first bytes.
func without(entries []byte, width, first int, before, after []byte) []byte {
	var kept []byte
	for entry := range slices.Chunk(entries, width) {
		if len(entry) < width || has(after, width, entry[:first]) && !has(before, width, entry[:first]) {
			continue
		}
		kept = append(kept, entry...)
	}
	return kept
}

func has(entries []byte, width int, start []byte) bool {
	for entry := range slices.Chunk(entries, width) {
		if bytes.HasPrefix(entry, start) {
			return true
		}
	}
	return false
}
