package verify

import (
	"bytes"
	"errors"
	"io"
	"io/fs"

	"github.com/etch-audit/etch/internal/commit"
)

// fill looks whether the active segment lacks lines that the commit file has, as
// it may after a loss of power until the next writer comes, and lets it be judged
// with them. They are judged as any line is. Where the segment has something else
// in their place it is judged as it stands.
//
// A writer at work puts its lines into the segment first: so its size is looked
// at once the commit file was read.
func (v *verifier) fill(f *file) error {
	if v.state != nil && v.state.Segment > f.number {
		return nil
	}
	chain, err := v.chain()
	if err != nil || len(chain.Lines) == 0 || chain.Segment != f.number {
		return err
	}
	from := chain.Offset
	if v.state != nil && v.state.Segment == f.number {
		from = max(from, v.state.InSegment())
	}
	size, err := v.sizeOf(f)
	if err != nil || size < from || from >= chain.End() {
		return err
	}
	src, err := v.open(f)
	if err != nil {
		return err
	}
	at, fits, err := chain.Lacks(src, size, from)
	if err := errors.Join(err, src.close()); err != nil {
		return err
	}
	if !fits || at == chain.End() {
		return nil
	}
	f.lacks = &chain
	v.total -= f.size
	f.size = max(size, chain.End())
	v.total += f.size
	v.report.notChecked("%s lacks bytes from offset %d on, as after a loss of power; %s has them, they were judged from there, and the next writer puts them back.",
		f.name, at, v.layout.Commit())
	return nil
}

// chain reads the commit file.
func (v *verifier) chain() (chain commit.Entry, err error) {
	h, err := v.openRegular(v.layout.Commit())
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNoFile) {
		return chain, nil
	}
	if err != nil {
		return chain, err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	b, err := io.ReadAll(io.LimitReader(h, commit.Size))
	if err != nil {
		return chain, err
	}
	return commit.Read(bytes.NewReader(b))
}

// sizeOf returns the present size of the active segment.
func (v *verifier) sizeOf(f *file) (int64, error) {
	var info fs.FileInfo
	var err error
	if f.handle != nil {
		info, err = f.handle.Stat()
	} else {
		info, err = fs.Stat(v.fsys, f.name)
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
