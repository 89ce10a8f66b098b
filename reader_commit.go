package etch

import (
	"context"
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
	return filledBy(f, &chain, size, s.InSegment())
}

// viewFor takes the view that a query asks. For one that says itself where the log
// ends, the state does not: what was proved is not less so because the state is
// older, as it is in a copy for which it was taken first.
func (r *Reader) viewFor(ctx context.Context, q *Query) (*view, error) {
	if q.End.set {
		return r.wholeView(ctx)
	}
	return r.view(ctx)
}

// wholeView takes a view that the state does not bound.
func (r *Reader) wholeView(ctx context.Context) (*view, error) {
	v, err := r.view(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.unbound(v); err != nil {
		return nil, errors.Join(err, v.close())
	}
	return v, nil
}

// unbound lets the active segment go on to the end of its file, with what the commit
// file has of it: as far as a verifier reads it.
func (r *Reader) unbound(v *view) error {
	for i := range v.parts {
		p := &v.parts[i]
		if p.file == nil {
			continue
		}
		p.end = -1
		if _, done := p.file.(*filledFile); done || p.Number == 0 || v.older {
			continue
		}
		from := int64(0)
		if v.state != nil && v.state.Segment == p.Number {
			from = v.state.InSegment()
		}
		chain, err := r.chain()
		if err != nil || len(chain.Lines) == 0 || chain.Segment != p.Number {
			return err
		}
		size, err := p.file.Size()
		if err != nil {
			return err
		}
		p.file, err = filledBy(p.file, &chain, size, from)
		if err != nil {
			return err
		}
	}
	return nil
}

// filledBy returns a segment with what it lacks of a chain's lines from an offset on; as
// it is where it lacks nothing, or the chain does not fit it.
func filledBy(f vfs.File, chain *commit.Entry, size, from int64) (vfs.File, error) {
	at, fits, err := chain.Lacks(f, size, from)
	if err != nil || !fits || at == chain.End() {
		return f, err
	}
	return &filledFile{f, commit.Filled{ReaderAt: f, Chain: chain}}, nil
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
