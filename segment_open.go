package etch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// OpenSegment opens the segment of a number, the active one among them: its stored
// bytes, uncompressed, up to where the segment behind it says that its records end.
// Of the active one these are all that its file has, also behind the synced position,
// where nothing is committed that no seal proves. The caller closes the closer. Where
// there is no such segment the error is [fs.ErrNotExist].
func (r *Reader) OpenSegment(number int) (*io.SectionReader, io.Closer, error) {
	v, err := r.wholeView(context.Background())
	if err != nil {
		return nil, nil, err
	}
	for i := range v.parts {
		p := &v.parts[i]
		if int64(p.Number) != int64(number) {
			continue
		}
		f, end, err := r.open(v, *p)
		if err != nil {
			return nil, nil, errors.Join(err, v.close())
		}
		p.file = nil // it is the caller's
		return io.NewSectionReader(f, 0, end), f, v.close()
	}
	return nil, nil, errors.Join(fmt.Errorf("segment %d: %w", number, fs.ErrNotExist), v.close())
}
