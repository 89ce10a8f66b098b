// Package spool keeps the records of a log for which the log has no room now:
// it is locked, its disk is full, its keys cannot be read, time is up.
//
// A spool is a directory. Each [Dir.Put] leaves one file there, durable and
// never changed afterwards, which the next writer of the log records and
// removes. What not even the spool could take is counted in place, in a file
// that has its blocks since before the disk was full.
//
//	<time>-<random>-<n>.spool  n records: written aside, synced, renamed, the directory synced
//	<time>-<random>-<n>.new    one being written, or what a killed process has left of it
//	<time>-<random>-<n>.bad    one that held a line which nobody vouches for, kept for people
//	lost                       how many events are in neither place
//	refused                    which files a daemon did not take for now, and why
//	lock, lost.lock            flock of who drains; of who counts
//
// A file is lines in the envelope of a log's line, of which the first is about
// the others:
//
//	{"seq":0,"spool":{…},"signature":"SHA256:…"}
//	{"seq":1,BODY,"signature":"SHA256:…"}
//
// The signature is made with a key that is derived from the log's MAC key for
// this purpose, this log and this file's name. So a line proves that who wrote it
// could read the key; it passes nowhere else, and not twice. A process that
// cannot read the key uses one that everybody knows: its lines are whole, and
// prove nothing. Format: docs/spec/spool-format.md.
//
// The package moves bytes: what a body means it does not know.
package spool

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/etch-audit/etch/internal/vfs"
)

// ErrFull is returned where the spool has as many bytes as it may have.
var ErrFull = errors.New("spool is full")

// ErrNewer is returned for a file that a later version of this program wrote: it is to
// stay where it is until that one drains it.
var ErrNewer = errors.New("a newer etch spooled it, and only that one can drain it")

// Names of files, and their endings.
const (
	lostName     = "lost"
	lockName     = "lock"
	lostLockName = "lost.lock"
	refusedName  = "refused"

	goodExt = ".spool"
	newExt  = ".new"
	badExt  = ".bad"
)

const (
	dirPerm  = 0o700
	filePerm = 0o600

	// maxFile bounds what is read of a file at once.
	maxFile = 8 << 20
	// maxBatch is how many records a file has at most: maxFile is more than so
	// many of the longest lines.
	maxBatch = 100
	// block is what a file takes of the disk at least.
	block = 4096
)

// A Dir is the spool of one log. It is safe for concurrent use, also by several
// processes.
type Dir struct {
	fs   vfs.FS
	path string
}

// At returns the spool in the directory at path, which need not exist.
func At(fsys vfs.FS, path string) *Dir { return &Dir{fsys, path} }

func (d *Dir) at(name string) string { return filepath.Join(d.path, name) }

// Path returns where a file is; of the zero File the directory.
func (d *Dir) Path(f File) string { return d.at(f.Name) }

// Mode returns the mode of the directory.
func (d *Dir) Mode() (fs.FileMode, error) {
	info, err := d.fs.Stat(d.path)
	if err != nil {
		return 0, err
	}
	return info.Mode(), nil
}

// A Position is a place in the log: the number of a segment and a byte of it.
// The zero Position is the log's beginning.
type Position struct {
	Segment uint32 `json:"segment"`
	Offset  int64  `json:"offset"`
}

// Before reports whether p lies before q.
func (p Position) Before(q Position) bool {
	return p.Segment < q.Segment || p.Segment == q.Segment && p.Offset < q.Offset
}

// A Batch is records that are spooled together.
type Batch struct {
	// First is the time of the first of them. Files are drained in its order.
	First time.Time
	// At is when they are spooled.
	At time.Time
	// Since is a place of the log before which none of them can be.
	Since Position
	// Unsure: a process that may be running still has tried to append them, and
	// does not know what came of it.
	Unsure bool
	Bodies [][]byte
	// Written is told when all of them are in files, which are not durable yet; nil for nobody.
	Written func()
}

// Put keeps records until they are drained. They are durable when it returns
// nil. It returns [ErrFull] where the spool would be larger than max bytes, and
// then, or after any other error, has kept none of the last file's.
//
// Order, for each file: write aside; sync; rename; sync of the directory. A crash
// before the rename leaves a file that [Dir.Files] tells as unfinished.
func (d *Dir) Put(key *Key, b Batch, maxBytes int64) error {
	if err := d.make(); err != nil {
		return err
	}
	used, err := d.used()
	if err != nil {
		return err
	}
	written, left := b.Written, len(b.Bodies)
	for bodies := range slices.Chunk(b.Bodies, maxBatch) {
		b.Bodies, b.Written = bodies, nil
		if left -= len(bodies); left == 0 {
			b.Written = written
		}
		size, err := d.put(key, &b, maxBytes-used)
		if err != nil {
			return err
		}
		used += size
	}
	return nil
}

// put writes one file and returns what it takes of the room.
func (d *Dir) put(key *Key, b *Batch, room int64) (int64, error) {
	base := newBase(b.First, len(b.Bodies))
	content, err := appendFile(nil, key, base, b)
	if err != nil {
		return 0, err
	}
	size := taken(int64(len(content)))
	if size > room {
		return 0, fmt.Errorf("%w: %d bytes are needed, %d are left", ErrFull, size, max(room, 0))
	}
	aside := d.at(base + newExt)
	if err := d.write(aside, content, b.Written); err != nil {
		// The error is the one above all; what is left is told as unfinished.
		return 0, errors.Join(fmt.Errorf("spool: %w", err), d.discard(aside))
	}
	if err := d.fs.Rename(aside, d.at(base+goodExt)); err != nil {
		return 0, errors.Join(fmt.Errorf("spool: %w", err), d.discard(aside))
	}
	return size, d.sync()
}

// write makes a file and syncs it. In between it says that the file has its content.
func (d *Dir) write(path string, content []byte, written func()) error {
	f, err := d.fs.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, filePerm)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(content, 0)
	if err == nil {
		if written != nil {
			written()
		}
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// discard removes a file that may not be there.
func (d *Dir) discard(path string) error {
	if err := d.fs.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (d *Dir) sync() error {
	if err := d.fs.SyncDir(d.path); err != nil {
		return fmt.Errorf("sync directory of the spool: %w", err)
	}
	return nil
}

// make makes the directory, durably. One that is there may have been made by a
// process that was killed before it was durable: whoever puts files into it
// would lose them with it, so the parent is synced until a file was put.
func (d *Dir) make() error {
	err := d.fs.Mkdir(d.path, dirPerm)
	if errors.Is(err, fs.ErrExist) {
		if _, err := d.fs.Stat(d.at(lostName)); err == nil {
			return nil // it is made after the parent is synced
		}
		err = nil
	}
	if err != nil {
		return fmt.Errorf("make spool: %w", err)
	}
	if err := d.fs.SyncDir(filepath.Dir(d.path)); err != nil {
		return fmt.Errorf("make spool: %w", err)
	}
	return nil
}

// used returns how many bytes the spool has. What was set aside is not the
// spool's any more: it must not keep others out.
func (d *Dir) used() (int64, error) {
	files, err := d.Files()
	var sum int64
	for _, f := range files {
		sum += taken(f.Bytes)
	}
	return sum, err
}

// taken is what a file of so many bytes takes of the disk, and of the cap: so
// many small files are bounded too.
func taken(size int64) int64 { return max(size+block-1, block) / block * block }

// newBase returns a name that no other file has: the time, so that names are in
// the order of the events; something random; the number of records.
func newBase(t time.Time, n int) string {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	return fmt.Sprintf("%016x-%s-%d", max(t.UnixMicro(), 0), hex.EncodeToString(random[:]), n)
}

// A File is one file of a spool, as its name and its size tell.
type File struct {
	Name   string
	First  time.Time // of its first record
	Events int       // how many records it has, or was to have
	Bytes  int64
	// Unfinished says that it was being written when it was last heard of, at
	// Changed: by a process that still is at it, or was killed.
	Unfinished bool
	Changed    time.Time
}

// base returns the name without its ending, to which the lines are bound.
func (f *File) base() string { return strings.TrimSuffix(f.Name, filepath.Ext(f.Name)) }

// Files returns the files that wait, in the order in which they are to be
// drained: of the events, and of files of the same time as they were written. An
// attempt is spooled before its completion, which has the same time. Where there is no
// spool there are none.
func (d *Dir) Files() ([]File, error) { return d.files(goodExt, newExt) }

// Aside returns the files that were set aside, in their order.
func (d *Dir) Aside() ([]File, error) { return d.files(badExt) }

// files returns the files of these endings.
func (d *Dir) files(endings ...string) ([]File, error) {
	entries, err := d.fs.ReadDir(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read spool: %w", err)
	}
	var files []File
	for _, e := range entries {
		f, ok := parseName(e.Name())
		if !ok || e.IsDir() || !slices.Contains(endings, filepath.Ext(f.Name)) {
			continue
		}
		info, err := d.fs.Stat(d.at(f.Name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // drained meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("read spool: %w", err)
		}
		if !info.Mode().IsRegular() {
			continue
		}
		f.Bytes, f.Changed = info.Size(), info.ModTime()
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b File) int {
		return cmp.Or(a.First.Compare(b.First), a.Changed.Compare(b.Changed), strings.Compare(a.Name, b.Name))
	})
	return files, nil
}

// parseName returns what a file's name says, and whether it is one of a spool.
func parseName(name string) (File, bool) {
	ext := filepath.Ext(name)
	if ext != goodExt && ext != newExt && ext != badExt {
		return File{}, false
	}
	f := File{Name: name, Unfinished: ext == newExt}
	var micro uint64
	var random string
	n, err := fmt.Sscanf(strings.ReplaceAll(f.base(), "-", " "), "%16x %16s %d", &micro, &random, &f.Events)
	if n != 3 || err != nil || f.Events < 1 || f.Events > maxBatch || micro > 1<<62 ||
		fmt.Sprintf("%016x-%s-%d", micro, random, f.Events) != f.base() {
		return File{}, false
	}
	f.First = time.UnixMicro(int64(micro)).UTC()
	return f, true
}

// Adopt makes an unfinished file one that waits, so that the process which was
// writing it, should it still be there, cannot finish it behind the back of who
// has read it.
func (d *Dir) Adopt(f File) (File, error) {
	whole := f
	whole.Name, whole.Unfinished = f.base()+goodExt, false
	if err := d.fs.Rename(d.at(f.Name), d.at(whole.Name)); err != nil {
		return f, fmt.Errorf("adopt %s: %w", f.Name, err)
	}
	return whole, d.sync()
}

// Remove removes a file whose records are in the log, durably. A crash before
// that leaves it to be drained again.
func (d *Dir) Remove(files ...File) error {
	if len(files) == 0 {
		return nil
	}
	for _, f := range files {
		if err := d.discard(d.at(f.Name)); err != nil {
			return fmt.Errorf("remove spooled: %w", err)
		}
	}
	return d.sync()
}

// SetAside keeps a file that cannot be drained wholly where no drain looks again.
func (d *Dir) SetAside(f File) error {
	if err := d.fs.Rename(d.at(f.Name), d.at(f.base()+badExt)); err != nil {
		return fmt.Errorf("set spooled aside: %w", err)
	}
	return d.sync()
}

// Lock takes the right to drain, without waiting, and returns what gives it
// back. It returns [vfs.ErrLocked] where another process has it.
func (d *Dir) Lock() (release func() error, err error) { return d.lock(lockName, 0) }

func (d *Dir) lock(name string, wait time.Duration) (func() error, error) {
	l, err := d.fs.OpenLock(d.at(name))
	if err != nil {
		return nil, fmt.Errorf("lock spool: %w", err)
	}
	if err := l.Acquire(wait); err != nil {
		return nil, errors.Join(fmt.Errorf("lock spool: %w", err), l.Close())
	}
	return l.Close, nil
}
