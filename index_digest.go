package etch

import (
	"errors"
	"fmt"
	"io"

	"github.com/etch-audit/etch/internal/index"
)

// IndexDigest returns the digest of the index that a rotated segment gives, which
// ends where reading ends, after at most size bytes. The same lines give the
// same digest, and lines that are not numbered one behind another an error. It takes
// some 20 MiB for each 100 MiB of the segment. It is what
// Made of package verify's Indexes is meant to be: package verify itself does not
// know what an index is.
func IndexDigest(segment io.ReaderAt, size int64) (digest [32]byte, err error) {
	var m indexMaker
	if _, err := m.rows(segment, size, 0, func(int64) {}); err != nil {
		return digest, fmt.Errorf("make index: %w", err)
	}
	return m.builder.Finish(io.Discard)
}

// ReadIndexDigest reads all of an index of size bytes and returns the digest by
// which queries know it: they use the index where the log has that on record.
// With an error, the digest is that of an index of which a part is damaged, which
// queries notice once they come to it; it is zero where they do not use the index
// at all. The error is [errors.ErrUnsupported] where the index is of another
// version of etch. ReadIndexDigest is what Digest of package verify's Indexes is
// meant to be.
func ReadIndexDigest(file io.ReaderAt, size int64) (digest [32]byte, err error) {
	x, err := index.Open(file, size, indexSpec)
	if errors.Is(err, index.ErrOther) {
		return digest, fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	if err != nil {
		return digest, err
	}
	return x.Digest(), x.Verify()
}
