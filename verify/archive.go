package verify

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strings"

	"github.com/etch-audit/etch/internal/segment"
)

// An unpacker is the plain bytes of an archived segment.
//
// Where the decompressor fails although the file can be read, and not because
// the archive is of a kind that it does not know ([errors.ErrUnsupported]), the
// archive is damaged. What cannot be decompressed then is read as one line that
// is no record, so that the judge names the lines which are lost; or, where the
// decompressor cannot go on, as the end of the segment.
type unpacker struct {
	io.ReadCloser
	packed  *readable
	at      int64
	spoiled *spoiled // of the segment, however often that is read
	filler  io.Reader
}

// A spoiled is the first place at which an archive cannot be decompressed.
type spoiled struct {
	offset int64
	err    error // nil: none was found yet
}

// A readable remembers whether a file could not be read.
type readable struct {
	io.ReadCloser
	err error
}

// Read implements io.Reader.
func (r *readable) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

// unpacked returns the plain bytes of an archived segment.
func (v *verifier) unpacked(f *file) (io.ReadCloser, error) {
	h, err := v.openRegular(v.layout.Rotated(f.Number, true).Name)
	if err != nil {
		return nil, err
	}
	if f.spoiled == nil {
		f.spoiled = &spoiled{}
	}
	u := &unpacker{packed: &readable{ReadCloser: h}, spoiled: f.spoiled}
	u.ReadCloser, err = v.opts.Decompress(u.packed)
	if err == nil {
		return u, nil
	}
	if err := u.judge(err); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	u.ReadCloser = io.NopCloser(strings.NewReader(""))
	return u, nil
}

// Close closes the decompressor and the archive.
func (u *unpacker) Close() error { return errors.Join(u.ReadCloser.Close(), u.packed.Close()) }

// skipper is an error behind which reading goes on, after so many bytes that
// cannot be read.
type skipper interface {
	error
	Skipped() int64
}

// Read implements io.Reader.
func (u *unpacker) Read(p []byte) (int, error) {
	for {
		if u.filler != nil {
			n, err := u.filler.Read(p)
			u.at += int64(n)
			if !errors.Is(err, io.EOF) {
				return n, err
			}
			u.filler = nil
		}
		n, err := u.ReadCloser.Read(p)
		u.at += int64(n)
		if err == nil || errors.Is(err, io.EOF) {
			return n, err
		}
		if err := u.judge(err); err != nil {
			return n, err
		}
		skip, ok := errors.AsType[skipper](err)
		if !ok || skip.Skipped() <= 0 {
			return n, io.EOF
		}
		u.filler = lost(skip.Skipped())
		if n > 0 {
			return n, nil
		}
	}
}

// lost returns n bytes that are one line, and no record.
func lost(n int64) io.Reader {
	return io.MultiReader(io.LimitReader(blanks{}, n-1), bytes.NewReader([]byte{'\n'}))
}

type blanks struct{}

// Read fills p with zero bytes.
func (blanks) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// judge returns nil where an error of the decompressor is damage, which it
// remembers.
func (u *unpacker) judge(err error) error {
	if u.packed.err != nil || errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	if u.spoiled.err == nil {
		*u.spoiled = spoiled{offset: u.at, err: err}
	}
	return nil
}

// sound reports whether no part of a segment was met that could not be
// decompressed.
func (f *file) sound() bool { return f.spoiled == nil || f.spoiled.err == nil }

// tellSpoiled reports an archive that could not be decompressed. Which lines are
// lost is told besides.
func (j *judge) tellSpoiled(f *file) {
	if f.sound() {
		return
	}
	j.fault(Fault{
		Kind: Edited, Offset: &f.spoiled.offset, Detail: fmt.Sprintf("the archive cannot be decompressed from here on: %v", f.spoiled.err),
		Hint: "put a good copy of the archive, or of the segment that it was made of, in its place",
	})
	j.cause = true
}

// sameAsPlain reports whether an archive holds the bytes of the plain segment
// beside it. The error is that of a file that could not be read.
func (v *verifier) sameAsPlain(twin segment.File) (same bool, err error) {
	plain, err := v.open(&file{name: v.layout.Numbered(twin.Number), size: math.MaxInt64})
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, plain.close()) }()
	f := &file{File: twin, name: twin.Name, archived: true}
	archive, err := v.open(f)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, archive.close()) }()
	one, other := plain.from(0), archive.from(0)
	var a, b [32 << 10]byte
	for {
		n, errA := io.ReadFull(one, a[:])
		m, errB := io.ReadFull(other, b[:])
		for _, err := range [...]error{errA, errB} {
			if err != nil && !ended(err) {
				return false, err
			}
		}
		if !bytes.Equal(a[:n], b[:m]) || f.spoiled.err != nil {
			return false, nil
		}
		if errA != nil || errB != nil {
			return true, nil
		}
	}
}

// overlooked reports whether a segment is there that the listing lacks: one that
// is archived meanwhile is in it in neither of its forms, where the new one was
// not there yet and the old one no longer.
func (v *verifier) overlooked(found []segment.File) bool {
	for n := range segment.Gaps(found, 0) {
		for _, archived := range [...]bool{false, true} {
			if info, err := fs.Stat(v.fsys, v.layout.Rotated(n, archived).Name); err == nil && info.Mode().IsRegular() {
				return true
			}
		}
	}
	return false
}
