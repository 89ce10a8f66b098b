package archive_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"runtime"
	"testing"

	"github.com/etch-audit/etch/internal/archive"
)

// zeros returns a frame of 4 bytes for each 128 KiB of zeros, with a header that
// begins as given.
func zeros(header string, blocks int) []byte {
	b := append([]byte("\x28\xb5\x2f\xfd"), header...)
	for i := range blocks {
		head := uint32(128<<10)<<3 | 1<<1
		if i == blocks-1 {
			head |= 1
		}
		b = append(b, byte(head), byte(head>>8), byte(head>>16), 0)
	}
	return b
}

// Files that say they are much larger than they are, or are, take no more
// memory than the limits allow.
func TestHostileFiles(t *testing.T) {
	const (
		window2M   = "\x00\x58" // no size, a window of 2 MiB
		window8M   = "\x00\x68"
		terabytes  = "\xc0\x68\x00\x00\x00\x00\x80\x00\x00\x00" // a window of 8 MiB, 512 GiB
		petabytes  = "\xc0\x68\x00\x00\x00\x00\x00\x00\x04\x00"
		oneSegment = "\xe0\x00\x00\x00\x00\x80\x00\x00\x00"     // 512 GiB in one piece
		wide       = "\xc0\xf8\x00\x00\x00\x00\x80\x00\x00\x00" // a window of 2 TiB
	)
	many := make([]byte, 0, 9<<20)
	for range 1 << 20 {
		many = append(many, "\x50\x2a\x4d\x18\x00\x00\x00\x00"...)
	}
	lying := func(frames uint32, packed, plain uint32) []byte {
		var content []byte
		content = binary.LittleEndian.AppendUint32(content, packed)
		content = binary.LittleEndian.AppendUint32(content, plain)
		content = binary.LittleEndian.AppendUint32(content, frames)
		content = append(content, 0, 0xb1, 0xea, 0x92, 0x8f)
		b := append(zeros(window2M, 1), make([]byte, 56)...)
		b = binary.LittleEndian.AppendUint32(b, 0x184D2A5E)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(content)))
		b = append(b, content...)
		return b
	}
	for name, file := range map[string][]byte{
		"128 MiB of zeros":              zeros(window8M, 1024),
		"half a terabyte, it says":      zeros(terabytes, 10),
		"a petabyte, it says":           zeros(petabytes, 10),
		"one segment, it says":          zeros(oneSegment, 10),
		"a window of two terabytes":     zeros(wide, 10),
		"a million skippable frames":    many,
		"a table of 4 billion frames":   lying(1<<32-1, 10, 10),
		"a table of a million frames":   lying(1<<20, 10, 10),
		"a frame of 4 GiB in the table": lying(1, 1<<32-1, 1<<32-1),
		"a skippable frame of 4 GiB":    []byte("\x50\x2a\x4d\x18\xff\xff\xff\xffxx"),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			stream, err := archive.Decompress(bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			n, err := io.Copy(io.Discard, io.LimitReader(stream, 1<<30))
			t.Logf("decompressed to %d bytes, %v", n, err)
			if err := stream.Close(); err != nil {
				t.Error(err)
			}
			r, err := archive.NewReader(bytes.NewReader(file), int64(len(file)))
			if err != nil {
				t.Log(err)
			} else {
				buf := make([]byte, 1<<20)
				_, err := r.ReadAt(buf, 0)
				t.Logf("size %d, %v", r.Size(), err)
			}
			runtime.ReadMemStats(&after)
			// The race detector, which runs with -short, throws away what pools hold.
			if all := after.TotalAlloc - before.TotalAlloc; all > 128<<20 && !testing.Short() {
				t.Errorf("%d MiB were allocated, all in all", all>>20)
			}
		})
	}
}
