package archive

import (
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// maxStreams is in how many places a reader decompresses large frames.
const maxStreams = 2

// A stream decompresses a frame that is too large to be held.
type stream struct {
	frame int
	dec   *zstd.Decoder
	src   *source
	at    int64 // plain offset in the frame of what comes next
}

// open begins at the beginning of a frame.
func (s *stream) open(a *Reader, i int) error {
	packed, _ := a.sizes(i)
	s.frame, s.at = i, 0
	s.src = &source{Reader: io.NewSectionReader(a.r, a.spans[i].file, packed)}
	if err := s.dec.Reset(s.src); err != nil {
		s.frame = -1
		return err
	}
	return nil
}

// read reads all of p.
func (s *stream) read(p []byte) error {
	n, err := io.ReadFull(s.dec, p)
	s.at += int64(n)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && s.src.err == nil {
		err = fmt.Errorf("the frame ends after %d plain bytes", s.at)
	}
	return s.failure(err)
}

// failure tells an error of the file from damage.
func (s *stream) failure(err error) error {
	if err != nil && s.src.err != nil {
		return &readError{s.src.err}
	}
	return err
}

// check decompresses the frame to its end, where its checksum is.
func (s *stream) check(plain int64) error {
	n, err := io.Copy(io.Discard, io.LimitReader(s.dec, plain+1))
	if err == nil && n != plain {
		err = fmt.Errorf("the frame has not the %d plain bytes that it should have", plain)
	}
	return s.failure(err)
}

// chunk returns a part of a frame that is too large to be held. The parts that
// are passed on the way are held too, the last of them; and all of them, compressed,
// where it is read backward.
func (a *Reader) chunk(i int, part int64) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, plain := a.sizes(i)
	backward := a.asked.frame == i && part+maxBlocks/2 <= a.asked.part
	a.asked = blockKey{i, part}
	if packed := a.repacked.part(i, part); packed != nil {
		b := newRoom(min(maxFrame, plain-part*maxFrame))
		return b, decodeWhole(b, packed)
	}
	if err := a.check(i); err != nil {
		return nil, err
	}
	s, err := a.stream(i, part*maxFrame)
	if err != nil {
		return nil, err
	}
	if backward = backward && s.at == 0; backward {
		a.repacked.begin(i)
	}
	for {
		this := s.at / maxFrame
		b := newRoom(min(maxFrame, plain-s.at))
		if err := s.read(b); err != nil {
			s.frame = -1
			return nil, err
		}
		if this == part {
			return b, nil
		}
		if backward {
			if err := a.repacked.add(b); err != nil {
				return nil, err
			}
		}
		if part-this < maxBlocks {
			a.blocks.put(blockKey{i, this}, b)
		} else {
			rooms.Put(&b)
		}
	}
}

// check decompresses a frame once before any of it is given out.
func (a *Reader) check(i int) error {
	if err, ok := a.checked[i]; ok {
		return err
	}
	_, plain := a.sizes(i)
	s, err := a.stream(i, 0)
	if err != nil {
		return err
	}
	err = s.check(plain)
	s.frame = -1
	if _, ofFile := errors.AsType[*readError](err); !ofFile {
		a.checked[i] = err
	}
	return err
}

// stream returns a stream of a frame that has not passed a plain offset of it:
// the one that is nearest, or one from the frame's beginning.
func (a *Reader) stream(i int, upTo int64) (*stream, error) {
	best := -1
	for k, s := range a.streams {
		if s.frame == i && s.at <= upTo && (best < 0 || s.at > a.streams[best].at) {
			best = k
		}
	}
	if best >= 0 {
		s := a.streams[best]
		a.streams = append(append(a.streams[:best], a.streams[best+1:]...), s)
		return s, nil
	}
	var s *stream
	if len(a.streams) == maxStreams {
		s, a.streams = a.streams[0], a.streams[1:]
	} else {
		dec, err := newStream()
		if err != nil {
			return nil, err
		}
		s = &stream{dec: dec}
	}
	a.streams = append(a.streams, s)
	return s, s.open(a, i)
}
