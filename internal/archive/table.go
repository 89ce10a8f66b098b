package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// The numbers of the zstd seekable format, and of the frames that this format
// adds to it.
const (
	magicMark   = 0x184D2A57
	magicTable  = 0x184D2A5E
	magicFooter = 0x8F92EAB1

	skipHeader = 8 // magic and size
	entrySize  = 8 // compressed and plain size of a frame
	footerSize = 9 // number of frames, descriptor, magic

	mark       = "etchseek"
	digestSize = len(mark) + sha256.Size
)

// appendSkip appends a skippable frame.
func appendSkip(dst []byte, magic uint32, content []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, magic)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(content)))
	return append(dst, content...)
}

func appendEntry(dst []byte, packed, plain uint32) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, packed)
	return binary.LittleEndian.AppendUint32(dst, plain)
}

func appendFooter(dst []byte, frames uint32) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, frames)
	dst = append(dst, 0) // the entries have no checksums: the frames have their own
	return binary.LittleEndian.AppendUint32(dst, magicFooter)
}

// appendEnd appends the frames that end an archive: the digest, which is the
// table's last entry, and the table.
func appendEnd(dst, entries []byte) []byte {
	entries = appendEntry(entries, uint32(skipHeader+digestSize), 0)
	content := appendFooter(entries, uint32(len(entries)/entrySize))
	sum := sha256.Sum256(content)
	dst = appendSkip(dst, magicMark, append([]byte(mark), sum[:]...))
	return appendSkip(dst, magicTable, content)
}

// A span is where a frame begins, in the file and in the plain bytes. It ends
// where the next one begins.
type span struct{ file, plain int64 }

// endSize returns how many bytes the frames that end an archive have by the
// footer of its table, 0 where it is none.
func endSize(footer []byte) int64 {
	frames := int64(binary.LittleEndian.Uint32(footer))
	if binary.LittleEndian.Uint32(footer[5:]) != magicFooter || footer[4] != 0 || frames > maxFrames {
		return 0
	}
	return skipHeader + int64(digestSize) + skipHeader + frames*entrySize + footerSize
}

// parseEnd returns where the frames of an archive are by the frames that end
// it, and nil where a byte of these is not as it was written, or Write makes no
// such frames: one without plain bytes, which nobody would decode, could hide any.
// The last of the spans is the end of the frames.
func parseEnd(end []byte, size int64) []span {
	tableFrame := end[skipHeader+digestSize:]
	content := tableFrame[skipHeader:]
	entries := content[:len(content)-footerSize]
	if len(entries) == 0 || !bytes.Equal(end, appendEnd(nil, slices.Clip(entries[:len(entries)-entrySize]))) {
		return nil
	}
	n := len(entries) / entrySize
	spans := make([]span, 1, n+1)
	at := span{}
	for i := range n {
		packed, plain := int64(binary.LittleEndian.Uint32(entries)), int64(binary.LittleEndian.Uint32(entries[4:]))
		entries = entries[entrySize:]
		switch {
		case i == 0 && (packed != int64(skipHeader+len(mark)) || plain != 0):
			return nil
		case i > 0 && i < n-1 && (packed > maxPacked || plain == 0 || plain > maxFrame):
			return nil
		}
		at.file += packed
		at.plain += plain
		spans = append(spans, at)
	}
	if at.file != size-int64(len(tableFrame)) {
		return nil
	}
	return spans
}
