// Package segment is the files that a log's records lie in: their names, which
// of them there are, and how their lines are read.
package segment

import (
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A Layout is the names of a log's files. All lie in one directory; names are
// without it, so that they serve an io/fs.FS as well.
type Layout struct {
	Dir  string // the directory of the log, for callers that need paths
	stem string
	ext  string
}

// LayoutOf returns the names that belong to the log at path.
func LayoutOf(path string) (Layout, error) {
	dir, base := filepath.Split(path)
	ext := filepath.Ext(base)
	stem := strings.TrimSuffix(base, ext)
	if stem == "" || stem == "." || stem == ".." {
		return Layout{}, fmt.Errorf("log path %q names no file", path)
	}
	if slices.Contains(ownExts, ext) {
		return Layout{}, fmt.Errorf("log path %q ends like a file of the log's own: use .log", path)
	}
	if dir == "" {
		dir = "."
	}
	return Layout{filepath.Clean(dir), stem, ext}, nil
}

// ownExts end the names of the files and directories of a log that are no segments.
var ownExts = []string{".state", ".commit", ".lock", ".turn", ".keys", ".torn", ".index", ".new", ArchiveExt, ".spool", ".hooks", ".sock"}

// Owns reports whether a name in the log's directory is, or would be taken for, one
// of the log's own that is no segment: its stem, and at the end an extension of
// theirs, or that of a lock and whatever follows it.
func (l Layout) Owns(name string) bool {
	rest, ok := strings.CutPrefix(name, l.stem+".")
	return ok && (slices.Contains(ownExts, filepath.Ext("."+rest)) || strings.HasPrefix(name, l.Lock()) || strings.HasPrefix(name, l.ImportLock()))
}

// Directories returns the names of the log's own directories, where they are in
// their default places.
func (l Layout) Directories() []string {
	return []string{l.Keys(), l.Torn(), l.Index(), l.Spool(), l.Hooks()}
}

// Path returns the path of a file of the log.
func (l Layout) Path(name string) string { return filepath.Join(l.Dir, name) }

// Active returns the name of the active segment.
func (l Layout) Active() string { return l.stem + l.ext }

// New returns the name under which a segment is made before it is active.
func (l Layout) New() string { return l.stem + l.ext + ".new" }

// Numbered returns the name of a rotated segment.
func (l Layout) Numbered(n uint32) string { return fmt.Sprintf("%s.%06d%s", l.stem, n, l.ext) }

// State returns the name of the log's state file.
func (l Layout) State() string { return l.stem + ".state" }

// Commit returns the name of the commit file.
func (l Layout) Commit() string { return l.stem + ".commit" }

// Lock returns the name of the lock file.
func (l Layout) Lock() string { return l.stem + ".lock" }

// Keys returns the name of the key directory, where it is in its default place.
func (l Layout) Keys() string { return l.stem + ".keys" }

// Torn returns the name of the directory of bytes that recovery set aside.
func (l Layout) Torn() string { return l.stem + ".torn" }

// Spool returns the name of the directory of records that wait for the log.
func (l Layout) Spool() string { return l.stem + ".spool" }

// Hooks returns the name of the directory of what hooks remember between calls.
func (l Layout) Hooks() string { return l.stem + ".hooks" }

// Socket returns the name of the daemon's socket, where it is in its default
// place.
func (l Layout) Socket() string { return l.stem + ".sock" }

// DaemonLock returns the name of the lock file of the one daemon that serves the
// log.
func (l Layout) DaemonLock() string { return l.stem + ".daemon.lock" }

// Index returns the name of the directory of indexes.
func (l Layout) Index() string { return l.stem + ".index" }

// IndexOf returns the name of the index of a rotated segment.
func (l Layout) IndexOf(n uint32) string { return filepath.Join(l.Index(), fmt.Sprintf("%06d.idx", n)) }

// RecordOf returns the name of the file that says where the log has the index of
// a rotated segment on record.
func (l Layout) RecordOf(n uint32) string { return filepath.Join(l.Index(), fmt.Sprintf("%06d.at", n)) }

// ArchiveLock returns the name of the lock file of whoever archives segments.
func (l Layout) ArchiveLock() string { return l.stem + ArchiveExt + ".lock" }

// ImportLock returns the name of the lock file of whoever brings other programs'
// logs in.
func (l Layout) ImportLock() string { return l.stem + ".import.lock" }

// ArchiveExt ends the name of an archived segment.
const ArchiveExt = ".zst"

// A File is one segment's file. The active segment has no number: its first
// line knows it.
type File struct {
	Name     string
	Number   uint32 // 0: the active segment
	Archived bool
}

// errNotSegment is returned for the name of some other file.
var errNotSegment = errors.New("not a segment of this log")

// Parse returns the segment that a file name stands for.
func (l Layout) Parse(name string) (File, error) {
	if name == l.Active() {
		return File{Name: name}, nil
	}
	plain, archived := strings.CutSuffix(name, ArchiveExt)
	digits, ok := strings.CutPrefix(plain, l.stem+".")
	if !ok {
		return File{}, errNotSegment
	}
	if digits, ok = strings.CutSuffix(digits, l.ext); !ok || len(digits) < 6 {
		return File{}, errNotSegment
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || n == 0 || l.Numbered(uint32(n)) != plain {
		return File{}, errNotSegment
	}
	return File{name, uint32(n), archived}, nil
}

// Rotated returns the file of a rotated segment in one of its forms.
func (l Layout) Rotated(n uint32, archived bool) File {
	f := File{Name: l.Numbered(n), Number: n, Archived: archived}
	if archived {
		f.Name += ArchiveExt
	}
	return f
}

// maxGaps is how many numbers Gaps yields at most: the names of files are
// anybody's, and a high number is one file.
const maxGaps = 10_000

// Gaps yields the numbers before that of the active segment (0: not known) that
// no file has, of files in the order of [Layout.Select], the lowest first.
func Gaps(files []File, active uint32) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		next, left := uint32(1), maxGaps
		for _, f := range append(slices.Clip(files), File{Number: active}) {
			for ; next < f.Number && left > 0; next, left = next+1, left-1 {
				if !yield(next) {
					return
				}
			}
			next = max(next, f.Number+1)
		}
	}
}

// Select returns the segments among the names of a directory in their order,
// the active one last. Where a segment stands plain and archived, the plain one
// is chosen, and the archived one is returned among the twins.
func (l Layout) Select(names []string) (files, twins []File) {
	var all []File
	for _, name := range names {
		if f, err := l.Parse(name); err == nil {
			all = append(all, f)
		}
	}
	slices.SortFunc(all, compare)
	for i, f := range all {
		if i > 0 && f.Number == all[i-1].Number {
			twins = append(twins, f)
		} else {
			files = append(files, f)
		}
	}
	return files, twins
}

// compare orders by number, the active segment last, plain before archived.
func compare(a, b File) int {
	switch {
	case a.Number == b.Number && a.Archived == b.Archived:
		return 0
	case a.Number == b.Number:
		if b.Archived {
			return -1
		}
		return 1
	case a.Number == 0:
		return 1
	case b.Number == 0 || a.Number < b.Number:
		return -1
	}
	return 1
}
