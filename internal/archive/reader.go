package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sort"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// A Reader reads the plain bytes of an archive: it is an [io.ReaderAt] that
// decompresses the frames that are asked for, and no others. It is safe for
// concurrent use, and decompresses on as many processors as it is read by.
//
// It holds at most 16 bytes for each frame, 8 MiB of frames that were read
// lately, and for each call one compressed frame. A frame of more than 1 MiB,
// as other programs make them, is not held: it is decompressed from its
// beginning up to what is asked for, in at most two places at a time, with a
// window of 8 MiB each. Reading on from there, or up to 8 MiB back, costs no
// more than what is read; anything else begins anew. Whoever reads it from its end
// has up to 64 MiB more held, of what lies before that and compressed, until
// [Reader.Release].
//
// Bytes are given out only after the checksum of their frame was found right,
// as far as it has one. An archive written by [Write] has one everywhere.
type Reader struct {
	r      io.ReaderAt
	spans  []span       // the last is the end of the frames
	broken *DamageError // what stands behind the frames; nil where that is nothing
	tabled bool         // the spans are from the seek table: whether it is right is seen frame by frame

	blocks blocks

	mu       sync.Mutex // guards what follows
	streams  []*stream  // the one used last is the last
	checked  map[int]error
	asked    blockKey // the part of a large frame that was asked for last
	repacked repacked
}

// NewReader returns a Reader of the archive of size bytes that r has. It does
// not close r, and reads from it as long as it is used itself.
//
// An archive without a seek table is read once to find its frames, and so is
// one that does not end as it was written. Where it is damaged, what stands
// before that can be read. The errors are those of r, and [ErrUnsupported].
func NewReader(r io.ReaderAt, size int64) (*Reader, error) {
	a := &Reader{r: r, checked: map[int]error{}}
	if err := a.readEnd(size); err != nil {
		return nil, fmt.Errorf("read archive: %w", err)
	}
	if a.spans == nil {
		if err := a.scan(size); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// Size returns how many plain bytes there are. Of a damaged archive whose end
// cannot be told it returns one more than can be read, so that whoever reads to
// the end meets the damage there.
func (a *Reader) Size() int64 {
	n := a.spans[len(a.spans)-1].plain
	if a.broken != nil {
		n++
	}
	return n
}

// readEnd takes the spans from the seek table, if there is one that is as it
// was written. Of a file that does not begin as Write begins one nothing says what
// its last bytes are: they may be in a skippable frame, which all others pass over.
func (a *Reader) readEnd(size int64) error {
	begin := appendSkip(nil, magicMark, []byte(mark))
	if size < int64(len(begin)+footerSize) {
		return nil
	}
	got := make([]byte, len(begin))
	if err := readAt(a.r, got, 0); err != nil || !bytes.Equal(got, begin) {
		return err
	}
	// Of nearly every archive this is more than its end, and all of a small one.
	tail := make([]byte, min(size, 32<<10))
	if err := readAt(a.r, tail, size-int64(len(tail))); err != nil {
		return err
	}
	n := endSize(tail[len(tail)-footerSize:])
	if n == 0 || n > size {
		return nil
	}
	if n > int64(len(tail)) {
		tail = make([]byte, n)
		if err := readAt(a.r, tail, size-n); err != nil {
			return err
		}
	}
	a.spans = parseEnd(tail[int64(len(tail))-n:], size)
	a.tabled = a.spans != nil
	return nil
}

// scan finds the frames by reading the file. It stops at the first place where
// there is none.
func (a *Reader) scan(size int64) error {
	s := scanner{w: newWalker(io.NewSectionReader(a.r, 0, size))}
	a.spans = []span{{}}
	for {
		at := a.spans[len(a.spans)-1]
		plain, err := s.next()
		if err == nil {
			a.add(span{s.w.at, at.plain + plain})
			continue
		}
		if s.w.src.err != nil {
			return fmt.Errorf("read archive: %w", s.w.src.err)
		}
		if err := unsupported(err, at.file); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) {
			err = s.form.end(s.w.at)
		}
		if err != nil {
			a.broken = &DamageError{File: at.file, Offset: at.plain, Next: -1, Reason: err.Error()}
		}
		return nil
	}
}

// add adds a frame that ends at end. Those without plain bytes need no more than
// one span for all that follow each other.
func (a *Reader) add(end span) {
	n := len(a.spans)
	if n > 1 && a.spans[n-2].plain == end.plain {
		a.spans[n-1] = end
		return
	}
	a.spans = append(a.spans, end)
}

// A scanner measures frames.
type scanner struct {
	w    *walker
	form form
	dec  *zstd.Decoder
}

// next passes over a frame, and returns how many plain bytes it has. Only one
// that does not say so is decoded, and one that says it has none: nobody will. The
// error is io.EOF after the last.
func (s *scanner) next() (plain int64, err error) {
	f, err := s.w.next()
	if err == nil {
		err = s.form.begin(f)
	}
	switch {
	case err != nil:
		return 0, err
	case s.form.digest != nil:
		return 0, errTable // else it would not be looked for
	case f.Skippable:
		err = s.form.skip(f)
	case !f.HasFCS || f.FrameContentSize == 0:
		plain, err = s.measure(f)
	case f.FrameContentSize > maxPlain:
		err = fmt.Errorf("the frame says that it has %d plain bytes", f.FrameContentSize)
	default:
		plain, err = int64(f.FrameContentSize), f.drain()
	}
	if err != nil {
		return 0, err
	}
	return plain, s.form.add(f.packed, plain)
}

// measure decodes a frame to learn how many plain bytes it has.
func (s *scanner) measure(f *frame) (plain int64, err error) {
	if s.dec == nil {
		if s.dec, err = newStream(); err != nil {
			return 0, err
		}
	}
	if err := s.dec.Reset(f); err != nil {
		return 0, err
	}
	if plain, err = io.Copy(io.Discard, io.LimitReader(s.dec, maxPlain+1)); err != nil {
		return 0, err
	}
	if f.HasFCS && plain > 0 {
		return 0, fmt.Errorf("the frame has %d plain bytes, and says that it has none", plain)
	}
	return plain, f.drain()
}

// ReadAt implements [io.ReaderAt]. Where bytes are damaged it returns those
// before them and a [*DamageError], where the file cannot be read its error.
func (a *Reader) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("read archive: negative offset")
	}
	end := a.spans[len(a.spans)-1].plain
	i := sort.Search(len(a.spans)-1, func(i int) bool { return a.spans[i+1].plain > off })
	for n < len(p) {
		at := off + int64(n)
		if at >= end && a.broken != nil {
			return n, a.broken
		}
		if at >= end {
			return n, io.EOF
		}
		for a.spans[i+1].plain <= at { // frames without plain bytes
			i++
		}
		m, err := a.readFrame(i, p[n:], at-a.spans[i].plain)
		n += m
		if err != nil {
			return n, a.wrap(i, err)
		}
	}
	return n, nil
}

// Release gives the frames that are held back to other Readers. The Reader may be used on, and
// holds what it reads then.
func (a *Reader) Release() {
	a.blocks.release()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.repacked = repacked{}
}

// wrap says where the error of a frame is.
func (a *Reader) wrap(i int, err error) error {
	if e, ok := errors.AsType[*readError](err); ok {
		return fmt.Errorf("read archive: %w", e.error)
	}
	if err := unsupported(err, a.spans[i].file); err != nil {
		return err
	}
	return &DamageError{File: a.spans[i].file, Offset: a.spans[i].plain, Next: a.spans[i+1].plain, Reason: err.Error()}
}

// sizes returns how many bytes a frame has, compressed and plain.
func (a *Reader) sizes(i int) (packed, plain int64) {
	return a.spans[i+1].file - a.spans[i].file, a.spans[i+1].plain - a.spans[i].plain
}

// readFrame reads bytes of one frame, from its plain offset on, up to its end
// at most.
func (a *Reader) readFrame(i int, p []byte, from int64) (int, error) {
	packed, plain := a.sizes(i)
	if packed > maxPacked || plain > maxFrame {
		return a.blocks.copy(p, blockKey{i, from / maxFrame}, from%maxFrame, func() ([]byte, error) { return a.chunk(i, from/maxFrame) })
	}
	key := blockKey{i, 0}
	if from == 0 && int64(len(p)) >= plain && !a.blocks.has(key) {
		// Whoever takes the whole frame does not need a second copy of it.
		if err := a.decode(i, p[:plain]); err != nil {
			return 0, err
		}
		return int(plain), nil
	}
	return a.blocks.copy(p, key, from, func() ([]byte, error) {
		b := newRoom(plain)
		return b, a.decode(i, b)
	})
}

// packedPool has room for compressed frames.
var packedPool = sync.Pool{New: func() any { return new([]byte) }}

// decode decodes a frame that is held into dst.
func (a *Reader) decode(i int, dst []byte) error {
	packed, _ := a.sizes(i)
	room := packedPool.Get().(*[]byte)
	defer packedPool.Put(room)
	if int64(cap(*room)) < packed {
		*room = make([]byte, packed)
	}
	b := (*room)[:packed]
	if err := readAt(a.r, b, a.spans[i].file); err != nil {
		return err
	}
	if a.tabled {
		if err := isFrame(b, int64(len(dst))); err != nil {
			return err
		}
	}
	return decodeWhole(dst, b)
}
