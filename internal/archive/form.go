package archive

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

var (
	errNoTable  = errors.New("the seek table that should end it is not there")
	errNoMark   = errors.New("it ends as an archive of etch does, and does not begin so")
	errBehind   = errors.New("a frame follows the seek table")
	errForeign  = errors.New("the frame is none that an archive of etch has")
	errTable    = errors.New("the seek table does not say where the frames are")
	errManyLeft = errors.New("more bytes follow the frame")
)

// A form is what the kinds of a file's frames say of it, from the first on: an
// archive as Write makes it, or one of another program. [Decompress] and a
// [Reader] that looks for frames both go by it, and a Reader that goes by a seek
// table asks the same of the table and of each frame that it decodes: so neither
// shows what the other does not.
type form struct {
	own    bool   // the first frame is the mark: all others must be as Write makes them
	digest []byte // of the seek table, which comes next; nil: it does not
	ended  bool   // the seek table was there

	spans int64 // frames, where those without plain bytes that follow each other are one
	empty bool  // the last has no plain bytes
	plain int64
}

// begin judges the header of a frame, which begins at an offset of the file. What
// follows the digest is not judged here.
func (o *form) begin(f *frame) error {
	switch {
	case o.ended:
		return errBehind
	case o.digest != nil && f.magic != magicTable:
		return errTable
	case o.digest != nil || f.Skippable:
		return nil
	case o.own && (!f.HasCheckSum || !f.HasFCS || f.FrameContentSize == 0 || f.FrameContentSize > maxFrame):
		return errForeign
	}
	return f.supported()
}

// skip passes over a skippable frame.
func (o *form) skip(f *frame) error {
	first := f.w.at == 0
	rest, marked, err := f.tag()
	switch {
	case err != nil:
		return err
	case marked && len(rest) == sha256.Size && o.own:
		o.digest = rest
	case marked && len(rest) == sha256.Size:
		return errNoMark
	case marked && len(rest) == 0 && first:
		o.own = true
	case o.own:
		return errForeign
	}
	return nil
}

// add counts a frame that was passed. The limits are those of what a Reader holds.
func (o *form) add(packed, plain int64) error {
	if o.own && packed > maxPacked {
		return errForeign
	}
	if plain > 0 || !o.empty {
		o.spans++
	}
	o.empty = plain == 0
	if o.plain += plain; o.spans > maxFrames || o.plain > maxPlain {
		return needError(fmt.Sprintf("room for more than %d frames, or more than %d plain bytes", maxFrames, int64(maxPlain)))
	}
	return nil
}

// end says what is wrong where the file ends.
func (o *form) end(at int64) error {
	switch {
	case at == 0:
		return errEmpty
	case o.own && !o.ended:
		return errNoTable
	}
	return nil
}

// isFrame returns nil where packed is one frame of so many plain bytes, as Write
// makes them, and nothing else. What its blocks hold is not looked at.
func isFrame(packed []byte, plain int64) error {
	var h zstd.Header
	if err := h.Decode(packed); err != nil {
		return fmt.Errorf("no frame of zstd begins here: %w", err)
	}
	if h.Skippable || !h.HasCheckSum || !h.HasFCS || h.FrameContentSize != uint64(plain) {
		return errForeign
	}
	rest := packed[h.HeaderSize:]
	for last := false; !last; {
		var size int64
		var err error
		if last, size, err = blockSize(rest); err != nil {
			return err
		}
		if size > int64(len(rest)) {
			return errCut
		}
		rest = rest[size:]
	}
	const checksum = 4
	switch {
	case len(rest) < checksum:
		return errCut
	case len(rest) > checksum:
		return errManyLeft
	}
	return nil
}

// tag reads a skippable frame, and returns what follows the mark of an archive
// where it begins with that.
func (f *frame) tag() (rest []byte, marked bool, err error) {
	if f.magic != magicMark || int64(f.SkippableSize) > int64(digestSize) {
		return nil, false, f.drain()
	}
	b := make([]byte, f.left)
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, false, err
	}
	rest, marked = bytes.CutPrefix(b[f.HeaderSize:], []byte(mark))
	return rest, marked, nil
}
