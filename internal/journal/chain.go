package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/etch-audit/etch/internal/broken"
	"github.com/etch-audit/etch/internal/commit"
	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/vfs"
)

// Lines that are to be durable at once go into the active segment and, as an
// entry, into the commit file; only that is synced. As long as a chain of entries
// goes on, all that is written to the segment is in it, by whichever process. It
// ends with a sync of the segment under the lock: then nothing needs it any more.
// Whoever can or will not write the next entry ends it so.

// warm is how many commits a process makes before it uses the commit file: one
// that writes a line and goes has nothing from it.
const warm = 8

// A commitFile is how a journal uses the commit file.
type commitFile struct {
	file  vfs.File // nil: not open
	bad   bool     // writing or syncing it has failed: it is not used any more
	count int      // commits so far, as far as warm
	entry []byte   // reused
}

// enters reports whether lines of this length can go into the commit file now.
func (j *Journal) enters(lines int) bool {
	s := &j.state.State
	return s.Chain != 0 && j.beside.file != nil && lines <= commit.MaxLines &&
		s.ChainEnd+commit.EntrySize(lines) <= j.opt.commitSize && j.commitLinked()
}

// commitLinked reports whether the path of the commit file still names the open
// one, and closes it otherwise.
func (j *Journal) commitLinked() bool {
	same, err := j.beside.file.Linked()
	if err != nil || !same {
		j.dropCommit()
		return false
	}
	return true
}

// enter writes lines, which stand in the active segment from an offset on, as
// the next entry of the chain, and returns where the chain ends then.
func (j *Journal) enter(lines []byte, offset int64) (int64, error) {
	s := &j.state.State
	e := commit.Entry{Chain: s.Chain, Segment: s.Segment, Offset: offset, Lines: lines}
	j.beside.entry = commit.AppendEntry(j.beside.entry[:0], &e)
	_, err := j.beside.file.WriteAt(j.beside.entry, s.ChainEnd)
	return s.ChainEnd + int64(len(j.beside.entry)), err
}

// commitFailed gives the commit file up: its descriptor is never synced again,
// and the log's own files have to do.
func (j *Journal) commitFailed(err error) {
	j.beside.bad = true
	j.note(Failure, "the commit file could not be written (%v): appending goes on without it", err)
	j.dropCommit()
}

// dropCommit closes the commit file. What is in it is not this process's
// business: an error can only be one of what was synced, or not relied on.
func (j *Journal) dropCommit() {
	if j.beside.file != nil {
		_ = j.beside.file.Close()
		j.beside.file = nil
	}
}

// wantsChain reports whether the commit file is worth its while, by what this
// process has written and is writing.
func (j *Journal) wantsChain() bool {
	d := &j.draft
	closing := d.b != nil && d.b.closing
	return !j.beside.bad && j.opt.Interval == 0 && !j.opt.Brief && j.beside.count > j.opt.commitAfter && !closing && len(d.out) <= commit.MaxLines
}

// beginChain lets the lines after the draft's go into the commit file, once it
// is worth it and can be. All that is written is on disk in the segment. That the
// file is open before its first entry is written, by anybody, is what lets a
// process vouch for others' entries: the system tells it of every error since.
func (j *Journal) beginChain() {
	j.draft.next.EndChain()
	if !j.wantsChain() {
		j.clearChain()
		return
	}
	c := &j.beside
	if c.file == nil || !j.commitLinked() {
		if err := j.openCommit(); err != nil {
			j.commitFailed(err)
			return
		}
	}
	j.draft.next.BeginChain()
}

// clearChain overwrites the beginning of the chain in a log that is closed, so
// that whoever opens it need not read it. Nothing needs it any more, and nobody
// minds if it stays.
func (j *Journal) clearChain() {
	closing := j.draft.b != nil && j.draft.b.closing
	if closing && j.beside.file != nil && j.commitLinked() {
		_, _ = j.beside.file.WriteAt(make([]byte, commit.EntrySize(0)), 0)
	}
}

// openCommit opens the commit file, and makes it where there is none. Order:
// aside, written in whole, synced; renamed; the directory synced. The last also
// where it is there: whoever made it may have been killed before that.
func (j *Journal) openCommit() error {
	f, err := j.opt.FS.OpenFile(j.path(j.layout.Commit()), os.O_RDWR|vfs.NoLink, 0)
	if err == nil {
		size, sizeErr := f.Size()
		if sizeErr == nil && size >= j.opt.commitSize {
			j.beside.file = f
			return j.syncDir()
		}
		if err := errors.Join(sizeErr, f.Close()); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if j.beside.file, err = j.makeCommit(); err != nil {
		return err
	}
	return j.syncDir()
}

// makeCommit makes the commit file.
func (j *Journal) makeCommit() (vfs.File, error) {
	aside := j.path(j.layout.Commit() + ".new")
	f, err := j.opt.FS.OpenFile(aside, os.O_RDWR|os.O_CREATE|os.O_TRUNC, filePerm)
	if err != nil {
		return nil, err
	}
	_, err = f.WriteAt(make([]byte, j.opt.commitSize), 0)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, errors.Join(err, j.opt.FS.Remove(aside))
	}
	if err := j.opt.FS.Rename(aside, j.path(j.layout.Commit())); err != nil {
		return nil, err
	}
	return j.opt.FS.OpenFile(j.path(j.layout.Commit()), os.O_RDWR|vfs.NoLink, 0)
}

// restore brings back, from the commit file, what the active segment lacks after
// a loss of power: lines behind the position known to be on disk in it. It
// reports whether they are all in the segment now, durably.
//
// The commit file is trusted no further than a tail is: it only fills what is
// missing, and each line must be whole, in sequence and carry the log's MAC. Where
// the segment holds anything else, it says nothing.
func (j *Journal) restore() (restored bool, err error) {
	if broken.Is("chain-ignored") {
		return false, nil
	}
	chain, err := j.chain()
	if err != nil || len(chain.Lines) == 0 {
		return false, err
	}
	f, err := j.openActive()
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // no rotation begins before the segment is on disk
	}
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	head, err := j.head(f)
	if err != nil || head.Segment != chain.Segment || head.Origin != j.set.Origin {
		return false, unjudged(err)
	}
	var from int64
	if j.state != nil && j.state.State.Segment == head.Segment {
		from = j.state.State.InSegment()
	}
	if chain.End() <= from {
		return false, nil
	}
	return j.fill(f, &chain, max(from, chain.Offset), head.SignEvents)
}

// chain reads the commit file.
func (j *Journal) chain() (commit.Entry, error) {
	path := j.path(j.layout.Commit())
	info, err := j.opt.FS.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return commit.Entry{}, nil
	}
	if err != nil {
		return commit.Entry{}, fmt.Errorf("look for commit file: %w", err)
	}
	f, err := j.opt.FS.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return commit.Entry{}, fmt.Errorf("open commit file: %w", err)
	}
	chain, err := commit.Read(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return commit.Entry{}, fmt.Errorf("read commit file: %w", err)
	}
	return chain, nil
}

// fill writes the chain's lines again in place, from an offset on, where the
// segment has nothing else, and syncs it. Also where it seems to lack nothing: an
// error of writing it back may have been told to somebody else.
func (j *Journal) fill(f vfs.File, chain *commit.Entry, from int64, signed bool) (bool, error) {
	size, err := f.Size()
	if err != nil {
		return false, fmt.Errorf("active segment: %w", err)
	}
	at, fits, err := chain.Lacks(f, size, from)
	if err != nil || !fits {
		return false, err
	}
	end := chain.End()
	if at < end {
		if end, err = j.genuine(f, chain, from, signed); err != nil || end <= at {
			return false, err
		}
	}
	if _, err := f.WriteAt(chain.Lines[from-chain.Offset:end-chain.Offset], from); err != nil {
		return false, fmt.Errorf("restore from commit file: %w", err)
	}
	if err := f.Sync(); err != nil {
		return false, fmt.Errorf("restore from commit file: %w", err)
	}
	if at < end {
		j.note(control.Recovered, "%d bytes that segment %d lacked after a loss of power were in the commit file: they are in it again", end-at, chain.Segment)
	}
	return true, nil
}

// genuine returns the offset up to which the chain's lines, from an offset on,
// could be the log's own: whole, in sequence after the segment's last line before
// them, and with the log's MAC.
func (j *Journal) genuine(f vfs.File, chain *commit.Entry, from int64, signed bool) (int64, error) {
	var seq uint64
	if from > 0 {
		last, err := lastSeq(f, from)
		if err != nil {
			if errors.Is(err, segment.ErrRead) {
				return 0, err
			}
			return 0, nil
		}
		seq = last + 1
	}
	end := from
	for rest := chain.Lines[from-chain.Offset:]; ; seq++ {
		line, after, whole := bytes.Cut(rest, []byte{'\n'})
		if !whole {
			return end, nil
		}
		l, err := record.Split(line)
		if err != nil || l.Seq != seq || signed && j.line.Check(l) != nil {
			return end, nil
		}
		end += int64(len(line)) + 1
		rest = after
	}
}

// secure makes the lines before the synced position durable in the segment, where
// only the commit file is known to have them, after the segment's descriptor has
// failed.
func (j *Journal) secure() error {
	s := &j.state.State
	from := s.InSegment()
	if from == s.Offset {
		return nil
	}
	err := j.active.Close()
	j.active = nil
	if err != nil {
		return fmt.Errorf("close segment: %w", err)
	}
	if _, err := j.restore(); err != nil {
		return err
	}
	if j.active, err = j.openActive(); err != nil {
		return err
	}
	size, err := j.active.Size()
	if err != nil {
		return fmt.Errorf("active segment: %w", err)
	}
	if err := j.rewrite(from, size); err != nil { // to its end: the failure may have been about the size
		return err
	}
	if err := j.active.Sync(); err != nil {
		return fmt.Errorf("secure what is acknowledged: %w", err)
	}
	return nil
}
