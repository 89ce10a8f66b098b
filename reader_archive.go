package etch

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"slices"

	"github.com/etch-audit/etch/internal/archive"
	"github.com/etch-audit/etch/internal/scan"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/vfs"
)

// openSegment opens a segment's file for reading, plain or archived. A segment
// may get the other form between listing and opening: then that is opened.
func (r *Reader) openSegment(s segment.File) (vfs.File, error) {
	f, err := r.openForm(s)
	if errors.Is(err, vfs.ErrNotFile) {
		err = fmt.Errorf("%w: %w", fs.ErrNotExist, err) // what stands there is no segment
	}
	if s.Number == 0 || !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	f, other := r.openForm(r.layout.Rotated(s.Number, !s.Archived))
	if errors.Is(other, fs.ErrNotExist) {
		return nil, err
	}
	return f, other
}

// openForm opens exactly one file.
func (r *Reader) openForm(s segment.File) (vfs.File, error) {
	f, err := r.fs.OpenFile(r.layout.Path(s.Name), os.O_RDONLY, 0)
	if err != nil || !s.Archived {
		return f, err
	}
	size, err := f.Size()
	if err == nil {
		var plain *archive.Reader
		if plain, err = archive.NewReader(f, size); err == nil {
			return archivedFile{plain, f}, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("%s: %w", s.Name, err), f.Close())
}

// An archivedFile is the plain bytes of an archived segment as a file that is
// only read.
type archivedFile struct {
	*archive.Reader
	packed vfs.File
}

// Size returns the size of the plain bytes.
func (f archivedFile) Size() (int64, error) { return f.Reader.Size(), nil }

// Linked reports whether the archive is still what its path names.
func (f archivedFile) Linked() (bool, error) { return f.packed.Linked() }

// Close closes the archive.
func (f archivedFile) Close() error {
	f.Release()
	return f.packed.Close()
}

// WriteAt fails: an archive is never changed.
func (f archivedFile) WriteAt([]byte, int64) (int, error) { return 0, errors.ErrUnsupported }

// Truncate fails: an archive is never changed.
func (f archivedFile) Truncate(int64) error { return errors.ErrUnsupported }

// Sync fails: there is nothing that was written.
func (f archivedFile) Sync() error { return errors.ErrUnsupported }

// lines scans a segment as [scan.Lines] does, and goes on behind what is no line:
// the parts of an archive that cannot be decompressed, and bytes with no line feed
// where one should be. Of each it yields where it is.
func (s *search) lines(f vfs.File, from, to int64, opt scan.Options, look scan.Match[hit]) iter.Seq2[hit, error] {
	return func(yield func(hit, error) bool) {
		// What is left to do, the next one last: a hostile segment may be damaged in
		// a million places, and no stack should grow with them.
		left := []stretch{{from: from, to: to}}
		for len(left) > 0 {
			next := left[len(left)-1]
			left = left[:len(left)-1]
			if next.damage != nil {
				if !yield(hit{offset: next.from, damage: next.damage}, nil) {
					return
				}
				continue
			}
			rest, more := s.stretch(f, next, opt, look, yield)
			if !more {
				return
			}
			left = append(left, rest...)
		}
	}
}

// A stretch is a part of a segment that is to be scanned or, with damage, told of
// as what begins at from.
type stretch struct {
	from, to int64
	damage   error
}

// stretch yields the results of a stretch, and reports whether more are wanted. What
// is damaged divides it: what is left of it is returned, the next last.
func (s *search) stretch(f vfs.File, of stretch, opt scan.Options, look scan.Match[hit], yield func(hit, error) bool) (left []stretch, more bool) {
	var at *scan.Error // where the scan ended
	for h, err := range scan.Lines(s.ctx, f, of.from, of.to, opt, look) {
		if errors.As(err, &at) {
			break
		}
		if !yield(h, err) {
			return nil, false
		}
	}
	if at == nil {
		return nil, true
	}
	left, err := s.divide(f, of, at, opt.Reverse)
	if err != nil {
		return nil, yield(hit{}, err)
	}
	if !opt.Reverse {
		slices.Reverse(left)
	}
	return left, true
}

// divide returns what is left of a stretch whose scan has ended, in the order of
// the segment; or why nothing is.
func (s *search) divide(f vfs.File, of stretch, at *scan.Error, reverse bool) ([]stretch, error) {
	damage, ok := errors.AsType[*archive.DamageError](at)
	switch {
	case ok && damage.Offset < of.to && (damage.Next < 0 || damage.Next > of.from):
		return around(damage, of, at.Offset, reverse), nil
	case !errors.Is(at, segment.ErrPartial):
		return nil, at
	case reverse:
		return s.noLineBefore(f, of, at)
	}
	return s.noLineBehind(f, of, at)
}

// around returns what is left of a stretch that a part of an archive divides. The
// scan has come to edge.
func around(damage *archive.DamageError, of stretch, edge int64, reverse bool) []stretch {
	from, to := of.from, of.to
	if reverse {
		to = edge // what lies behind was given
	} else {
		from = min(edge, damage.Offset)
	}
	left := []stretch{{from: from, to: min(damage.Offset, to)}, {from: damage.Offset, damage: damage}}
	if damage.Next >= 0 && damage.Next < to {
		left = append(left, stretch{from: damage.Next, to: to})
	}
	return left
}

// damagedHit is what stands for the lines of an archive that cannot be
// decompressed.
func damagedHit(damage *archive.DamageError) hit {
	return hit{offset: damage.Offset, damage: damage}
}

// addDamage adds what stands for the lines of an archive that cannot be
// decompressed, once for those that follow each other, and reports whether that
// is what an error says.
func addDamage(hits []hit, err error) ([]hit, bool) {
	damage, ok := errors.AsType[*archive.DamageError](err)
	if !ok {
		return hits, false
	}
	if n := len(hits); n > 0 && hits[n-1].damage != nil && hits[n-1].offset == damage.Offset {
		return hits, true
	}
	return append(hits, damagedHit(damage)), true
}

// unopened tells why a segment cannot be opened, where that is no reason to stop.
func (s *search) unopened(p part, err error) {
	switch {
	case errors.Is(err, archive.ErrUnsupported):
		s.damaged(p, 0, err)
	case errors.Is(err, fs.ErrNotExist):
		s.damaged(p, 0, fmt.Errorf("%w: the segment has no file: %w", ErrMissing, err))
	default:
		s.fail(err)
	}
}

// overlooked reports whether a segment is there that the listing lacks. One that
// is archived in the meantime is in neither of its forms where the new one was
// not there yet and the old one no longer.
func (r *Reader) overlooked(files []segment.File, active uint32) (bool, error) {
	for n := range segment.Gaps(files, active) {
		for _, archived := range [...]bool{false, true} {
			info, err := r.fs.Stat(r.layout.Path(r.layout.Rotated(n, archived).Name))
			if err == nil && info.Mode().IsRegular() {
				return true, nil
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return false, fmt.Errorf("look for segment %d: %w", n, err)
			}
		}
	}
	return false, nil
}
