package archive

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// Decompress returns the plain bytes of the archive that r has, from its
// beginning to its end, where the error is io.EOF. It stays in one goroutine
// and takes no more than a window of 8 MiB. Closing it does not close r.
//
// After a [*DamageError] that has a Next, reading goes on there; after any other
// error it does not.
//
// What was read by Decompress without an error is what a [Reader] shows, whatever
// part of it is asked for, and what it shows of the bytes before an error, unless
// it has an error there itself: an archive that has the mark of [Write] must be as
// Write makes one, and its seek table must say of every frame what the frame says
// itself; of any other no seek table is used. The errors are those of r,
// [*DamageError] and [ErrUnsupported].
func Decompress(r io.Reader) (io.ReadCloser, error) {
	dec, err := newStream()
	if err != nil {
		return nil, fmt.Errorf("read archive: %w", err)
	}
	return &sequence{w: newWalker(r), dec: dec, entries: sha256.New()}, nil
}

// A sequence is the frames of a file, one after another.
type sequence struct {
	w     *walker
	frame *frame // being decompressed; nil between frames
	begin int64  // in the file, of the frame
	start int64  // plain offset of the frame
	plain int64  // bytes given
	err   error  // that ended it

	dec    *zstd.Decoder // of frames that are not held
	packed bytes.Buffer  // a frame that is held, compressed
	room   []byte        // and plain
	rest   *bytes.Reader // what is not given out of it; nil where the frame is not held

	entries hash.Hash // of a seek table, as it ought to be
	entry   []byte
	frames  int64
	form    form
}

// Read implements io.Reader.
func (s *sequence) Read(p []byte) (int, error) {
	for s.err == nil {
		if s.frame == nil {
			s.err = s.enter()
			continue
		}
		n, err := s.read(p)
		s.plain += int64(n)
		if errors.Is(err, io.EOF) {
			err = s.leave()
		}
		s.err = err
		if n > 0 || len(p) == 0 {
			return n, nil
		}
	}
	return 0, s.fault()
}

// Close gives the memory back.
func (s *sequence) Close() error {
	s.dec.Close()
	s.err = errors.New("it was closed")
	return nil
}

// fault says what the error means that ended the sequence.
func (s *sequence) fault() error {
	switch {
	case s.w.src.err != nil:
		return fmt.Errorf("read archive: %w", s.w.src.err)
	case s.err == io.EOF:
		return io.EOF
	}
	if err := unsupported(s.err, s.begin); err != nil {
		return err
	}
	damage := &DamageError{File: s.begin, Offset: s.plain, Next: -1, Reason: s.err.Error()}
	if s.pass() {
		damage.Next = s.plain
	}
	return damage
}

// pass leaves a damaged frame behind, and reports whether it can: it must end
// somewhere, and say how much it holds.
func (s *sequence) pass() bool {
	f := s.frame
	if f == nil || !f.HasFCS || f.FrameContentSize > maxFrame || f.drain() != nil {
		return false
	}
	next := s.start + int64(f.FrameContentSize)
	if next <= s.plain {
		return false
	}
	s.plain, s.frame = next, nil
	s.err = s.add(f.packed, next-s.start)
	return true
}

// enter begins the next frame, or ends the sequence.
func (s *sequence) enter() error {
	s.begin, s.start = s.w.at, s.plain
	f, err := s.w.next()
	if err == io.EOF {
		return cmp.Or(s.form.end(s.begin), err)
	}
	if err == nil {
		err = s.form.begin(f)
	}
	if err != nil {
		return err
	}
	if s.form.digest != nil {
		return s.table(f)
	}
	if f.Skippable {
		if err := s.form.skip(f); err != nil {
			return err
		}
		return s.add(f.packed, 0)
	}
	s.frame = f
	return s.decode(f)
}

// decode begins to decompress a frame. One that can be held is decompressed at
// once, so that nothing of it is given out before its checksum was found right.
func (s *sequence) decode(f *frame) error {
	s.rest = nil
	if !f.HasFCS || f.FrameContentSize > maxFrame {
		return s.dec.Reset(f)
	}
	s.packed.Reset()
	if _, err := io.CopyN(&s.packed, f, maxPacked+1); err == nil {
		return s.dec.Reset(io.MultiReader(&s.packed, f)) // of hardly anything but headers of blocks
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	s.room = slices.Grow(s.room[:0], int(f.FrameContentSize))
	s.rest = bytes.NewReader(s.room[:f.FrameContentSize])
	return decodeWhole(s.room[:f.FrameContentSize], s.packed.Bytes())
}

// read reads from the frame being decompressed.
func (s *sequence) read(p []byte) (int, error) {
	if s.rest != nil {
		return s.rest.Read(p)
	}
	return s.dec.Read(p)
}

// leave ends the frame that was decompressed.
func (s *sequence) leave() error {
	f := s.frame
	s.frame = nil
	if err := f.drain(); err != nil {
		return err
	}
	if plain := s.plain - s.start; f.HasFCS && uint64(plain) != f.FrameContentSize {
		return fmt.Errorf("the frame has %d plain bytes, and says that it has %d", plain, f.FrameContentSize)
	}
	return s.add(f.packed, s.plain-s.start)
}

// add adds a frame to the table as it ought to be.
func (s *sequence) add(packed, plain int64) error {
	s.frames++
	s.entry = appendEntry(s.entry[:0], uint32(packed), uint32(plain)) // of an archive with a table it has no more
	_, _ = s.entries.Write(s.entry)                                   // a hash has no errors
	return s.form.add(packed, plain)
}

// table compares the seek table with the frames.
func (s *sequence) table(f *frame) error {
	_, _ = s.entries.Write(appendFooter(nil, uint32(s.frames)))
	content := sha256.New()
	_, err := io.CopyN(io.Discard, f, skipHeader)
	if err == nil {
		_, err = io.Copy(content, f)
	}
	if err != nil {
		return err
	}
	got := content.Sum(nil)
	if s.frames > maxFrames || !bytes.Equal(got, s.form.digest) || !bytes.Equal(got, s.entries.Sum(nil)) {
		return errTable
	}
	s.form.digest, s.form.ended = nil, true
	return nil
}
