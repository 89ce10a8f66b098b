package archive_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/etch-audit/etch/internal/archive"
)

// pack returns the archive of b.
func pack(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	n, err := archive.Write(&out, bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if n != int64(out.Len()) {
		t.Fatalf("Write says %d bytes, and wrote %d", n, out.Len())
	}
	return out.Bytes()
}

func reader(t testing.TB, file []byte) *archive.Reader {
	t.Helper()
	r, err := archive.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// readAll reads all that a reader has, in pieces.
func readAll(r *archive.Reader, piece int) ([]byte, error) {
	b, err := io.ReadAll(struct{ io.Reader }{io.NewSectionReader(r, 0, r.Size())})
	if err != nil || piece == 0 {
		return b, err
	}
	again := make([]byte, 0, len(b))
	for at := 0; at < len(b); at += piece {
		n, err := r.ReadAt(again[at:min(at+piece, cap(again)):cap(again)][:min(piece, len(b)-at)], int64(at))
		if err != nil && !errors.Is(err, io.EOF) {
			return again, err
		}
		again = again[:at+n]
	}
	return again, nil
}

// decompress reads an archive as a verifier does.
func decompress(file []byte) ([]byte, error) {
	r, err := archive.Decompress(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	return b, errors.Join(err, r.Close())
}

// signedLines returns lines of the form that a signed log has.
func signedLines(rng *rand.Rand, n int) []byte {
	words := strings.Fields("server store index cache parser invoice queue worker gateway report metric search upload retry schema render cursor merge")
	mac := hmac.New(sha256.New, []byte("a key"))
	var b []byte
	for seq := range n {
		start := len(b)
		b = fmt.Appendf(b, `{"seq":%d,"timestamp":"2026-02-16T12:%02d:%02d.%06dZ","event_id":"evt_%012x","event_type":"command_execution","session_id":"s-%08x",`+
			`"actor":{"channel":"cli","user_id":"%d","username":"@alice%d"},"action":{"command":"rg -n %s --type go | head -%d","risk_level":"low","approved":true,"allowed":true},`+
			`"result":{"success":true,"type":"success","exit_code":0,"duration_ms":%d}`,
			seq, seq/60%60, seq%60, rng.IntN(1e6), rng.Uint64()>>16, seq/40, 1000+seq/40%64, seq/40%64, words[rng.IntN(len(words))], rng.IntN(400), rng.IntN(4000))
		mac.Reset()
		mac.Write(b[start:])
		b = append(b, `,"signature":"SHA256:`...)
		b = base64.RawStdEncoding.AppendEncode(b, mac.Sum(nil))
		b = append(b, "\"}\n"...)
	}
	return b
}

// shapes are plain bytes of every kind that a segment can have, and some that
// it cannot.
func shapes(t testing.TB) map[string][]byte {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 3<<20)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	long := strings.Repeat("x", 65535) + "\n"
	return map[string][]byte{
		"empty":                     nil,
		"one byte":                  []byte("x"),
		"one line feed":             []byte("\n"),
		"one line":                  []byte("{}\n"),
		"one frame":                 []byte(strings.Repeat("{}\n", 512)),
		"a frame and a line":        []byte(strings.Repeat("{}\n", 513)),
		"no line feed at the end":   []byte(strings.Repeat("{}\n", 513) + `{"seq":`),
		"a frame, no line feed":     []byte(strings.Repeat("{}\n", 512) + `{"seq":`),
		"empty lines":               []byte(strings.Repeat("\n", 5000)),
		"lines of 64 KiB":           []byte(strings.Repeat(long, 40)),
		"exactly a mebibyte":        []byte(strings.Repeat(long, 16)),
		"longer than a frame":       []byte("a\n" + strings.Repeat("y", 3<<20) + "\nb\n"),
		"long at the end":           []byte("a\n" + strings.Repeat("y", 2<<20)),
		"noise":                     noise,
		"noise without a line feed": bytes.ReplaceAll(noise, []byte("\n"), []byte(" ")),
		"signed lines":              signedLines(rng, 3000),
	}
}

func TestRoundTrip(t *testing.T) {
	for name, want := range shapes(t) {
		t.Run(name, func(t *testing.T) {
			file := pack(t, want)
			r := reader(t, file)
			if r.Size() != int64(len(want)) {
				t.Errorf("size is %d, want %d", r.Size(), len(want))
			}
			for _, piece := range []int{0, 1000, 65536, 300_000, 5 << 20} {
				got, err := readAll(r, piece)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("in pieces of %d: %d bytes, %v; want %d that are the same", piece, len(got), err, len(want))
				}
			}
			if got, err := decompress(file); err != nil || !bytes.Equal(got, want) {
				t.Errorf("decompressed: %d bytes, %v; want %d that are the same", len(got), err, len(want))
			}
			if got := standard(t, file); !bytes.Equal(got, want) {
				t.Errorf("the library's own decoder reads %d bytes, want %d that are the same", len(got), len(want))
			}
			if !bytes.Equal(pack(t, want), file) {
				t.Error("the same bytes make another archive")
			}
		})
	}
}

// standard decodes a file as any program does that knows zstd and nothing else.
func standard(t testing.TB, file []byte) []byte {
	t.Helper()
	d, err := zstd.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	b, err := io.ReadAll(d)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Frames end where lines end, after 512 of them or before a mebibyte is full.
func TestFramesNeverSplitALine(t *testing.T) {
	for name, b := range shapes(t) {
		if strings.Contains(name, "noise") || strings.Contains(name, "long") {
			continue
		}
		in := bytes.NewReader(pack(t, b))
		frames := 0
		for in.Len() > 0 {
			rest := make([]byte, in.Len())
			if _, err := in.ReadAt(rest, in.Size()-int64(in.Len())); err != nil {
				t.Fatal(err)
			}
			var h zstd.Header
			if err := h.Decode(rest); err != nil {
				t.Fatal(err)
			}
			size := int64(h.HeaderSize) + int64(h.SkippableSize)
			if !h.Skippable {
				frames++
				end, content := blocksEnd(t, rest, h)
				size = int64(end)
				if !h.HasFCS || !h.HasCheckSum || h.FrameContentSize != uint64(len(content)) {
					t.Errorf("%s: a frame of %d bytes says so: %v, checksum: %v", name, len(content), h.HasFCS, h.HasCheckSum)
				}
				last := int64(len(content)) == int64(len(b))
				if lines := bytes.Count(content, []byte("\n")); lines > 512 || len(content) > 1<<20 ||
					!last && lines < 512 && len(content) < 1<<20-65536 {
					t.Errorf("%s: a frame has %d lines and %d bytes", name, lines, len(content))
				}
				if b = b[len(content):]; len(b) > 0 && content[len(content)-1] != '\n' {
					t.Errorf("%s: a frame ends within a line", name)
				}
			}
			if _, err := in.Seek(size, io.SeekCurrent); err != nil {
				t.Fatal(err)
			}
		}
		if len(b) > 0 {
			t.Errorf("%s: %d bytes are in no frame", name, len(b))
		}
	}
}

// blocksEnd returns where a frame ends, by the sizes of its blocks, and what it holds.
func blocksEnd(t *testing.T, b []byte, h zstd.Header) (end int, content []byte) {
	t.Helper()
	end = h.HeaderSize
	for last := false; !last; {
		head := int(b[end]) | int(b[end+1])<<8 | int(b[end+2])<<16
		last = head&1 == 1
		size := head >> 3
		if head>>1&3 == 1 {
			size = 1
		}
		end += 3 + size
	}
	if h.HasCheckSum {
		end += 4
	}
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if content, err = d.DecodeAll(b[:end], nil); err != nil {
		t.Fatal(err)
	}
	return end, content
}

type failingWriter struct{ left int }

var errFull = errors.New("no space left")

func (w *failingWriter) Write(p []byte) (int, error) {
	n := min(len(p), w.left)
	w.left -= n
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

type failingReader struct {
	b    []byte
	from int64
}

var errSector = errors.New("bad sector")

func (f failingReader) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.from {
		return 0, errSector
	}
	return bytes.NewReader(f.b).ReadAt(p, off)
}

func TestWriteErrors(t *testing.T) {
	b := signedLines(rand.New(rand.NewPCG(1, 2)), 6000)
	whole := len(pack(t, b))
	for _, room := range []int{0, 1, 20, whole / 2, whole - 1} {
		n, err := archive.Write(&failingWriter{room}, bytes.NewReader(b), int64(len(b)))
		if !errors.Is(err, errFull) || n != int64(room) {
			t.Errorf("with room for %d bytes: %d written, %v", room, n, err)
		}
	}
	if _, err := archive.Write(io.Discard, failingReader{b, 2 << 20}, int64(len(b))); !errors.Is(err, errSector) {
		t.Errorf("a segment that cannot be read: %v", err)
	}
	if _, err := archive.Write(io.Discard, bytes.NewReader(b), int64(len(b))+1); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("a segment that is shorter than it was: %v", err)
	}
}

// TestRelease reads two archives by turns while what both hold is released: nobody gets
// bytes of the other.
func TestRelease(t *testing.T) {
	var readers []*archive.Reader
	var wants [][]byte
	for n := range 2 {
		plain := bytes.Repeat([]byte(strings.Repeat(fmt.Sprint(n), 500)+"\n"), 4*256)
		readers, wants = append(readers, reader(t, pack(t, plain))), append(wants, plain)
	}
	var both sync.WaitGroup
	for n, r := range readers {
		for worker := range 2 {
			both.Go(func() {
				random := rand.New(rand.NewPCG(uint64(n), uint64(worker)))
				for range 500 {
					at := random.IntN(len(wants[n]) - 100)
					got := make([]byte, 100)
					if _, err := r.ReadAt(got, int64(at)); err != nil || !bytes.Equal(got, wants[n][at:at+100]) {
						t.Errorf("reader %d at %d: got %q, %v", n, at, got, err)
						return
					}
					if random.IntN(3) == 0 {
						r.Release()
					}
				}
			})
		}
	}
	both.Wait()
}
