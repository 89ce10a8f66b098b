package archive

import (
	"github.com/etch-audit/etch/internal/later"
	"github.com/klauspost/compress/zstd"
)

// maxRepacked is how many compressed bytes a reader holds of a large frame that is read
// backward. A frame that needs more is decompressed once for each 64 MiB of them: who
// reads all of it from its end pays for the bytes that its file has, not for the square
// of those that it says it has.
const maxRepacked = 64 << 20

// A repacked holds the parts of a large frame that lie before one that was asked for,
// each compressed again by itself: whoever reads backward comes to them next, and a
// decompressor only goes forward. The zero value is empty.
type repacked struct {
	frame int
	next  int64    // the part behind the last
	parts [][]byte // one after another, up to next
	bytes int
}

// packer compresses parts, for all readers.
var packer = later.Value[encoder]{Make: func() encoder {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(maxFrame),
		zstd.WithLowerEncoderMem(true), zstd.WithEncoderConcurrency(1))
	return encoder{enc, err}
}}

type encoder struct {
	*zstd.Encoder
	err error
}

// begin forgets all parts, for those of a frame.
func (r *repacked) begin(frame int) { *r = repacked{frame: frame} }

// add adds the next part of the frame, from the first on. Where there is no room for it
// the first are forgotten: they are needed last.
func (r *repacked) add(plain []byte) error {
	enc := packer.Get()
	if enc.err != nil {
		return enc.err
	}
	packed := enc.EncodeAll(plain, nil)
	r.parts, r.bytes, r.next = append(r.parts, packed), r.bytes+len(packed), r.next+1
	for r.bytes > maxRepacked {
		r.bytes -= len(r.parts[0])
		r.parts[0], r.parts = nil, r.parts[1:]
	}
	return nil
}

// part returns a part of a frame, compressed; nil where it is not held.
func (r *repacked) part(frame int, part int64) []byte {
	i := part - r.next + int64(len(r.parts))
	if r.frame != frame || i < 0 || part >= r.next {
		return nil
	}
	return r.parts[i]
}
