// Package archive is the compressed form of a rotated segment: what it looks
// like, how it is written, and how its plain bytes are read back, any part of
// them at little more than the cost of that part.
//
// An archive is a standard zstd file (RFC 8878), so that `zstd -d` makes the
// segment of it again:
//
//	skippable  0x184D2A57: the 8 bytes "etchseek". A file that begins so has the
//	           frames below and no others, or is damaged
//	frame      512 lines, or fewer where they would be more than 1 MiB: a frame
//	…          never splits a line. Its header has the size of its content, its
//	           end the checksum of it
//	skippable  0x184D2A57: "etchseek" and the SHA-256 of the content of the frame
//	           that follows
//	skippable  0x184D2A5E: the seek table of the zstd seekable format 0.1.0
//	           (facebook/zstd, contrib/seekable_format), without checksums
//
// Offsets, in every call of this package that takes or returns one, are those
// of the plain segment, unless they are said to be those of the file.
//
// Archives made by other programs are read too, if a window of 8 MiB is enough
// for them: their frames are found by going through the file once. No seek table
// of theirs is used: nothing in it says that a byte of it has changed, and only
// what a file begins with says that its last bytes are one, and not within a frame
// that everybody passes over.
package archive

import (
	"errors"
	"fmt"
)

// The limits are part of the format: a writer stays below them, and a reader
// holds no more than they say, whatever a file claims.
const (
	// frameLines is how many lines a frame has at most: two blocks of 256, of
	// which indexes and proofs are made. Of lines as agents make them, signed and
	// unsigned, that leaves 1/6.2 and 1/9.7, and the frame of a line is decoded in
	// 0.2 ms. 256 lines would leave 1/5.8 and 1/8.7, 1,024 lines 1/6.5 and 1/10.4.
	frameLines = 512
	// maxFrame is the most plain bytes of a frame that are held at once. Only a
	// line that is longer, which no log has, is split.
	maxFrame = 1 << 20
	// maxPacked is the same of its compressed bytes: incompressible ones take up
	// three bytes more for each block of 128 KiB.
	maxPacked = maxFrame + maxFrame>>8
	// maxFrames bounds the list of frames that is kept for an archive, and so
	// its memory to 16 MiB. A gigabyte of lines has 8,000 frames.
	maxFrames = 1 << 20
	// maxWindow is how far back a frame may refer to itself: what RFC 8878
	// recommends a decoder to support, and the most that zstd's levels up to 19
	// ask for.
	maxWindow = 8 << 20
	// maxPlain is what an archive can say of itself in a few bytes, and what it
	// would take for ever to find out. A terabyte is no segment.
	maxPlain = 1 << 40
)

// ErrDamaged is what every [*DamageError] is: the bytes of an archive are not
// those that were written.
var ErrDamaged = errors.New("archive is damaged")

// ErrUnsupported is returned for an archive that may be good, but that this
// package does not read: it needs a dictionary, a larger window, or has too many
// frames. It is [errors.ErrUnsupported] too, for who does not import this package.
var ErrUnsupported error = unsupportedError{}

type unsupportedError struct{}

// Error says what it is.
func (unsupportedError) Error() string { return "archive is of an unsupported kind" }

// Is reports whether target is the same for all packages.
func (unsupportedError) Is(target error) bool { return target == errors.ErrUnsupported }

// A DamageError says which part of an archive cannot be read. It is
// [ErrDamaged].
type DamageError struct {
	File   int64 // offset in the archive of the frame, or of what should be one
	Offset int64 // plain offset from which on nothing can be read
	Next   int64 // plain offset at which reading can go on; -1 where it cannot
	Reason string
}

// Error says what is wrong and where in the file.
func (e *DamageError) Error() string {
	return fmt.Sprintf("%v: at byte %d of the file: %s", ErrDamaged, e.File, e.Reason)
}

// Skipped returns how many plain bytes cannot be read before reading goes on, 0
// where it does not.
func (e *DamageError) Skipped() int64 { return max(0, e.Next-e.Offset) }

// Unwrap returns ErrDamaged. What a decompressor said of the bytes is no part
// of the chain: it may be io.ErrUnexpectedEOF, which is the end of a file to
// whoever asks for that.
func (e *DamageError) Unwrap() error { return ErrDamaged }
