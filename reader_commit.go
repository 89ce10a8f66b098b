package etch

import (
	"errors"
	"io/fs"
	"os"

	"github.com/etch-audit/etch/internal/commit"
	"github.com/etch-audit/etch/internal/state"
	"github.com/etch-audit/etch/internal/vfs"
)

// A filledFile is the active segment with lines that it lacks after a loss of
// power, and that the commit file has, until the next writer puts them back.
type filledFile struct {
	vfs.File
	filled commit.Filled
}

func (f *filledFile) ReadAt(p []byte, off int64) (int, error) { return f.filled.ReadAt(p, off) }

// Size returns the size that the segment has with those lines.
func (f *filledFile) Size() (int64, error) {
	size, err := f.File.Size()
	return max(size, f.filled.Chain.End()), err
}

// filled returns the active segment with what it lacks of the records before
// the state's synced position. Where the commit file has not got that, it returns
// the segment as it is.
//
// A writer at work puts its lines into the segment first, so nothing is lacking
// there; and it begins another chain only once all of this one is in the segment.
func (r *Reader) filled(f vfs.File, s *state.State) (vfs.File, error) {
	if s.InSegment() == s.Offset {
		return f, nil
	}
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if whole, err := commit.Whole(f, size, s.InSegment(), s.Offset); whole || err != nil {
		return f, err
	}
	chain, err := r.chain()
	if err != nil || chain.Chain != s.Chain || chain.Segment != s.Segment {
		return f, err
	}
	at, fits, err := chain.Lacks(f, size, s.InSegment())
	if err != nil || !fits || at == chain.End() {
		return f, err
	}
	return &filledFile{f, commit.Filled{ReaderAt: f, Chain: &chain}}, nil
}

// chain reads the commit file.
func (r *Reader) chain() (chain commit.Entry, err error) {
	path := r.layout.Path(r.layout.Commit())
	info, err := r.fs.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return chain, nil
	}
	if err != nil {
		return chain, err
	}
	f, err := r.fs.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return chain, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return commit.Read(f)
}
