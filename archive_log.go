package etch

import (
	"context"
	"io"

	"github.com/etch-audit/etch/internal/archive"
	"github.com/etch-audit/etch/internal/archivist"
	"github.com/etch-audit/etch/internal/segment"
)

// mostArchivists bounds the memory of making archives: some 10 MiB for each.
const mostArchivists = 6

// An ArchivedSegment is a segment that was made an archive.
type ArchivedSegment struct {
	Segment  int   // its number
	Bytes    int64 // that it has
	Archived int64 // that its archive has
}

// Archive makes archives of the rotated segments that were written last before
// Options.ArchiveAfter ago, by their files' times of modification, whether
// Options.NoArchive is set or not, and returns what it has done, the oldest
// segment first. The newest rotated segment stays as it is. Every reader and the
// verification read archives as they read segments.
//
// An archive takes its segment's place once it is on disk and was read back and
// compared with it, byte by byte. A segment of which there is an error is there
// as it was. That another process is doing the same is an error, and so is an
// archive beside a segment that does not hold the same: neither is touched.
//
// Progress, where not nil, is told how many bytes of how many were read. It is
// called by several goroutines.
func (l *Log) Archive(ctx context.Context, progress func(done, total int64)) ([]ArchivedSegment, error) {
	return l.archive(ctx, min(workers(), mostArchivists), progress)
}

func (l *Log) archive(ctx context.Context, workers int, progress func(done, total int64)) ([]ArchivedSegment, error) {
	if l.journal == nil {
		return nil, nil
	}
	layout, err := segment.LayoutOf(l.path)
	if err != nil {
		return nil, err
	}
	done, err := archivist.Run(ctx, archivist.Options{
		FS: fileSystem(), Layout: layout, Before: l.opt.Now().Add(-l.opt.ArchiveAfter), Workers: workers, Progress: progress,
	})
	var archived []ArchivedSegment
	for _, d := range done {
		archived = append(archived, ArchivedSegment{int(d.Number), d.Plain, d.Packed})
	}
	return archived, err
}

// Decompress returns the plain bytes of an archived segment. It is what the
// Decompress of package verify's Options is meant to be: package verify itself
// brings no decompressor. Closing what it returns does not close r.
func Decompress(r io.Reader) (io.ReadCloser, error) { return archive.Decompress(r) }
