package archive

import (
	"bytes"
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
// It is stricter than a [Reader]: the seek table must say of every frame what
// the frame says itself. So what was read by Decompress without an error is
// what a Reader shows, whatever part of it is asked for. The errors are those
// of r, [*DamageError] and [ErrUnsupported].
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
	odd     bool   // no table can describe the frames
	marked  bool   // the file begins as Write begins one
	digest  []byte // of the table, which comes next
	ended   bool   // that has come too
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
	s.plain, s.frame, s.err = next, nil, nil
	s.add(f.packed, next-s.start)
	return true
}

// enter begins the next frame, or ends the sequence.
func (s *sequence) enter() error {
	s.begin, s.start = s.w.at, s.plain
	f, err := s.w.next()
	if err == io.EOF && s.begin == 0 {
		return errEmpty
	}
	if err == io.EOF && s.marked && !s.ended {
		return errors.New("the seek table that should end it is not there")
	}
	if err != nil {
		return err
	}
	if s.ended {
		return errors.New("a frame follows the seek table")
	}
	if s.digest != nil {
		return s.table(f)
	}
	if f.Skippable {
		return s.skip(f)
	}
	if err := f.supported(); err != nil {
		return err
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
	s.add(f.packed, s.plain-s.start)
	return nil
}

// skip passes over a skippable frame, and remembers the digest of the table
// where it is that.
func (s *sequence) skip(f *frame) error {
	first := s.w.at == 0
	sum, marked, err := f.skip()
	if err != nil {
		return err
	}
	s.add(f.packed, 0)
	s.marked = s.marked || first && marked
	if len(sum) == sha256.Size {
		s.digest = sum
	}
	return nil
}

// add adds a frame to the table as it ought to be.
func (s *sequence) add(packed, plain int64) {
	const most = 1<<32 - 1
	s.odd = s.odd || packed > most || plain > most || s.frames == maxFrames
	s.frames++
	s.entry = appendEntry(s.entry[:0], uint32(packed), uint32(plain))
	_, _ = s.entries.Write(s.entry) // a hash has no errors
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
	if !s.marked {
		return errors.New("it ends as an archive of etch does, and does not begin so")
	}
	if s.odd || f.magic != magicTable || !bytes.Equal(got, s.digest) || !bytes.Equal(got, s.entries.Sum(nil)) {
		return errors.New("the seek table does not say where the frames are")
	}
	s.ended = true
	return nil
}
